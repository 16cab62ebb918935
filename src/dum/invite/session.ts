import { type NameAddr, nameAddr } from '../../stack/grammar/name-addr.ts'
import * as h from '../../stack/headers/index.ts'
import { Reason } from '../../stack/headers/reason.ts'
import type { Flow } from '../../stack/message/flow.ts'
import type { SipMessage, SipRequest } from '../../stack/message/message.ts'
import type { RequestTemplate, ResponseTemplate } from '../../stack/message/template.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import type { EnvironmentError } from '../../util/errors.ts'
import { UsageError } from '../../util/errors.ts'
import { type CallOutcome, outcome } from '../call-record/outcome.ts'
import type { CallTimes, Timeline } from '../call-record/timeline.ts'
import type { DumContext } from '../core/context.ts'
import { type Body, type Description, describe } from '../core/description.ts'
import { Door } from '../core/door.ts'
import type { Dialog } from '../dialog/dialog.ts'
import { DialogRequests, ended } from '../dialog/dialog-requests.ts'
import type { Usage } from '../dialog/usage.ts'
import type { CallState, InviteHandler, InviteSession, OfferReply, OfferRequest } from '../handlers/invite.ts'
import { contactFor } from '../profile/contact.ts'
import type { Profile } from '../profile/profile.ts'
import type { CallEvent, CallUser } from './call.ts'
import { InSession } from './in-session.ts'
import type { Modifiable, Wanted } from './modifiable.ts'
import { Modifier } from './modifier.ts'
import { OfferAnswer, type OfferAnswerUser } from './offer-answer.ts'

/** What a session needs of those that made it. */
export interface SessionParts {
  readonly context: DumContext
  readonly dialog: Dialog
  readonly profile: Profile
  readonly times: CallTimes
  /** Takes the session's dialog out of the map. */
  readonly release: () => void
}

/**
 * An INVITE usage of one dialog: its machines side by side, and who hears of them. What the called and the calling side do
 * of their own is in the two classes that extend it.
 */
export abstract class Session implements InviteSession, Usage, CallUser, OfferAnswerUser, Modifiable {
  readonly id: string
  abstract readonly role: 'uac' | 'uas'
  readonly dialog: Dialog
  readonly usages: readonly Usage[] = [this]
  readonly profile: Profile
  readonly context: DumContext
  readonly door: Door
  readonly offers: OfferAnswer
  readonly requests: DialogRequests
  readonly modifier: Modifier
  readonly times: CallTimes
  data: unknown = undefined
  /** Whether the peer's Allow names UPDATE (RFC 3311 §4). */
  takesUpdate = false
  readonly #inSession: InSession
  readonly #release: () => void
  #told: Description | undefined
  #hasFlow = true

  constructor({ context, dialog, profile, times, release }: SessionParts) {
    this.context = context
    this.dialog = dialog
    this.profile = profile
    this.times = times
    this.#release = release
    this.id = dialog.localTag
    this.door = new Door(context.failed, context.limits.maxWaiting)
    this.offers = new OfferAnswer(this)
    this.requests = new DialogRequests(context, dialog, profile.credentials)
    this.modifier = new Modifier(this)
    this.#inSession = new InSession(this)
  }

  abstract get state(): CallState

  /** The application's, as far as both roles hear the same. */
  abstract tell(call: (handler: InviteHandler) => unknown, onError?: (error: unknown) => void): void

  /** Whether the first INVITE's offer, or answer, is still open. */
  abstract get isFirstOfferOpen(): boolean
  /** False while the first 2xx and its ACK are on their way. */
  abstract get isFirstAcked(): boolean

  /** Feeds the call's machine with its end. */
  protected abstract hangUp(event: CallEvent): void
  protected abstract receiveBye(event: CallEvent): void
  /** The dialog is lost, expired, replaced: the peer is told by BYE as far as it may be there. */
  abstract lose(event: CallEvent): void
  protected abstract tellOver(end: CallOutcome): void

  get timeline(): Timeline {
    return this.times.timeline
  }

  get callId(): string {
    return this.dialog.callId
  }

  get localTag(): string {
    return this.dialog.localTag
  }

  get remoteTag(): string {
    return this.dialog.remoteTag
  }

  get local(): NameAddr {
    return nameAddr(this.dialog.local)
  }

  get remote(): NameAddr {
    return nameAddr(this.dialog.remote)
  }

  get localDescription(): Description | undefined {
    return this.offers.local
  }

  get remoteDescription(): Description | undefined {
    return this.offers.remote
  }

  get flow(): Flow | undefined {
    return this.dialog.flow
  }

  get isOver(): boolean {
    return this.door.isShut
  }

  // verbs

  end(why?: CallOutcome | Reason | number): void {
    if (!this.isOver) this.hangUp(endEvent(why))
  }

  offer(offer: Body | Description | (() => Body | Description), reply?: OfferReply): void {
    this.#demand('offer')
    this.modifier.want(wanted(offer, reply))
  }

  requestOffer(request?: OfferRequest): void {
    this.#demand('request offer')
    this.modifier.want({ describe: undefined, reply: undefined, request })
  }

  refresh(): void {
    this.#demand('refresh')
    this.modifier.refresh()
  }

  info(body: Body, headers: { readonly package?: string } = {}): void {
    this.#demand('in session')
    this.#inSession.info(body, headers.package)
  }

  message(body: Body): void {
    this.#demand('in session')
    this.#inSession.message(body)
  }

  // what comes in the dialog

  claims(): boolean {
    return true
  }

