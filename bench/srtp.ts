import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  createInboundSrtp,
  createOutboundSrtp,
  type InboundSrtp,
  keySaltLength,
  type OutboundSrtp,
  type SrtpSuite,
  srtpSuites,
} from 'resip/media'
import { type Compiled, compiledWithLibsrtp2 } from '../test/peers/compiled.ts'
import type { Measurement } from './measurement.ts'
import { median } from './median.ts'
import { startRtpEngine } from './peers/rtpengine.ts'
import { startFlows } from './relay/flows.ts'
import { type RelayLoad, relayLoad } from './relay/load.ts'

const SESSIONS = 200
/** RTP header and 20 ms of G.711. */
const PACKET = 172
const ROOM = 16
const TURNS = 5
const ROUNDS = { counter: 1000, galois: 300 } as const
const CALLS = 200

interface Session {
  readonly out: OutboundSrtp
  readonly inbound: InboundSrtp
  readonly bytes: Buffer
}

interface Rates {
  readonly protect: number
  readonly unprotect: number
}

/**
 * SRTP packets a second of CPU, 200 sessions in turn and one packet a call, beside libsrtp2 in the same run; and a relay of 200
 * two-way calls between RTP and SRTP, beside rtpengine in user space.
 */
export async function srtp(): Promise<Measurement[]> {
  return [...packets(), ...(await relay())]
}

function packets(): Measurement[] {
  let program: Compiled | undefined
  let missing = ''
  try {
    program = compiledWithLibsrtp2(new URL('../../bench/srtp/libsrtp2-speed.c', import.meta.url))
  } catch (error) {
    missing = `no figure of libsrtp2: ${error instanceof Error ? error.message : error}`
  }
  try {
    return [
      ...measured('', 'AES_CM_128_HMAC_SHA1_80', 'cm', program, missing || 'required: no less than libsrtp2'),
      ...measured('gcm ', 'AEAD_AES_128_GCM', 'gcm', program, missing || 'required: 120,000'),
    ]
  } finally {
    program?.remove()
  }
}

function measured(
  name: string,
  suite: SrtpSuite,
  theirName: string,
  program: Compiled | undefined,
  note: string,
): Measurement[] {
  const ours: Rates[] = []
  const theirs: Rates[] = []
  const sessions = Array.from({ length: SESSIONS }, (_, at) => session(suite, at))
  let next = 0
  // in turn, for the machine is not as fast now as it was a second ago; the first turn warms up
  for (let turn = 0; turn <= TURNS; turn++) {
    const rounds = ROUNDS[srtpSuites[suite].cipher]
    const rates = ourRates(sessions, suite, next, rounds)
    next += rounds
    if (turn > 0) ours.push(rates)
    if (program !== undefined && turn > 0) theirs.push(theirRates(program, theirName))
  }
  const figure = (what: keyof Rates): Measurement => ({
    bench: 'srtp',
    case: `${name}${what}`,
    value: median(ours.map(rates => rates[what])),
    unit: 'packets/CPU s',
    ...(program && { peers: { libsrtp2: median(theirs.map(rates => rates[what])) } }),
    note,
  })
  const heap = allocated(sessions, suite, next)
  return [
    figure('protect'),
    figure('unprotect'),
    {
      bench: 'srtp',
      case: `${name}protect and unprotect, heap`,
      value: heap,
      unit: 'bytes/packet',
      note:
        name === ''
          ? "two of Node's Buffers in four packets; all else is V8's view of the heap"
          : "Node's cipher objects",
    },
  ]
}

function session(suite: SrtpSuite, at: number): Session {
  const keySalt = Buffer.alloc(keySaltLength(suite), at + 1)
  const bytes = Buffer.alloc(PACKET + ROOM, at)
  bytes.writeUInt16BE(0x8000, 0)
  return { out: createOutboundSrtp(suite, keySalt), inbound: createInboundSrtp(suite, keySalt), bytes }
}

function ourRates(sessions: readonly Session[], suite: SrtpSuite, first: number, rounds: number): Rates {
  let protecting = 0
  let unprotecting = 0
  for (let round = first; round < first + rounds; round++) {
    for (const { bytes } of sessions) bytes.writeUInt16BE(round & 0xffff, 2)
    const began = cpu()
    for (const { out, bytes } of sessions) out.protect(bytes, 0, PACKET)
    const middle = cpu()
    for (const { inbound, bytes } of sessions) {
      if (inbound.unprotect(bytes, 0, PACKET + srtpSuites[suite].rtpTag) !== PACKET)
        throw new Error('not taken')
    }
    protecting += middle - began
    unprotecting += cpu() - middle
  }
  const count = 1e6 * rounds * sessions.length
  return { protect: count / protecting, unprotect: count / unprotecting }
}

/** Heap bytes a packet, both ways; what lies outside of the heap, as the key stream does, is not counted. */
function allocated(sessions: readonly Session[], suite: SrtpSuite, first: number): number {
  if (global.gc === undefined) throw new Error('run node with --expose-gc to measure the heap')
  const samples: number[] = []
  for (let turn = 0; turn < 15; turn++) {
    global.gc()
    const before = process.memoryUsage().heapUsed
    ourRates(sessions, suite, first + 4 * turn, 4)
    samples.push((process.memoryUsage().heapUsed - before) / (4 * sessions.length))
  }
  return Math.round(median(samples))
}

function theirRates({ path }: Compiled, suite: string): Rates {
  const [protect = 0, unprotect = 0] = execFileSync(path, [suite, '1000'], { encoding: 'utf8' })
    .split(' ')
    .map(Number)
  return { protect, unprotect }
}

/** Microseconds of this process, its garbage collection included. */
function cpu(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

async function relay(): Promise<Measurement[]> {
  const keys = Array.from({ length: CALLS }, () => randomBytes(30))
  const ours = await relayLoad(startFlows, CALLS, keys)
  let theirs: RelayLoad | undefined
  let missing = ''
  try {
    theirs = await relayLoad(startRtpEngine, CALLS, keys)
  } catch (error) {
    missing = `; no figure of rtpengine: ${error instanceof Error ? error.message : error}`
  }
  const figure = (
    name: string,
    unit: string,
    of: (load: RelayLoad) => number,
    note: string,
  ): Measurement => ({
    bench: 'srtp',
    case: `relay, RTP to SRTP and back, ${name}`,
    value: of(ours),
    unit,
    ...(theirs && { peers: { 'rtpengine in user space': of(theirs) } }),
    note,
  })
  return [
    figure(
      'packets',
      'packets/CPU s',
      load => Math.round(load.packetsPerCpuSecond),
      `required: 60,000${missing}`,
    ),
    figure('loss', 'packets', load => load.lost, `of ${ours.sent}, ${CALLS} two-way calls`),
    figure(
      'delay, p99',
      'ms',
      load => load.p99Delay,
      'from send call to receive callback, the sender included',
    ),
  ]
}
