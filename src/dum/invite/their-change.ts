import * as h from '../../stack/headers/index.ts'
import { RetryAfter } from '../../stack/headers/retry-after.ts'
import { SessionInterval } from '../../stack/headers/session-timer.ts'
import type { SipRequest } from '../../stack/message/message.ts'
import type { SentResponse } from '../../stack/transaction/sent-response.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import type { Timer, TimerOwner } from '../../util/timers.ts'
import { type Description, descriptionOf } from '../core/description.ts'
import type { OfferReply } from '../handlers/invite.ts'
import { AckWait, type AckWaitUser } from './ack-wait.ts'
import { type DutyHolder, OfferDuty, OfferRequestDuty } from './duty.ts'
import { arrival, arrivalWith, exchangeOf } from './legality.ts'
import type { Modifiable } from './modifiable.ts'
import type { Modification } from './modification.ts'
import { type TimerTerms, termsFor, writeTerms } from './timer-terms.ts'

/** Seconds that an UPDATE's offer may wait for its answer: its transaction lasts no longer than 32. */
const STALE_UPDATE = 30
/** Retry-After of a 500 is 0 to 10 seconds (RFC 3261 §14.2). */
const LONGEST_RETRY = 10
const UNAVAILABLE = 480

/** The re-INVITE or UPDATE of the peer's that is being answered (RFC 3261 §14.2, RFC 3311 §5.2). */
export class TheirChange implements AckWaitUser, TimerOwner<'stale'> {
  readonly #session: Modifiable
  readonly #modification: Modification
  readonly #onTerms: (terms: TimerTerms) => void
  #transaction: ServerTransaction | undefined
  #duty: OfferDuty | OfferRequestDuty | undefined
  #stale: Timer | undefined
  #ackWait: AckWait | undefined
  #accept: SentResponse | undefined
  /** Our 2xx holds the offer that the ACK answers. */
  #isOurOffer = false
  #reply: OfferReply | undefined
  #ack: SipRequest | undefined

  constructor(session: Modifiable, modification: Modification, onTerms: (terms: TimerTerms) => void) {
    this.#session = session
    this.#modification = modification
    this.#onTerms = onTerms
  }

  /** Who is to hear of the answer to the offer in our 2xx, where the session's handler is not. */
  get reply(): OfferReply | undefined {
    return this.#reply
  }

  receiveInvite(transaction: ServerTransaction): void {
    const terms = this.#mayArrive('INVITE', transaction) ? this.#termsOf(transaction) : undefined
    if (terms === undefined) return
    this.#ackWait?.end()
    this.#modification.feed('INVITE')
    this.#begin(transaction, this.#session.profile.values.staleReInvite)
    const offer = descriptionOf(transaction.request)
    if (offer !== undefined) this.#askAnswer(transaction, offer, terms)
    else this.#askOffer(transaction, terms)
  }

