import type { Timers } from '../../util/timers.ts'
import type { Flow } from '../message/flow.ts'
import type { Sent } from '../transport/transport.ts'
import type { TransactionTiming } from './timers.ts'

/** A machine as its keepers know it: what it waits on, and what it weighs. */
export interface Kept {
  readonly key: string
  /** The flow it waits on, its connection known once something was sent. */
  readonly flow: Flow
  /** Octets that it keeps from being freed, as near as that can be told. */
  readonly weight: number
}

/** What a transaction needs of the world: time, a way out, and someone who keeps it. */
export interface TransactionContext<M extends Kept = Kept> {
  readonly timers: Timers
  readonly timing: TransactionTiming
  /** Sends wire text; answers the flow that was used, or why none could be. */
  send(wire: string, flow: Flow): Sent
  /** Counts a message that is sent once more. */
  onRetransmission(): void
  /** The transaction waits on another flow now than on `was`. */
  onMoved(transaction: M, was: Flow): void
  /** Nothing can be told its user any more, so that a lost flow is nothing to it. */
  onReleased(transaction: M): void
  /** What the transaction weighs has changed from `was`. */
  onWeight(was: number, now: number): void
  /** The transaction is terminated and can be forgotten. */
  onEnded(transaction: M): void
}
