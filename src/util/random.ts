/** Where randomness comes from: the system's in production, a seeded one in tests. */
export interface RandomSource {
  /** Fills `bytes` with random octets and returns it. */
  fill<T extends Uint8Array>(bytes: T): T
}

/** Repeatable, and therefore for tests only. */
export function seededRandom(seed: number): RandomSource {
  let state = seed >>> 0
  return {
    fill(bytes) {
      for (let i = 0; i < bytes.length; i++) {
        // xorshift on a Weyl sequence: short, and good enough to shuffle a simulated network
        state = (state + 0x9e3779b9) >>> 0
        let mixed = state
        mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
        mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
        bytes[i] = (mixed ^ (mixed >>> 15)) & 0xff
      }
      return bytes
    },
  }
}

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_'
const POOL = 4096

/** Random tokens for tags, branches and Call-IDs, six bits a character, taken from a pool that is refilled as a whole. */
export class Tokens {
  readonly #source: RandomSource
  readonly #pool = new Uint8Array(POOL)
  #used = POOL

  constructor(source: RandomSource) {
    this.#source = source
  }

  /** A token of `length` characters of letters, digits, `-` and `_`. */
  next(length: number): string {
    let token = ''
    for (let i = 0; i < length; i++) token += ALPHABET[this.byte() & 63]
    return token
  }

  /** A whole number from 0 up to, not including, `limit` (at most 2^32). */
  below(limit: number): number {
    const word = this.byte() * 0x1000000 + ((this.byte() << 16) | (this.byte() << 8) | this.byte())
    return Math.floor((word / 2 ** 32) * limit)
  }

  byte(): number {
    if (this.#used === POOL) {
      this.#source.fill(this.#pool)
      this.#used = 0
    }
    return this.#pool[this.#used++] ?? 0
  }
}
