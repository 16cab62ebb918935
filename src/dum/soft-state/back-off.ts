/** Times of RFC 5626 §4.5, in milliseconds. */
export interface BackOffTimes {
  /** Where nothing is registered by any other flow. */
  readonly baseAllFailed: number
  /** Where another flow still stands. */
  readonly baseOthersStand: number
  readonly most: number
}

const backOffTimes: BackOffTimes = {
  baseAllFailed: 30_000,
  baseOthersStand: 90_000,
  most: 1_800_000,
}

/** How often it failed in turn, and what is left. */
export interface Failing {
  /** Consecutive failures, this one among them: 1 or more. */
  readonly failures: number
  /** Whether another flow of the same registration still stands. */
  readonly othersStand: boolean
}

/**
 * Milliseconds until the next try (RFC 5626 §4.5): 50 to 100 % of min(max-time, base-time · 2^failures). After the first
 * failure of an only flow 30 to 60 s.
 * @param fraction 0 up to 1, at random
 */
export function backOff(
  { failures, othersStand }: Failing,
  fraction: number,
  times: BackOffTimes = backOffTimes,
): number {
  const base = othersStand ? times.baseOthersStand : times.baseAllFailed
  const upper = Math.min(times.most, base * 2 ** Math.min(failures, MOST_DOUBLINGS))
  return Math.round(upper * (0.5 + fraction / 2))
}

/**
 * The same where the server said by Retry-After when to come back, in seconds. It counts as it stands the first time, 0 for
 * at once (§4.2.1), with up to a tenth more, so that not all come back in the same second; a server that says so again and
 * again is not asked oftener than one that does not answer.
 */
export function backOffTo(
  retryAfter: number,
  failing: Failing,
  fraction: number,
  times: BackOffTimes = backOffTimes,
): number {
  const asked = Math.round(Math.min(retryAfter, LONGEST) * 1000 * (1 + fraction / 10))
  return failing.failures <= 1 ? asked : Math.max(asked, backOff(failing, fraction, times))
}

/** When to renew what is held for `lifetime` milliseconds: after 80 to 90 % of it, at random. */
export function renewalOf(lifetime: number, fraction: number): number {
  return Math.round(lifetime * (0.8 + fraction / 10))
}

/** Beyond these the most that is waited is reached anyway, and numbers stay numbers. */
const MOST_DOUBLINGS = 30
/** Seconds, a day: what a server may ask for at the most. */
const LONGEST = 86_400
