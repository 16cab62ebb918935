import { type ChildProcess, fork } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Measurement } from './measurement.ts'

const CALLS = 300
const LEGS = 2 * CALLS
/** Milliseconds between the packets of a stream. */
const FRAME = 20
const SECONDS = 6
const WARM_UP_SECONDS = 2
/** RTP header and 20 ms of G.711. */
const PACKET = 172
const SINKS = 30
/** Linux counts CPU time in hundredths of a second. */
const TICKS = 100

/**
 * 300 two-way G.711 calls through two flows each: 30,000 packets a second in and as many out, sent at absolute
 * deadlines. The relay is a process of its own; its CPU time is read from /proc.
 */
export async function rtpRelay(): Promise<Measurement[]> {
  const script = fileURLToPath(new URL(`./relay/process${import.meta.url.slice(-3)}`, import.meta.url))
  const relay = fork(script)
  const sinks = await Promise.all(Array.from({ length: SINKS }, openSocket))
  try {
    return await measured(relay, sinks)
  } finally {
    relay.kill()
    for (const sink of sinks) sink.close()
  }
}

async function measured(relay: ChildProcess, sinks: readonly Socket[]): Promise<Measurement[]> {
  const ports = await answer(relay, { calls: CALLS, sinks: sinks.map(sink => sink.address().port) })
  const delays: number[] = []
  const counted = { sent: 0, received: 0 }
  let counting = false
  for (const sink of sinks) {
    sink.on('message', packet => {
      if (packet.readUInt32BE(16) === 0) return
      counted.received++
      delays.push(performance.now() - packet.readDoubleBE(24))
    })
  }
  const packet = Buffer.alloc(PACKET)
  packet[0] = 0x80
  const begin = performance.now()
  let cpu = 0
  // every millisecond the streams whose turn it is: all 600 in 20 ms, each at its own multiple of 20 ms
  for (let slot = 0; slot < (WARM_UP_SECONDS + SECONDS) * 1000; slot++) {
    const wait = begin + slot - performance.now()
    // late or not, what has come in is looked at before more goes out
    await new Promise(resolve => (wait > 0 ? setTimeout(resolve, wait) : setImmediate(resolve)))
    if (!counting && slot >= WARM_UP_SECONDS * 1000) {
      counting = true
      cpu = cpuSeconds(relay.pid)
    }
    for (let leg = slot % FRAME; leg < LEGS; leg += FRAME) {
      const copy = Buffer.from(packet)
      copy.writeUInt16BE(Math.floor(slot / FRAME) & 0xffff, 2)
      copy.writeUInt32BE(counting ? 1 : 0, 16)
      copy.writeDoubleBE(performance.now(), 24)
      sinks[leg % SINKS]?.send(copy, ports[leg] ?? 0, '127.0.0.1')
      if (counting) counted.sent++
    }
  }
  const used = cpuSeconds(relay.pid) - cpu
  await new Promise(resolve => setTimeout(resolve, 200))
  delays.sort((one, other) => one - other)
  const share = (part: number): number =>
    Math.round((delays[Math.floor(delays.length * part)] ?? 0) * 100) / 100
  const figure = (name: string, value: number, unit: string, note?: string): Measurement => ({
    bench: 'rtp-relay',
    case: `${CALLS} two-way G.711 calls: ${name}`,
    value,
    unit,
    ...(note && { note }),
  })
  return [
    {
      ...figure('packets relayed', Math.round(counted.sent / used), 'packets/CPU s', 'required: 55,000'),
      peers: { 'rtpengine in user space': 49_000 },
    },
    figure('loss', counted.sent - counted.received, 'packets', `of ${counted.sent}`),
    figure('delay, median', share(0.5), 'ms', 'from send call to receive callback, the sender included'),
    figure('delay, p99', share(0.99), 'ms'),
  ]
}

function openSocket(): Promise<Socket> {
  const socket = createSocket({
    type: 'udp4',
    recvBufferSize: 4 * 1024 * 1024,
    lookup: (host, _, done) => done(null, host, 4),
  })
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(0, '127.0.0.1', () => resolve(socket))
  })
}

function answer(relay: ChildProcess, setup: object): Promise<number[]> {
  return new Promise((resolve, reject) => {
    relay.once('message', (ports: number[]) => resolve(ports))
    relay.once('exit', code => reject(new Error(`the relay ended with ${code}`)))
    relay.send(setup)
  })
}

/** User and system time; fields 14 and 15, counted behind the name in parentheses (proc(5)). */
function cpuSeconds(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}
