import { encodeRtp, JitterBuffer, type JitterBufferOptions, parseRtp } from 'resip/media'

/** A network for one stream of voice: what it loses, how long it takes, how far its clocks drift apart. */
export interface NetworkProfile {
  readonly name: string
  /** Gilbert's two states: chance a packet of going from good to bad and back; all is lost in the bad state. */
  readonly toBad: number
  readonly toGood: number
  /** Milliseconds that every packet takes. */
  readonly base: number
  /** Mean of an exponential delay on top, in milliseconds; packets may overtake each other where `ordered` is false. */
  readonly jitter: number
  /** Chance a packet that the path stands still for `stall` milliseconds, all that follow waiting behind it. */
  readonly stallChance: number
  readonly stall: number
  readonly ordered: boolean
  /** Chance that a packet comes twice. */
  readonly duplication: number
  /** Parts per million by which the sender's clock is slow. */
  readonly drift: number
  /** Packets in a talkspurt before as long a silence without packets; 0 sends always. */
  readonly talkspurt: number
}

export interface SimulationResult {
  readonly sent: number
  readonly networkLost: number
  readonly played: number
  readonly late: number
  readonly discarded: number
  readonly concealed: number
  readonly duplicates: number
  readonly reordered: number
  readonly lost: number
  /** Mean of what a played packet waits for its turn beyond the fastest packet's way, in milliseconds. */
  readonly averageDelay: number
  /** Of the packets that arrived: those that came too late or were dropped to shorten the delay. */
  readonly lateShare: number
}

const clean: NetworkProfile = {
  name: 'clean',
  toBad: 0,
  toGood: 1,
  base: 20,
  jitter: 0,
  stallChance: 0,
  stall: 0,
  ordered: true,
  duplication: 0,
  drift: 0,
  talkspurt: 0,
}

/** From a wire to a bad radio. */
export const profiles: readonly NetworkProfile[] = [
  clean,
  { ...clean, name: 'office', jitter: 2 },
  { ...clean, name: 'internet', jitter: 8, toBad: 0.005, toGood: 0.5, ordered: false },
  { ...clean, name: 'internet, silences, 200 ppm', jitter: 8, ordered: false, talkspurt: 50, drift: 200 },
  {
    ...clean,
    name: 'wireless',
    jitter: 15,
    toBad: 0.01,
    toGood: 0.3,
    duplication: 0.01,
    stallChance: 0.002,
    stall: 80,
  },
  { ...clean, name: 'bad radio', jitter: 30, toBad: 0.03, toGood: 0.3, stallChance: 0.005, stall: 150 },
]

const FRAME_MS = 20
const FRAME = 160

/** Sends `seconds` of voice over the network into a jitter buffer; repeatable by its seed. */
export function simulate(
  profile: NetworkProfile,
  options: Partial<JitterBufferOptions>,
  seconds: number,
  seed: number,
): SimulationResult {
  const random = uniform(seed)
  const buffer = new JitterBuffer({ clockRate: 8000, frame: FRAME, ...options })
  const { arrivals, sent, networkLost } = travel(profile, (seconds * 1000) / FRAME_MS, random)
  const phase = random() * FRAME_MS
  let waited = 0
  let next = 0
  for (let slot = 0; slot * FRAME_MS < seconds * 1000 + 1000; slot++) {
    const now = slot * FRAME_MS + phase
    for (; next < arrivals.length && (arrivals[next]?.at ?? 0) <= now; next++) {
      const arrival = arrivals[next]
      if (arrival !== undefined) deliver(buffer, arrival)
    }
    const item = buffer.take(now)
    if (typeof item !== 'string') waited += now - item.payload.readDoubleBE(0) - profile.base
  }
  return {
    sent,
    networkLost,
    played: buffer.played,
    late: buffer.late,
    discarded: buffer.discarded,
    concealed: buffer.concealed,
    duplicates: buffer.duplicates,
    reordered: buffer.reordered,
    lost: buffer.lost,
    averageDelay: waited / Math.max(1, buffer.played),
    lateShare: (buffer.late + buffer.discarded) / (sent - networkLost),
  }
}

interface Arrival {
  readonly sequence: number
  readonly at: number
  readonly index: number
  readonly sentAt: number
  readonly marker: boolean
}

function travel(
  profile: NetworkProfile,
  slots: number,
  random: () => number,
): { arrivals: Arrival[]; sent: number; networkLost: number } {
  const arrivals: Arrival[] = []
  let sent = 0
  let networkLost = 0
  let bad = false
  let lastAt = 0
  let standingUntil = 0
  for (let index = 0; index < slots; index++) {
    const silent = profile.talkspurt > 0 && Math.floor(index / profile.talkspurt) % 2 === 1
    if (silent) continue
    const sequence = sent++
    const marker = index === 0 || (profile.talkspurt > 0 && index % profile.talkspurt === 0)
    bad = bad ? random() >= profile.toGood : random() < profile.toBad
    const sentAt = index * FRAME_MS * (1 + profile.drift / 1e6)
    if (random() < profile.stallChance) standingUntil = sentAt + profile.stall
    if (bad) {
      networkLost++
      continue
    }
    let at = Math.max(sentAt, standingUntil) + profile.base - profile.jitter * Math.log(1 - random())
    if (profile.ordered) at = Math.max(at, lastAt)
    lastAt = at
    arrivals.push({ at, sequence, index, sentAt, marker })
    if (random() < profile.duplication) arrivals.push({ at: at + 1, sequence, index, sentAt, marker })
  }
  arrivals.sort((a, b) => a.at - b.at)
  return { arrivals, sent, networkLost }
}

/** A silence takes time and no sequence numbers; both roll over on the way. */
function deliver(buffer: JitterBuffer, arrival: Arrival): void {
  const payload = Buffer.alloc(FRAME)
  payload.writeDoubleBE(arrival.sentAt, 0)
  const bytes = Buffer.alloc(12 + FRAME)
  const header = {
    payloadType: 0,
    marker: arrival.marker,
    sequence: (arrival.sequence + 65_000) & 0xffff,
    timestamp: (arrival.index * FRAME + 0xffff_0000) >>> 0,
    ssrc: 1,
  }
  encodeRtp(bytes, 0, header, payload)
  const packet = parseRtp(bytes)
  if (typeof packet === 'string') throw new Error(`our own packet is malformed: ${packet}`)
  buffer.put(packet, arrival.at)
}

/** Uniform from 0 up to 1. */
function uniform(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
