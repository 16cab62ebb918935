import {
  createOutboundSrtp,
  keySaltLength,
  type OutboundSrtp,
  type SrtpSuite,
} from '../../src/media/srtp/index.ts'
import { type RandomSource, seededRandom, Tokens } from '../../src/util/random.ts'

const suites: readonly SrtpSuite[] = [
  'AES_CM_128_HMAC_SHA1_80',
  'AES_256_CM_HMAC_SHA1_32',
  'AEAD_AES_128_GCM',
]
const BLOCK = 16
/** Octets of a block that are compared: two that agree in 64 bits by chance are met once in 10^6 runs. */
const COMPARED = 8
const LARGEST = 1460
const SOURCES = 6
const ROOM = 40

/** A sender, one of several legs that share an outbound context, as those of a fork do (RFC 4568 §6.4). */
interface Leg {
  ssrc: number
  sequence: number
}

/**
 * Sends through `steps` random steps: lengths of 0 to 1,460 octets, disorder, repetition, gaps, SSRCs left and taken up again,
 * wraps, derivations, new keys, hold, forks that share a key and even an SSRC. Throws where ciphertext XOR plaintext shows
 * one block of key stream twice (RFC 3711 §9.1), or where a packet that should go does not.
 */
export function fuzzPads(steps: number, seed: number): Record<string, number> {
  const random = seededRandom(seed)
  const tokens = new Tokens(random)
  const blocks = new Blocks(Math.max(1024, 16 * steps))
  const told = { sent: 0, refused: 0, keys: 0, wraps: 0 }
  let out = context(random, tokens)
  let legs = newLegs(tokens)
  for (let step = 0; step < steps; step++) {
    const leg = legs[tokens.below(legs.length)]
    if (leg === undefined) throw new Error('there are legs')
    switch (tokens.below(400)) {
      case 0:
        // a new key: the sources go on, or begin again
        told.keys++
        if (out.rolledOver) told.wraps++
        out.close()
        out = context(random, tokens)
        if (tokens.below(2) === 0) legs = newLegs(tokens)
        break
      case 1:
      case 2:
        // hold, or an SSRC that comes back with numbers that were used
        leg.sequence += tokens.below(30_000)
        break
      case 3:
        leg.sequence = tokens.below(65_536)
        break
      case 4:
        leg.ssrc = 1 + tokens.below(SOURCES)
        break
      default:
        leg.sequence += tokens.below(8) === 0 ? 1 + tokens.below(200) : 1
    }
    const late = tokens.below(6) === 0 ? tokens.below(80) : 0
    if (send(out, leg.ssrc, leg.sequence - late, tokens, random, blocks)) told.sent++
    else told.refused++
  }
  if (told.sent < steps / 2) throw new Error(`only ${told.sent} of ${steps} packets went out`)
  return { ...told, blocks: blocks.size }
}

function context(random: RandomSource, tokens: Tokens): OutboundSrtp {
  const suite = suites[tokens.below(8) === 0 ? 2 : tokens.below(2)] ?? 'AES_CM_128_HMAC_SHA1_80'
  const keySalt = random.fill(Buffer.alloc(keySaltLength(suite)))
  return createOutboundSrtp(suite, keySalt, { derivationRate: [0, 0, 1, 8, 64][tokens.below(5)] ?? 0 })
}

function newLegs(tokens: Tokens): Leg[] {
  return Array.from({ length: 2 + tokens.below(4) }, (_, i) => ({
    ssrc: 1 + i,
    sequence: tokens.below(2) === 0 ? 65_500 : tokens.below(32_768),
  }))
}

function send(
  out: OutboundSrtp,
  ssrc: number,
  sequence: number,
  tokens: Tokens,
  random: RandomSource,
  blocks: Blocks,
): boolean {
  const isReport = tokens.below(10) === 0
  const header = isReport ? 8 : 12
  const length = header + lengthOf(tokens)
  const bytes = random.fill(Buffer.alloc(length + ROOM))
  bytes.writeUInt32BE(isReport ? 0x80c80001 : 0x80000000 + (sequence & 0xffff), 0)
  bytes.writeUInt32BE(ssrc, header - 4)
  const plain = Buffer.from(bytes)
  const end = isReport ? out.protectRtcp(bytes, 0, length) : out.protect(bytes, 0, length)
  if (end < 0) {
    if (!plain.equals(bytes)) throw new Error('a packet that was not sent was changed')
    return false
  }
  for (let at = header; at + COMPARED <= length; at += BLOCK) {
    for (let i = at; i < at + COMPARED; i++) plain[i] = (plain[i] ?? 0) ^ (bytes[i] ?? 0)
    if (!blocks.add(plain.readUInt32BE(at), plain.readUInt32BE(at + 4))) {
      throw new Error(`SSRC ${ssrc}, sequence number ${sequence}: key stream at octet ${at} was used before`)
    }
  }
  return true
}

/** Mostly what voice has, and now and then all that a datagram carries. */
function lengthOf(tokens: Tokens): number {
  return tokens.below(40) === 0 ? tokens.below(LARGEST + 1) : tokens.below(200)
}

/** A set of 64-bit words that is made for millions of them. */
class Blocks {
  size = 0
  readonly #words: Uint32Array
  readonly #mask: number

  /** For so many at most. */
  constructor(capacity: number) {
    const slots = 2 ** Math.ceil(Math.log2(1.5 * capacity))
    this.#words = new Uint32Array(2 * slots)
    this.#mask = slots - 1
  }

  /** False where it is there already. A word of zeros, which marks an empty slot, counts as another. */
  add(high: number, low: number): boolean {
    if (this.size > 0.9 * this.#mask) throw new Error('more blocks than there is room for')
    const first = high === 0 && low === 0 ? 1 : high
    for (let slot = low & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const [is, its] = [this.#words[2 * slot], this.#words[2 * slot + 1]]
      if (is === first && its === low) return false
      if (is !== 0 || its !== 0) continue
      this.#words[2 * slot] = first
      this.#words[2 * slot + 1] = low
      this.size++
      return true
    }
  }
}
