/**
 * Octets of heap for a machine with its key, timers and map entries, and for what a live one holds besides the octets
 * of its messages (parsed values, index, handle): measured, and rounded up, so that a limit in octets holds.
 */
export const MACHINE_WEIGHT = 400
const LIVE_WEIGHT = 2200

/** What a received or a sent message costs while it is held: its bytes, its head as text, and their copies in between. */
export function messageWeight(octets: number): number {
  return LIVE_WEIGHT + 2 * octets
}
