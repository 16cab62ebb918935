import type { BlockCipher } from './cipher.ts'
import { ROUND } from './packet-index.ts'

const BLOCK = 16
/** Packets whose key stream is made at a time. */
const RUN = 4
/** Blocks of the largest packet that is made ahead: 256 octets. */
const LARGEST_SLOT = 16
const SCRATCH_BLOCKS = RUN * LARGEST_SLOT

/** Counter blocks on their way to the cipher; no call is ever interrupted by another. */
const scratch = new Uint8Array(SCRATCH_BLOCKS * BLOCK)
const counters = new DataView(scratch.buffer)
/** The first so many blocks of the scratch, each view made once. */
const firstBlocks: readonly Uint8Array[] = Array.from({ length: SCRATCH_BLOCKS + 1 }, (_, blocks) =>
  scratch.subarray(0, blocks * BLOCK),
)

/** AES in counter mode under one session key and salt (RFC 3711 §4.1.1). */
export class CounterCipher {
  readonly #cipher: BlockCipher
  readonly #salt: DataView
  /** Packets from an index on, until the key is derived anew. */
  readonly derivationRate: number

  /** `salt`: 14 octets, copied. */
  constructor(cipher: BlockCipher, salt: Uint8Array, derivationRate: number = 0) {
    this.#cipher = cipher
    this.derivationRate = derivationRate
    const padded = new Uint8Array(BLOCK)
    padded.set(salt)
    this.#salt = new DataView(padded.buffer)
  }

  /** Key stream of `packets` packets from `index` on, `blocks` blocks each from block `first`; 64 blocks at most in all. */
  stream(ssrc: number, index: number, packets: number, blocks: number, first: number): Uint8Array {
    const salt = this.#salt
    const word0 = salt.getInt32(0)
    const word1 = salt.getInt32(4) ^ ssrc
    let at = 0
    for (let packet = index; packet < index + packets; packet++) {
      const word2 = salt.getInt32(8) ^ Math.floor(packet / ROUND)
      const word3 = salt.getInt32(12) ^ ((packet & 0xffff) << 16)
      for (let block = first; block < first + blocks; block++, at += BLOCK) {
        counters.setInt32(at, word0)
        counters.setInt32(at + 4, word1)
        counters.setInt32(at + 8, word2)
        counters.setInt32(at + 12, word3 ^ block)
      }
    }
    return this.#cipher.encrypt(firstBlocks[packets * blocks] ?? scratch)
  }

  /** Encrypts or decrypts one packet, its key stream made for it alone. */
  apply(ssrc: number, index: number, bytes: Uint8Array, start: number, end: number): void {
    for (let at = start, block = 0; at < end; at += SCRATCH_BLOCKS * BLOCK, block += SCRATCH_BLOCKS) {
      const stop = Math.min(end, at + SCRATCH_BLOCKS * BLOCK)
      const stream = this.stream(ssrc, index, 1, (stop - at + BLOCK - 1) >> 4, block)
      xor(bytes, at, stop, stream, 0)
      stream.fill(0)
    }
  }

  close(): void {
    for (let at = 0; at < BLOCK; at += 4) this.#salt.setInt32(at, 0)
    scratch.fill(0)
  }
}

/**
 * The key stream of a source's next four packets, made by one call of the cipher, a slot for each. A slot is named by cipher,
 * SSRC and index; it serves the packet of that name, once. A run ends where the roll-over counter or the key changes.
 */
export class KeyStream {
  readonly #ssrc: number
  #cipher: CounterCipher | undefined
  #stream: Uint8Array | undefined
  #first = 0
  #packets = 0
  /** A bit for each slot that was not used. */
  #unused = 0
  #blocks = 0
  /** Of the largest packet yet. */
  #largest = 1

  constructor(ssrc: number) {
    this.#ssrc = ssrc
  }

  /** Encrypts or decrypts `bytes` from `start` to `end`; an index once, which the caller sees to. */
  apply(cipher: CounterCipher, index: number, bytes: Uint8Array, start: number, end: number): void {
    const blocks = (end - start + BLOCK - 1) >> 4
    if (blocks === 0) return
    if (blocks > LARGEST_SLOT) {
      cipher.apply(this.#ssrc, index, bytes, start, end)
      return
    }
    if (blocks > this.#largest) this.#largest = blocks
    let slot = index - this.#first
    if (cipher !== this.#cipher || slot >= this.#packets) {
      this.#makeAhead(cipher, index)
      slot = 0
    }
    const bit = 1 << slot
    if (slot < 0 || blocks > this.#blocks || (this.#unused & bit) === 0 || this.#stream === undefined) {
      cipher.apply(this.#ssrc, index, bytes, start, end)
      return
    }
    this.#unused &= ~bit
    xor(bytes, start, end, this.#stream, slot * this.#blocks * BLOCK)
  }

  clear(): void {
    this.#stream?.fill(0)
    this.#stream = undefined
    this.#cipher = undefined
    this.#packets = 0
  }

  #makeAhead(cipher: CounterCipher, index: number): void {
    const rate = cipher.derivationRate
    const untilWrap = ROUND - (index & 0xffff)
    const untilDerivation = rate === 0 ? RUN : rate - (index % rate)
    this.#packets = Math.min(RUN, untilWrap, untilDerivation)
    this.#blocks = this.#largest
    this.#stream = cipher.stream(this.#ssrc, index, this.#packets, this.#blocks, 0)
    this.#cipher = cipher
    this.#first = index
    this.#unused = (1 << this.#packets) - 1
  }
}

function xor(bytes: Uint8Array, start: number, end: number, stream: Uint8Array, from: number): void {
  for (let at = start, of = from; at < end; at++, of++) bytes[at] = (bytes[at] ?? 0) ^ (stream[of] ?? 0)
}
