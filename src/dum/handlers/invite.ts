import type { SessionDescription } from '../../sdp/index.ts'
import type { NameAddr } from '../../stack/grammar/name-addr.ts'
import type { Uri } from '../../stack/grammar/uri.ts'
import type { Reason } from '../../stack/headers/reason.ts'
import type { Flow } from '../../stack/message/flow.ts'
import type { SipRequest, SipResponse } from '../../stack/message/message.ts'
import type { CallOutcome } from '../call-record/outcome.ts'
import type { Timeline } from '../call-record/timeline.ts'
import type { Body, Description } from '../core/description.ts'

/** What carries an offer. */
export type Carrier = 'INVITE' | '1xx' | '2xx' | 'PRACK' | 'UPDATE'

/** Where a call stands: the states of its machine, and `over`. */
export type CallState =
  | 'received'
  | 'early'
  | 'accepting'
  | 'accepted'
  | 'established'
  | 'ending'
  | 'leaving'
  | 'terminated'

/**
 * What an offer is answered by, once.
 * @throws UsageError `ERR_SIP_ANSWERED` the second time
 */
export interface OfferReply {
  answer(answer: Body | Description): void
  /** 488 unless said. What was agreed before goes on. */
  reject(status?: number): void
}

/** An offer of the peer's: a duty. */
export interface Offer extends OfferReply {
  readonly body: Description
  /** The offer parsed. @throws PeerError where it is no SDP, or malformed */
  readonly sdp: SessionDescription
  readonly carrier: Carrier
  readonly isAnswered: boolean
}

/** The peer wants us to make an offer, by an INVITE without one: a duty. */
export interface OfferRequest {
  /** `reply` is told how the offer fares; without it the session's handler is. */
  offer(offer: Body | Description, reply?: OfferReply): void
  reject(status?: number): void
  readonly isAnswered: boolean
}

/** What a new session begins with: a body, or another session's duty that is given on. */
export type Offering = Body | Description | Offer | OfferRequest

/** One session of a call, which is its own handle: when it is over its verbs throw `ERR_SIP_OVER`, and `end` does nothing. */
export interface InviteSession {
  /** Unlike any other session's of this manager. */
  readonly id: string
  readonly role: 'uac' | 'uas'
  readonly state: CallState
  readonly timeline: Timeline
  readonly callId: string
  readonly localTag: string
  readonly remoteTag: string
  readonly local: NameAddr
  readonly remote: NameAddr
  /** What is agreed: our description and the peer's. */
  readonly localDescription: Description | undefined
  readonly remoteDescription: Description | undefined
  /** The flow that the peer was last heard on. */
  readonly flow: Flow | undefined
  /** The application's own, JSON, saved with the dialog. */
  data: unknown
  /** Ends the call, whatever its state: CANCEL, BYE, or the INVITE refused (480 unless a status is said). */
  end(why?: CallOutcome | Reason | number): void
  /** Offers anew: UPDATE in an early dialog, re-INVITE in an established one. Waits its turn where it may not go now. */
  offer(offer: (Body | Description) | (() => Body | Description), reply?: OfferReply): void
  /** Asks the peer for an offer, by a re-INVITE without one; `request` of another session is given what it makes. */
  requestOffer(request?: OfferRequest): void
  /** Sends what refreshes the session's timer and the remote target, with nothing changed. */
  refresh(): void
  info(body: Body, headers?: { readonly package?: string }): void
  message(body: Body): void
}

/** A session that a peer's INVITE began. */
export interface ServerInviteSession extends InviteSession {
  readonly role: 'uas'
  handler: InviteHandler<ServerInviteSession>
  /** The INVITE; only while it is not answered. */
  readonly request: SipRequest | undefined
  /** A provisional response; `preview` is early media's description, which a later answer may differ from. */
  provisional(status: number, preview?: Body | Description): void
  /** Accepts, once the offer is answered, or made where the INVITE had none. */
  accept(status?: number): void
  reject(status: number, reasons?: readonly Reason[]): void
  redirect(contacts: readonly (NameAddr | Uri | string)[], status?: number): void
}

/** A session that an INVITE of ours made: one for each fork. */
export interface ClientInviteSession extends InviteSession {
  readonly role: 'uac'
  handler: InviteHandler<ClientInviteSession>
}

