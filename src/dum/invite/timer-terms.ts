import * as h from '../../stack/headers/index.ts'
import { SessionInterval } from '../../stack/headers/session-timer.ts'
import type { SipRequest, SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate, ResponseTemplate } from '../../stack/message/template.ts'
import type { Profile } from '../profile/profile.ts'

/** What the sides agree on for a session's timer (RFC 4028). */
export interface TimerTerms {
  /** Seconds; `undefined` for no timer. */
  readonly interval: number | undefined
  /** Whether we refresh. */
  readonly byUs: boolean
}

const none: TimerTerms = { interval: undefined, byUs: false }

/** RFC 4028 §4: the least interval that may be asked for. */
const LEAST = 90

/** Writes what we ask for into an INVITE or UPDATE (§7.1); `present` is what runs already, which is asked for again. */
export function askForTimer(
  template: RequestTemplate,
  profile: Profile,
  present?: { readonly interval: number; readonly isRefresher: boolean },
): void {
  const { sessionExpires, minSessionExpires, refresher } = profile.values
  const interval = present?.interval ?? sessionExpires
  if (interval === 0) return
  let asked = new SessionInterval(Math.max(interval, minSessionExpires, LEAST))
  if (present !== undefined) asked = asked.withRefresher(present.isRefresher ? 'uac' : 'uas')
  else if (refresher !== 'either') asked = asked.withRefresher(refresher)
  template.set(h.SessionExpires, asked)
  if (minSessionExpires > LEAST) template.set(h.MinSE, new SessionInterval(minSessionExpires))
}

/** The request again with the interval that a 422 asks for (§7.3); `undefined` where it asks for none, or for less. */
export function withLongerTimer(sent: RequestTemplate, refused: SipResponse): RequestTemplate | undefined {
  const least = refused.try(h.MinSE).value?.seconds
  const asked = sent.try(h.SessionExpires).value
  if (least === undefined || asked === undefined || asked.seconds >= least) return undefined
  const longer = new SessionInterval(least, asked.params)
  return sent.derive().set(h.SessionExpires, longer).set(h.MinSE, new SessionInterval(least))
}

/** What a 2xx of the peer's says (§7.2). */
export function termsOfAnswer(response: SipResponse): TimerTerms {
  const granted = response.try(h.SessionExpires).value
  if (granted === undefined) return none
  return { interval: Math.max(granted.seconds, 1), byUs: granted.refresher !== 'uas' }
}

/**
 * What we answer an INVITE or UPDATE with (§9), or the least interval where it asks for too short a one, to be refused
 * with 422.
 */
export function termsFor(request: SipRequest, profile: Profile): TimerTerms | { readonly least: number } {
  const { sessionExpires, minSessionExpires, refresher } = profile.values
  const asked = request.try(h.SessionExpires).value
  const knowsTimer = request.tryAll(h.Supported).value?.some(tag => tag.toLowerCase() === 'timer') === true
  const least = Math.max(minSessionExpires, LEAST)
  if (asked !== undefined && asked.seconds < least && knowsTimer) return { least }
  const asksAtLeast = request.try(h.MinSE).value?.seconds ?? LEAST
  if (asked === undefined && (sessionExpires === 0 || !knowsTimer)) return none
  const interval = Math.max(asked?.seconds ?? sessionExpires, asksAtLeast, asked === undefined ? 0 : LEAST)
  // who does not know the timer cannot refresh (§9, table 2)
  const chosen = knowsTimer ? (asked?.refresher ?? (refresher === 'either' ? 'uac' : refresher)) : 'uas'
  return { interval, byUs: chosen === 'uas' }
}

/** Writes what was agreed into a 2xx of ours; a peer that must refresh must know how (§9). */
export function writeTerms(response: ResponseTemplate, { interval, byUs }: TimerTerms): void {
  if (interval === undefined) return
  response.set(h.SessionExpires, new SessionInterval(interval).withRefresher(byUs ? 'uas' : 'uac'))
  if (!byUs) response.append(h.Require, 'timer')
}
