import type { Flow } from '../../stack/message/flow.ts'
import type { SipRequest, SipResponse } from '../../stack/message/message.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import type { EnvironmentError } from '../../util/errors.ts'

/** One use of a dialog: an INVITE session, a subscription (RFC 5057 §3). */
export interface Usage {
  /** Whether a request in the dialog is this usage's, by its method and Event. */
  claims(request: SipRequest): boolean
  receive(transaction: ServerTransaction): void
  /** A CANCEL came for a request that it received. */
  onCancel?(transaction: ServerTransaction): void
  receiveAck?(ack: SipRequest): void
  /** A 2xx that no transaction waits for any more. */
  receiveStray?(response: SipResponse): void
  onFlowFailed?(flow: Flow, error: EnvironmentError | undefined): void
  /** Ends it in order: BYE, or its last NOTIFY. */
  end(): void
}
