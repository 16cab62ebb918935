import * as h from '../../stack/headers/index.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import type { OutgoingAck } from '../../stack/transaction/outgoing-ack.ts'
import { type Description, describe, descriptionOf } from '../core/description.ts'
import { wayOf } from '../dialog/path.ts'
import type { ExchangeUser } from '../exchange/exchange.ts'
import { OfferDuty } from './duty.ts'
import type { ChangeUser, Modifiable, Wanted } from './modifiable.ts'
import type { Modification } from './modification.ts'
import { askForTimer, withLongerTimer } from './timer-terms.ts'

/** Times that a change of ours may meet one of theirs in a row. */
const MAX_COLLISIONS = 5
/** Longest pause, in seconds, that a 500 may ask for. */
const LONGEST_PAUSE = 60

/** A re-INVITE of ours that was accepted: each 2xx of it wants the same ACK (RFC 3261 §13.2.2.4). */
interface Accepted {
  readonly cseq: number
  ack: OutgoingAck | undefined
}

/** The re-INVITE or UPDATE of ours that is under way (RFC 3261 §14.1, RFC 3311 §5.1). */
export class OwnChange {
  readonly #session: Modifiable
  readonly #modification: Modification
  readonly #user: ChangeUser
  #wanted: Wanted | undefined
  #isRefresh = false
  #duty: OfferDuty | undefined
  /** Its ACK waits for the answer that it is to hold. */
  #unacknowledged: Accepted | undefined

  constructor(session: Modifiable, modification: Modification, user: ChangeUser) {
    this.#session = session
    this.#modification = modification
    this.#user = user
  }

