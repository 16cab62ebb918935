import { UsageError } from '../../util/errors.ts'
import { response } from '../message/build.ts'
import { encode, type Hop } from '../message/encode.ts'
import type { SipRequest } from '../message/message.ts'
import type { Method } from '../message/method.ts'
import type { ResponseTemplate } from '../message/template.ts'
import type { Counters } from '../statistics.ts'
import type { ServerFailure, ServerMachine } from './server-machine.ts'
import type { TransactionUser } from './user.ts'

/**
 * A request that was received and is to be answered: what its owner holds. Responses go through the transaction,
 * which sends them again when it must. The machine lives on when the owner has let go of this.
 */
export class ServerTransaction {
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
    const wire = encode(template, this.#hop)
    this.#status = status
    this.#counters.responseOut(status)
    this.#machine.onResponse(status, wire)
  }

  /** @internal */
  sendTrying(): void {
    if (this.#status === 0) this.respond(100)
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
}