  receive(transaction: ServerTransaction): void {
    const { request } = transaction
    // what the peer sent before our BYE came to it is answered by nobody any more
    if (this.isOver && request.method !== 'BYE' && request.method !== 'PRACK') {
      transaction.respond(481)
      return
    }
    switch (request.method) {
      case 'BYE':
        this.times.mark('bye', this.context.timers.now())
        this.receiveBye({ transaction, outcome: remoteBye(request) })
        return
      case 'INVITE':
        this.modifier.receiveInvite(transaction)
        return
      case 'UPDATE':
        this.modifier.receiveUpdate(transaction)
        return
      case 'PRACK':
        this.receivePrack(transaction)
        return
      default:
        this.#inSession.receive(transaction)
    }
  }

  /** A UAC is sent none. */
  receivePrack(transaction: ServerTransaction): void {
    transaction.respond(481)
  }

  receiveAck(ack: SipRequest): void {
    this.modifier.receiveAck(ack)
  }

  onCancel(transaction: ServerTransaction): void {
    this.modifier.receiveCancel(transaction)
  }

  onFlowFailed(flow: Flow, _error: EnvironmentError | undefined): void {
    const own = this.dialog.flow
    const isOwn = own !== undefined && own.connection === flow.connection && own.transport === flow.transport
    if (!isOwn || !this.#hasFlow) return
    this.#hasFlow = false
    this.dialog.flow = undefined
    this.tell(handler => handler.onFlowTerminated?.(this))
  }

  // what the machines have done

  answerBye({ transaction }: CallEvent): void {
    transaction?.respond(this.within(transaction, 200))
  }

  sendBye({ outcome: end }: CallEvent): void {
    this.requests.clear()
    const fill = (bye: RequestTemplate): void => {
      if (end !== undefined && end.reasons.length > 0) bye.set(h.Reason, ...end.reasons)
      bye.appendBlock(this.profile.block)
    }
    this.times.mark('bye', this.context.timers.now())
    this.requests.send(
      'BYE',
      fill,
      ended(() => this.onByeEnded()),
    )
  }

  protected abstract onByeEnded(): void

  tellConnected(): void {
    this.tell(handler => handler.onConnected?.(this))
  }

  tellEnd({ outcome: end = outcome({ kind: 'Error', by: 'local' }) }: CallEvent): void {
    this.times.mark('ended', this.context.timers.now())
    this.modifier.end()
    this.offers.close()
    this.tellOver(end)
    this.door.shut()
  }

  release(): void {
    this.modifier.end()
    this.requests.close()
    this.#release()
  }

  onAgreed(_local: Description, remote: Description, wasOurs: boolean): void {
    const changed = this.#told !== undefined && !remote.equals(this.#told)
    this.#told = remote
    if (wasOurs) this.modifier.tellAnswer(remote)
    if (changed) this.tell(handler => handler.onRemoteSdpChanged?.(this, remote))
  }

  onPreview(remote: Description): void {
    this.tell(handler => handler.onEarlyMedia?.(this, remote))
  }

  onOfferEnded(isMissing: boolean): void {
    if (isMissing) this.tell(handler => handler.onIllegalNegotiation?.(this))
  }

  // what is written into our messages

  /** A response within the dialog, with what the profile says. */
  within(transaction: ServerTransaction, status: number): ResponseTemplate {
    return transaction.response(status).appendBlock(this.profile.block)
  }

  /** A response that refreshes the target. */
  withContact(transaction: ServerTransaction, status: number): ResponseTemplate {
    return this.within(transaction, status).set(h.Contact, contactFor(this.profile, this.dialog.secure))
  }

  fillRefresh(template: RequestTemplate): void {
    template.set(h.Contact, contactFor(this.profile, this.dialog.secure)).appendBlock(this.profile.block)
  }

  /** A request of ours within the session was refused (RFC 5057 §5.1). */
  onRefusedWithin(status: number): void {
    if (this.isLost(status)) this.lose({ outcome: outcome({ kind: 'Error', by: 'network', status }) })
  }

  /** What a response of the peer's says of the dialog (RFC 5057): 481 and 408 are its end. */
  isLost(status: number): boolean {
    return status === 481 || status === 408
  }

  /** What the peer says that it takes; without Allow it says nothing. */
  noteAllow(message: SipMessage): void {
    const { value } = message.tryAll(h.Allow)
    if (value !== undefined && value.length > 0) this.takesUpdate = value.includes('UPDATE')
  }

  /** No re-INVITE or UPDATE is under way any more. */
  onChangeOver(): void {}

  #demand(verb: 'offer' | 'request offer' | 'refresh' | 'in session'): void {
    if (this.isOver) throw new UsageError('ERR_SIP_OVER', `the call ${this.id} is over`)
    if (!this.modifier.isLegal(verb)) {
      throw new UsageError('ERR_SIP_STATE', `"${verb}" is not possible while the call is ${this.state}`)
    }
  }
}

function wanted(
  offer: Body | Description | (() => Body | Description),
  reply: OfferReply | undefined,
): Wanted {
  if (typeof offer === 'function') return { describe: offer, reply }
  const description = describe(offer)
  return { describe: () => description, reply }
}

function remoteBye(bye: SipRequest): CallOutcome {
  const reasons = bye.tryAll(h.Reason).value ?? []
  return outcome({ kind: 'RemoteBye', by: 'remote', reasons })
}

/** What `end` was given, as what ends the call. */
function endEvent(why: CallOutcome | Reason | number | undefined): CallEvent {
  if (typeof why === 'number')
    return { status: why, outcome: outcome({ kind: 'LocalBye', by: 'local', status: why }) }
  if (why instanceof Reason) return { outcome: outcome({ kind: 'LocalBye', by: 'local', reasons: [why] }) }
  if (why === undefined) return { outcome: outcome({ kind: 'LocalBye', by: 'local' }) }
  const { status, reasons } = why
  return {
    ...(status !== undefined && { status }),
    outcome: { ...why, kind: 'LocalBye', by: 'local', reasons },
  }
}
