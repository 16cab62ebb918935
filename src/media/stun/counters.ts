import type { StunFault } from '../../stun/message.ts'

/** What came in and was of no use; every count is a datagram that cost nothing more. */
export type StunCounters = Record<
  StunFault | 'unmatched' | 'badFingerprint' | 'badIntegrity' | 'badRequests' | 'ignored',
  number
>

/** Counters at zero. */
export function stunCounters(): StunCounters {
  return {
    truncated: 0,
    'not-stun': 0,
    oversized: 0,
    'length-mismatch': 0,
    unaligned: 0,
    'attribute-overrun': 0,
    'too-many-attributes': 0,
    unmatched: 0,
    badFingerprint: 0,
    badIntegrity: 0,
    badRequests: 0,
    ignored: 0,
  }
}
