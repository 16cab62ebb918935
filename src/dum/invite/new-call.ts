import * as h from '../../stack/headers/index.ts'
import { SessionInterval } from '../../stack/headers/session-timer.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import { UsageError } from '../../util/errors.ts'
import { CallTimes } from '../call-record/timeline.ts'
import type { DumContext } from '../core/context.ts'
import { describe } from '../core/description.ts'
import { uasDialog } from '../dialog/dialog.ts'
import type { DialogMap } from '../dialog/dialog-map.ts'
import type { Offering, ServerInviteHandler } from '../handlers/invite.ts'
import type { Profile } from '../profile/profile.ts'
import type { FirstOffering } from './client-session.ts'
import { OfferDuty, OfferRequestDuty } from './duty.ts'
import { ServerSession } from './server-session.ts'
import { termsFor } from './timer-terms.ts'

/** Who hears more of an INVITE than itself: its CANCEL, its failure. */
interface Holders {
  hold(transaction: ServerTransaction, holder: ServerSession): void
}

/** Takes an INVITE that makes a dialog: a session of its own, or the status that refuses it. */
export function receiveCall(
  context: DumContext,
  map: DialogMap,
  holders: Holders,
  profile: Profile,
  transaction: ServerTransaction,
  handler: ServerInviteHandler,
): void {
  const { timers, counters } = context
  const { request } = transaction
  const contact = request.try(h.Contact).value
  if (contact === undefined || contact.isWildcard) {
    counters.withoutContact++
    transaction.respond(transaction.response(400, 'Contact is missing'))
    return
  }
  const terms = termsFor(request, profile)
  if ('least' in terms) {
    transaction.respond(transaction.response(422).set(h.MinSE, new SessionInterval(terms.least)))
    return
  }
  const dialog = uasDialog(request, transaction.localTag)
  const release = (): void => map.delete(dialog.localTag, session)
  const times = new CallTimes(context.date(), timers.now())
  counters.callsIn++
  const parts = { context, dialog, profile, times, release }
  const session: ServerSession = new ServerSession(parts, transaction, handler, terms)
  map.set(dialog.localTag, session)
  holders.hold(transaction, session)
  session.begin(handler)
}

/**
 * What an INVITE carries, and the duty that it fulfils where one was given on.
 * @throws UsageError where it is neither a description nor a duty of a session's
 */
export function firstOffering(offering: Offering | undefined): FirstOffering {
  if (offering === undefined) return { offer: undefined, given: undefined }
  if (offering instanceof OfferDuty || offering instanceof OfferRequestDuty) {
    offering.isGiven = true
    return { offer: offering instanceof OfferDuty ? offering.body : undefined, given: offering }
  }
  if ('isAnswered' in offering)
    throw new UsageError('ERR_SIP_OFFER', 'a duty that a session told of is needed, or a description')
  return { offer: describe(offering), given: undefined }
}
