/** Milliseconds a histogram bin. */
const BIN = 4
/** Milliseconds that a minimum is remembered, twice over. */
const BASE_WINDOW = 5000
/** A packet's weight falls by this with each that follows: about 500 packets count, ten seconds of voice. */
const FORGETTING = 0.998
const MAX_WEIGHT = 1e9
/** Below this many packets the estimate is not trusted. */
const ENOUGH = 50

export interface DelayEstimateOptions {
  /** Milliseconds. */
  readonly minDelay: number
  readonly maxDelay: number
  readonly initialDelay: number
  /** Share of packets that may come too late: 0.01 is one in a hundred. */
  readonly lateTarget: number
}

/**
 * How long packets must wait so that all but a chosen share arrive in time. A packet's transit is its arrival less its
 * media time, on two clocks that know nothing of each other; the least transit of the last seconds is the base, and
 * follows the drift between them. What packets take beyond it is kept in a histogram that forgets.
 */
export class DelayEstimate {
  readonly #options: DelayEstimateOptions
  readonly #bins: Float64Array
  #total = 0
  #weight = 1
  #count = 0
  #base = 0
  #least = Number.POSITIVE_INFINITY
  #leastBefore = Number.POSITIVE_INFINITY
  #windowEnd = Number.NEGATIVE_INFINITY
  /** The base that the histogram's bins are relative to. */
  #origin = 0
  #target: number

  constructor(options: DelayEstimateOptions) {
    this.#options = options
    this.#bins = new Float64Array(Math.ceil(options.maxDelay / BIN) + 2)
    this.#target = options.initialDelay
  }

  /** The least transit in milliseconds. */
  get base(): number {
    return this.#base
  }

  /** Milliseconds beyond the base after which a packet should be played. */
  get target(): number {
    return this.#target
  }

  get started(): boolean {
    return this.#count > 0
  }

  /** `transit` in milliseconds, of a packet that arrived at `now`. */
  update(transit: number, now: number): void {
    this.#updateBase(transit, now)
    const bin = Math.min(this.#bins.length - 1, Math.floor((transit - this.#origin) / BIN))
    this.#bins[Math.max(0, bin)] = (this.#bins[Math.max(0, bin)] ?? 0) + this.#weight
    this.#total += this.#weight
    this.#count++
    // raising the weight of what comes is forgetting what was, without touching every bin
    this.#weight /= FORGETTING
    if (this.#weight > MAX_WEIGHT) this.#renormalize()
    this.#target = this.#choose()
  }

  reset(): void {
    this.#bins.fill(0)
    this.#total = 0
    this.#weight = 1
    this.#count = 0
    this.#least = Number.POSITIVE_INFINITY
    this.#leastBefore = Number.POSITIVE_INFINITY
    this.#windowEnd = Number.NEGATIVE_INFINITY
    this.#target = this.#options.initialDelay
  }

  #updateBase(transit: number, now: number): void {
    if (now >= this.#windowEnd) {
      this.#leastBefore = this.#least
      this.#least = Number.POSITIVE_INFINITY
      this.#windowEnd = now + BASE_WINDOW
    }
    this.#least = Math.min(this.#least, transit)
    this.#base = Math.min(this.#least, this.#leastBefore)
    if (this.#count === 0) this.#origin = this.#base
    const bins = Math.trunc((this.#base - this.#origin) / BIN)
    if (bins !== 0) this.#shift(bins)
  }

  /** Moves the histogram under a base that rose (`bins` above zero) or fell. */
  #shift(bins: number): void {
    const length = this.#bins.length
    const moved = new Float64Array(length)
    for (let from = 0; from < length; from++) {
      const to = Math.max(0, Math.min(length - 1, from - bins))
      moved[to] = (moved[to] ?? 0) + (this.#bins[from] ?? 0)
    }
    this.#bins.set(moved)
    this.#origin += bins * BIN
  }

  #renormalize(): void {
    for (let bin = 0; bin < this.#bins.length; bin++) this.#bins[bin] = (this.#bins[bin] ?? 0) / this.#weight
    this.#total /= this.#weight
    this.#weight = 1
  }

  #choose(): number {
    const { minDelay, maxDelay, initialDelay, lateTarget } = this.#options
    let late = this.#total * lateTarget
    let bin = this.#bins.length - 1
    while (bin > 0) {
      late -= this.#bins[bin] ?? 0
      if (late < 0) break
      bin--
    }
    const delay = Math.max(minDelay, Math.min(maxDelay, (bin + 1) * BIN + this.#origin - this.#base))
    return this.#count < ENOUGH ? Math.max(initialDelay, delay) : delay
  }
}
