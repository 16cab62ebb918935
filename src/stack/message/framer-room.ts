/** Whoever keeps the beginnings of messages. */
export interface RoomTaker {
  /** Bytes that are set aside for what has begun. */
  readonly keptBytes: number
  /** There is no more room: what is kept is given up, and the stream with it. */
  onNoRoom(): void
}

/** Who keeps most makes room: so much of it that the next look is a quarter of the limit away. */
const KEPT = 0.75

/**
 * What all framers that share it may keep of messages that have begun and are not whole, in bytes: one bound for each
 * stream is none where there are ten thousand. Over it those that keep most give up, for an honest peer's message is
 * small or soon whole.
 */
export class FramerRoom {
  readonly #limit: number
  readonly #onCut: () => void
  readonly #takers = new Set<RoomTaker>()
  #taken = 0

  /** `onCut` hears of each that had to give up. */
  constructor(limit: number, onCut: () => void = () => {}) {
    this.#limit = limit
    this.#onCut = onCut
  }

  /** Bytes that are kept now. */
  get taken(): number {
    return this.#taken
  }

  /** A taker keeps so many bytes more, or fewer. It may have given up when this returns. */
  change(taker: RoomTaker, bytes: number): void {
    this.#taken += bytes
    if (taker.keptBytes > 0) this.#takers.add(taker)
    else this.#takers.delete(taker)
    if (bytes > 0 && this.#taken > this.#limit) this.#makeRoom()
  }

  #makeRoom(): void {
    const byBytes = [...this.#takers].sort((a, b) => b.keptBytes - a.keptBytes)
    for (const taker of byBytes) {
      if (this.#taken <= this.#limit * KEPT) return
      this.#onCut()
      taker.onNoRoom()
    }
  }
}
