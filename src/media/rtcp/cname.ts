import type { RandomSource } from '../../util/random.ts'

/** Octets of randomness in a short-term persistent CNAME (RFC 7022 §4.2). */
const CNAME_OCTETS = 12

/**
 * A short-term persistent CNAME (RFC 7022 §4.2): 96 random bits in base64, which tell nothing about the user or the
 * host. One for all sessions of a call, a new one for each call.
 */
export function randomCname(random: RandomSource): string {
  return Buffer.from(random.fill(new Uint8Array(CNAME_OCTETS))).toString('base64')
}
