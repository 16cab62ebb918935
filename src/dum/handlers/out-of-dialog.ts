import type { SipRequest, SipResponse } from '../../stack/message/message.ts'
import type { RequestReply } from './pager.ts'

/** A request of ours outside dialogs. */
export interface OutOfDialogRequest {
  /** Its Call-ID. */
  readonly id: string
  readonly isOver: boolean
}

/** What an application hears of it: one of the two, once. */
export interface OutOfDialogHandler {
  onSuccess?(request: OutOfDialogRequest, response: SipResponse): unknown
  onFailure?(request: OutOfDialogRequest, status: number, response: SipResponse | undefined): unknown
}

export interface OutOfDialogArrivalHandler {
  /** A request came; it is answered 200 unless `reply` says otherwise. */
  onReceivedRequest(request: SipRequest, reply: RequestReply): unknown
}
