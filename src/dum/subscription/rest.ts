import type { SubscriptionEnd } from '../handlers/subscription.ts'

/** Seconds where a reason asks for a pause without saying how long. */
const PAUSE = 60
/** A subscription that ends sooner than this, in milliseconds, is one of a row that is slowed down. */
export const SHORT_LIVED = 60_000
const LONGEST_PAUSE = 300

/**
 * Seconds until a new subscription is asked for after one has ended, by the reason that the notifier gave (RFC 6665
 * §4.1.3); `undefined` for never.
 */
export function pauseAfter({ by, reason, status, retryAfter }: SubscriptionEnd): number | undefined {
  switch (reason) {
    case 'deactivated':
    case 'timeout':
      return 0
    case 'probation':
    case 'giveup':
      return retryAfter ?? PAUSE
    case 'rejected':
    case 'noresource':
    case 'invariant':
      return undefined
    default:
      break
  }
  if (retryAfter !== undefined) return retryAfter
  // a notifier that has forgotten it, or is not there: 481 to a refresh, no NOTIFY in time, expired
  const isForgotten = status === 481 || by === 'timer' || by === 'network'
  return isForgotten ? 0 : undefined
}

/** Seconds that subscriptions of a row wait besides which all ended soon, `attempts` of them: 0, 1, 2, 4 … 300. */
export function slowing(attempts: number): number {
  return attempts === 0 ? 0 : Math.min(2 ** (attempts - 1), LONGEST_PAUSE)
}

/** Statuses that end a subscription when they answer its SUBSCRIBE or NOTIFY (RFC 6665 §4.1.2.2, §4.2.2). */
export function endsSubscription(status: number): boolean {
  return (
    (status >= 480 && status <= 485) ||
    status === 404 ||
    status === 405 ||
    status === 410 ||
    status === 416 ||
    status === 489 ||
    status === 501 ||
    status === 604
  )
}
