import { flatCopy } from '../../util/bytes.ts'
import type { Timers } from '../../util/timers.ts'
import type { SipRequest } from '../message/message.ts'

/**
 * Finds merged requests (RFC 3261 §8.2.2.2): the same request come again by another way, with another branch, while
 * the first is still being handled. A tool for UAS cores, which answer 482; a proxy never uses it.
 */
export class MergedRequests {
  readonly #timers: Timers
  readonly #lifetime: number
  readonly #seen = new Map<string, { readonly branch: string; readonly until: number }>()

  /** A request is remembered for `lifetime` milliseconds, 64·T1 by default. */
  constructor(timers: Timers, lifetime: number = 32_000) {
    this.#timers = timers
    this.#lifetime = lifetime
  }

  /** Whether `request` is a merged one; if not it is remembered. A request within a dialog never is. */
  isMerged(request: SipRequest): boolean {
    if (request.to.tag !== undefined) return false
    const now = this.#timers.now()
    this.#forget(now)
    const { callId, cseq, from, via } = request
    const key = `${from.tag ?? ''} ${callId} ${cseq}`
    const seen = this.#seen.get(key)
    if (seen !== undefined) return seen.branch !== via.branch
    this.#seen.set(flatCopy(key), { branch: flatCopy(via.branch), until: now + this.#lifetime })
    return false
  }

  /** Entries lie in the order of their age. */
  #forget(now: number): void {
    for (const [key, { until }] of this.#seen) {
      if (until > now) return
      this.#seen.delete(key)
    }
  }
}
