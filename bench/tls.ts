import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Child } from '../test/peers/child.ts'
import { installed } from '../test/peers/installed.ts'
import { freePort } from '../test/peers/ports.ts'
import { flag } from './flags.ts'
import { cpuMicroseconds, memoryOf, residentBytes, startMeasured } from './measured-program.ts'
import type { Measurement } from './measurement.ts'
import { median } from './median.ts'
import { startKamailioStreams } from './peers/kamailio.ts'
import { askOptions, connected, idleConnections, type Server, shakeHands } from './streams/load.ts'

const address = '127.0.0.1'
const PROGRAM = 'dist/bench/streams/server.js'
const RUNS = 3

interface Pair {
  readonly certificate: string
  readonly key: string
}

/** One program under test, with its TLS and its TCP port. */
interface Subject {
  readonly child: Child
  readonly tls: Server
  readonly tcp: Server
}

/**
 * Full hand-shakes by RSA 2,048 and P-256, OPTIONS answered statelessly over one connection, and what an idle connection
 * keeps: `resip/stack`, Node's TLS server alone, and Kamailio where it is installed. `--handshakes=`, `--requests=` and
 * `--connections=` say how many.
 */
export async function tls(): Promise<Measurement[]> {
  installed('openssl', 'openssl')
  const folder = mkdtempSync(join(tmpdir(), 'resip-bench-tls-'))
  try {
    const rsa = selfSigned(folder, 'rsa', ['-newkey', 'rsa:2048'])
    const ec = selfSigned(folder, 'ec', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'])
    return [
      await handshakes('RSA 2,048', rsa),
      await handshakes('P-256', ec),
      ...(await requests(rsa)),
      await idleMemory(rsa),
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function selfSigned(folder: string, name: string, kind: readonly string[]): Pair {
  const [certificate, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)]
  const subject = ['-subj', '/CN=bench', '-addext', `subjectAltName=IP:${address}`]
  const files = ['-out', certificate, '-keyout', key]
  execFileSync('openssl', ['req', '-x509', ...kind, '-nodes', '-days', '2', ...subject, ...files], {
    stdio: 'pipe',
  })
  return { certificate, key }
}

async function ours(pair: Pair, mode: 'stateless' | 'bare'): Promise<Subject> {
  const [tlsPort, tcpPort] = [await freePort(address), await freePort(address)]
  const points = [`tls:${address}:${tlsPort}`, ...(mode === 'bare' ? [] : [`tcp:${address}:${tcpPort}`])]
  const child = await startMeasured(PROGRAM, [mode, pair.certificate, pair.key, ...points])
  return subject(child, pair, tlsPort, tcpPort)
}

async function kamailio(pair: Pair): Promise<Subject | undefined> {
  const [tlsPort, tcpPort] = [await freePort(address), await freePort(address)]
  const child = await startKamailioStreams({ tlsPort, tcpPort, ...pair })
  return child && subject(child, pair, tlsPort, tcpPort)
}

function subject(child: Child, { certificate }: Pair, tlsPort: number, tcpPort: number): Subject {
  return { child, tls: { port: tlsPort, ca: readFileSync(certificate, 'latin1') }, tcp: { port: tcpPort } }
}

async function handshakes(kind: string, pair: Pair): Promise<Measurement> {
  const count = flag('handshakes', 1000)
  const cpu = await inTurn(
    [ours(pair, 'stateless'), ours(pair, 'bare'), kamailio(pair)],
    ({ tls }) => shakeHands(tls, count),
    count,
  )
  return measurement(`CPU a full hand-shake, ${kind}`, 'µs', cpu, ['node', 'kamailio'])
}

async function requests(pair: Pair): Promise<Measurement[]> {
  const count = flag('requests', 50_000)
  const over = async (what: 'tls' | 'tcp'): Promise<Measurement> => {
    const ask = async (subject: Subject): Promise<void> => {
      const socket = await connected(subject[what])
      await askOptions(socket, count)
      socket.destroy()
    }
    const cpu = await inTurn([ours(pair, 'stateless'), kamailio(pair)], ask, count)
    return measurement(`CPU an OPTIONS over ${what.toUpperCase()}`, 'µs', cpu, ['kamailio'])
  }
  return [await over('tls'), await over('tcp')]
}

/** Runs a load on each subject by turns, once to warm up; CPU of each in microseconds a piece, median of the runs. */
async function inTurn(
  starting: readonly Promise<Subject | undefined>[],
  load: (subject: Subject) => Promise<void>,
  pieces: number,
): Promise<(number | undefined)[]> {
  const subjects = await Promise.all(starting)
  try {
    const runs = subjects.map((): number[] => [])
    for (let run = 0; run <= RUNS; run++) {
      for (const [index, each] of subjects.entries()) {
        if (each === undefined) continue
        const before = cpuMicroseconds(each.child.pid)
        await load(each)
        if (run > 0) runs[index]?.push((cpuMicroseconds(each.child.pid) - before) / pieces)
      }
    }
    return runs.map(figures => (figures.length > 0 ? median(figures) : undefined))
  } finally {
    for (const each of subjects) await each?.child.stop()
  }
}

async function idleMemory(pair: Pair): Promise<Measurement> {
  const count = flag('connections', 2000)
  const kept: (number | undefined)[] = []
  for (const [isOurs, starting] of [
    [true, ours(pair, 'stateless')],
    [false, kamailio(pair)],
  ] as const) {
    const each = await starting
    if (each === undefined) {
      kept.push(undefined)
      continue
    }
    const { child, tls } = each
    const resident = async (): Promise<number> =>
      isOurs ? (await memoryOf(child)).rss : residentBytes(child.pid)
    // what the first ones cost is not what one more costs
    const first = await idleConnections(tls, Math.min(200, count))
    const before = await resident()
    const sockets = await idleConnections(tls, count)
    kept.push(((await resident()) - before) / count)
    for (const socket of [...first, ...sockets]) socket.destroy()
    await child.stop()
  }
  const what = `RSS an idle TLS connection, of ${count.toLocaleString('en')}`
  return { ...measurement(what, 'bytes', kept, ['kamailio']), note: 'Kamailio: PSS of all its processes' }
}

function measurement(
  what: string,
  unit: string,
  [value = Number.NaN, ...others]: readonly (number | undefined)[],
  names: readonly string[],
): Measurement {
  const peers: Record<string, number> = {}
  for (const [index, name] of names.entries()) {
    const figure = others[index]
    if (figure !== undefined) peers[name] = figure
  }
  return { bench: 'tls', case: what, value, unit, peers }
}
