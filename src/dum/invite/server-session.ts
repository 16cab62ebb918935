import { NameAddr, nameAddr } from '../../stack/grammar/name-addr.ts'
import { Uri } from '../../stack/grammar/uri.ts'
import * as h from '../../stack/headers/index.ts'
import type { Reason } from '../../stack/headers/reason.ts'
import type { SipRequest } from '../../stack/message/message.ts'
import type { SentResponse } from '../../stack/transaction/sent-response.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import { UsageError } from '../../util/errors.ts'
import type { Timer, TimerOwner } from '../../util/timers.ts'
import { type CallOutcome, outcome } from '../call-record/outcome.ts'
import { type Body, type Description, describe, descriptionOf } from '../core/description.ts'
import type {
  CallState,
  InviteHandler,
  ServerInviteHandler,
  ServerInviteSession,
} from '../handlers/invite.ts'
import { AckWait, type AckWaitUser } from './ack-wait.ts'
import type { CallEvent, CallUasUser } from './call.ts'
import { CallUas } from './call-uas.ts'
import { OfferDuty } from './duty.ts'
import { FirstOffer, type FirstOfferUser } from './first-offer.ts'
import { verb } from './legality.ts'
import { Provisionals } from './provisionals.ts'
import { Session, type SessionParts } from './session.ts'
import { type TimerTerms, writeTerms } from './timer-terms.ts'

type TimerName = 'stale call' | 'expires'

