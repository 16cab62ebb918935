import type { DigestClient } from '../../stack/auth/client.ts'
import type { DigestExchange } from '../../stack/auth/exchange.ts'
import { CSeq } from '../../stack/headers/cseq.ts'
import * as h from '../../stack/headers/index.ts'
import type { Reason } from '../../stack/headers/reason.ts'
import type { Flow } from '../../stack/message/flow.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import type { OutgoingRequest } from '../../stack/transaction/request.ts'
import type { RequestFailure } from '../../stack/transaction/request-failure.ts'
import type {
  RequestOptions,
  RequestUser,
  Served,
  WayOptions,
} from '../../stack/transaction/request-options.ts'
import type { DumContext } from '../core/context.ts'

/** Whose request it is. Called by us alone: what an application hears goes through its door. */
export interface ExchangeUser {
  onProvisional?(response: SipResponse): void
  /** A final response that is not retried; of an INVITE every 2xx. */
  onFinal(response: SipResponse): void
  onFailure(failure: RequestFailure): void
  /**
   * What to send instead after 422, 423 and their kin, derived from what was sent; `undefined` to leave it. It goes to the
   * target and over the flow that answered.
   */
  amend?(sent: RequestTemplate, response: SipResponse): RequestTemplate | undefined
  /** It is sent again: what this response began is over. */
  onRetry?(response: SipResponse): void
  onTarget?(): void
  /** No further 2xx to the INVITE comes: 64·T1 are over since the first. */
  onAcceptedOver?(): void
}

/** Where numbers of requests come from: a dialog, or a set before there is one. */
export interface Sequence {
  nextSeq(): number
}

export interface ExchangeOptions extends WayOptions, Pick<RequestOptions, 'after' | 'keep'> {
  readonly targetTimeout?: number
}

/** Retries that an amended request gets. */
const MAX_AMENDED = 4

/** One request of ours with its retries: a challenge answered, an interval made longer. Its user sees one request. */
export class Exchange implements RequestUser {
  /** The template that was sent last. */
  template: RequestTemplate
  readonly #context: DumContext
  readonly #sequence: Sequence
  readonly #user: ExchangeUser
  readonly #options: ExchangeOptions
  readonly #digest: DigestExchange | undefined
  #request: OutgoingRequest | undefined
  #amended = 0
  #isAccepted = false
  #isOver = false
  #onLateAccept: ((response: SipResponse) => void) | undefined

  constructor(
    context: DumContext,
    template: RequestTemplate,
    sequence: Sequence,
    user: ExchangeUser,
    credentials: DigestClient | undefined,
    options: ExchangeOptions = {},
  ) {
    this.#context = context
    this.template = template
    this.#sequence = sequence
    this.#user = user
    this.#options = options
    this.#digest = credentials?.begin(template)
  }

  /** The flow that was used. */
  get flow(): Flow | undefined {
    return this.#request?.flow
  }

  /** Where it went, without the request itself: what a later one is sent after. */
  get served(): Served | undefined {
    const request = this.#request
    return request && { target: request.target, flow: request.flow, remaining: [] }
  }

  start(): void {
    this.#send(this.#digest?.first() ?? this.template, this.#options)
  }

  /** CANCEL, as soon as it may go (RFC 3261 §9.1). */
  cancel(...reasons: readonly Reason[]): void {
    this.#request?.cancel(...reasons)
  }

  /**
   * Nobody hears of it any more, but its transaction goes on to its end. A 2xx to an INVITE, which wants its ACK, is told
   * to `onAccept`.
   */
  leave(onAccept: (response: SipResponse) => void): void {
    this.#isOver = true
    this.#onLateAccept = onAccept
  }

  /** @internal */
  onProvisional(response: SipResponse): void {
    if (!this.#isOver) this.#user.onProvisional?.(response)
  }

  /** @internal */
  onFinal(response: SipResponse): void {
    if (this.#isOver) {
      if (response.status < 300) this.#onLateAccept?.(response)
      return
    }
    const next = this.#next(response)
    if (next === undefined) {
      this.#isAccepted ||= response.status < 300
      this.#user.onFinal(response)
      return
    }
    const served = this.#request
    this.#user.onRetry?.(response)
    // whoever heard of the retry may have ended it
    if (this.#isOver) return
    next.set(h.CSeq, new CSeq(this.#sequence.nextSeq(), next.method))
    this.#send(next, { ...this.#options, ...(served !== undefined && { retryOf: served }) })
  }

  /** @internal */
  onFailure(failure: RequestFailure): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#user.onFailure(failure)
  }

  /** @internal */
  onTarget(): void {
    if (!this.#isOver) this.#user.onTarget?.()
  }

  /** @internal */
  onEnded(): void {
    if (this.#isAccepted && !this.#isOver) this.#user.onAcceptedOver?.()
  }

  #next(response: SipResponse): RequestTemplate | undefined {
    const { status } = response
    if (status === 401 || status === 407) return this.#digest?.next(response)
    this.#digest?.next(response)
    if (status < 300 || this.#amended === MAX_AMENDED) return undefined
    const amended = this.#user.amend?.(this.template, response)
    if (amended !== undefined) this.#amended++
    return amended
  }

  #send(template: RequestTemplate, options: RequestOptions): void {
    this.template = template
    this.#request = this.#context.stack.send(template, this, options)
  }
}
