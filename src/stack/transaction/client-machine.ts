import type { EnvironmentError } from '../../util/errors.ts'
import type { MachineInstance } from '../../util/machine.ts'
import type { Method } from '../grammar/method.ts'
import type { Flow } from '../message/flow.ts'
import type { SipResponse } from '../message/message.ts'
import type { RequestTemplate } from '../message/template.ts'
import type { Placement } from '../transport/placement.ts'
import { sendError } from '../transport/send-error.ts'
import type { Kept, TransactionContext } from './context.ts'
import { MACHINE_WEIGHT } from './weight.ts'

/** Why a client transaction ended without a final response. */
export type ClientFailure = 'timeout' | 'transport error'

/** Who sent the request of a client transaction. */
export interface ClientUser {
  /** Every response that is not a retransmission; of an INVITE every 2xx (RFC 6026 §7.2). */
  onResponse(response: SipResponse): void
  /** `cause` tells what a transport error was, where that is known. */
  onFailure(failure: ClientFailure, cause?: EnvironmentError): void
  /** An INVITE that was accepted: no further 2xx will be told, for the transaction is gone. */
  onEnded(): void
}

/** What both client machines keep. */
export abstract class ClientMachine<S extends string> implements MachineInstance<S>, Kept {
  abstract state: S
  turn: unknown[] | null = null
  readonly context: TransactionContext<ClientMachine<string>>
  readonly key: string
  /** A response must name it in its CSeq (RFC 3261 §17.1.3). */
  readonly method: Method
  readonly placement: Placement
  /** The flow that was used: the placement's, with its connection known. */
  flow: Flow
  /** The request, while its ACK may have to be made from it. */
  template: RequestTemplate | undefined
  /** Until nothing can be told it any more. */
  user: ClientUser | undefined
  /** Wire text of the request, while it may have to be sent again. */
  wire: string
  /** Why it could not be sent, or what its flow failed of. */
  cause: EnvironmentError | undefined
  weight = 0

  constructor(
    context: TransactionContext<ClientMachine<string>>,
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
  /** Its transport is closed: nothing more can come or go. */
  abstract onTransportRemoved(): void
  /** Gives up without telling the user. */
  abstract abandon(): void

  /** Sends wire text along the request's way and learns the connection it took. */
  transmit(wire: string): void {
    const was = this.flow
    const sent = this.context.send(wire, was)
    if (typeof sent === 'string') {
      this.cause = sendError(sent, was)
      this.onTransportError()
    } else if (sent !== was) {
      this.flow = sent
      this.context.onMoved(this, was)
    }
  }

  /** Sends a text that went out before once more. */
  retransmit(wire: string): void {
    this.context.onRetransmission()
    this.transmit(wire)
  }

  /** Lets go of the user and of what only the request's life needs; answers the user. */
  release(): ClientUser | undefined {
    const { user } = this
    this.user = undefined
    this.template = undefined
    this.wire = ''
    this.weigh(MACHINE_WEIGHT)
    if (user !== undefined) this.context.onReleased(this)
    return user
  }

  /** Lets go of everything; answers the user. */
  finish(): ClientUser | undefined {
    const user = this.release()
    this.weigh(0)
    this.context.onEnded(this)
    return user
  }

  weigh(weight: number): void {
    const was = this.weight
    this.weight = weight
    this.context.onWeight(was, weight)
  }
}
