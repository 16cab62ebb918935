import { NameAddr, nameAddr } from '../../stack/grammar/name-addr.ts'
import { Uri } from '../../stack/grammar/uri.ts'
import * as h from '../../stack/headers/index.ts'
import type { RAck } from '../../stack/headers/rack.ts'
import type { Reason } from '../../stack/headers/reason.ts'
import { SessionInterval } from '../../stack/headers/session-timer.ts'
import type { SipRequest } from '../../stack/message/message.ts'
import type { ResponseTemplate } from '../../stack/message/template.ts'
import type { SentResponse } from '../../stack/transaction/sent-response.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import { UsageError } from '../../util/errors.ts'
import type { Timer, TimerOwner } from '../../util/timers.ts'
import { type CallOutcome, outcome } from '../call-record/outcome.ts'
import { type Body, type Description, describe, descriptionOf } from '../core/description.ts'
import type {
  CallState,
  InviteHandler,
  OfferReply,
  ServerInviteHandler,
  ServerInviteSession,
} from '../handlers/invite.ts'
import { AckWait, type AckWaitUser } from './ack-wait.ts'
import type { CallEvent, CallUasUser } from './call.ts'
import { CallUas, type CallUasInput } from './call-uas.ts'
import { OfferDuty, OfferRequestDuty } from './duty.ts'
import { verb } from './legality.ts'
import { type ReliableProvisional, ReliableUas, type ReliableUasUser } from './reliable-uas.ts'
import { Session, type SessionParts } from './session.ts'
import { type TimerTerms, termsFor, writeTerms } from './timer-terms.ts'

type TimerName = 'stale call' | 'expires'

