import { flatCopy } from '../../util/bytes.ts'
import type { Timers } from '../../util/timers.ts'
import type { SipRequest } from '../message/message.ts'

/** Octets that an entry costs besides its texts. */
const ENTRY_WEIGHT = 200

/**
 * Finds merged requests (RFC 3261 §8.2.2.2): the same request come again by another way, with another branch, while
 * the first is still being handled. A tool for UAS cores, which answer 482; a proxy never uses it. What it remembers is
 * bounded in octets: where there is no more room the oldest is forgotten before its time.
 */
export class MergedRequests {
  readonly #timers: Timers
  readonly #lifetime: number
  readonly #maxBytes: number
  readonly #seen = new Map<string, { readonly branch: string; readonly until: number }>()

  /** Octets that are remembered. */
  bytes = 0
  /** Requests forgotten before their time. */
  evicted = 0

  /** A request is remembered for `lifetime` milliseconds, 64·T1 by default, within `maxBytes`, 16 MiB by default. */
  constructor(timers: Timers, lifetime: number = 32_000, maxBytes: number = 16_777_216) {
    this.#timers = timers
    this.#lifetime = lifetime
    this.#maxBytes = maxBytes
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
    const { branch } = via
    this.#seen.set(flatCopy(key), { branch: flatCopy(branch), until: now + this.#lifetime })
    this.bytes += weight(key, branch)
    return false
  }

  /** Entries lie in the order of their age. */
  #forget(now: number): void {
    for (const [key, { branch, until }] of this.#seen) {
      if (until > now) {
        if (this.bytes < this.#maxBytes) return
        this.evicted++
      }
      this.#seen.delete(key)
      this.bytes -= weight(key, branch)
    }
  }
}

function weight(key: string, branch: string): number {
  return ENTRY_WEIGHT + key.length + branch.length
}
