import * as h from '../../stack/headers/index.ts'
import { RetryAfter } from '../../stack/headers/retry-after.ts'
import { SessionInterval } from '../../stack/headers/session-timer.ts'
import type { SipRequest, SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate, ResponseTemplate } from '../../stack/message/template.ts'
import type { SentResponse } from '../../stack/transaction/sent-response.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import type { Timer } from '../../util/timers.ts'
import { outcome } from '../call-record/outcome.ts'
import type { DumContext } from '../core/context.ts'
import { type Body, type Description, describe, descriptionOf } from '../core/description.ts'
import type { Dialog } from '../dialog/dialog.ts'
import type { DialogRequests } from '../dialog/dialog-requests.ts'
import type { ExchangeUser } from '../exchange/exchange.ts'
import type { InviteHandler, InviteSession, OfferReply } from '../handlers/invite.ts'
import type { Profile } from '../profile/profile.ts'
import { AckWait, type AckWaitUser } from './ack-wait.ts'
import type { CallEvent } from './call.ts'
import { type DutyHolder, OfferDuty, OfferRequestDuty } from './duty.ts'
import { arrival, exchangeOf, verb } from './legality.ts'
import { Modification, type ModificationUser } from './modification.ts'
import type { OfferAnswer } from './offer-answer.ts'
import { SessionTimer, type SessionTimerUser } from './session-timer.ts'
import {
  askForTimer,
  type TimerTerms,
  termsFor,
  termsOfAnswer,
  withLongerTimer,
  writeTerms,
} from './timer-terms.ts'

/** The session that is modified. */
export interface Modifiable extends InviteSession {
  readonly context: DumContext
  readonly dialog: Dialog
  readonly profile: Profile
  readonly offers: OfferAnswer
  readonly requests: DialogRequests
  readonly isOver: boolean
  readonly isFirstOfferOpen: boolean
  readonly isFirstAcked: boolean
  tell(call: (handler: InviteHandler) => unknown, onError?: (error: unknown) => void): void
  lose(event: CallEvent): void
  fillRefresh(template: RequestTemplate): void
  within(transaction: ServerTransaction, status: number): ResponseTemplate
  withContact(transaction: ServerTransaction, status: number): ResponseTemplate
  isLost(status: number): boolean
}

/** A modification that the application wants: what it describes when its turn has come, nothing to ask for an offer. */
export interface Wanted {
  readonly describe: (() => Body | Description) | undefined
  readonly reply: OfferReply | undefined
}

const MAX_COLLISIONS = 5

/** What changes a session: re-INVITE and UPDATE of both sides, and its timer. */
export class Modifier implements ModificationUser, SessionTimerUser, AckWaitUser {
  readonly #session: Modifiable
  readonly #modification: Modification
  #timer: SessionTimer | undefined
  /** What waits for its turn; a newer one takes its place. */
  #wanted: Wanted | undefined
  /** What is under way. */
  #current: Wanted | undefined
  #isRefresh = false
  #wantsRefresh = false
  /** Theirs that is being answered. */
  #theirs: ServerTransaction | undefined
  #duty: OfferDuty | OfferRequestDuty | undefined
  #stale: Timer | undefined
  #ackWait: AckWait | undefined
  #accept: SentResponse | undefined
  #acceptHoldsOffer = false
  #ack: SipRequest | undefined
  #reinvite: { cancel(): void } | undefined

  constructor(session: Modifiable) {
    this.#session = session
    this.#modification = new Modification(session.context.timers, this)
  }

  get isIdle(): boolean {
    return this.#modification.isIdle
  }

