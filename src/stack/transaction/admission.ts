import { UsageError } from '../../util/errors.ts'
import { type Failed, prompt } from '../../util/guard.ts'
import type { SipRequest } from '../message/message.ts'
import { ResponseTemplate } from '../message/template.ts'
import type { StatelessReplies } from '../stateless.ts'
import type { Counters } from '../statistics.ts'
import type { Congestion } from './congestion.ts'
import type { Ledger } from './ledger.ts'

/**
 * Looks at a new request before a transaction is made for it: `undefined` lets it in, `'drop'` ignores it, a status or a
 * response made by `SipStack.statelessResponse` refuses it without keeping anything (RFC 3261 §8.2.7), so that a flood
 * of refused requests costs neither memory nor retransmissions. An ACK can only be dropped.
 */
export type RequestFilter = (request: SipRequest) => 'drop' | number | ResponseTemplate | undefined

export interface AdmissionOptions {
  readonly congestion: Congestion
  readonly ledger: Ledger
  readonly replies: StatelessReplies
  readonly counters: Counters
  /** Told what a filter threw. */
  readonly failed: Failed
}

/** Decides which new requests get a transaction: an application's filters, the event loop's lag, the limits. */
export class Admission {
  readonly #options: AdmissionOptions
  readonly #filters: RequestFilter[] = []

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  addFilter(filter: RequestFilter): void {
    this.#filters.push(filter)
  }

  /** Whether a request may go on; one that may not has been answered or dropped. */
  admits(request: SipRequest): boolean {
    const { congestion, ledger, replies, counters } = this.#options
    const isNewWork = request.to.tag === undefined && request.method !== 'CANCEL'
    if (isNewWork && congestion.isCongested) {
      counters.refusedByCongestion++
      replies.refuseForNow(request, congestion.retryAfter)
      return false
    }
    if (ledger.isFull) {
      counters.refusedByLimit++
      replies.refuseForNow(request, congestion.retryAfter)
      return false
    }
    return this.passes(request)
  }

  /** Whether all filters let a request, or an ACK, pass. */
  passes(request: SipRequest): boolean {
    for (const filter of this.#filters) {
      const verdict = this.#ask(filter, request)
      if (verdict === undefined) continue
      this.#options.counters.refusedByFilter++
      if (verdict !== 'drop') this.#options.replies.reply(request, verdict)
      return false
    }
    return true
  }

  /** A filter that throws, or answers what is no verdict, refuses: what it guards stays guarded. */
  #ask(filter: RequestFilter, request: SipRequest): 'drop' | number | ResponseTemplate | undefined {
    try {
      const verdict = prompt(this.#options.failed, 'a filter', filter(request))
      if (isVerdict(verdict)) return verdict
      throw new UsageError(
        'ERR_SIP_FILTER',
        `a filter answered ${String(verdict)}; give undefined, 'drop', a status of 200 to 699 or a response`,
      )
    } catch (error) {
      this.#options.failed(error)
      return 500
    }
  }
}

/** Filters may be written in JavaScript, where `false` or 1000 comes easily. */
function isVerdict(verdict: unknown): boolean {
  if (typeof verdict === 'number') return Number.isInteger(verdict) && verdict >= 200 && verdict < 700
  return verdict === undefined || verdict === 'drop' || verdict instanceof ResponseTemplate
}
