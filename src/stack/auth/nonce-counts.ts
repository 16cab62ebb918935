import { flatCopy } from '../../util/bytes.ts'
import { timeOf } from './nonces.ts'

/** Counts below the highest that are still taken, each once: requests overtake each other on their way. */
const COUNT_WINDOW = 32

/** The counts of one nonce that were seen: the highest, and which of those below it, a bit each. */
class Window {
  top: number
  seen = 1

  constructor(top: number) {
    this.top = top
  }

  take(count: number): boolean {
    const ahead = count - this.top
    if (ahead > 0) {
      this.seen = ahead >= COUNT_WINDOW ? 1 : (this.seen << ahead) | 1
      this.top = count
      return true
    }
    if (ahead <= -COUNT_WINDOW) return false
    const bit = 1 << -ahead
    if ((this.seen & bit) !== 0) return false
    this.seen |= bit
    return true
  }
}

/**
 * The counts under which nonces were used (`nc`, RFC 7616 §5.5). A nonce is kept from its first use on, at most `size` of
 * them. To make room the nonce that was first used longest ago is forgotten, and from then on no unknown nonce is taken
 * that is as old: what was forgotten cannot be replayed, and who had such a nonce gets another.
 */
export class NonceCounts {
  readonly #windows = new Map<string, Window>()
  readonly #size: number
  readonly #lifetime: number
  /** Nonces that were made then or before, and are not known, are not taken. */
  #floor = Number.NEGATIVE_INFINITY
  /** Nonces that were forgotten before their time was over. */
  evicted = 0

  /** `lifetime` of the nonces in milliseconds. */
  constructor(size: number, lifetime: number) {
    this.#size = size
    this.#lifetime = lifetime
  }

  get size(): number {
    return this.#windows.size
  }

  /** Takes one use of a nonce of ours. False: it is a replay, or too old to tell. */
  take(nonce: string, count: number, date: number): boolean {
    const known = this.#windows.get(nonce)
    if (known !== undefined) return known.take(count)
    if (timeOf(nonce) <= this.#floor) return false
    this.#makeRoom(date)
    this.#windows.set(flatCopy(nonce), new Window(count))
    return true
  }

  /** Takes the only use of a nonce: credentials without qop have no count, and each of them could be a replay. */
  takeOnce(nonce: string, date: number): boolean {
    if (this.#windows.has(nonce)) return false
    if (!this.take(nonce, LAST, date)) return false
    const window = this.#windows.get(nonce)
    if (window !== undefined) window.seen = -1
    return true
  }

  /** Nonces lie in the order of their first use, so that those whose time is over are met sooner or later. */
  #makeRoom(date: number): void {
    for (const [nonce] of this.#windows) {
      const isOver = date - timeOf(nonce) > this.#lifetime
      if (!isOver && this.#windows.size < this.#size) return
      this.#windows.delete(nonce)
      if (isOver) continue
      this.evicted++
      this.#floor = Math.max(this.#floor, timeOf(nonce))
    }
  }
}

const LAST = 0xffffffff
