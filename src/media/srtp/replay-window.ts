/** How an index stands to those that were taken (RFC 3711 §3.3.2). */
export type IndexVerdict = 'fresh' | 'replayed' | 'old'

/**
 * Which of the last indices were taken: a ring of bits, twice the window so that its words are cleared as a whole. It serves
 * both ends: what came in is taken once, and what goes out is sent once.
 */
export class ReplayWindow {
  /** -1 before the first. */
  highest = -1
  readonly #size: 64 | 128
  readonly #words: Int32Array
  readonly #mask: number

  constructor(size: 64 | 128) {
    this.#size = size
    this.#words = new Int32Array((2 * size) / 32)
    this.#mask = this.#words.length - 1
  }

  verdict(index: number): IndexVerdict {
    if (index > this.highest) return 'fresh'
    if (this.highest - index >= this.#size) return 'old'
    return ((this.#words[(index >>> 5) & this.#mask] ?? 0) >>> (index & 31)) & 1 ? 'replayed' : 'fresh'
  }

  /** Only for an index that is `fresh`. */
  take(index: number): void {
    const words = this.#words
    const { highest } = this
    if (index > highest) {
      if (index - highest >= 32 * words.length) words.fill(0)
      else {
        // shifts see the lower 32 bits of an index, which is all that a ring needs
        const end = (index >>> 5) & this.#mask
        for (let slot = (highest >>> 5) & this.#mask; slot !== end; ) {
          slot = (slot + 1) & this.#mask
          words[slot] = 0
        }
      }
      this.highest = index
    }
    const slot = (index >>> 5) & this.#mask
    words[slot] = (words[slot] ?? 0) | (1 << (index & 31))
  }
}
