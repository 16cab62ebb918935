import type { SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate, ResponseTemplate } from '../../stack/message/template.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import type { DumContext } from '../core/context.ts'
import type { Body, Description } from '../core/description.ts'
import type { Dialog } from '../dialog/dialog.ts'
import type { DialogRequests } from '../dialog/dialog-requests.ts'
import type { InviteHandler, InviteSession, OfferReply, OfferRequest } from '../handlers/invite.ts'
import type { Profile } from '../profile/profile.ts'
import type { CallEvent } from './call.ts'
import type { OfferAnswer } from './offer-answer.ts'

/** The session that is modified. */
export interface Modifiable extends InviteSession {
  readonly context: DumContext
  readonly dialog: Dialog
  readonly profile: Profile
  readonly offers: OfferAnswer
  readonly requests: DialogRequests
  readonly isOver: boolean
  readonly isFirstOfferOpen: boolean
  readonly isFirstAcked: boolean
  readonly takesUpdate: boolean
  tell(call: (handler: InviteHandler) => unknown, onError?: (error: unknown) => void): void
  lose(event: CallEvent): void
  fillRefresh(template: RequestTemplate): void
  within(transaction: ServerTransaction, status: number): ResponseTemplate
  withContact(transaction: ServerTransaction, status: number): ResponseTemplate
  isLost(status: number): boolean
  /** No change is under way any more. */
  onChangeOver(): void
}

/** A modification that the application wants: what it describes when its turn has come, nothing to ask for an offer. */
export interface Wanted {
  readonly describe: (() => Body | Description) | undefined
  readonly reply: OfferReply | undefined
  /** Who is given the offer that a re-INVITE without one brings, where the session's handler is not. */
  readonly request?: OfferRequest | undefined
}

/** What runs of a session's timer already, to be asked for again. */
export interface RunningTimer {
  readonly interval: number
  readonly isRefresher: boolean
}

/** Who is told how a request of ours that refreshes or changes the session has ended. */
export interface ChangeUser {
  readonly runningTimer: RunningTimer | undefined
  onGranted(response: SipResponse): void
  /** It is to be tried again after a pause. */
  onAgain(wanted: Wanted | undefined, wasRefresh: boolean): void
  onRefreshRefused(status: number, isLost: boolean): void
}
