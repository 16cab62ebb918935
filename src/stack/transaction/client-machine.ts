import type { MachineInstance } from '../../util/machine.ts'
import type { Method } from '../grammar/method.ts'
import type { Flow } from '../message/flow.ts'
import type { SipResponse } from '../message/message.ts'
import type { RequestTemplate } from '../message/template.ts'
import type { Placement } from '../transport/placement.ts'
import type { TransactionContext } from './context.ts'

/** Why a client transaction ended without a final response. */
export type ClientFailure = 'timeout' | 'transport error'

/** Who sent the request of a client transaction. */
export interface ClientUser {
  /** Every response that is not a retransmission; of an INVITE every 2xx (RFC 6026 §7.2). */
  onResponse(response: SipResponse): void
  onFailure(failure: ClientFailure): void
}

/** What both client machines keep. */
export abstract class ClientMachine<S extends string> implements MachineInstance<S> {
  abstract state: S
  turn: unknown[] | null = null
  readonly context: TransactionContext
  readonly key: string
  /** A response must name it in its CSeq (RFC 3261 §17.1.3). */
  readonly method: Method
  readonly placement: Placement
  /** The flow that was used: the placement's, with its connection known. */
  flow: Flow
  /** The request, while its ACK or CANCEL may have to be made from it. */
  template: RequestTemplate | undefined
  /** Until nothing can be told it any more. */
  user: ClientUser | undefined
  /** Wire text of what may have to be sent again: the request, or the ACK to a final response. */
  wire: string

  constructor(
    context: TransactionContext,
    key: string,
    placement: Placement,
    template: RequestTemplate,
    wire: string,
    user: ClientUser,
  ) {
    this.context = context
    this.key = key
    this.method = template.method
    this.placement = placement
    this.flow = placement.flow
    this.template = template
    this.wire = wire
    this.user = user
  }

  get isReliable(): boolean {
    return this.placement.transport.isReliable
  }

  /** Sends the request for the first time. */
  abstract start(): void
  abstract onResponse(response: SipResponse): void
  abstract onTransportError(): void
  /** Gives up without telling the user. */
  abstract abandon(): void

  /** Sends wire text along the request's way and learns the connection it took. */
  transmit(wire: string): void {
    const sent = this.context.send(wire, this.flow)
    if (typeof sent === 'string') this.onTransportError()
    else this.flow = sent
  }

  /** Sends the kept text once more. */
  retransmit(): void {
    this.context.onRetransmission()
    this.transmit(this.wire)
  }
}
