import type { Timers } from '../../util/timers.ts'
import type { Flow } from '../message/flow.ts'
import type { Sent } from '../transport/transport.ts'
import type { TransactionTiming } from './timers.ts'

/** What a transaction needs of the world: time, a way out, and someone to tell that it has ended. */
export interface TransactionContext {
  readonly timers: Timers
  readonly timing: TransactionTiming
  /** Sends wire text; answers the flow that was used, or why none was. */
  send(wire: string, flow: Flow): Sent
  /** Counts a message that is sent once more. */
  onRetransmission(): void
  /** A user's handler threw: that must stop neither the transaction nor the stack. */
  onHandlerError(error: unknown): void
  /** The transaction is terminated and can be forgotten. */
  onEnded(key: string): void
}
