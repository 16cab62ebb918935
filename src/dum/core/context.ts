import type { Identifiers } from '../../stack/message/identifiers.ts'
import type { SipStack } from '../../stack/stack.ts'
import type { TransactionTiming } from '../../stack/transaction/timers.ts'
import type { Failed } from '../../util/guard.ts'
import type { Timers } from '../../util/timers.ts'
import type { DumCounters } from './counters.ts'
import type { DumLimits } from './limits.ts'

/** What every room of a DialogUsageManager needs. */
export interface DumContext {
  readonly stack: SipStack
  readonly timers: Timers
  readonly timing: TransactionTiming
  readonly identifiers: Identifiers
  readonly limits: DumLimits
  readonly counters: DumCounters
  /** Unix time in milliseconds. */
  readonly date: () => number
  /** 0 up to 1. */
  readonly random: () => number
  /** Told what a handler threw, or rejected with. */
  readonly failed: Failed
}
