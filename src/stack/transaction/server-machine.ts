import type { MachineInstance } from '../../util/machine.ts'
import type { SipRequest } from '../message/message.ts'
import type { ResponseWay } from '../transport/response-way.ts'
import type { TransactionContext } from './context.ts'

/** Why a server transaction ended without its work done. */
export type ServerFailure = 'timeout' | 'transport error'

/** The user's side of a server transaction, as its machine knows it. */
export interface ServerHandle {
  /** Tag that responses put behind a To that has none. */
  readonly localTag: string
  readonly isAnswered: boolean
  /** Sends 100 in the name of the user, who has not answered yet. */
  sendTrying(): void
  /** Answers in the user's stead: 487, or 500 where its handler threw. */
  respond(status: number): void
  cancelBy(cancel: SipRequest): void
  fail(failure: ServerFailure): void
}

/** What both server machines keep. Of a finished transaction only key, way and the last response remain. */
export abstract class ServerMachine<S extends string> implements MachineInstance<S> {
  abstract state: S
  turn: unknown[] | null = null
  readonly context: TransactionContext
  readonly key: string
  readonly way: ResponseWay
  /** The user's side, until nothing can be told it any more. */
  handle: ServerHandle | undefined = undefined
  /** Wire text of the response that was sent last; `''` before the first. */
  last = ''

  constructor(context: TransactionContext, key: string, way: ResponseWay) {
    this.context = context
    this.key = key
    this.way = way
  }

  /** The user answers. */
  abstract onResponse(status: number, wire: string): void
  /** The request came again, or its ACK came. */
  abstract onRequest(isAck: boolean): void
  abstract onTransportError(): void

  /** Sends a response and keeps it. */
  transmit(wire: string): void {
    this.last = wire
    this.#send(wire)
  }

  /** Sends the last response once more; before the first there is nothing to send. */
  retransmit(): void {
    if (this.last === '') return
    this.context.onRetransmission()
    this.#send(this.last)
  }

  /** Tells the user that its answer did not do its work. */
  inform(failure: ServerFailure): void {
    try {
      this.handle?.fail(failure)
    } catch (error) {
      this.context.onHandlerError(error)
    }
  }

  #send(wire: string): void {
    const { flow, fallback } = this.way
    let sent = this.context.send(wire, flow)
    // §18.2.2: only where the connection is not open any more
    if (sent === 'gone') sent = this.context.send(wire, fallback)
    if (typeof sent === 'string') this.onTransportError()
  }
}
