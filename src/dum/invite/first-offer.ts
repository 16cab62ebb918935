import type { SipRequest } from '../../stack/message/message.ts'
import type { ResponseTemplate } from '../../stack/message/template.ts'
import { type Description, descriptionOf } from '../core/description.ts'
import type { OfferReply } from '../handlers/invite.ts'
import { OfferDuty, OfferRequestDuty } from './duty.ts'
import type { OfferAnswer } from './offer-answer.ts'

/** Whose first offer it is. */
export interface FirstOfferUser {
  readonly offers: OfferAnswer
  /** The offer is answered, or made: the call may be accepted. */
  onDescribed(): void
  refuse(status: number): void
}

/** The offer of a first INVITE, or the one that it asks for, and which responses carry what comes of it (RFC 6337 §2.2). */
export class FirstOffer {
  /** The application's. */
  readonly duty: OfferDuty | OfferRequestDuty
  readonly #user: FirstOfferUser
  /** Our answer, or our offer where the INVITE had none. */
  #description: Description | undefined
  #isOurs = false
  #isSent = false
  #reply: OfferReply | undefined

  constructor(invite: SipRequest, user: FirstOfferUser) {
    this.#user = user
    const offer = descriptionOf(invite)
    this.duty = offer === undefined ? this.#request() : this.#offer(offer)
  }

  /** Whether the offer is answered, or made. */
  get isDescribed(): boolean {
    return this.#description !== undefined
  }

  /** Whether no reliable response has carried it yet. */
  get isUnsent(): boolean {
    return !this.#isSent
  }

  /** Whether ours is the offer, and not answered. */
  get awaitsAnswer(): boolean {
    return this.#isOurs && this.#user.offers.state === 'offered'
  }

  /** Writes it into a response that may not arrive: an answer goes into each, an offer into none (RFC 3262 §5). */
  writeAgain(response: ResponseTemplate): void {
    if (!this.#isOurs && !this.#isSent) this.#description?.writeTo(response)
  }

  /** Writes it into a response that is sure to arrive, the first of these alone. Answers whether it did. */
  writeOnce(response: ResponseTemplate): boolean {
    if (this.#isSent || this.#description === undefined) return false
    this.#isSent = true
    this.#description.writeTo(response)
    return true
  }

  /** The PRACK or the ACK came that has to bring the answer to ours. */
  receiveAnswer(description: Description | undefined): void {
    const { offers } = this.#user
    if (description === undefined) offers.missAnswer()
    else offers.receiveAnswer(description)
    this.#reply = undefined
  }

  /** Who is to hear of the answer, where the session's handler is not. */
  get reply(): OfferReply | undefined {
    return this.#reply
  }

  #offer(offer: Description): OfferDuty {
    const { offers } = this.#user
    offers.receiveOffer(offer)
    return new OfferDuty(offer, 'INVITE', {
      answer: answer => {
        this.#description = answer
        offers.sendAnswer(answer)
        this.#user.onDescribed()
      },
      reject: status => {
        offers.refuse()
        this.#user.refuse(status)
      },
    })
  }

  #request(): OfferRequestDuty {
    const { offers } = this.#user
    offers.receiveRequest()
    return new OfferRequestDuty({
      offer: (mine, reply) => {
        this.#description = mine
        this.#isOurs = true
        this.#reply = reply
        offers.sendOffer(mine)
        this.#user.onDescribed()
      },
      reject: status => {
        offers.refuse()
        this.#user.refuse(status)
      },
    })
  }
}
