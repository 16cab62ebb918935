import type { SipRequest, SipResponse } from '../message/message.ts'
import type { Method } from '../message/method.ts'
import type { ServerFailure } from './server-machine.ts'
import type { ServerTransaction } from './server-transaction.ts'

/**
 * A transaction user: a UA core, a proxy core, an application. There may be several; a request belongs to the first
 * that claims it, before its transaction is made.
 */
export interface TransactionUser {
  /** Methods this user takes part in, for Allow in a 405; left out: all. */
  readonly methods?: readonly Method[]
  /** Whether a request is this user's own. Synchronous, on fields that are parsed already. */
  accepts(request: SipRequest): boolean
  /** A new request, in a transaction of its own. */
  onRequest(transaction: ServerTransaction): void
  /**
   * The CANCEL of an INVITE that is not answered yet; the layer has answered the CANCEL itself. Left out: the layer
   * answers the INVITE with 487.
   */
  onCancel?(transaction: ServerTransaction, cancel: SipRequest): void
  /** An ACK that belongs to no transaction, and so to a 2xx. */
  onAck?(ack: SipRequest): void
  /** No ACK came, or no answer could be sent, or the user did not give one in time. */
  onFailure?(transaction: ServerTransaction, failure: ServerFailure): void
  /** A response that no transaction waits for, as a 2xx from a fork after Timer M. */
  onStrayResponse?(response: SipResponse): void
}
