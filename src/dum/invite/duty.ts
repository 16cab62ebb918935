import type { SessionDescription } from '../../sdp/index.ts'
import { UsageError } from '../../util/errors.ts'
import { type Body, type Description, describe } from '../core/description.ts'
import type { Carrier, Offer, OfferReply, OfferRequest } from '../handlers/invite.ts'

/** Who has a duty fulfilled. */
export interface DutyHolder {
  answer(answer: Description): void
  reject(status: number): void
}

const NOT_ACCEPTABLE_HERE = 488

/** An offer of the peer's, answered once. */
export class OfferDuty implements Offer {
  readonly body: Description
  readonly carrier: Carrier
  /** @internal another session fulfils it: nobody else is asked */
  isGiven = false
  #holder: DutyHolder | undefined

  constructor(body: Description, carrier: Carrier, holder: DutyHolder) {
    this.body = body
    this.carrier = carrier
    this.#holder = holder
  }

  get sdp(): SessionDescription {
    return this.body.sdp
  }

  get isAnswered(): boolean {
    return this.#holder === undefined
  }

  answer(answer: Body | Description): void {
    const description = describe(answer)
    this.#take('the offer').answer(description)
  }

  reject(status: number = NOT_ACCEPTABLE_HERE): void {
    this.#take('the offer').reject(checked(status))
  }

  /** @internal what it was for is over: CANCEL, BYE, its time */
  withdraw(): void {
    this.#holder = undefined
  }

  #take(what: string): DutyHolder {
    const holder = this.#holder
    if (holder === undefined) throw answeredAlready(what)
    this.#holder = undefined
    return holder
  }
}

/** Who has a request for an offer fulfilled. */
export interface RequestHolder {
  offer(offer: Description, reply: OfferReply | undefined): void
  reject(status: number): void
}

/** A request for an offer of ours, fulfilled once. */
export class OfferRequestDuty implements OfferRequest {
  /** @internal as of an offer */
  isGiven = false
  #holder: RequestHolder | undefined

  constructor(holder: RequestHolder) {
    this.#holder = holder
  }

  get isAnswered(): boolean {
    return this.#holder === undefined
  }

  offer(offer: Body | Description, reply?: OfferReply): void {
    const description = describe(offer)
    this.#take().offer(description, reply)
  }

  reject(status: number = NOT_ACCEPTABLE_HERE): void {
    this.#take().reject(checked(status))
  }

  /** @internal */
  withdraw(): void {
    this.#holder = undefined
  }

  #take(): RequestHolder {
    const holder = this.#holder
    if (holder === undefined) throw answeredAlready('the request for an offer')
    this.#holder = undefined
    return holder
  }
}

function checked(status: number): number {
  if (Number.isInteger(status) && status >= 300 && status <= 699) return status
  throw new UsageError('ERR_SIP_STATUS', `${status} refuses nothing; a status of 300 to 699 is needed`)
}

function answeredAlready(what: string): UsageError {
  return new UsageError('ERR_SIP_ANSWERED', `${what} was answered already, or is withdrawn`)
}
