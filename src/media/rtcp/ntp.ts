/** An NTP timestamp (RFC 3550 §4): seconds since 1900 modulo 2^32, and the fraction in 1/2^32 s. */
export interface NtpTime {
  readonly seconds: number
  readonly fraction: number
}

/** Seconds from 1900-01-01 to 1970-01-01. */
const NTP_EPOCH = 2_208_988_800
const WORD = 2 ** 32

/** `date` in milliseconds since 1970, as `Clock.date()` gives it. */
export function ntpFromDate(date: number): NtpTime {
  const seconds = Math.floor(date / 1000)
  const fraction = Math.round(((date - seconds * 1000) / 1000) * WORD)
  return { seconds: (seconds + NTP_EPOCH) % WORD, fraction: Math.min(fraction, WORD - 1) }
}

/** Milliseconds since 1970; a time whose top bit is clear lies after 2036 (RFC 5905 §6's era rule). */
export function dateFromNtp(time: NtpTime): number {
  const era = time.seconds < 0x80000000 ? WORD : 0
  return (time.seconds + era - NTP_EPOCH) * 1000 + (time.fraction / WORD) * 1000
}

/** The middle 32 bits: what LSR carries, in 1/65536 s (§6.4.1). */
export function middleOf(time: NtpTime): number {
  return (((time.seconds & 0xffff) << 16) | (time.fraction >>> 16)) >>> 0
}

/**
 * Round-trip time in milliseconds from a report block (§6.4.1): `arrival` minus LSR minus DLSR, or `undefined` where
 * the block answers no sender report or the clock moved so that the result would be below zero.
 */
export function roundTrip(arrival: NtpTime, lastReport: number, delay: number): number | undefined {
  if (lastReport === 0) return undefined
  const units = (middleOf(arrival) - lastReport - delay) | 0
  return units < 0 ? undefined : (units * 1000) / 65536
}
