/** Sequence numbers before they begin again. */
export const ROUND = 0x10000
/** Packet indices before they begin again: a master key is over by then (RFC 3711 §9.2). */
export const MOST_INDICES: number = 2 ** 48
const HALF = 0x8000

/**
 * The packet index that a sequence number most likely stands for, after `highest` (RFC 3711 §3.3.1, appendix A): that with the
 * roll-over counter that brings it nearest. -1 where none was seen yet, which begins at ROC 0. There is nothing before ROC 0: a
 * number that would lie there is one ahead.
 */
export function estimateIndex(highest: number, sequence: number): number {
  if (highest <= HALF) return sequence
  const last = highest % ROUND
  const base = highest - last
  if (last < HALF) return base + sequence - (sequence - last > HALF ? ROUND : 0)
  return base + sequence + (last - HALF > sequence ? ROUND : 0)
}