  isLegal(name: 'offer' | 'request offer' | 'refresh' | 'in session'): boolean {
    return verb(this.#session.role, this.#session.state, name) !== 'illegal'
  }

  /** Does it when its turn comes. What waited before is not done: its reply hears 491. */
  want(wanted: Wanted): void {
    const replaced = this.#wanted
    this.#wanted = wanted
    if (replaced !== undefined) this.#refuse(replaced, 491)
    this.tryNext()
  }

  refresh(): void {
    this.#wantsRefresh = true
    this.tryNext()
  }

  /** What waits is begun, if it may be now. */
  tryNext(): void {
    const session = this.#session
    if (session.isOver || !this.#modification.isIdle) return
    if (exchangeOf(this.#modification.state, session.isFirstOfferOpen, session.isFirstAcked) !== 'quiet')
      return
    const wanted = this.#wanted
    const name = wanted?.describe === undefined ? 'request offer' : 'offer'
    if (wanted !== undefined && verb(session.role, session.state, name) === 'now') {
      this.#wanted = undefined
      this.#begin(wanted)
    } else if (this.#wantsRefresh && verb(session.role, session.state, 'refresh') === 'now') {
      this.#wantsRefresh = false
      this.#sendRefresh()
    }
  }

  // the session timer

  get terms(): { readonly interval: number; readonly isRefresher: boolean } | undefined {
    const timer = this.#timer
    return timer === undefined || timer.interval === 0
      ? undefined
      : { interval: timer.interval, isRefresher: timer.isRefresher }
  }

  /** A 2xx to INVITE or UPDATE went, or came. */
  grantTimer({ interval, byUs }: TimerTerms): void {
    if (interval === undefined && this.#timer === undefined) return
    this.#timer ??= new SessionTimer(this.#session.context.timers, this)
    this.#timer.receive2xx(interval, byUs)
  }

  sendRefresh(): void {
    this.refresh()
  }

  onExpired(): void {
    const session = this.#session
    session.tell(handler => handler.onSessionExpired?.(session))
    session.lose({ outcome: outcome({ kind: 'Timeout', by: 'timer', status: 408 }) })
  }

  // ours

  #begin(wanted: Wanted): void {
    const session = this.#session
    this.#current = wanted
    const offer = wanted.describe === undefined ? undefined : describe(wanted.describe())
    if (session.state === 'early' && offer !== undefined) this.#update(offer)
    else this.#invite(offer)
  }

  #invite(offer: Description | undefined): void {
    const { offers, requests, context, profile } = this.#session
    this.#modification.feed('reinvite')
    if (offer === undefined) offers.sendRequest()
    else offers.sendOffer(offer)
    this.#modification.expectWithin(profile.values.staleReInvite * 1000)
    const fill = (template: RequestTemplate): void => {
      this.#session.fillRefresh(template)
      askForTimer(template, profile, this.terms)
      offer?.writeTo(template)
    }
    const user: ExchangeUser = {
      onFinal: response => this.#onInviteFinal(response),
      onFailure: failure => this.#onRefused(failure.status, undefined),
      amend: (sent, response) => (response.status === 422 ? withLongerTimer(sent, response) : undefined),
    }
    if (!requests.send('INVITE', fill, user)) {
      context.counters.refusedByLimit++
      this.#onRefused(503, undefined)
    }
  }

  #update(offer: Description | undefined): void {
    const { offers, requests, profile } = this.#session
    this.#modification.feed('update')
    if (offer !== undefined) offers.sendOffer(offer)
    const fill = (template: RequestTemplate): void => {
      this.#session.fillRefresh(template)
      askForTimer(template, profile, this.terms)
      offer?.writeTo(template)
    }
    const user: ExchangeUser = {
      onFinal: response => this.#onUpdateFinal(response),
      onFailure: failure => this.#onRefused(failure.status, undefined),
      amend: (sent, response) => (response.status === 422 ? withLongerTimer(sent, response) : undefined),
    }
    if (!requests.send('UPDATE', fill, user)) this.#onRefused(503, undefined)
  }

  #sendRefresh(): void {
    const { profile, offers, state } = this.#session
    this.#isRefresh = true
    this.#current = undefined
    if (profile.values.refreshMethod === 'UPDATE' || state !== 'established') this.#update(undefined)
    else this.#invite(offers.local)
  }

  #onInviteFinal(response: SipResponse): void {
    if (response.status >= 300) {
      this.#onRefused(response.status, response)
      return
    }
    const { dialog, offers } = this.#session
    const number = response.cseq.number
    this.#modification.feed('2xx')
    dialog.refreshTarget(response)
    this.grantTimer(termsOfAnswer(response))
    const description = descriptionOf(response)
    if (offers.state === 'requested' && description !== undefined) {
      offers.receiveOffer(description)
      this.#askAnswer(description, '2xx', {
        answer: answer => {
          offers.sendAnswer(answer)
          this.#sendAck(number, answer)
        },
        // an answer that refuses all streams would be right; the session goes on as it was (RFC 3261 §14.1)
        reject: () => {
          offers.refuse()
          this.#sendAck(number, undefined)
        },
      })
      return
    }
    if (description === undefined) offers.missAnswer()
    else offers.receiveAnswer(description)
    this.#sendAck(number, undefined)
  }

  #sendAck(cseq: number, body: Description | undefined): void {
    const { context, dialog } = this.#session
    const ack = dialog.request('ACK', cseq)
    body?.writeTo(ack)
    context.stack.sendAck(ack)
    this.#finish()
    this.#modification.feed('acknowledged')
  }

  #onUpdateFinal(response: SipResponse): void {
    if (response.status >= 300) {
      this.#onRefused(response.status, response)
      return
    }
    const { dialog, offers } = this.#session
    dialog.refreshTarget(response)
    this.grantTimer(termsOfAnswer(response))
    const description = descriptionOf(response)
    if (offers.state === 'offered') {
      if (description === undefined) offers.missAnswer()
      else offers.receiveAnswer(description)
    }
    this.#finish()
    this.#modification.feed('2xx')
  }

  #onRefused(status: number, response: SipResponse | undefined): void {
    const session = this.#session
    const current = this.#current
    const wasRefresh = this.#isRefresh
    const isLost = session.isLost(status)
    session.offers.receiveRefusal()
    const pause = response === undefined ? undefined : this.#pauseAfter(response)
    if (pause !== undefined && this.#modification.collisions < MAX_COLLISIONS && !isLost) {
      this.#wanted ??= current
      this.#wantsRefresh ||= wasRefresh
      this.#finish()
      this.#modification.collide(pause)
      return
    }
    this.#finish()
    if (wasRefresh) this.#timer?.receiveRefusal(status, isLost)
    if (current !== undefined) this.#refuse(current, status)
    this.#modification.feed(isLost ? 'lost' : 'refused')
  }

  /** RFC 3261 §14.1: 2.1 to 4 s for who owns the Call-ID, up to 2 s for the other; 500 says itself when. */
  #pauseAfter(response: SipResponse): number | undefined {
    const { context, role } = this.#session
    const random = context.random()
    if (response.status === 491)
      return role === 'uac' ? 2100 + Math.floor(random * 190) * 10 : Math.floor(random * 200) * 10
    const after = response.status === 500 ? response.try(h.RetryAfter).value?.seconds : undefined
    return after === undefined ? undefined : Math.min(after, 60) * 1000
  }

  #finish(): void {
    this.#current = undefined
    this.#isRefresh = false
    this.#reinvite = undefined
  }

  #refuse({ reply, describe: make }: Wanted, status: number): void {
    const session = this.#session
    if (reply !== undefined) session.tell(() => reply.reject(status))
    else if (make === undefined) session.tell(handler => handler.onOfferRequestRejected?.(session, status))
    else session.tell(handler => handler.onOfferRejected?.(session, status))
  }

  /** Ours was answered. */
  tellAnswer(answer: Description): void {
    const session = this.#session
    const reply = this.#current?.reply
    if (reply !== undefined) session.tell(() => reply.answer(answer))
    else session.tell(handler => handler.onAnswer?.(session, answer))
  }

  // theirs

  receiveInvite(transaction: ServerTransaction): void {
    if (!this.#mayArrive('INVITE', transaction)) return
    const terms = this.#termsOf(transaction)
    if (terms === undefined) return
    const { dialog, offers } = this.#session
    const { request } = transaction
    this.#ackWait?.end()
    this.#modification.feed('INVITE')
    this.#theirs = transaction
    this.#startStale(this.#session.profile.values.staleReInvite)
    const accept = (description: Description, holdsOffer: boolean): void => {
      dialog.refreshTarget(request)
      this.#accept2xx(transaction, description, holdsOffer, terms)
    }
    const offer = descriptionOf(request)
    if (offer !== undefined) {
      offers.receiveOffer(offer)
      this.#askAnswer(offer, 'INVITE', {
        answer: answer => {
          offers.sendAnswer(answer)
          accept(answer, false)
        },
        reject: status => {
          offers.refuse()
          this.#rejectTheirs(transaction, status)
        },
      })
      return
    }
    offers.receiveRequest()
    const duty = new OfferRequestDuty({
      offer: (mine, reply) => {
        this.#current = { describe: () => mine, reply }
        offers.sendOffer(mine)
        accept(mine, true)
      },
      reject: status => {
        offers.refuse()
        this.#rejectTheirs(transaction, status)
      },
    })
    this.#duty = duty
    const session = this.#session
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

  receiveUpdate(transaction: ServerTransaction): void {
    const { dialog, offers } = this.#session
    const { request } = transaction
    const offer = descriptionOf(request)
    if (offer !== undefined && !this.#mayArrive('UPDATE', transaction)) return
    const terms = this.#termsOf(transaction)
    if (terms === undefined) return
    const accept = (answer: Description | undefined): void => {
      dialog.refreshTarget(request)
      const response = this.#session.withContact(transaction, 200)
      writeTerms(response, terms)
      answer?.writeTo(response)
      transaction.respond(response)
      this.grantTimer(terms)
    }
    if (offer === undefined) {
      accept(undefined)
      return
    }
    this.#modification.feed('UPDATE')
    this.#theirs = transaction
    this.#startStale(30)
    offers.receiveOffer(offer)
    this.#askAnswer(offer, 'UPDATE', {
      answer: answer => {
        offers.sendAnswer(answer)
        this.#endTheirs()
        accept(answer)
        this.#modification.feed('answer')
      },
      reject: status => {
        offers.refuse()
        this.#rejectTheirs(transaction, status)
      },
    })
  }

  receiveAck(ack: SipRequest): void {
    this.#ack = ack
    this.#ackWait?.receiveAck(ack.cseq.number)
    this.#ack = undefined
  }

  receiveCancel(transaction: ServerTransaction): void {
    if (this.#theirs !== transaction || transaction.isAnswered) return
    this.#session.offers.withdraw()
    this.#duty?.withdraw()
    this.#endTheirs()
    transaction.respond(this.#session.within(transaction, 487))
    this.#modification.feed('CANCEL')
  }

  onTimer(): void {
    const duty = this.#duty
    const session = this.#session
    if (duty === undefined || duty.isAnswered) return
    session.context.counters.staleDuties++
    session.tell(handler => handler.onStaleReInviteTimeout?.(session))
    duty.reject(480)
  }

  /** The call is over: nothing of it is begun, and what is open is withdrawn. */
  end(): void {
    const waiting = this.#wanted
    this.#wanted = undefined
    this.#timer?.end()
    this.#ackWait?.end()
    this.#duty?.withdraw()
    const theirs = this.#theirs
    this.#endTheirs()
    if (theirs !== undefined && !theirs.isAnswered) theirs.respond(this.#session.within(theirs, 487))
    this.#modification.feed('end')
    if (waiting?.reply !== undefined) this.#refuse(waiting, 487)
  }

  resendAccept(): void {
    this.#accept?.resend()
  }

  onAck(): void {
    const session = this.#session
    const ack = this.#ack
    this.#accept = undefined
    if (this.#acceptHoldsOffer) {
      this.#acceptHoldsOffer = false
      const answer = ack === undefined ? undefined : descriptionOf(ack)
      if (answer === undefined) session.offers.missAnswer()
      else session.offers.receiveAnswer(answer)
    }
    this.#current = undefined
    if (ack !== undefined) session.tell(handler => handler.onAckReceived?.(session, ack))
    this.#modification.feed('ACK')
  }

  onNoAck(): void {
    const session = this.#session
    this.#accept = undefined
    session.offers.withdraw()
    session.tell(handler => handler.onAckNotReceived?.(session))
    this.#modification.feed('no ACK')
  }

  // of the machine

  cancelReinvite(): void {
    this.#reinvite?.cancel()
  }

  onGlare(): void {}

  onModificationIdle(): void {
    this.tryNext()
  }

  onModificationLost(): void {
    this.#session.lose({ outcome: outcome({ kind: 'Error', by: 'network', status: 481 }) })
  }

  #askAnswer(offer: Description, carrier: 'INVITE' | '2xx' | 'UPDATE', holder: DutyHolder): void {
    const session = this.#session
    const duty = new OfferDuty(offer, carrier, holder)
    this.#duty = duty
    session.tell(
      handler => (duty.isAnswered ? undefined : handler.onOffer(session, duty)),
      () => {
        if (!duty.isAnswered) duty.reject(500)
      },
    )
  }

  #mayArrive(method: 'INVITE' | 'UPDATE', transaction: ServerTransaction): boolean {
    const session = this.#session
    const open = exchangeOf(this.#modification.state, session.isFirstOfferOpen, session.isFirstAcked)
    const verdict = arrival(method, open, session.role)
    if (verdict === 'take') return true
    const response = session.within(transaction, verdict)
    if (verdict === 500) response.set(h.RetryAfter, new RetryAfter(Math.floor(session.context.random() * 11)))
    transaction.respond(response)
    return false
  }

  #termsOf(transaction: ServerTransaction): TimerTerms | undefined {
    const terms = termsFor(transaction.request, this.#session.profile)
    if (!('least' in terms)) return terms
    transaction.respond(this.#session.within(transaction, 422).set(h.MinSE, new SessionInterval(terms.least)))
    return undefined
  }

  #accept2xx(
    transaction: ServerTransaction,
    description: Description,
    holdsOffer: boolean,
    terms: TimerTerms,
  ): void {
    const { context } = this.#session
    const response = this.#session.withContact(transaction, 200)
    writeTerms(response, terms)
    description.writeTo(response)
    this.#endTheirs()
    this.#acceptHoldsOffer = holdsOffer
    this.#ackWait = new AckWait(transaction.request.cseq.number, context.timers, context.timing, this)
    this.#accept = transaction.respond(response)
    this.grantTimer(terms)
    this.#modification.feed('answer')
  }

  #rejectTheirs(transaction: ServerTransaction, status: number): void {
    this.#endTheirs()
    transaction.respond(this.#session.within(transaction, status))
    this.#modification.feed('reject')
  }

  #startStale(seconds: number): void {
    const { timers } = this.#session.context
    timers.stop(this.#stale)
    this.#stale = timers.start(this, 'stale', seconds * 1000)
  }

  #endTheirs(): void {
    this.#session.context.timers.stop(this.#stale)
    this.#stale = undefined
    this.#theirs = undefined
    this.#duty = undefined
  }
}
