import type { Timers } from '../../util/timers.ts'
import type { Flow } from '../transport/flow.ts'
import type { TransactionTiming } from './timers.ts'

/** What a transaction needs of the world: time, a way out, and someone to tell that it has ended. */
export interface TransactionContext {
  readonly timers: Timers
  readonly timing: TransactionTiming
  /** Sends wire text; answers the connection used, 0 for datagrams, -1 where the flow's connection is gone. */
  send(wire: string, flow: Flow): number
  /** Counts a message that is sent once more. */
  onRetransmission(): void
  /** The transaction is terminated and can be forgotten. */
  onEnded(key: string): void
}
