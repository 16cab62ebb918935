/**
 * Why a packet was not protected or not taken. A result below 0 is -1 less the index into this list.
 *
 * - `malformed`: shorter than its header, tag and MKI say, or not of version 2
 * - `room`: no room behind `end` for tag and MKI
 * - `reused`: this index went out before, or is more than 64 behind the highest (RFC 3711 §9.1)
 * - `expired`: the master key has served its lifetime (RFC 3711 §9.2)
 * - `sources`: more SSRCs than the context keeps, none of which may be forgotten
 * - `mki`: names none of the master keys
 * - `old`, `replayed`: before the replay window, in it and taken already (RFC 3711 §3.3.2)
 * - `failed`: the tag is not that of these octets
 * - `unencrypted`: SRTCP whose E bit is not set (RFC 3711 §3.4)
 * - `closed`: after `close`
 */
export const srtpFaults = [
  'malformed',
  'room',
  'reused',
  'expired',
  'sources',
  'mki',
  'old',
  'replayed',
  'failed',
  'unencrypted',
  'closed',
] as const

export type SrtpFault = (typeof srtpFaults)[number]

/** What a result of `protect` or `unprotect` says; `undefined` where it is the packet's new end. */
export function srtpFault(result: number): SrtpFault | undefined {
  return result < 0 ? srtpFaults[-1 - result] : undefined
}

/** The results themselves. */
export const fault: { readonly [name in SrtpFault]: number } = {
  malformed: -1,
  room: -2,
  reused: -3,
  expired: -4,
  sources: -5,
  mki: -6,
  old: -7,
  replayed: -8,
  failed: -9,
  unencrypted: -10,
  closed: -11,
}
