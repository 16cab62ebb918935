import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KamailioWebSocket } from '../test/interop/peers/kamailio-websocket.ts'
import { installed } from '../test/peers/installed.ts'
import { freePort } from '../test/peers/ports.ts'
import { flag } from './flags.ts'
import { cpuMicroseconds, memoryOf, residentBytes, startMeasured } from './measured-program.ts'
import type { Measurement } from './measurement.ts'
import { median } from './median.ts'
import type { Server } from './streams/load.ts'
import { askOverWebSocket, upgraded } from './streams/websocket-load.ts'

const address = '127.0.0.1'
const RUNS = 3

/** A server under test, with its two ports. */
interface Subject {
  readonly pid: number
  readonly ws: Server
  readonly wss: Server
  resident(): Promise<number>
  stop(): Promise<unknown>
}

/**
 * What an idle WebSocket keeps, plain and secure, and what an OPTIONS costs that is answered statelessly over one:
 * `resip/stack` beside Kamailio. `--connections=` and `--requests=` say how many.
 */
export async function websocket(): Promise<Measurement[]> {
  installed('openssl', 'openssl')
  const folder = mkdtempSync(join(tmpdir(), 'resip-bench-ws-'))
  const [certificate, key] = [join(folder, 'crt'), join(folder, 'key')]
  const subject = ['-subj', '/CN=bench', '-addext', `subjectAltName=IP:${address}`]
  const kind = ['-newkey', 'rsa:2048', '-nodes', '-days', '2']
  execFileSync('openssl', ['req', '-x509', ...kind, ...subject, '-out', certificate, '-keyout', key], {
    stdio: 'pipe',
  })
  const subjects: Subject[] = []
  try {
    subjects.push(await ours(certificate, key), await kamailio(certificate, key))
    return [
      await requests(subjects, 'ws'),
      await requests(subjects, 'wss'),
      await memory(subjects, 'ws'),
      await memory(subjects, 'wss'),
    ]
  } finally {
    for (const { stop } of subjects) await stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function ours(certificate: string, key: string): Promise<Subject> {
  const [ws, wss] = [await freePort(address), await freePort(address)]
  const points = [`ws:${address}:${ws}`, `wss:${address}:${wss}`]
  const child = await startMeasured('dist/bench/streams/server.js', [
    'stateless',
    certificate,
    key,
    ...points,
  ])
  return {
    pid: child.pid,
    ws: { port: ws },
    wss: { port: wss, ca: readFileSync(certificate, 'latin1') },
    resident: async () => (await memoryOf(child)).rss,
    stop: () => child.stop(),
  }
}

async function kamailio(certificate: string, key: string): Promise<Subject> {
  const ca = readFileSync(certificate, 'latin1')
  const server = await KamailioWebSocket.start({ certificate: ca, key: readFileSync(key, 'latin1'), ca })
  return {
    pid: server.pid,
    ws: { port: server.wsPort },
    wss: { port: server.wssPort, ca },
    resident: async () => residentBytes(server.pid),
    stop: () => server.stop(),
  }
}

type Kind = 'ws' | 'wss'

async function requests(subjects: readonly Subject[], kind: Kind): Promise<Measurement> {
  const count = flag('requests', 20_000)
  const figures = subjects.map((): number[] => [])
  for (let run = 0; run <= RUNS; run++) {
    for (const [index, subject] of subjects.entries()) {
      const socket = await upgraded(subject[kind])
      const before = cpuMicroseconds(subject.pid)
      await askOverWebSocket(socket, count)
      if (run > 0) figures[index]?.push((cpuMicroseconds(subject.pid) - before) / count)
      socket.destroy()
    }
  }
  return measurement(`CPU an OPTIONS over ${kind.toUpperCase()}`, 'µs', figures.map(median))
}

async function memory(subjects: readonly Subject[], kind: Kind): Promise<Measurement> {
  const count = flag('connections', 2000)
  const kept: number[] = []
  for (const subject of subjects) {
    // what the first ones cost is not what one more costs
    const first = await idle(subject[kind], Math.min(200, count))
    const before = await subject.resident()
    const sockets = await idle(subject[kind], count)
    kept.push(((await subject.resident()) - before) / count)
    for (const socket of [...first, ...sockets]) socket.destroy()
  }
  const what = `RSS an idle ${kind.toUpperCase()} connection, of ${count.toLocaleString('en')}`
  return { ...measurement(what, 'bytes', kept), note: 'Kamailio: PSS of all its processes' }
}

async function idle(server: Server, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  for (let at = 0; at < count; at++) {
    const socket = await upgraded(server)
    await askOverWebSocket(socket, 1)
    sockets.push(socket)
  }
  return sockets
}

function measurement(what: string, unit: string, [value = Number.NaN, peer]: readonly number[]): Measurement {
  return {
    bench: 'websocket',
    case: what,
    value,
    unit,
    peers: peer === undefined ? {} : { kamailio: peer },
  }
}