  receiveUpdate(transaction: ServerTransaction): void {
    const offer = descriptionOf(transaction.request)
    if (offer !== undefined && !this.#mayArrive('UPDATE', transaction)) return
    const terms = this.#termsOf(transaction)
    if (terms === undefined) return
    if (offer === undefined) {
      this.#acceptUpdate(transaction, undefined, terms)
      return
    }
    const { offers } = this.#session
    this.#modification.feed('UPDATE')
    this.#begin(transaction, STALE_UPDATE)
    this.#ask(offer, 'UPDATE', {
      answer: answer => {
        offers.sendAnswer(answer)
        this.#endDuty()
        this.#acceptUpdate(transaction, answer, terms)
        this.#modification.feed('answer')
      },
      reject: status => this.#reject(transaction, status),
    })
  }

  receiveAck(ack: SipRequest): void {
    this.#ack = ack
    this.#ackWait?.receiveAck(ack.cseq.number)
    this.#ack = undefined
  }

  receiveCancel(transaction: ServerTransaction): void {
    if (this.#transaction !== transaction || transaction.isAnswered) return
    this.#session.offers.withdraw()
    this.#endDuty()
    transaction.respond(this.#session.within(transaction, 487))
    this.#modification.feed('CANCEL')
  }

  /** The call is over: what is open is withdrawn and refused. */
  end(): void {
    const transaction = this.#transaction
    this.#endDuty()
    this.#ackWait?.end()
    this.#accept = undefined
    if (transaction !== undefined && !transaction.isAnswered)
      transaction.respond(this.#session.within(transaction, 487))
  }

  /** Nobody fulfilled the duty in time. */
  onTimer(): void {
    const duty = this.#duty
    const session = this.#session
    if (duty === undefined || duty.isAnswered) return
    session.context.counters.staleDuties++
    session.tell(handler => handler.onStaleReInviteTimeout?.(session))
    duty.reject(480)
  }

  resendAccept(): void {
    this.#session.context.counters.acceptsAgain++
    this.#accept?.resend()
  }

  onAck(): void {
    const session = this.#session
    const ack = this.#ack
    this.#accept = undefined
    this.#ackWait = undefined
    if (this.#isOurOffer) {
      this.#isOurOffer = false
      const answer = ack === undefined ? undefined : descriptionOf(ack)
      if (answer === undefined) session.offers.missAnswer()
      else session.offers.receiveAnswer(answer)
      this.#reply = undefined
    }
    if (ack !== undefined) session.tell(handler => handler.onAckReceived?.(session, ack))
    this.#modification.feed('ACK')
  }

  onNoAck(): void {
    const session = this.#session
    this.#accept = undefined
    this.#ackWait = undefined
    session.offers.withdraw()
    session.tell(handler => handler.onAckNotReceived?.(session))
    this.#modification.feed('no ACK')
  }

  #askAnswer(transaction: ServerTransaction, offer: Description, terms: TimerTerms): void {
    const { offers } = this.#session
    this.#ask(offer, 'INVITE', {
      answer: answer => {
        offers.sendAnswer(answer)
        this.#acceptInvite(transaction, answer, terms)
      },
      reject: status => this.#reject(transaction, status),
    })
  }

  #askOffer(transaction: ServerTransaction, terms: TimerTerms): void {
    const session = this.#session
    const { offers } = session
    offers.receiveRequest()
    const duty = new OfferRequestDuty({
      offer: (mine, reply) => {
        this.#reply = reply
        this.#isOurOffer = true
        offers.sendOffer(mine)
        this.#acceptInvite(transaction, mine, terms)
      },
      reject: status => this.#reject(transaction, status),
    })
    this.#duty = duty
    session.tell(
      handler => {
        if (duty.isAnswered) return undefined
        if (handler.onOfferRequired !== undefined) return handler.onOfferRequired(session, duty)
        // RFC 6337 §5.2.5: what is agreed is offered again
        if (offers.local === undefined) duty.reject()
        else duty.offer(offers.local)
        return undefined
      },
      () => {
        if (!duty.isAnswered) duty.reject(500)
      },
    )
  }

  #ask(offer: Description, carrier: 'INVITE' | 'UPDATE', holder: DutyHolder): void {
    const session = this.#session
    session.offers.receiveOffer(offer)
    const duty = new OfferDuty(offer, carrier, holder)
    this.#duty = duty
    session.tell(
      handler => (duty.isAnswered ? undefined : handler.onOffer(session, duty)),
      () => {
        if (!duty.isAnswered) duty.reject(500)
      },
    )
  }

  #acceptInvite(transaction: ServerTransaction, description: Description, terms: TimerTerms): void {
    const session = this.#session
    const { context, dialog } = session
    const { request } = transaction
    dialog.refreshTarget(request)
    const response = session.withContact(transaction, 200)
    writeTerms(response, terms)
    description.writeTo(response)
    this.#endDuty()
    this.#ackWait = new AckWait(request.cseq.number, context.timers, context.timing, this)
    this.#accept = transaction.respond(response)
    this.#onTerms(terms)
    this.#modification.feed('answer')
  }

  #acceptUpdate(transaction: ServerTransaction, answer: Description | undefined, terms: TimerTerms): void {
    const session = this.#session
    session.dialog.refreshTarget(transaction.request)
    const response = session.withContact(transaction, 200)
    writeTerms(response, terms)
    answer?.writeTo(response)
    transaction.respond(response)
    this.#onTerms(terms)
  }

  #reject(transaction: ServerTransaction, status: number): void {
    this.#session.offers.refuse()
    this.#endDuty()
    // another leg's 408 may not be sent to an UPDATE (RFC 4320 §4.2)
    const said = transaction.canRespond(status) ? status : UNAVAILABLE
    transaction.respond(this.#session.within(transaction, said))
    this.#modification.feed('reject')
  }

  #mayArrive(method: 'INVITE' | 'UPDATE', transaction: ServerTransaction): boolean {
    const session = this.#session
    const open = exchangeOf(this.#modification.state, session.isFirstOfferOpen, session.isFirstAcked)
    const verdict = arrivalWith(session.offers.state) ?? arrival(method, open, session.role)
    if (verdict === 'take') return true
    const response = session.within(transaction, verdict)
    if (verdict === 500) {
      const seconds = Math.floor(session.context.random() * (LONGEST_RETRY + 1))
      response.set(h.RetryAfter, new RetryAfter(seconds))
    }
    transaction.respond(response)
    return false
  }

  #termsOf(transaction: ServerTransaction): TimerTerms | undefined {
    const terms = termsFor(transaction.request, this.#session.profile)
    if (!('least' in terms)) return terms
    const refusal = this.#session.within(transaction, 422)
    transaction.respond(refusal.set(h.MinSE, new SessionInterval(terms.least)))
    return undefined
  }

  #begin(transaction: ServerTransaction, seconds: number): void {
    const { timers } = this.#session.context
    timers.stop(this.#stale)
    this.#transaction = transaction
    this.#stale = timers.start(this, 'stale', seconds * 1000)
  }

  #endDuty(): void {
    this.#session.context.timers.stop(this.#stale)
    this.#duty?.withdraw()
    this.#stale = undefined
    this.#transaction = undefined
    this.#duty = undefined
  }
}
