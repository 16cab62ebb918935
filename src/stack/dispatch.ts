import type { EnvironmentError } from '../util/errors.ts'
import { type Failed, thenable } from '../util/guard.ts'
import type { Flows } from './flow/flows.ts'
import type { ParseError } from './grammar/parse-error.ts'
import type { Flow } from './message/flow.ts'
import type { SipMessage, SipRequest } from './message/message.ts'
import type { StatelessReplies } from './stateless.ts'
import type { Counters } from './statistics.ts'
import type { TransactionLayer } from './transaction/layer.ts'
import type { MessageReceiver } from './transport/reception.ts'
import type { Transport } from './transport/transport.ts'

/** What a stack's messages are given to. */
export interface DispatchContext {
  readonly counters: Counters
  readonly failed: Failed
  /** Made after the transports, which are told at once whom they receive for. */
  readonly transactions: () => TransactionLayer
  readonly replies: () => StatelessReplies
  readonly flows: () => Flows
}

/** A stateless stack's handler gets the messages, else the transactions do. */
export class Dispatch implements MessageReceiver {
  /** Every message goes to it, where it is set, and no transaction is kept. */
  handler: ((message: SipMessage) => unknown) | undefined
  readonly #context: DispatchContext

  constructor(context: DispatchContext) {
    this.#context = context
  }

  onMessage(message: SipMessage): void {
    if (this.handler === undefined) this.#context.transactions().onMessage(message)
    else this.#handle(message, this.handler)
  }

  onMalformed(request: SipRequest, error: ParseError): void {
    if (this.handler === undefined || request.method !== 'CANCEL')
      this.#context.replies().refuse(request, error)
  }

  onFlowFailed(flow: Flow, error: EnvironmentError | undefined): void {
    const flows = this.#context.flows()
    const ended = flows.end(flow)
    this.#context.transactions().onFlowFailed(flow, error)
    flows.tell(ended, error)
  }

  onFlowOpened(flow: Flow): void {
    this.#context.transactions().onFlowOpened(flow)
  }

  onPong(flow: Flow): void {
    this.#context.flows().onPong(flow)
    this.#context.transactions().onPong(flow)
  }

  onStun(bytes: Buffer, flow: Flow): void {
    if (!this.#context.flows().onStun(bytes, flow)) this.#context.transactions().onStun(bytes, flow)
  }

  onHeard(flow: Flow): void {
    this.#context.flows().onHeard(flow)
  }

  onTransportAdded(transport: Transport): void {
    this.#context.transactions().onTransportAdded(transport)
  }

  onTransportRemoved(transport: Transport, error: EnvironmentError): void {
    const flows = this.#context.flows()
    const ended = flows.endBy(transport.key)
    this.#context.transactions().onTransportRemoved(transport)
    flows.tell(ended, error)
  }

  #handle(message: SipMessage, handler: (message: SipMessage) => unknown): void {
    if (message.isRequest) this.#context.counters.requestIn(message.method)
    try {
      const pending = thenable(handler(message))
      pending?.then(undefined, (error: unknown) => this.#onUnhandled(message, error))
    } catch (error) {
      this.#onUnhandled(message, error)
    }
  }

  #onUnhandled(message: SipMessage, error: unknown): void {
    const { failed, transactions, replies } = this.#context
    failed(error)
    if (message.isRequest && message.method !== 'CANCEL' && !transactions().isClosed)
      replies().reply(message, 500)
  }
}