  /**
   * Begins what the application wants: UPDATE before the call is up, re-INVITE after. Answers false, and refuses it with
   * 500, where it cannot be described.
   */
  begin(wanted: Wanted): boolean {
    let offer: Description | undefined
    try {
      offer = wanted.describe === undefined ? undefined : describe(wanted.describe())
    } catch (error) {
      this.#session.context.failed(error)
      this.refuse(wanted, 500)
      return false
    }
    this.#wanted = wanted
    if (this.#session.state === 'early' && offer !== undefined) this.#update(offer)
    else this.#invite(offer)
    return true
  }

  /** Whether one may go: before the call is up only where the peer knows UPDATE (RFC 3311 §4). */
  get mayBegin(): boolean {
    return this.#session.takesUpdate || this.#session.state === 'established'
  }

  /** Refreshes timer and target with nothing changed (RFC 4028 §7.4). */
  refresh(): void {
    const { profile, offers, state, takesUpdate } = this.#session
    this.#isRefresh = true
    const isUpdate = profile.values.refreshMethod === 'UPDATE' || state !== 'established'
    if (isUpdate && takesUpdate) this.#update(undefined)
    else this.#invite(offers.local)
  }

  /** Ours, or the one that their INVITE without offer asked for, was answered. */
  tellAnswer(answer: Description, reply: Wanted['reply'] = this.#wanted?.reply): void {
    const session = this.#session
    if (reply !== undefined) session.tell(() => reply.answer(answer))
    else if (!this.#isRefresh) session.tell(handler => handler.onAnswer?.(session, answer))
  }

  /** Tells that nothing comes of it. */
  refuse({ reply, request, describe: make }: Wanted, status: number): void {
    const session = this.#session
    if (request?.isAnswered === false) session.tell(() => request.reject(status))
    else if (reply !== undefined) session.tell(() => reply.reject(status))
    else if (make === undefined) session.tell(handler => handler.onOfferRequestRejected?.(session, status))
    else session.tell(handler => handler.onOfferRejected?.(session, status))
  }

  /** The call is over. */
  end(): void {
    this.#duty?.withdraw()
    const unacknowledged = this.#unacknowledged
    if (unacknowledged !== undefined) this.#sendAck(unacknowledged, this.#session.offers.local)
    this.#finish()
  }

  #invite(offer: Description | undefined): void {
    const { offers, profile } = this.#session
    this.#modification.feed('reinvite')
    if (offer === undefined) offers.sendRequest()
    else offers.sendOffer(offer)
    this.#modification.expectWithin(profile.values.staleReInvite * 1000)
    let accepted: Accepted | undefined
    this.#send('INVITE', offer, response => {
      if (accepted !== undefined) {
        this.#session.context.counters.acceptsAgain++
        accepted.ack?.resend()
        return
      }
      accepted = { cseq: response.cseq.number, ack: undefined }
      this.#onInviteAccepted(response, accepted)
    })
  }

  #update(offer: Description | undefined): void {
    this.#modification.feed('update')
    if (offer !== undefined) this.#session.offers.sendOffer(offer)
    this.#send('UPDATE', offer, response => this.#onUpdateAccepted(response))
  }

  #send(
    method: 'INVITE' | 'UPDATE',
    offer: Description | undefined,
    onAccepted: (response: SipResponse) => void,
  ): void {
    const { requests, profile, context } = this.#session
    const fill = (template: RequestTemplate): void => {
      this.#session.fillRefresh(template)
      askForTimer(template, profile, this.#user.runningTimer)
      offer?.writeTo(template)
    }
    const user: ExchangeUser = {
      onFinal: response => {
        if (response.status < 300) onAccepted(response)
        else this.#onRefused(response.status, response)
      },
      onFailure: failure => this.#onRefused(failure.status, undefined),
      amend: (sent, response) => (response.status === 422 ? withLongerTimer(sent, response) : undefined),
    }
    if (requests.send(method, fill, user)) return
    context.counters.refusedByLimit++
    this.#onRefused(503, undefined)
  }

  #onInviteAccepted(response: SipResponse, accepted: Accepted): void {
    const { offers } = this.#session
    this.#modification.feed('2xx')
    this.#user.onGranted(response)
    const description = descriptionOf(response)
    if (offers.state === 'requested' && description !== undefined) {
      this.#askAnswer(accepted, description)
      return
    }
    if (description === undefined) offers.missAnswer()
    else offers.receiveAnswer(description)
    this.#acknowledge(accepted, undefined)
  }

  #onUpdateAccepted(response: SipResponse): void {
    const { offers } = this.#session
    this.#user.onGranted(response)
    if (offers.state === 'offered') {
      const description = descriptionOf(response)
      if (description === undefined) offers.missAnswer()
      else offers.receiveAnswer(description)
    }
    this.#finish()
    this.#modification.feed('2xx')
  }

  /** The 2xx brings the offer that we asked for; the ACK brings its answer. */
  #askAnswer(accepted: Accepted, offer: Description): void {
    const session = this.#session
    const { offers } = session
    offers.receiveOffer(offer)
    this.#unacknowledged = accepted
    const duty = new OfferDuty(offer, '2xx', {
      answer: answer => {
        offers.sendAnswer(answer)
        this.#acknowledge(accepted, answer)
      },
      // there is no way to refuse it but the one to end the call (RFC 3261 §14.1): what was agreed goes on
      reject: () => {
        offers.refuse()
        this.#acknowledge(accepted, offers.local)
      },
    })
    this.#duty = duty
    const request = this.#wanted?.request
    if (request?.isAnswered === false) {
      session.tell(() => request.offer(duty.body, duty))
      return
    }
    session.tell(
      handler => (duty.isAnswered ? undefined : handler.onOffer(session, duty)),
      () => {
        if (!duty.isAnswered) duty.reject(500)
      },
    )
  }

  #acknowledge(accepted: Accepted, body: Description | undefined): void {
    this.#sendAck(accepted, body)
    this.#finish()
    this.#modification.feed('acknowledged')
  }

  #sendAck(accepted: Accepted, body: Description | undefined): void {
    const { context, dialog } = this.#session
    const ack = dialog.request('ACK', accepted.cseq)
    body?.writeTo(ack)
    accepted.ack = context.stack.sendAck(ack, wayOf(ack, dialog.flow))
  }

  #onRefused(status: number, response: SipResponse | undefined): void {
    const session = this.#session
    const wanted = this.#wanted
    const wasRefresh = this.#isRefresh
    const isLost = session.isLost(status)
    session.offers.receiveRefusal()
    this.#finish()
    const pause = response === undefined || isLost ? undefined : this.#pauseAfter(response)
    if (pause !== undefined && this.#modification.collisions < MAX_COLLISIONS) {
      this.#user.onAgain(wanted, wasRefresh)
      this.#modification.collide(pause)
      return
    }
    if (wasRefresh) this.#user.onRefreshRefused(status, isLost)
    else if (wanted !== undefined) this.refuse(wanted, status)
    this.#modification.feed(isLost ? 'lost' : 'refused')
  }

  /** RFC 3261 §14.1: 2.1 to 4 s for who made the Call-ID, up to 2 s for the other; 500 says itself when. */
  #pauseAfter(response: SipResponse): number | undefined {
    const { context, role } = this.#session
    if (response.status === 491) {
      const random = context.random()
      return role === 'uac' ? 2100 + Math.floor(random * 191) * 10 : Math.floor(random * 201) * 10
    }
    const after = response.status === 500 ? response.try(h.RetryAfter).value?.seconds : undefined
    return after === undefined ? undefined : Math.min(after, LONGEST_PAUSE) * 1000
  }

  #finish(): void {
    this.#wanted = undefined
    this.#isRefresh = false
    this.#duty = undefined
    this.#unacknowledged = undefined
  }
}
