import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import type { CallOutcome } from '../call-record/outcome.ts'

/** What comes to a call's machine with an input. */
export interface CallEvent {
  /** Why the call ends, where the input ends it. */
  readonly outcome?: CallOutcome
  /** What an INVITE that is not answered yet is answered with. */
  readonly status?: number
  /** The request that ends it: a BYE, to be answered. */
  readonly transaction?: ServerTransaction
}

/** Whose call it is: what the machines have done. Each is called after the state is committed. */
export interface CallUser {
  sendBye(event: CallEvent): void
  answerBye(event: CallEvent): void
  /** Tells that the call is up. */
  tellConnected(): void
  /** Tells the end, once. */
  tellEnd(event: CallEvent): void
  /** Nothing of the call is under way any more: lets go of the dialog. */
  release(): void
}

export interface CallUasUser extends CallUser {
  /** Sends the 2xx and waits for its ACK. */
  sendAccept(): void
  sendRejection(event: CallEvent): void
  /** The ACK is in. */
  tellConfirmed(): void
  /** No ACK came within 64·T1. */
  tellNoAck(): void
}

export interface CallUacUser extends CallUser {
  /** Sends the same ACK again. */
  acknowledge(): void
  /** Ends what the set has under way for this dialog alone: CANCEL where it is the last fork, else BYE. */
  leaveEarly(event: CallEvent): void
  /** ACKs a 2xx that nobody wants any more; an offer in it is refused. */
  refuseAccept(): void
}