/** A call that we make, with all its forks. */
export interface ClientInvite {
  readonly id: string
  readonly sessions: readonly ClientInviteSession[]
  readonly timeline: Timeline
  /** Ends all of it: CANCEL, and BYE to what is up. */
  end(why?: CallOutcome | Reason | number): void
}

/**
 * What an application hears of a session. Only `onOffer` has no default. Any of them may return a promise: what follows of
 * the session waits for it, but for its end. After `onTerminated`, `onFailure` and `onForkDestroyed` nothing is told.
 */
export interface InviteHandler<S extends InviteSession = InviteSession> {
  /** The peer offers, in an INVITE, a response, a PRACK or an UPDATE. */
  onOffer(session: S, offer: Offer): unknown
  /** Our offer was answered. */
  onAnswer?(session: S, answer: Description): unknown
  /** What the peer described is another than before. */
  onRemoteSdpChanged?(session: S, description: Description): unknown
  /** Left out: a first INVITE gets 488, a re-INVITE the agreed description again (RFC 6337 §5.2.5). */
  onOfferRequired?(session: S, request: OfferRequest): unknown
  /** Our offer was refused; what was agreed before goes on. */
  onOfferRejected?(session: S, status: number): unknown
  onOfferRequestRejected?(session: S, status: number): unknown
  /** A message that had to bring an answer, or an offer, did not. */
  onIllegalNegotiation?(session: S): unknown
  /** A provisional response other than 100; `preview` is what it describes before the answer. */
  onProvisional?(session: S, response: SipResponse, preview: Description | undefined): unknown
  onEarlyMedia?(session: S, preview: Description): unknown
  /** 2xx came, or went; the ACK may be owed. */
  onAccepted?(session: S): unknown
  /** Our ACK went, or our 2xx. */
  onConnected?(session: S): unknown
  /** The peer's ACK came. */
  onConnectedConfirmed?(session: S): unknown
  onAckReceived?(session: S, ack: SipRequest): unknown
  onAckNotReceived?(session: S): unknown
  onPrack?(session: S, prack: SipRequest): unknown
  /** Nobody fulfilled the duty of a re-INVITE or UPDATE in time, or the peer did not answer ours. */
  onStaleReInviteTimeout?(session: S): unknown
  /** The call rang for too long. */
  onStaleCallTimeout?(session: S): unknown
  /** The session timer ran out (RFC 4028 §10); `onTerminated` follows. */
  onSessionExpired?(session: S): unknown
  /** The connection that the dialog used is gone. */
  onFlowTerminated?(session: S): unknown
  /** Left out: 469, or 415 where no package is named. */
  onInfo?(session: S, info: SipRequest, reply: Answering): unknown
  onInfoSuccess?(session: S, response: SipResponse): unknown
  onInfoFailure?(session: S, status: number): unknown
  /** Left out: 405. */
  onMessage?(session: S, message: SipRequest, reply: Answering): unknown
  onMessageSuccess?(session: S, response: SipResponse): unknown
  onMessageFailure?(session: S, status: number): unknown
  /** Once and last of a session that was up, or was ours to answer. */
  onTerminated?(session: S, outcome: CallOutcome): unknown
}

/** What a request within a session is answered by, once. */
export interface Answering {
  accept(status?: number): void
  reject(status: number): void
}

/** The same for calls that come; the first duty comes with the session. */
export interface ServerInviteHandler extends InviteHandler<ServerInviteSession> {
  /** Left out: the call is accepted once its offer is answered. */
  onNewSession?(session: ServerInviteSession, first: Offer | OfferRequest): unknown
}

/** The same for calls that we make. */
export interface ClientInviteHandler extends InviteHandler<ClientInviteSession> {
  /** A fork answered for the first time, by a provisional or a final response. */
  onNewSession?(session: ClientInviteSession, response: SipResponse): unknown
  /** Once and last of a call that nobody accepted. */
  onFailure?(call: ClientInvite, outcome: CallOutcome, response: SipResponse | undefined): unknown
  /** Once and last of a fork that ends alone. */
  onForkDestroyed?(session: ClientInviteSession): unknown
  /** 3xx: the targets are tried unless this answers false. */
  onRedirected?(call: ClientInvite, response: SipResponse): unknown
  /** 100 came. */
  onTrying?(call: ClientInvite, response: SipResponse): unknown
  /** A provisional response without To tag came. */
  onNonDialogCreatingProvisional?(call: ClientInvite, response: SipResponse): unknown
}