/** A session that a peer's INVITE began. */
export class ServerSession
  extends Session
  implements ServerInviteSession, CallUasUser, ReliableUasUser, AckWaitUser, TimerOwner<TimerName>
{
  readonly role = 'uas'
  handler: InviteHandler<ServerInviteSession>
  readonly #call = new CallUas(this)
  readonly #terms: TimerTerms
  #transaction: ServerTransaction | undefined
  #reliable: ReliableUas | undefined
  #reliableSent: SentResponse | undefined
  #ackWait: AckWait | undefined
  #accept: SentResponse | undefined
  #first: OfferDuty | OfferRequestDuty
  /** What goes into responses until one of them was reliable: our answer, or our offer where the INVITE had none. */
  #description: Description | undefined
  #isOurOffer = false
  #isDescriptionSent = false
  #replyOfOffer: OfferReply | undefined
  #acceptsByItself = false
  #ack: SipRequest | undefined
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
    this.#first = this.#firstDuty(transaction.request)
  }

  get state(): CallState {
    return this.#call.state
  }

  get request(): SipRequest | undefined {
    return this.#transaction?.request
  }

  get isFirstOfferOpen(): boolean {
    const { state } = this.#call
    const isAnswering = state === 'received' || state === 'early' || state === 'accepting'
    return (isAnswering && !this.#isDescriptionSent) || (this.#reliable?.owesPrack ?? false)
  }

  get isFirstAcked(): boolean {
    return this.#call.state !== 'accepted'
  }

  /** Tells the application of the call; called once the session can be found. */
  begin(handler: ServerInviteHandler): void {
    const { timers } = this.context
    const { values } = this.profile
    const expires = this.#transaction?.request.try(h.Expires).value
    this.#stale = timers.start<TimerName>(this, 'stale call', values.staleCall * 1000)
    if (expires !== undefined) this.#expires = timers.start<TimerName>(this, 'expires', expires * 1000)
    const first = this.#first
    this.#acceptsByItself = handler.onNewSession === undefined
    const onError = (): void => this.#refuse(500)
    this.door.tell(() => handler.onNewSession?.(this, first), onError)
    this.door.tell(() => {
      if (first.isAnswered) return undefined
      if (first instanceof OfferDuty) return this.handler.onOffer(this, first)
      if (this.handler.onOfferRequired !== undefined) return this.handler.onOfferRequired(this, first)
      first.reject()
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
    const transaction = this.#transaction
    if (transaction === undefined) return
    this.#call.feed('provisional', {})
    this.times.mark(status === 180 ? 'ringing' : 'progress', this.context.timers.now())
    const response = this.withContact(transaction, status)
    const early = preview === undefined ? undefined : describe(preview)
    if (early === undefined && this.#isReliable(transaction.request)) {
      this.#sendReliable(response)
      return
    }
    const description = early ?? (this.#isOurOffer || this.#isDescriptionSent ? undefined : this.#description)
    description?.writeTo(response)
    transaction.respond(response)
  }

  accept(_status: number = 200): void {
    if (this.#call.state === 'accepting') return
    this.#demand('accept')
    if (this.#description === undefined)
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
    this.#call.feed('reject', {
      status,
      outcome: outcome({ kind: 'Rejected', by: 'local', status, reasons }),
    })
  }

  redirect(contacts: readonly (NameAddr | Uri | string)[], status: number = 302): void {
    this.#demand('reject')
    this.#redirectTo = contacts.map(contact =>
      contact instanceof NameAddr ? contact : nameAddr(contact instanceof Uri ? `<${contact}>` : contact),
    )
    this.reject(status)
  }

  #redirectTo: readonly NameAddr[] = []

  // what comes

  override onCancel(transaction: ServerTransaction): void {
    if (transaction !== this.#transaction) {
      super.onCancel(transaction)
      return
    }
    this.#call.feed('CANCEL', { status: 487, outcome: outcome({ kind: 'RemoteCancel', by: 'remote' }) })
  }

  override receivePrack(transaction: ServerTransaction): void {
    const { request } = transaction
    const rack: RAck | undefined = request.try(h.RAck).value
    const reliable = this.#reliable
    if (rack === undefined || reliable?.isAwaited(rack) !== true) {
      transaction.respond(481)
      return
    }
    const description = descriptionOf(request)
    this.tell(handler => handler.onPrack?.(this, request))
    if (this.#isOurOffer && this.offers.state === 'offered') {
      if (description === undefined) this.offers.missAnswer()
      else this.offers.receiveAnswer(description)
    } else if (description !== undefined && this.offers.state === 'stable') {
      this.#askPrackAnswer(transaction, description, reliable)
      return
    }
    // an offer while another is open is refused; it acknowledges all the same
    transaction.respond(this.within(transaction, description !== undefined && this.offers.isOpen ? 488 : 200))
    reliable.receivePrack()
  }

  override receiveAck(ack: SipRequest): void {
    this.#ack = ack
    const isFirst = this.#ackWait?.receiveAck(ack.cseq.number) === true
    this.#ack = undefined
    if (!isFirst) super.receiveAck(ack)
  }

  onTransactionFailed(): void {
    this.lose({ status: 500, outcome: outcome({ kind: 'Error', by: 'network' }) })
  }

  onTimer(name: TimerName): void {
    const status = name === 'expires' ? 487 : 480
    if (name === 'stale call') this.tell(handler => handler.onStaleCallTimeout?.(this))
    this.#call.feed('gone', { status, outcome: outcome({ kind: 'Timeout', by: 'timer', status }) })
  }

  // what the machines have done

  sendAccept(): void {
    const transaction = this.#transaction
    if (transaction === undefined) return
    const { context } = this
    const response = this.withContact(transaction, 200)
    writeTerms(response, this.#terms)
    const holdsOffer = this.#isOurOffer && this.offers.state === 'offered' && !this.#isDescriptionSent
    if (!this.#isDescriptionSent) this.#description?.writeTo(response)
    this.#isDescriptionSent = true
    this.#endInvite()
    this.times.mark('answered', context.timers.now())
    this.#ackWait = new AckWait(transaction.request.cseq.number, context.timers, context.timing, this)
    this.#accept = transaction.respond(response)
    this.grantTimer()
    if (!holdsOffer) this.#isOurOffer = false
    this.tell(handler => handler.onAccepted?.(this))
    this.tellConnected()
  }

  grantTimer(): void {
    this.modifier.grantTimer(this.#terms)
  }

  holdAccept(): void {}

  sendRejection({ status = 480, outcome: end }: CallEvent): void {
    const transaction = this.#transaction
    this.#endInvite()
    if (transaction === undefined || transaction.isAnswered) return
    const response = this.within(transaction, status)
    if (this.#redirectTo.length > 0) response.set(h.Contact, ...this.#redirectTo)
    if (end !== undefined && end.reasons.length > 0) response.set(h.Reason, ...end.reasons)
    transaction.respond(response)
  }

  resendAccept(): void {
    this.context.counters.acceptsAgain++
    this.#accept?.resend()
  }

  onAck(): void {
    const ack = this.#ack
    this.#accept = undefined
    this.#ackWait = undefined
    if (this.#isOurOffer) {
      this.#isOurOffer = false
      const answer = ack === undefined ? undefined : descriptionOf(ack)
      if (answer === undefined) this.offers.missAnswer()
      else this.offers.receiveAnswer(answer)
    }
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

  acknowledge(): void {}

  sendReliable({ response }: ReliableProvisional, rseq: number): void {
    response.set(h.RSeq, rseq).append(h.Require, '100rel')
    this.#reliableSent = this.#transaction?.respond(response)
  }

  resendReliable(): void {
    this.#reliableSent?.resend()
  }

  onAcknowledged(): void {
    this.#reliableSent = undefined
    this.#goOn()
  }

  onNoPrack(): void {
    this.#call.feed('reject', {
      status: 504,
      outcome: outcome({ kind: 'Timeout', by: 'timer', status: 504 }),
    })
  }

  override onAgreed(local: Description, remote: Description, wasOurs: boolean): void {
    const reply = this.#replyOfOffer
    this.#replyOfOffer = undefined
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
    const { status } = event
    const isUnanswered = verb('uas', this.state, 'reject') === 'now'
    if (isUnanswered) {
      const refusing = refusalOf(status)
      const reasons = event.outcome?.reasons ?? []
      this.#call.feed('reject', {
        status: refusing,
        outcome: outcome({ kind: 'Rejected', by: 'local', status: refusing, reasons }),
      })
    } else this.#call.feed('hang up', event)
  }

  protected receiveBye(event: CallEvent): void {
    this.#call.feed('BYE' satisfies CallUasInput, { status: 487, ...event })
  }

  protected onByeEnded(): void {
    this.#call.feed('bye ended', {})
  }

  protected tellOver(end: CallOutcome): void {
    this.#first.withdraw()
    this.door.tellLast(() => this.handler.onTerminated?.(this, end))
  }

  // the first offer

  #firstDuty(request: SipRequest): OfferDuty | OfferRequestDuty {
    const reject = (status: number): void => {
      this.offers.refuse()
      this.#refuse(status)
    }
    const offer = descriptionOf(request)
    if (offer !== undefined) {
      this.offers.receiveOffer(offer)
      return new OfferDuty(offer, 'INVITE', {
        answer: answer => {
          this.#description = answer
          this.offers.sendAnswer(answer)
          this.#onDescribed()
        },
        reject,
      })
    }
    this.offers.receiveRequest()
    return new OfferRequestDuty({
      offer: (mine, reply) => {
        this.#description = mine
        this.#isOurOffer = true
        this.#replyOfOffer = reply
        this.offers.sendOffer(mine)
        this.#onDescribed()
      },
      reject,
    })
  }

  #onDescribed(): void {
    if (this.#acceptsByItself) this.accept()
  }

  #refuse(status: number): void {
    if (verb('uas', this.state, 'reject') !== 'now') return
    this.#call.feed('reject', { status, outcome: outcome({ kind: 'Rejected', by: 'local', status }) })
  }

  // reliable provisionals

  /** RFC 3262 §3: where the caller knows it; not while the first of them would have to bring an offer that is not there. */
  #isReliable(request: SipRequest): boolean {
    const { reliableUas } = this.profile.values
    if (reliableUas === 'never' && !requires(request, '100rel')) return false
    if (!requires(request, '100rel') && !supports(request, '100rel')) return false
    return this.offers.state !== 'owing'
  }

  #sendReliable(response: ResponseTemplate): void {
    const transaction = this.#transaction
    if (transaction === undefined) return
    const { context } = this
    const description = this.#isDescriptionSent ? undefined : this.#description
    description?.writeTo(response)
    if (description !== undefined) this.#isDescriptionSent = true
    const first = 1 + Math.floor(context.random() * 0x7fffffff)
    this.#reliable ??= new ReliableUas(
      transaction.request.cseq.number,
      first,
      context.timers,
      context.timing.t1,
      this,
    )
    this.#reliable.send({ response, hasDescription: description !== undefined })
  }

  /** Whether the 2xx waits: a description that was sent is not acknowledged, or an offer of a PRACK or UPDATE is open. */
  get #mustWait(): boolean {
    return this.#reliable?.owesPrack === true || this.offers.state === 'asked' || !this.modifier.isIdle
  }

  #goOn(): void {
    if (this.#call.state === 'accepting' && !this.#mustWait) this.#call.feed('ready', {})
    this.modifier.tryNext()
  }

  #askPrackAnswer(transaction: ServerTransaction, offer: Description, reliable: ReliableUas): void {
    this.offers.receiveOffer(offer)
    const duty = new OfferDuty(offer, 'PRACK', {
      answer: answer => {
        this.offers.sendAnswer(answer)
        const response = this.within(transaction, 200)
        answer.writeTo(response)
        transaction.respond(response)
        reliable.receivePrack()
      },
      reject: status => {
        this.offers.refuse()
        transaction.respond(this.within(transaction, status))
        reliable.receivePrack()
      },
    })
    this.tell(
      handler => handler.onOffer(this, duty),
      () => {
        if (!duty.isAnswered) duty.reject(500)
      },
    )
  }

  /** The INVITE is answered: nothing of it is sent again by us, and its timers end. */
  #endInvite(): void {
    const { timers } = this.context
    timers.stop(this.#stale)
    timers.stop(this.#expires)
    this.#reliable?.end()
    this.#reliableSent = undefined
  }

  #demand(name: 'provisional' | 'accept' | 'reject'): void {
    if (this.isOver) throw new UsageError('ERR_SIP_OVER', `the call ${this.id} is over`)
    if (verb('uas', this.state, name) === 'illegal')
      throw new UsageError('ERR_SIP_STATE', `"${name}" is not possible while the call is ${this.state}`)
  }
}

/** The status that refuses a call for the other leg's sake: what concerns that leg alone becomes 500. */
function refusalOf(status: number | undefined): number {
  if (status === undefined || status < 300) return 480
  const isOthers = status < 400 || [401, 407, 420, 421, 422, 423, 481, 491, 503].includes(status)
  return isOthers ? 500 : status
}

function supports(request: SipRequest, tag: string): boolean {
  return request.tryAll(h.Supported).value?.some(name => name.toLowerCase() === tag) === true
}

function requires(request: SipRequest, tag: string): boolean {
  return request.tryAll(h.Require).value?.some(name => name.toLowerCase() === tag) === true
}

/** What a UAS says of a session's timer before there is a session; where it answers 422 there is none. */
export function firstTerms(transaction: ServerTransaction, parts: SessionParts): TimerTerms | undefined {
  const terms = termsFor(transaction.request, parts.profile)
  if (!('least' in terms)) return terms
  transaction.respond(transaction.response(422).set(h.MinSE, new SessionInterval(terms.least)))
  return undefined
}
