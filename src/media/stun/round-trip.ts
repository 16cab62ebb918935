interface Estimate {
  smoothed: number
  variation: number
  usedAt: number
}

const STALE_AFTER = 10 * 60_000
const MOST_SERVERS = 256

/**
 * Retransmission time-outs by server address (RFC 8489 §6.2.1): RFC 6298 from the round trips seen, not below a
 * floor, not rounded up to seconds, forgotten after ten minutes without a transaction.
 */
export class RoundTrips {
  readonly #estimates = new Map<string, Estimate>()
  readonly #floor: number

  /** `floor` in milliseconds: the RTO to begin with, and the least. */
  constructor(floor: number = 500) {
    this.#floor = floor
  }

  /** The RTO for `address` in milliseconds. `now` on any one scale. */
  rto(address: string, now: number): number {
    const estimate = this.#estimates.get(address)
    if (estimate === undefined) return this.#floor
    if (now - estimate.usedAt > STALE_AFTER) {
      this.#estimates.delete(address)
      return this.#floor
    }
    return Math.max(this.#floor, Math.ceil(estimate.smoothed + Math.max(1, 4 * estimate.variation)))
  }

  /** A round trip of a request that was sent once only (Karn's rule is the caller's to keep). */
  measured(address: string, roundTrip: number, now: number): void {
    const estimate = this.#estimates.get(address)
    if (estimate === undefined) {
      this.#makeRoom()
      this.#estimates.set(address, { smoothed: roundTrip, variation: roundTrip / 2, usedAt: now })
      return
    }
    estimate.variation += (Math.abs(estimate.smoothed - roundTrip) - estimate.variation) / 4
    estimate.smoothed += (roundTrip - estimate.smoothed) / 8
    estimate.usedAt = now
  }

  #makeRoom(): void {
    if (this.#estimates.size < MOST_SERVERS) return
    const oldest = this.#estimates.keys().next()
    if (!oldest.done) this.#estimates.delete(oldest.value)
  }
}
