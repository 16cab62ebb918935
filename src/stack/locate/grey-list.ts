import type { Target } from '../transport/selector.ts'
import type { TargetOutcome } from './locate.ts'

export interface GreyListOptions {
  /** Milliseconds that a target which failed or was silent stays at the back. Default 60,000. */
  readonly greyTime?: number
  /** The longest that a Retry-After is believed, in milliseconds. Default 3,600,000. */
  readonly maxRetryAfter?: number
  /** Targets that are remembered; beyond that the one that was entered first is forgotten. Default 1,000. */
  readonly maxGrey?: number
}

/** Milliseconds, on the clock of the stack's timers. */
export type Now = () => number

/**
 * Targets that failed a short while ago: they are put to the back of what is found, never left out, so that the only
 * target of a domain is always tried, and one that came back serves as soon as it is tried again. Shared by all requests
 * of a stack; kept by protocol, address and port, whatever name led there.
 */
export class GreyList {
  readonly #until = new Map<string, number>()
  readonly #now: Now
  readonly #options: Required<GreyListOptions>

  constructor(now: Now, options: GreyListOptions = {}) {
    this.#now = now
    this.#options = { greyTime: 60_000, maxRetryAfter: 3_600_000, maxGrey: 1000, ...options }
  }

  /** How many targets it remembers. */
  get size(): number {
    return this.#until.size
  }

  /** Told what became of a target. A 503 without Retry-After says nothing of later requests (RFC 3261 §21.5.4). */
  report(target: Target, outcome: TargetOutcome, retryAfter?: number): void {
    if (outcome === 'ok') {
      if (this.#until.size > 0) this.#until.delete(keyOf(target))
      return
    }
    const { greyTime, maxRetryAfter, maxGrey } = this.#options
    if (outcome === 'unavailable' && retryAfter === undefined) return
    const time = outcome === 'unavailable' ? Math.min((retryAfter ?? 0) * 1000, maxRetryAfter) : greyTime
    if (!(time > 0) || maxGrey < 1) return
    const key = keyOf(target)
    this.#until.delete(key)
    if (this.#until.size >= maxGrey) this.#forgetFirst()
    this.#until.set(key, this.#now() + time)
  }

  /** Milliseconds that a target stays at the back yet, 0 for one that is not there. */
  remaining(target: Target): number {
    if (this.#until.size === 0) return 0
    const key = keyOf(target)
    const until = this.#until.get(key)
    if (until === undefined) return 0
    const time = until - this.#now()
    if (time <= 0) this.#until.delete(key)
    return Math.max(time, 0)
  }

  /** The targets, those that failed a short while ago behind the others; the order is kept otherwise. */
  order<T extends Target>(targets: readonly T[]): readonly T[] {
    if (this.#until.size === 0 || targets.length < 2) return targets
    const back = targets.filter(target => this.remaining(target) > 0)
    if (back.length === 0 || back.length === targets.length) return targets
    return [...targets.filter(target => !back.includes(target)), ...back]
  }

  #forgetFirst(): void {
    for (const key of this.#until.keys()) {
      this.#until.delete(key)
      return
    }
  }
}

function keyOf({ protocol, address, port }: Target): string {
  return `${protocol} ${port} ${address}`
}
