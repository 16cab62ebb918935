import type { CallbackErrors } from '../callback-errors.ts'
import type { SrtpFlowCounters } from './srtp-counters.ts'

/** What passed through a flow, and what did not. */
export interface FlowCounters {
  packetsIn: number
  bytesIn: number
  packetsOut: number
  bytesOut: number
  stun: number
  dtls: number
  /** Neither RTP nor RTCP, STUN or DTLS; dropped. */
  unknown: number
  /** RTCP on a flow for RTP or the other way round; dropped. */
  misplaced: number
  /** Of sources that are neither signalled nor proven; dropped. */
  strangers: number
  /** Given to `send` before the flow was ready, without a destination, or while the path could not take it. */
  unsent: number
  /** Sent, and refused by the system: the peer's host cannot be reached, its port is closed, no buffer is left. */
  failed: number
  /** SRTP and SRTCP, where the stream is protected. */
  readonly srtp: SrtpFlowCounters
  /** Callbacks of the application that threw or rejected, of the whole stream. */
  readonly callbackErrors: number
}

/** All at 0; `errors` counts for the whole stream. */
export function flowCounters(errors: CallbackErrors): FlowCounters {
  return {
    packetsIn: 0,
    bytesIn: 0,
    packetsOut: 0,
    bytesOut: 0,
    stun: 0,
    dtls: 0,
    unknown: 0,
    misplaced: 0,
    strangers: 0,
    unsent: 0,
    failed: 0,
    srtp: {
      authenticated: 0,
      failed: 0,
      replayed: 0,
      old: 0,
      mki: 0,
      sources: 0,
      expired: 0,
      reused: 0,
      early: 0,
      unprotected: 0,
    },
    get callbackErrors() {
      return errors.count
    },
  }
}
