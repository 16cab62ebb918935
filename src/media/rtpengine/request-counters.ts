/** What happened on the way to one engine, counted since the client was made. */
export interface RequestCounters {
  requests: number
  retransmissions: number
  replies: number
  /** Replies to a request that had ended without one: timed out or aborted. */
  lateReplies: number
  /** Further replies to a request that had been answered. */
  duplicateReplies: number
  /** Messages that answer nothing we remember, or have no cookie. */
  strayReplies: number
  /** What the engine told unasked. */
  notifications: number
  malformedReplies: number
  timeouts: number
  carrierFailures: number
  /** Requests that were not sent because too many, or too many bytes of them, were under way. */
  refusedByLimit: number
}

export function requestCounters(): RequestCounters {
  return {
    requests: 0,
    retransmissions: 0,
    replies: 0,
    lateReplies: 0,
    duplicateReplies: 0,
    strayReplies: 0,
    notifications: 0,
    malformedReplies: 0,
    timeouts: 0,
    carrierFailures: 0,
    refusedByLimit: 0,
  }
}
