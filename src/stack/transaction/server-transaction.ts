import { PeerError, UsageError } from '../../util/errors.ts'
import { type Failed, guarded, type HandlerErrors } from '../../util/guard.ts'
import { asksToKeep, grantKeep, mayGrantKeep } from '../flow/keep.ts'
import type { Method } from '../grammar/method.ts'
import { response } from '../message/build.ts'
import { encode, type Hop } from '../message/encode.ts'
import type { SipRequest } from '../message/message.ts'
import { slimRequest } from '../message/slim.ts'
import type { ResponseTemplate } from '../message/template.ts'
import type { Counters } from '../statistics.ts'
import { SentResponse } from './sent-response.ts'
import type { ServerFailure, ServerHandle, ServerMachine } from './server-machine.ts'

/** Who owns a transaction, as far as it calls him. */
interface Owner {
  onCancel?(transaction: ServerTransaction, cancel: SipRequest): unknown
  onFailure?(transaction: ServerTransaction, failure: ServerFailure): unknown
}

/** What server transactions share. */
export interface ServerTransactionContext {
  readonly counters: Counters
  /** Told what a handler threw. */
  readonly failed: Failed
  readonly isClosed: boolean
  /** What a Via's `keep` is answered with (RFC 6223), in seconds; `undefined` for not at all. */
  readonly keep: number | undefined
}

/** A refused request above so many octets is kept without its body and most of its headers until its ACK comes. */
const SLIM_ABOVE = 2048

/**
 * A request that was received and is to be answered: what its owner holds. Responses go through the transaction,
 * which sends them again when it must. The machine lives on when the owner has let go of this.
 */
export class ServerTransaction implements ServerHandle, HandlerErrors {
  readonly #owner: Owner
  /** Tag that responses put behind a To that has none. */
  readonly localTag: string
  readonly #machine: ServerMachine<string>
  readonly #hop: Hop | undefined
  readonly #context: ServerTransactionContext
  #request: SipRequest
  #status = 0
  #cancelled = false
  /** The failure that its owner heard last. */
  #told: ServerFailure | undefined

  /** @internal made by the transaction layer */
  constructor(
    request: SipRequest,
    owner: Owner,
    localTag: string,
    machine: ServerMachine<string>,
    hop: Hop | undefined,
    context: ServerTransactionContext,
  ) {
    this.#request = request
    this.#owner = owner
    this.localTag = localTag
    this.#machine = machine
    this.#hop = hop
    this.#context = context
  }

  /**
   * The request. Of a large INVITE that was refused only the start line and what every message must have is left while
   * its ACK is waited for: whoever needs more of it keeps the message himself.
   */
  get request(): SipRequest {
    return this.#request
  }

  get method(): Method {
    return this.#request.method
  }

  /** The state of its machine, in the words of RFC 3261 §17.2. */
  get state(): string {
    return this.#machine.state
  }

  /** The status of the last response, 0 before the first. */
  get status(): number {
    return this.#status
  }

  /** Whether a CANCEL has come for it; its owner answers 487 (RFC 3261 §9.2). */
  get isCancelled(): boolean {
    return this.#cancelled
  }

  get isAnswered(): boolean {
    return this.#status >= 200
  }

  /** A response to be filled in and given to {@link respond}. */
  response(status: number, reason?: string): ResponseTemplate {
    const template = response(this.#request, status, this.localTag, reason)
    const { keep } = this.#context
    if (keep !== undefined && mayGrantKeep(status) && asksToKeep(this.#request.via)) grantKeep(template, keep)
    return template
  }

  /**
   * Whether {@link respond} would send this status now: not after the final response, but for an INVITE's 2xx again, not
   * where RFC 4320 §4 forbids it, and not when the transaction's time is over.
   */
  canRespond(status: number): boolean {
    return !this.#isOver && this.#refusal(status) === undefined
  }

  /**
   * Answers. Provisional responses may follow each other; after a final one only an INVITE's 2xx may be given again.
   * A 100 to anything but INVITE is left to the transaction over UDP, which sends it in time (RFC 4320 §4.1).
   * Answers a handle by which a UAS core sends its 2xx, and its reliable provisionals, again. When the transaction's time
   * is over, which `onFailure` has told, nothing is sent any more.
   * @throws UsageError after the final response, and where RFC 4320 §4 forbids the status: 408, or a provisional
   *   response other than 100, to anything but INVITE
   */
  respond(answer: ResponseTemplate | number): SentResponse {
    const template = typeof answer === 'number' ? this.response(answer) : answer
    const { status } = template
    const refusal = this.#refusal(status)
    if (refusal !== undefined) throw refusal
    const isLeft = status === 100 && this.method !== 'INVITE' && !this.#machine.way.isReliable
    const sent = new SentResponse(status, encode(template, this.#hop), this, this.#machine)
    if (!isLeft && !this.#isOver) this.#send(sent)
    return sent
  }

  /** @internal */
  sendTrying(): void {
    if (this.#status !== 0) return
    this.#send(new SentResponse(100, encode(this.response(100), this.#hop), this, this.#machine))
  }

  /** @internal */
  fail(failure: ServerFailure): void {
    // each retransmission of an answer that cannot be sent fails anew
    if (failure === this.#told) return
    this.#told = failure
    if (!this.#context.isClosed)
      guarded(this.#context.failed, this.#owner, this.#owner.onFailure, this, failure)
  }

  /** @internal */
  cancelBy(cancel: SipRequest): void {
    // a CANCEL that was answered statelessly comes again
    if (this.#cancelled) return
    this.#cancelled = true
    if (this.#owner.onCancel !== undefined) guarded(this, this.#owner, this.#owner.onCancel, this, cancel)
    else if (!this.isAnswered) this.respond(487)
  }

  /**
   * @internal a request whose handler threw or rejected is answered all the same, or its client would wait in vain: with
   * what the error suggests where the handler ended in a malformed part of the request
   */
  onHandlerError(error: unknown): void {
    this.#context.failed(error)
    if (this.isAnswered || this.#context.isClosed) return
    const suggested = error instanceof PeerError ? error.status : undefined
    this.respond(this.#cancelled ? 487 : (suggested ?? 500))
  }

  /** @internal */
  slim(): number {
    if (this.#request.bytes.length > SLIM_ABOVE) this.#request = slimRequest(this.#request)
    return this.#request.bytes.length
  }

  get #isOver(): boolean {
    return this.#machine.state === 'terminated'
  }

  #refusal(status: number): UsageError | undefined {
    if (this.isAnswered && !(this.#status < 300 && status === this.#status && this.method === 'INVITE')) {
      return new UsageError(
        'ERR_SIP_ANSWERED',
        `${this.method} was answered ${this.#status} already; ${status} is too late`,
      )
    }
    if (this.method !== 'INVITE' && (status === 408 || (status > 100 && status < 200))) {
      return new UsageError('ERR_SIP_STATUS', `${status} may not be sent to ${this.method} (RFC 4320 §4)`)
    }
    return undefined
  }

  #send(sent: SentResponse): void {
    this.#status = sent.status
    this.#context.counters.responseOut(sent.status)
    this.#machine.onResponse(sent)
  }
}
