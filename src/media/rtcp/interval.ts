/** What the transmission interval depends on (RFC 3550 §6.3). */
export interface IntervalState {
  readonly members: number
  readonly senders: number
  readonly weSent: boolean
  /** Octets a second that all members together may use for RTCP. */
  readonly bandwidth: number
  /** In octets, lower-layer headers included. */
  readonly averageSize: number
  /** No RTCP packet was sent yet. */
  readonly initial: boolean
  /** Milliseconds, 5000 by default (§6.2); half of it before the first packet. */
  readonly minimum?: number
}

const RTCP_MIN_TIME = 5000
const SENDER_FRACTION = 0.25
/** e − 3/2: timer reconsideration converges below the intended average (§6.3.1). */
const COMPENSATION = Math.E - 1.5

/** The deterministic calculated interval Td of §6.3.1, in milliseconds. */
export function deterministicInterval(state: IntervalState): number {
  const minimum = (state.minimum ?? RTCP_MIN_TIME) / (state.initial ? 2 : 1)
  let bandwidth = state.bandwidth
  let n = state.members
  if (state.senders <= state.members * SENDER_FRACTION) {
    bandwidth *= state.weSent ? SENDER_FRACTION : 1 - SENDER_FRACTION
    n = state.weSent ? state.senders : state.members - state.senders
  }
  return Math.max(minimum, (1000 * state.averageSize * n) / bandwidth)
}

/** The interval T of §6.3.1 in milliseconds; `random` is uniform from 0 up to 1. */
export function transmissionInterval(state: IntervalState, random: number): number {
  return (deterministicInterval(state) * (random + 0.5)) / COMPENSATION
}
