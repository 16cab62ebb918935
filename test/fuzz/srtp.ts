import {
  createInboundSrtp,
  createOutboundSrtp,
  type InboundSrtp,
  keySaltLength,
  type OutboundSrtp,
  type SrtpSuite,
  srtpFault,
} from '../../src/media/srtp/index.ts'
import { type RandomSource, seededRandom, Tokens } from '../../src/util/random.ts'

const suites: readonly SrtpSuite[] = [
  'AES_CM_128_HMAC_SHA1_80',
  'AES_CM_128_HMAC_SHA1_32',
  'AES_256_CM_HMAC_SHA1_80',
  'AES_256_CM_HMAC_SHA1_32',
  'AEAD_AES_128_GCM',
  'AEAD_AES_256_GCM',
]
const ROOM = 40
/** Packets under one key. */
const LIFE = 4000

interface Pair {
  readonly suite: SrtpSuite
  readonly out: OutboundSrtp
  readonly inbound: InboundSrtp
  /** What went out last, the oldest first: to replay. */
  readonly sent: { readonly kind: 'rtp' | 'rtcp'; readonly bytes: Buffer }[]
  sequence: number
}

/**
 * Gives `count` packets to receiving contexts of all suites: good ones, mutated, truncated, replayed, plain, from nowhere. Throws
 * where anything throws, where one is taken that was changed, where a good one is not, or where one that is refused is changed.
 */
export function fuzzSrtp(count: number, seed: number): Record<string, number> {
  const random = seededRandom(seed)
  const tokens = new Tokens(random)
  const told: Record<string, number> = { taken: 0 }
  let pairs: Pair[] = []
  for (let i = 0; i < count; i++) {
    if (i % (LIFE * suites.length) === 0) pairs = suites.map(suite => pairOf(suite, random, tokens))
    const pair = pairs[i % pairs.length]
    if (pair === undefined) throw new Error('there is a pair for each suite')
    const kind = tokens.below(4) === 0 ? 'rtcp' : 'rtp'
    const plain = kind === 'rtp' ? rtpPacket(pair, tokens) : rtcpPacket(tokens)
    const sealed = seal(pair, kind, plain)
    const what = tokens.below(5)
    const given = what === 0 ? sealed : mutate(sealed, pair, tokens)
    const as = what === 0 || tokens.below(8) > 0 ? kind : kind === 'rtp' ? 'rtcp' : 'rtp'
    const before = Buffer.from(given)
    const end =
      as === 'rtp'
        ? pair.inbound.unprotect(given, 0, given.length)
        : pair.inbound.unprotectRtcp(given, 0, given.length)
    const wasSent = pair.sent.some(({ kind: sentAs, bytes }) => sentAs === as && bytes.equals(before))
    if (end >= 0) {
      told.taken = (told.taken ?? 0) + 1
      if (!wasSent) fail(before, `${pair.suite}: taken, and never sent`)
    } else {
      const fault = srtpFault(end) ?? 'no fault'
      told[fault] = (told[fault] ?? 0) + 1
      if (what === 0) fail(before, `${pair.suite}: a good packet is ${fault}`)
      if (!before.equals(given)) fail(before, `${pair.suite}: refused as ${fault}, and changed`)
    }
    if (what === 0 && !given.subarray(0, end).equals(plain))
      fail(before, `${pair.suite}: read as another packet`)
  }
  return told
}

function pairOf(suite: SrtpSuite, random: RandomSource, tokens: Tokens): Pair {
  const keySalt = random.fill(Buffer.alloc(keySaltLength(suite)))
  const mki = random.fill(Buffer.alloc(tokens.below(3)))
  const keys = mki.length === 0 ? keySalt : [{ keySalt, mki }]
  const options = {
    derivationRate: [0, 0, 16][tokens.below(3)] ?? 0,
    window: tokens.below(2) === 0 ? (64 as const) : (128 as const),
    now: () => 0,
  }
  return {
    suite,
    out: createOutboundSrtp(suite, keys, options),
    inbound: createInboundSrtp(suite, keys, options),
    sent: [],
    sequence: 65_536 - tokens.below(LIFE),
  }
}

function rtpPacket(pair: Pair, tokens: Tokens): Buffer {
  const csrcs = tokens.below(4) === 0 ? tokens.below(16) : 0
  const extension = tokens.below(4) === 0 ? 1 + tokens.below(4) : 0
  const header = 12 + 4 * csrcs + (extension > 0 ? 4 * extension : 0)
  const bytes = Buffer.alloc(header + tokens.below(300), tokens.byte())
  bytes[0] = 0x80 | csrcs | (extension > 0 ? 0x10 : 0)
  bytes[1] = tokens.below(64)
  bytes.writeUInt16BE(pair.sequence++ & 0xffff, 2)
  bytes.writeUInt32BE(7, 8)
  if (extension > 0) bytes.writeUInt32BE(0xbede0000 + extension - 1, 12 + 4 * csrcs)
  return bytes
}

function rtcpPacket(tokens: Tokens): Buffer {
  const words = 2 + tokens.below(30)
  const bytes = Buffer.alloc(4 * words, tokens.byte())
  bytes.writeUInt32BE(0x80c80000 + words - 1, 0)
  bytes.writeUInt32BE(7, 4)
  return bytes
}

function seal(pair: Pair, kind: 'rtp' | 'rtcp', plain: Buffer): Buffer {
  const bytes = Buffer.concat([plain, Buffer.alloc(ROOM)])
  const { out, sent } = pair
  const end = kind === 'rtp' ? out.protect(bytes, 0, plain.length) : out.protectRtcp(bytes, 0, plain.length)
  if (end < 0) fail(plain, `${pair.suite}: not sent: ${srtpFault(end)}`)
  const sealed = Buffer.from(bytes.subarray(0, end))
  sent.push({ kind, bytes: Buffer.from(sealed) })
  if (sent.length > 20) sent.shift()
  return sealed
}

function mutate(sealed: Buffer, { sent }: Pair, tokens: Tokens): Buffer {
  const at = tokens.below(sealed.length)
  switch (tokens.below(8)) {
    case 0:
      return sealed.subarray(0, at)
    case 1:
      return Buffer.from(sent[tokens.below(sent.length)]?.bytes ?? sealed)
    case 2:
      return Buffer.concat([
        sealed.subarray(0, at),
        Buffer.alloc(1 + tokens.below(9), tokens.byte()),
        sealed.subarray(at),
      ])
    case 3:
      // counts and lengths
      sealed[tokens.below(Math.min(16, sealed.length))] = tokens.byte()
      return sealed
    case 4:
      // MKI, index and tag
      sealed[Math.max(0, sealed.length - 1 - tokens.below(32))] = tokens.byte()
      return sealed
    case 5:
      return Buffer.alloc(tokens.below(80), tokens.byte())
    default:
      sealed[at] = (sealed[at] ?? 0) ^ (1 << tokens.below(8))
      return sealed
  }
}

function fail(bytes: Buffer, what: string): never {
  throw new Error(`${what}, in ${bytes.toString('hex')}`)
}
