import type { Timer, Timers } from '../../util/timers.ts'

export interface CongestionLimits {
  /** Milliseconds of event-loop lag from which new work is refused. Default 500. */
  readonly refuseAbove: number
  /** Milliseconds of lag below which it is taken again. Default 100. */
  readonly acceptBelow: number
  /** Seconds of the Retry-After that goes with a refusal. Default 5. */
  readonly retryAfter: number
}

export const defaultCongestionLimits: CongestionLimits = { refuseAbove: 500, acceptBelow: 100, retryAfter: 5 }

/** How often the event loop's lag is looked at, in milliseconds. */
const INTERVAL = 100
/** After so many looks without new work watching stops, so that an idle stack has no timer. */
const QUIET_LOOKS = 50

/**
 * Tells whether the event loop is too late to take new work. What waits in sockets waits as long as the loop is late,
 * so that the lag of a timer is the age of the queue. Between the two limits it stays as it was.
 */
export class Congestion {
  readonly #timers: Timers
  readonly #limits: CongestionLimits
  #timer: Timer | undefined
  #quiet = 0
  #congested = false
  /** The lag that was seen last, in milliseconds. */
  lag = 0

  constructor(timers: Timers, limits: CongestionLimits) {
    this.#timers = timers
    this.#limits = limits
  }

  get isCongested(): boolean {
    return this.#congested
  }

  /** Seconds to name in Retry-After. */
  get retryAfter(): number {
    return this.#limits.retryAfter
  }

  /** There is new work: watch the loop from now on. */
  watch(): void {
    this.#quiet = 0
    if (this.#timer === undefined) this.#timer = this.#timers.start(this, 'look', INTERVAL)
    else if (!this.#timer.running) this.#timers.restart(this.#timer, INTERVAL)
  }

  onTimer(): void {
    if (this.#timer === undefined) return
    this.lag = this.#timers.now() - this.#timer.deadline
    if (this.lag > this.#limits.refuseAbove) this.#congested = true
    else if (this.lag < this.#limits.acceptBelow) this.#congested = false
    this.#quiet++
    if (this.#quiet < QUIET_LOOKS || this.#congested) this.#timers.restart(this.#timer, INTERVAL)
  }

  stop(): void {
    this.#timers.stop(this.#timer)
  }
}
