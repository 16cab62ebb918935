const SIZE = 64

/** The last 64 sequence numbers of an epoch (RFC 6347 §4.1.2.6), each of 48 bits. */
export class ReplayWindow {
  #highest = -1
  /** Bit n of `near` is `highest - n`, of `far` `highest - 32 - n`. */
  #near = 0
  #far = 0

  isFresh(sequence: number): boolean {
    const behind = this.#highest - sequence
    if (behind < 0) return true
    if (behind >= SIZE) return false
    return (((behind < 32 ? this.#near : this.#far) >>> (behind & 31)) & 1) === 0
  }

  /** Only for one that is fresh and authentic. */
  take(sequence: number): void {
    const ahead = sequence - this.#highest
    if (ahead > 0) this.#shift(ahead)
    const behind = this.#highest - sequence
    if (behind < 32) this.#near |= 1 << behind
    else this.#far |= 1 << (behind - 32)
  }

  #shift(by: number): void {
    this.#highest += by
    if (by >= SIZE) {
      this.#near = 0
      this.#far = 0
    } else if (by >= 32) {
      this.#far = this.#near << (by - 32)
      this.#near = 0
    } else {
      this.#far = (this.#far << by) | (this.#near >>> (32 - by))
      this.#near <<= by
    }
  }
}
