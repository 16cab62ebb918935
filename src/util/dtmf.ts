import { UsageError } from './errors.ts'

/** By event code (RFC 4733 §3.2, table 3). */
const DIGITS = '0123456789*#ABCD'

/** The DTMF character of an event code, or `undefined` for other events. */
export function digitOf(event: number): string | undefined {
  return DIGITS[event]
}

/** The event code of a DTMF character: `0`–`9`, `*`, `#`, `A`–`D` in either case. Throws a `UsageError` for others. */
export function eventOf(digit: string): number {
  const event = digit.length === 1 ? DIGITS.indexOf(digit.toUpperCase()) : -1
  if (event < 0) throw new UsageError('ERR_DTMF_DIGIT', 'a DTMF digit is one of 0–9, *, #, A–D')
  return event
}
