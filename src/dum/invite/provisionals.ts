import * as h from '../../stack/headers/index.ts'
import type { SipRequest } from '../../stack/message/message.ts'
import type { ResponseTemplate } from '../../stack/message/template.ts'
import type { SentResponse } from '../../stack/transaction/sent-response.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import type { DumContext } from '../core/context.ts'
import { type Description, descriptionOf } from '../core/description.ts'
import type { InviteHandler, ServerInviteSession } from '../handlers/invite.ts'
import type { Profile } from '../profile/profile.ts'
import { OfferDuty } from './duty.ts'
import type { FirstOffer } from './first-offer.ts'
import type { OfferAnswer } from './offer-answer.ts'
import { type ReliableProvisional, ReliableUas, type ReliableUasUser } from './reliable-uas.ts'

const UNAVAILABLE = 480
const REQUEST_TERMINATED = 487

/** The session whose INVITE they answer. */
export interface ProvisionalsUser extends ServerInviteSession {
  readonly context: DumContext
  readonly profile: Profile
  readonly offers: OfferAnswer
  tell(call: (handler: InviteHandler) => unknown, onError?: (error: unknown) => void): void
  within(transaction: ServerTransaction, status: number): ResponseTemplate
  withContact(transaction: ServerTransaction, status: number): ResponseTemplate
  onAcknowledged(): void
  onNoPrack(): void
}

/** The provisional responses to a first INVITE, reliable where both sides can (RFC 3262), and the PRACKs to them. */
export class Provisionals implements ReliableUasUser {
  readonly #session: ProvisionalsUser
  readonly #transaction: ServerTransaction
  readonly #first: FirstOffer
  #reliable: ReliableUas | undefined
  #sent: SentResponse | undefined
  /** The PRACK whose offer is not answered yet. */
  #asking: { readonly prack: ServerTransaction; readonly duty: OfferDuty } | undefined

  constructor(session: ProvisionalsUser, transaction: ServerTransaction, first: FirstOffer) {
    this.#session = session
    this.#transaction = transaction
    this.#first = first
  }

  /** Whether a description that was sent reliably has not been acknowledged. */
  get owesPrack(): boolean {
    return this.#reliable?.owesPrack === true
  }

  /** Sends one; `preview` describes what an answer may differ from, and is never reliable. */
  send(status: number, preview: Description | undefined): void {
    const response = this.#session.withContact(this.#transaction, status)
    if (preview !== undefined) preview.writeTo(response)
    else if (this.#isReliable) {
      const line = this.#line
      if (line.isFull) this.#session.context.counters.refusedByLimit++
      else line.send({ response, hasDescription: this.#first.writeOnce(response) })
      return
    } else this.#first.writeAgain(response)
    this.#transaction.respond(response)
  }

  receivePrack(transaction: ServerTransaction): void {
    const session = this.#session
    const { request } = transaction
    const rack = request.try(h.RAck).value
    const reliable = this.#reliable
    if (rack === undefined || reliable?.isAwaited(rack) !== true || this.#asking !== undefined) {
      transaction.respond(481)
      return
    }
    const { offers } = session
    const description = descriptionOf(request)
    session.tell(handler => handler.onPrack?.(session, request))
    if (this.#first.awaitsAnswer) this.#first.receiveAnswer(description)
    else if (description !== undefined && offers.state === 'stable') {
      this.#askAnswer(transaction, description, reliable)
      return
    }
    // an offer while another is open is refused; it acknowledges all the same
    const isRefused = description !== undefined && offers.isOpen
    transaction.respond(session.within(transaction, isRefused ? 488 : 200))
    reliable.receivePrack()
  }

  /** The INVITE has its final response. */
  end(): void {
    this.#reliable?.end()
    this.#sent = undefined
    const asking = this.#asking
    if (asking === undefined) return
    this.#asking = undefined
    asking.duty.withdraw()
    asking.prack.respond(this.#session.within(asking.prack, REQUEST_TERMINATED))
  }

  sendReliable({ response }: ReliableProvisional, rseq: number): void {
    this.#sent = this.#transaction.respond(response.set(h.RSeq, rseq).append(h.Require, '100rel'))
  }

  resendReliable(): void {
    this.#sent?.resend()
  }

  onAcknowledged(): void {
    this.#sent = undefined
    this.#session.onAcknowledged()
  }

  onNoPrack(): void {
    this.#session.onNoPrack()
  }

  get #line(): ReliableUas {
    const { random, timers, timing } = this.#session.context
    const { number } = this.#transaction.request.cseq
    // §3: RSeq begins anywhere from 1 to 2^31 − 1
    this.#reliable ??= new ReliableUas(number, 1 + Math.floor(random() * 0x7fffffff), timers, timing.t1, this)
    return this.#reliable
  }

  /** §3: where the caller knows it, and the first of them need not bring an offer that is not there. */
  get #isReliable(): boolean {
    const { request } = this.#transaction
    const isRequired = names(request, h.Require)
    const isKnown = isRequired || names(request, h.Supported)
    const isWanted = isRequired || this.#session.profile.values.reliableUas !== 'never'
    return isKnown && isWanted && this.#session.offers.state !== 'owing'
  }

  #askAnswer(transaction: ServerTransaction, offer: Description, reliable: ReliableUas): void {
    const session = this.#session
    const { offers } = session
    offers.receiveOffer(offer)
    const duty = new OfferDuty(offer, 'PRACK', {
      answer: answer => {
        this.#asking = undefined
        offers.sendAnswer(answer)
        const response = session.within(transaction, 200)
        answer.writeTo(response)
        transaction.respond(response)
        reliable.receivePrack()
      },
      reject: status => {
        this.#asking = undefined
        offers.refuse()
        // another leg's 408 may not be sent to a PRACK (RFC 4320 §4.2)
        const said = transaction.canRespond(status) ? status : UNAVAILABLE
        transaction.respond(session.within(transaction, said))
        reliable.receivePrack()
      },
    })
    this.#asking = { prack: transaction, duty }
    session.tell(
      handler => (duty.isAnswered ? undefined : handler.onOffer(session, duty)),
      () => {
        if (!duty.isAnswered) duty.reject(500)
      },
    )
  }
}

function names(request: SipRequest, header: typeof h.Require): boolean {
  return request.tryAll(header).value?.some(tag => tag.toLowerCase() === '100rel') === true
}
