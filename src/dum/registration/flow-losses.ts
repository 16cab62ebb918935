interface Losses {
  since: number
  count: number
}

/** Lost flows to one next hop that are made anew at once; a registrar that was restarted meets the others spread out. */
const MOST_AT_ONCE = 100
/** Milliseconds over which the others are spread, and for which losses count together. */
const SPREAD = 30_000
/** Next hops that are counted at a time; with more the one counted first is forgotten. */
const MOST_HOPS = 1024

/** How many flows to each next hop were lost in a short while: what becomes a stampede when all come back at once. */
export class FlowLosses {
  readonly #byHop = new Map<string, Losses>()

  /**
   * Counts one loss; answers the milliseconds to wait before a new flow is made.
   * @param fraction 0 up to 1, at random
   */
  delayOf(nextHop: string, now: number, fraction: number): number {
    let losses = this.#byHop.get(nextHop)
    if (losses === undefined || now - losses.since >= SPREAD) {
      this.#byHop.delete(nextHop)
      if (this.#byHop.size >= MOST_HOPS) this.#forgetOldest()
      losses = { since: now, count: 0 }
      this.#byHop.set(nextHop, losses)
    }
    losses.count++
    return losses.count <= MOST_AT_ONCE ? 0 : Math.floor(fraction * SPREAD)
  }

  #forgetOldest(): void {
    const [oldest] = this.#byHop.keys()
    if (oldest !== undefined) this.#byHop.delete(oldest)
  }
}
