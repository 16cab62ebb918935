import type { EnvironmentError } from '../../util/errors.ts'
import type { Method } from '../grammar/method.ts'
import type { Flow } from '../message/flow.ts'
import type { SipRequest, SipResponse } from '../message/message.ts'
import type { Transport } from '../transport/transport.ts'
import type { ServerFailure } from './server-machine.ts'
import type { ServerTransaction } from './server-transaction.ts'

/**
 * A transaction user: a UA core, a proxy core, an application. There may be several; a request belongs to the first
 * that claims it, before its transaction is made. Any of these may return a promise: what it rejects with is handled as
 * what is thrown.
 */
export interface TransactionUser {
  /** Methods this user takes part in, for Allow in a 405; left out: all. */
  readonly methods?: readonly Method[]
  /** Whether a request is this user's own. Synchronous, on fields that are parsed already. */
  accepts(request: SipRequest): boolean
  /** A new request, in a transaction of its own. Where this throws or rejects and nothing was answered: 500. */
  onRequest(transaction: ServerTransaction): unknown
  /**
   * The CANCEL of an INVITE that is not answered yet; the layer has answered the CANCEL itself. Left out, or throwing
   * without having answered: the layer answers the INVITE with 487.
   */
  onCancel?(transaction: ServerTransaction, cancel: SipRequest): unknown
  /** An ACK that belongs to no transaction, and so to a 2xx. */
  onAck?(ack: SipRequest): unknown
  /**
   * No ACK came, or no answer could be sent, or the user did not give one in time, or the connection the request came by
   * is gone (an answer is then sent over a new one).
   */
  onFailure?(transaction: ServerTransaction, failure: ServerFailure): unknown
  /** A response that no transaction waits for, as a 2xx from a fork after Timer M. */
  onStrayResponse?(response: SipResponse): unknown
  /** A flow is gone: its connection closed, or a datagram to it was refused. Its transactions have been told before. */
  onFlowFailed?(flow: Flow, error: EnvironmentError | undefined): unknown
  /** A connection is up, accepted or made. */
  onFlowOpened?(flow: Flow): unknown
  /** There is one transport more. */
  onTransportAdded?(transport: Transport): unknown
  /** A transport is closed, and all its flows with it. Its transactions have been told before. */
  onTransportRemoved?(transport: Transport): unknown
  /** The peer of a stream has answered a keep-alive (RFC 5626 §4.4.1). */
  onPong?(flow: Flow): unknown
  /** A STUN message came beside SIP (RFC 5626 §4.4.2). */
  onStun?(bytes: Buffer, flow: Flow): unknown
}
