import { createSocket, type Socket } from 'node:dgram'
import { createInboundSrtp, createOutboundSrtp, type SrtpSuite } from 'resip/media'
import { cpuMicroseconds } from '../measured-program.ts'

export const CALLS = 300
/** Milliseconds between the packets of a stream. */
const FRAME = 20
const SECONDS = 6
const WARM_UP_SECONDS = 2
/** RTP header and 20 ms of G.711. */
const PACKET = 172
const SINKS = 30
/** Of the callees' legs, where the relay translates. */
export const SUITE: SrtpSuite = 'AES_CM_128_HMAC_SHA1_80'
const TAG = 10

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
  /** What it protects with towards the callee of each call, where it was given keys. */
  readonly keys?: readonly Buffer[]
  stop(): Promise<void>
}

/** Starts a relay between legs, told the ports that they send from and hear at, and what each call's callee protects with. */
export type StartRelay = (sinks: readonly number[], keys?: readonly Buffer[]) => Promise<Relay>

/**
 * 300 two-way G.711 calls through a relay that is a process of its own: 30,000 packets a second in and as many out,
 * sent at absolute deadlines. `start` is given the ports that the legs in turn send from and hear at. With `keys`, one a call, callees
 * speak SRTP and the relay translates.
 */
export async function relayLoad(
  start: StartRelay,
  calls: number = CALLS,
  keys?: readonly Buffer[],
): Promise<RelayLoad> {
  const sinks = await Promise.all(Array.from({ length: SINKS }, openSocket))
  try {
    const ports = Array.from({ length: 2 * calls }, (_, leg) => sinks[leg % SINKS]?.address().port ?? 0)
    const relay = await start(ports, keys)
    try {
      return await measured(relay, sinks, keys)
    } finally {
      await relay.stop()
    }
  } finally {
    for (const sink of sinks) sink.close()
  }
}

async function measured(
  { pid, ports, keys: theirs }: Relay,
  sinks: readonly Socket[],
  ours: readonly Buffer[] | undefined,
): Promise<RelayLoad> {
  const legs = ports.length
  const outbound = ours?.map(key => createOutboundSrtp(SUITE, key))
  const inbound = theirs?.map(key => createInboundSrtp(SUITE, key))
  const delays: number[] = []
  const counted = { sent: 0, received: 0 }
  let counting = false
  for (const [at, sink] of sinks.entries()) {
    sink.on('message', packet => {
      // odd sinks are those of callees; the SSRC is the leg that it came from
      const context = at % 2 === 1 ? inbound?.[(packet.readUInt32BE(8) - 1) >> 1] : undefined
      if (context !== undefined && context.unprotect(packet, 0, packet.length) < 0) return
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
    for (let leg = slot % FRAME; leg < legs; leg += FRAME) {
      const context = leg % 2 === 1 ? outbound?.[leg >> 1] : undefined
      const copy = Buffer.alloc(context === undefined ? PACKET : PACKET + TAG)
      packet.copy(copy)
      copy.writeUInt16BE(Math.floor(slot / FRAME) & 0xffff, 2)
      copy.writeUInt32BE((Math.floor(slot / FRAME) * FRAME * 8) >>> 0, 4)
      copy.writeUInt32BE(leg + 1, 8)
      copy.writeUInt32BE(counting ? 1 : 0, 16)
      copy.writeDoubleBE(performance.now(), 24)
      context?.protect(copy, 0, PACKET)
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
