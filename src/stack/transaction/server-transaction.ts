import { UsageError } from '../../util/errors.ts'
import type { Method } from '../grammar/method.ts'
import { response } from '../message/build.ts'
import { encode, type Hop } from '../message/encode.ts'
import type { SipRequest, SipResponse } from '../message/message.ts'
import type { ResponseTemplate } from '../message/template.ts'
import type { Counters } from '../statistics.ts'
import type { ServerFailure, ServerHandle, ServerMachine } from './server-machine.ts'

/**
 * A transaction user: a UA core, a proxy core, an application. There may be several; a request belongs to the first
 * that claims it, before its transaction is made.
 */
export interface TransactionUser {
  /** Methods this user takes part in, for Allow in a 405; left out: all. */
  readonly methods?: readonly Method[]
  /** Whether a request is this user's own. Synchronous, on fields that are parsed already. */
  accepts(request: SipRequest): boolean
  /** A new request, in a transaction of its own. */
  onRequest(transaction: ServerTransaction): void
  /**
   * The CANCEL of an INVITE that is not answered yet; the layer has answered the CANCEL itself. Left out: the layer
   * answers the INVITE with 487.
   */
  onCancel?(transaction: ServerTransaction, cancel: SipRequest): void
  /** An ACK that belongs to no transaction, and so to a 2xx. */
  onAck?(ack: SipRequest): void
  /** No ACK came, or no answer could be sent, or the user did not give one in time. */
  onFailure?(transaction: ServerTransaction, failure: ServerFailure): void
  /** A response that no transaction waits for, as a 2xx from a fork after Timer M. */
  onStrayResponse?(response: SipResponse): void
}

/**
 * A request that was received and is to be answered: what its owner holds. Responses go through the transaction,
 * which sends them again when it must. The machine lives on when the owner has let go of this.
 */
export class ServerTransaction implements ServerHandle {
  readonly request: SipRequest
  readonly owner: TransactionUser
  /** Tag that responses put behind a To that has none. */
  readonly localTag: string
  readonly #machine: ServerMachine<string>
  readonly #hop: Hop | undefined
  readonly #counters: Counters
  #status = 0
  #cancelled = false

  /** @internal made by the transaction layer */
  constructor(
    request: SipRequest,
    owner: TransactionUser,
    localTag: string,
    machine: ServerMachine<string>,
    hop: Hop | undefined,
    counters: Counters,
  ) {
    this.request = request
    this.owner = owner
    this.localTag = localTag
    this.#machine = machine
    this.#hop = hop
    this.#counters = counters
  }

  get method(): Method {
    return this.request.method
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
    return response(this.request, status, this.localTag, reason)
  }

  /**
   * Answers. Provisional responses may follow each other; after a final one only an INVITE's 2xx may be given again.
   * A 100 to anything but INVITE is left to the transaction over UDP, which sends it in time (RFC 4320 §4.1).
   * @throws UsageError after the final response, and where RFC 4320 §4 forbids the status: 408, or a provisional
   *   response other than 100, to anything but INVITE
   */
  respond(answer: ResponseTemplate | number): void {
    const template = typeof answer === 'number' ? this.response(answer) : answer
    const { status } = template
    if (this.isAnswered && !(this.#status < 300 && status === this.#status && this.method === 'INVITE')) {
      throw new UsageError(
        'ERR_SIP_ANSWERED',
        `${this.method} was answered ${this.#status} already; ${status} is too late`,
      )
    }
    if (this.method !== 'INVITE' && (status === 408 || (status > 100 && status < 200))) {
      throw new UsageError('ERR_SIP_STATUS', `${status} may not be sent to ${this.method} (RFC 4320 §4)`)
    }
    if (status !== 100 || this.method === 'INVITE' || this.#machine.way.isReliable) this.#send(template)
  }

  /** @internal */
  sendTrying(): void {
    if (this.#status === 0) this.#send(this.response(100))
  }

  /** @internal */
  fail(failure: ServerFailure): void {
    this.owner.onFailure?.(this, failure)
  }

  /** @internal */
  cancelBy(cancel: SipRequest): void {
    this.#cancelled = true
    if (this.owner.onCancel !== undefined) this.owner.onCancel(this, cancel)
    else if (!this.isAnswered) this.respond(487)
  }

  #send(template: ResponseTemplate): void {
    const wire = encode(template, this.#hop)
    this.#status = template.status
    this.#counters.responseOut(template.status)
    this.#machine.onResponse(template.status, wire)
  }
}