/** A session that a peer's INVITE began. */
export class ServerSession
  extends Session
  implements ServerInviteSession, CallUasUser, AckWaitUser, FirstOfferUser, TimerOwner<TimerName>
{
  readonly role = 'uas'
  handler: InviteHandler<ServerInviteSession>
  readonly #call = new CallUas(this)
  readonly #terms: TimerTerms
  readonly #transaction: ServerTransaction
  readonly #first: FirstOffer
  readonly #provisionals: Provisionals
  #ackWait: AckWait | undefined
  #accept: SentResponse | undefined
  #ack: SipRequest | undefined
  #acceptsByItself = false
  #redirectTo: readonly NameAddr[] = []
  #stale: Timer | undefined
  #expires: Timer | undefined

  constructor(
    parts: SessionParts,
    transaction: ServerTransaction,
    handler: ServerInviteHandler,
    terms: TimerTerms,
  ) {
    super(parts)
    this.handler = handler
    this.#transaction = transaction
    this.#terms = terms
    this.noteAllow(transaction.request)
    this.#first = new FirstOffer(transaction.request, this)
    this.#provisionals = new Provisionals(this, transaction, this.#first)
  }

  get state(): CallState {
    return this.#call.state
  }

  get request(): SipRequest | undefined {
    return this.#transaction.isAnswered ? undefined : this.#transaction.request
  }

  get isFirstOfferOpen(): boolean {
    const isAnswering = verb('uas', this.state, 'reject') === 'now'
    return (isAnswering && this.#first.isUnsent) || this.#provisionals.owesPrack
  }

  get isFirstAcked(): boolean {
    return this.state !== 'accepted'
  }

  /** Tells the application of the call; called once the session can be found. */
  begin(handler: ServerInviteHandler): void {
    const { timers } = this.context
    const expires = this.#transaction.request.try(h.Expires).value
    this.#stale = timers.start<TimerName>(this, 'stale call', this.profile.values.staleCall * 1000)
    if (expires !== undefined) this.#expires = timers.start<TimerName>(this, 'expires', expires * 1000)
    const { duty } = this.#first
    this.#acceptsByItself = handler.onNewSession === undefined
    const onError = (): void => this.refuse(500)
    this.door.tell(() => handler.onNewSession?.(this, duty), onError)
    this.door.tell(() => {
      if (duty.isAnswered || duty.isGiven) return undefined
      if (duty instanceof OfferDuty) return this.handler.onOffer(this, duty)
      if (this.handler.onOfferRequired !== undefined) return this.handler.onOfferRequired(this, duty)
      duty.reject()
      return undefined
    }, onError)
  }

  tell(call: (handler: InviteHandler) => unknown, onError?: (error: unknown) => void): void {
    // a handler of any session is one of this kind of session's: what it is told of is this session
    this.door.tell(() => call(this.handler as InviteHandler), onError)
  }

  // verbs

  provisional(status: number, preview?: Body | Description): void {
    this.#demand('provisional')
    if (!(status > 100 && status < 200))
      throw new UsageError('ERR_SIP_STATUS', `${status} is not provisional; one of 101 to 199 is needed`)
    const early = preview === undefined ? undefined : describe(preview)
    this.#call.feed('provisional', {})
    this.times.mark(status === 180 ? 'ringing' : 'progress', this.context.timers.now())
    this.#provisionals.send(status, early)
  }

  accept(): void {
    if (this.state === 'accepting') return
    this.#demand('accept')
    if (!this.#first.isDescribed)
      throw new UsageError(
        'ERR_SIP_STATE',
        `the offer of the call ${this.id} is not answered; answer it first`,
      )
    this.#call.feed(this.#mustWait ? 'not yet' : 'accept', {})
  }

  reject(status: number, reasons: readonly Reason[] = []): void {
    this.#demand('reject')
    if (!(status >= 300 && status <= 699))
      throw new UsageError('ERR_SIP_STATUS', `${status} refuses nothing; a status of 300 to 699 is needed`)
    this.#call.feed('reject', rejected(status, reasons))
  }

  redirect(contacts: readonly (NameAddr | Uri | string)[], status: number = 302): void {
    this.#demand('reject')
    this.#redirectTo = contacts.map(contact =>
      contact instanceof NameAddr ? contact : nameAddr(contact instanceof Uri ? `<${contact}>` : contact),
    )
    this.reject(status)
  }

  // what comes

  override onCancel(transaction: ServerTransaction): void {
    if (transaction === this.#transaction)
      this.#call.feed('CANCEL', { status: 487, outcome: outcome({ kind: 'RemoteCancel', by: 'remote' }) })
    else super.onCancel(transaction)
  }

  override receivePrack(transaction: ServerTransaction): void {
    this.#provisionals.receivePrack(transaction)
  }

  override receiveAck(ack: SipRequest): void {
    this.#ack = ack
    const isFirst = this.#ackWait?.receiveAck(ack.cseq.number) === true
    this.#ack = undefined
    if (!isFirst) super.receiveAck(ack)
  }

  onTransactionFailed(transaction: ServerTransaction): void {
    // after the 2xx it is the ACK, or its absence, that tells
    if (transaction === this.#transaction && verb('uas', this.state, 'reject') === 'now')
      this.lose({ status: 500, outcome: outcome({ kind: 'Error', by: 'network' }) })
  }

  onTimer(name: TimerName): void {
    const status = name === 'expires' ? 487 : 480
    if (name === 'stale call') this.tell(handler => handler.onStaleCallTimeout?.(this))
    this.#call.feed('gone', { status, outcome: outcome({ kind: 'Timeout', by: 'timer', status }) })
  }

  // what the machines have done

  sendAccept(): void {
    const { context } = this
    const response = this.withContact(this.#transaction, 200)
    writeTerms(response, this.#terms)
    this.#first.writeOnce(response)
    this.#endInvite()
    this.times.mark('answered', context.timers.now())
    this.#ackWait = new AckWait(this.#transaction.request.cseq.number, context.timers, context.timing, this)
    this.#accept = this.#transaction.respond(response)
    this.modifier.grantTimer(this.#terms)
    this.tell(handler => handler.onAccepted?.(this))
    this.tellConnected()
  }

  sendRejection({ status = 480, outcome: end }: CallEvent): void {
    this.#endInvite()
    if (this.#transaction.isAnswered) return
    const response = this.within(this.#transaction, status)
    if (this.#redirectTo.length > 0) response.set(h.Contact, ...this.#redirectTo)
    if (end !== undefined && end.reasons.length > 0) response.set(h.Reason, ...end.reasons)
    this.#transaction.respond(response)
  }

  resendAccept(): void {
    this.context.counters.acceptsAgain++
    this.#accept?.resend()
  }

  onAck(): void {
    const ack = this.#ack
    this.#accept = undefined
    this.#ackWait = undefined
    if (this.#first.awaitsAnswer)
      this.#first.receiveAnswer(ack === undefined ? undefined : descriptionOf(ack))
    this.times.mark('acked', this.context.timers.now())
    if (ack !== undefined) {
      if (ack.source !== undefined) this.dialog.flow = ack.source
      this.tell(handler => handler.onAckReceived?.(this, ack))
    }
    this.#call.feed('ACK', {})
    this.modifier.tryNext()
  }

  onNoAck(): void {
    this.#accept = undefined
    this.#ackWait = undefined
    this.#call.feed('no ACK', { outcome: outcome({ kind: 'Timeout', by: 'timer', status: 408 }) })
  }

  tellConfirmed(): void {
    this.tell(handler => handler.onConnectedConfirmed?.(this))
  }

  tellNoAck(): void {
    this.tell(handler => handler.onAckNotReceived?.(this))
  }

  /** All that was sent reliably is acknowledged, and every offer answered: a 2xx that waited may go. */
  onAcknowledged(): void {
    this.onChangeOver()
    this.modifier.tryNext()
  }

  override onChangeOver(): void {
    if (this.state === 'accepting' && !this.#mustWait) this.#call.feed('ready', {})
  }

  onNoPrack(): void {
    this.#call.feed('reject', {
      status: 504,
      outcome: outcome({ kind: 'Timeout', by: 'timer', status: 504 }),
    })
  }

  onDescribed(): void {
    if (this.#acceptsByItself) this.accept()
  }

  refuse(status: number): void {
    if (verb('uas', this.state, 'reject') === 'now') this.#call.feed('reject', rejected(status, []))
  }

  override onAgreed(local: Description, remote: Description, wasOurs: boolean): void {
    const { reply } = this.#first
    if (wasOurs && reply !== undefined) this.tell(() => reply.answer(remote))
    else super.onAgreed(local, remote, wasOurs)
  }

  override release(): void {
    this.#endInvite()
    this.#ackWait?.end()
    super.release()
  }

  lose(event: CallEvent): void {
    this.#call.feed('gone', event)
  }

  protected hangUp(event: CallEvent): void {
    if (verb('uas', this.state, 'reject') !== 'now') this.#call.feed('hang up', event)
    else this.#call.feed('reject', rejected(refusalOf(event.status), event.outcome?.reasons ?? []))
  }

  protected receiveBye(event: CallEvent): void {
    this.#call.feed('BYE', { status: 487, ...event })
  }

  protected onByeEnded(): void {
    this.#call.feed('bye ended', {})
  }

  protected tellOver(end: CallOutcome): void {
    this.#first.duty.withdraw()
    this.door.tellLast(() => this.handler.onTerminated?.(this, end))
  }

  /** Whether the 2xx waits: a description is not acknowledged, or an offer of a PRACK or an UPDATE is open. */
  get #mustWait(): boolean {
    return this.#provisionals.owesPrack || this.offers.state === 'asked' || !this.modifier.isIdle
  }

  /** The INVITE is answered: nothing of it is sent again by us, and its timers end. */
  #endInvite(): void {
    const { timers } = this.context
    timers.stop(this.#stale)
    timers.stop(this.#expires)
    this.#provisionals.end()
  }

  #demand(name: 'provisional' | 'accept' | 'reject'): void {
    if (this.isOver) throw new UsageError('ERR_SIP_OVER', `the call ${this.id} is over`)
    if (verb('uas', this.state, name) === 'illegal')
      throw new UsageError('ERR_SIP_STATE', `"${name}" is not possible while the call is ${this.state}`)
  }
}

function rejected(status: number, reasons: readonly Reason[]): CallEvent {
  return { status, outcome: outcome({ kind: 'Rejected', by: 'local', status, reasons }) }
}

/** What concerns another leg alone: given on, it would have the caller try again, authenticate, or wait. */
const othersAffairs: ReadonlySet<number> = new Set([401, 407, 420, 421, 422, 423, 481, 491, 503])

/** The status that refuses a call for the other leg's sake. */
function refusalOf(status: number | undefined): number {
  if (status === undefined || status < 300) return 480
  return status < 400 || othersAffairs.has(status) ? 500 : status
}
