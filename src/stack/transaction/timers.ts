/** Base times of RFC 3261 §17, in milliseconds; all timers derive from them. */
export interface TransactionTiming {
  /** Round-trip time estimate. Default 500. */
  readonly t1: number
  /** Longest interval between retransmissions of non-INVITE requests and INVITE responses. Default 4,000. */
  readonly t2: number
  /** How long a message may stay in the network. Default 5,000. */
  readonly t4: number
  /** After how long an INVITE server transaction answers 100 by itself (§17.2.1). Default 200. */
  readonly trying: number
}

export const defaultTiming: TransactionTiming = { t1: 500, t2: 4000, t4: 5000, trying: 200 }

/** Timers B, F, H, J, L and M: the life of a transaction (RFC 3261 table 4, RFC 6026 §8.2). */
export function lifetime(timing: TransactionTiming): number {
  return 64 * timing.t1
}

/** Timer D: at least 32 s, for it must outlast the server's Timer H (§17.1.1.2). */
export function timerD(timing: TransactionTiming): number {
  return Math.max(32_000, lifetime(timing))
}

/**
 * When a server transaction sends 100 to a non-INVITE request: after the time it takes the client's Timer E to be
 * reset to T2 (RFC 4320 §4.1), 3.5 s with the default times.
 */
export function nonInviteTrying(timing: TransactionTiming): number {
  let passed = 0
  let interval = timing.t1
  while (interval < timing.t2) {
    passed += interval
    interval *= 2
  }
  return Math.max(passed, timing.t1)
}
