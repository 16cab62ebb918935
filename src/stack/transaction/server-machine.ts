import type { MachineInstance } from '../../util/machine.ts'
import type { ResponseWay } from '../transport/response-way.ts'
import type { TransactionContext } from './context.ts'
import type { ServerTransaction } from './server-transaction.ts'

/** Why a server transaction ended without its work done. */
export type ServerFailure = 'timeout' | 'transport error'

/** What both server machines keep. Of a finished transaction only key, way and the last response remain. */
export abstract class ServerMachine<S extends string> implements MachineInstance<S> {
  abstract state: S
  turn: unknown[] | null = null
  readonly context: TransactionContext
  readonly key: string
  readonly way: ResponseWay
  /** The user's side, until nothing can be told it any more. */
  handle: ServerTransaction | undefined = undefined
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

  #send(wire: string): void {
    if (this.context.send(wire, this.way.flow) < 0) this.context.send(wire, this.way.fallback)
  }
}
