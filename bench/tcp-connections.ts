import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Child } from '../test/peers/child.ts'
import { installed } from '../test/peers/installed.ts'
import { freePort } from '../test/peers/ports.ts'
import { ensureSipp, Sipp } from '../test/peers/sipp.ts'
import { flag } from './flags.ts'
import { memoryOf, startMeasured } from './measured-program.ts'
import type { Measurement } from './measurement.ts'
import { askOptions, idleConnections, optionsText } from './streams/load.ts'

const address = '127.0.0.1'
const CALLS_A_SECOND = 100
/** A second in so many parts, so that not all senders send at once. */
const PARTS = 20

/**
 * Idle TCP connections of a server in a process of its own, and whether it still answers on each; then as many senders of
 * a byte a second, which come back at once when they are cut off, while calls go on. `--connections=` and `--seconds=` say
 * how many and how long.
 */
export async function tcpConnections(): Promise<Measurement[]> {
  ensureSipp()
  installed('openssl', 'openssl')
  const folder = mkdtempSync(join(tmpdir(), 'resip-bench-tcp-'))
  const [certificate, key] = [join(folder, 'crt'), join(folder, 'key')]
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=bench']
  execFileSync('openssl', [...request, '-out', certificate, '-keyout', key], { stdio: 'pipe' })
  const port = await freePort(address)
  const program = ['calls', certificate, key, `tcp:${address}:${port}`, `udp:${address}:${port}`]
  const server = await startMeasured('dist/bench/streams/server.js', program)
  try {
    return [...(await idle(server, port)), ...(await slow(server, port))]
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What finished transactions keep is given back after Timer J, which is 0 over TCP. */
async function idle(server: Child, port: number): Promise<Measurement[]> {
  const count = flag('connections', 10_000)
  const first = await idleConnections({ port }, Math.min(200, count))
  const before = await memoryOf(server)
  const sockets = await idleConnections({ port }, count)
  const after = await memoryOf(server)
  let answering = 0
  for (const socket of sockets) {
    await askOptions(socket, 1)
    answering++
  }
  for (const socket of [...first, ...sockets]) socket.destroy()
  const of = `of ${count.toLocaleString('en')}`
  return [
    row(`heap + external an idle connection, ${of}`, (after.held - before.held) / count, 'bytes'),
    row(`RSS an idle connection, ${of}`, (after.rss - before.rss) / count, 'bytes'),
    row(`still answering, ${of}`, answering, 'connections'),
  ]
}

async function slow(server: Child, port: number): Promise<Measurement[]> {
  const count = flag('connections', 10_000)
  const seconds = flag('seconds', 60)
  const senders = new SlowSenders(port, count)
  senders.start()
  const uacPort = await freePort(address)
  const calls = CALLS_A_SECOND * seconds
  const sipp = await Sipp.start({
    scenario: 'uac',
    transport: 'TCP',
    address,
    port: uacPort,
    target: port,
    rate: CALLS_A_SECOND,
    calls,
  })
  const result = await sipp.finished()
  senders.stop()
  const { rss } = await memoryOf(server)
  const beside = `beside ${count.toLocaleString('en')} slow senders`
  return [
    row(`calls that succeed ${beside}`, (result.successful / calls) * 100, '%'),
    row(`cut off and back ${beside}`, senders.cutOffs, 'times'),
    row(`RSS ${beside}`, rss / 1e6, 'MB'),
  ]
}

const request = Buffer.from(optionsText(), 'latin1')

/** Connections that send a byte a second of a request. */
class SlowSenders {
  cutOffs = 0
  readonly #port: number
  readonly #sockets: Socket[] = []
  readonly #sent: number[] = []
  #part = 0
  #timer: NodeJS.Timeout | undefined

  constructor(port: number, count: number) {
    this.#port = port
    for (let index = 0; index < count; index++) this.#sent.push(0)
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), 1000 / PARTS)
  }

  stop(): void {
    clearInterval(this.#timer)
    for (const socket of this.#sockets) socket.removeAllListeners('close').destroy()
  }

  #tick(): void {
    this.#part = (this.#part + 1) % PARTS
    for (let index = this.#part; index < this.#sent.length; index += PARTS) {
      const socket = this.#sockets[index] ?? this.#connect(index)
      const sent = this.#sent[index] ?? 0
      socket.write(request.subarray(sent, sent + 1))
      this.#sent[index] = (sent + 1) % request.length
    }
  }

  #connect(index: number): Socket {
    const socket = connect(this.#port, address)
    socket.on('error', () => {})
    socket.on('close', () => {
      this.cutOffs++
      this.#sent[index] = 0
      this.#connect(index)
    })
    socket.resume()
    this.#sockets[index] = socket
    return socket
  }
}

function row(what: string, value: number, unit: string): Measurement {
  return { bench: 'tcp-connections', case: what, value, unit }
}
