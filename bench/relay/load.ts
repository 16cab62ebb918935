import { createSocket, type Socket } from 'node:dgram'
import { cpuMicroseconds } from '../measured-program.ts'

export const CALLS = 300
const LEGS = 2 * CALLS
/** Milliseconds between the packets of a stream. */
const FRAME = 20
const SECONDS = 6
const WARM_UP_SECONDS = 2
/** RTP header and 20 ms of G.711. */
const PACKET = 172
const SINKS = 30

/** What a relay did with the load. */
export interface RelayLoad {
  readonly packetsPerCpuSecond: number
  readonly sent: number
  readonly lost: number
  /** Milliseconds from the call that sends to the callback that receives, ours included. */
  readonly medianDelay: number
  readonly p99Delay: number
}

/** A relay that runs: where each leg sends to. */
export interface Relay {
  readonly pid: number
  readonly ports: readonly number[]
  stop(): Promise<void>
}

/**
 * 300 two-way G.711 calls through a relay that is a process of its own: 30,000 packets a second in and as many out,
 * sent at absolute deadlines. `start` is given the ports that the legs in turn send from and hear at.
 */
export async function relayLoad(start: (sinks: readonly number[]) => Promise<Relay>): Promise<RelayLoad> {
  const sinks = await Promise.all(Array.from({ length: SINKS }, openSocket))
  try {
    const ports = Array.from({ length: LEGS }, (_, leg) => sinks[leg % SINKS]?.address().port ?? 0)
    const relay = await start(ports)
    try {
      return await measured(relay, sinks)
    } finally {
      await relay.stop()
    }
  } finally {
    for (const sink of sinks) sink.close()
  }
}

async function measured({ pid, ports }: Relay, sinks: readonly Socket[]): Promise<RelayLoad> {
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
      cpu = cpuMicroseconds(pid)
    }
    for (let leg = slot % FRAME; leg < LEGS; leg += FRAME) {
      const copy = Buffer.from(packet)
      copy.writeUInt16BE(Math.floor(slot / FRAME) & 0xffff, 2)
      copy.writeUInt32BE((Math.floor(slot / FRAME) * FRAME * 8) >>> 0, 4)
      copy.writeUInt32BE(leg + 1, 8)
      copy.writeUInt32BE(counting ? 1 : 0, 16)
      copy.writeDoubleBE(performance.now(), 24)
      sinks[leg % SINKS]?.send(copy, ports[leg] ?? 0, '127.0.0.1')
      if (counting) counted.sent++
    }
  }
  const used = (cpuMicroseconds(pid) - cpu) / 1e6
  await new Promise(resolve => setTimeout(resolve, 200))
  delays.sort((one, other) => one - other)
  const share = (part: number): number => delays[Math.floor(delays.length * part)] ?? 0
  return {
    packetsPerCpuSecond: counted.received / used,
    sent: counted.sent,
    lost: counted.sent - counted.received,
    medianDelay: share(0.5),
    p99Delay: share(0.99),
  }
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
