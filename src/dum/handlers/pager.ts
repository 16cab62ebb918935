import type { SipRequest, SipResponse } from '../../stack/message/message.ts'
import type { Description } from '../core/description.ts'

/** A MESSAGE of ours. */
export interface PagerMessage {
  /** Its Call-ID. */
  readonly id: string
  readonly state: 'waiting' | 'sent' | 'over'
}

/** What an application hears of a message of its own: one of the two, once. */
export interface PagerHandler {
  /** 202 says that it is stored, to be delivered later (RFC 3428 §7). */
  onSuccess?(message: PagerMessage, response: SipResponse): unknown
  onFailure?(message: PagerMessage, status: number, response: SipResponse | undefined): unknown
}

/** A request that came, answered once; 200 where its handler did not until it was done. */
export interface RequestReply {
  readonly isAnswered: boolean
  accept(status?: number, body?: Description): void
  reject(status: number): void
}

export interface PagerArrivalHandler {
  /** A message came; `body` is a copy. It is answered 200 unless `reply` says otherwise. */
  onMessageArrived(message: SipRequest, body: Description | undefined, reply: RequestReply): unknown
}
