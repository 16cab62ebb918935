import * as h from '../../stack/headers/index.ts'
import { RAck } from '../../stack/headers/rack.ts'
import { HeaderBlock } from '../../stack/message/block.ts'
import { linesOf } from '../../stack/message/encode.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import type { OutgoingAck } from '../../stack/transaction/outgoing-ack.ts'
import { type CallOutcome, outcome } from '../call-record/outcome.ts'
import { type Description, descriptionOf } from '../core/description.ts'
import { ended } from '../dialog/dialog-requests.ts'
import { wayOf } from '../dialog/path.ts'
import type {
  CallState,
  ClientInviteHandler,
  ClientInviteSession,
  InviteHandler,
  Offer,
  OfferRequest,
} from '../handlers/invite.ts'
import type { CallEvent, CallUacUser } from './call.ts'
import { CallUac } from './call-uac.ts'
import { OfferDuty } from './duty.ts'
import { ReliableUac, type ReliableUacUser, type ToAcknowledge } from './reliable-uac.ts'
import { Session, type SessionParts } from './session.ts'
import { termsOfAnswer } from './timer-terms.ts'

/** The set that a fork belongs to. */
export interface ForkParent {
  /** The INVITE as it was sent last. */
  readonly sent: RequestTemplate
  /** Whether CANCEL ends this fork: there is no other, and nobody accepted. */
  isOnlyFork(session: ClientSession): boolean
  cancel(event: CallEvent): void
}

/** What an INVITE of ours offers, and whose duty that fulfils. */
export interface FirstOffering {
  readonly offer: Description | undefined
  readonly given: Offer | OfferRequest | undefined
}

/** One fork of an INVITE of ours. */
export class ClientSession extends Session implements ClientInviteSession, CallUacUser, ReliableUacUser {
  readonly role = 'uac'
  handler: ClientInviteHandler
  readonly #call = new CallUac(this)
  readonly #parent: ForkParent
  readonly #reliable = new ReliableUac(this)
  #given: Offer | OfferRequest | undefined
  #ack: OutgoingAck | undefined
  /** The INVITE's CSeq number, which the ACK bears. */
  #cseq = 0
  #wasAccepted = false
  #isAloneOver = false
  #duty: OfferDuty | undefined

  constructor(parts: SessionParts, parent: ForkParent, handler: ClientInviteHandler, first: FirstOffering) {
    super(parts)
    this.#parent = parent
    this.handler = handler
    this.#given = first.given
    this.offers.seed(first.offer)
  }

  get state(): CallState {
    return this.#call.state
  }

  get isFirstOfferOpen(): boolean {
    const { state } = this.#call
    return (state === 'early' || state === 'accepted') && this.offers.isOpen
  }

  get isFirstAcked(): boolean {
    return this.#call.state !== 'accepted'
  }

  get wasAccepted(): boolean {
    return this.#wasAccepted
  }

  tell(call: (handler: InviteHandler) => unknown, onError?: (error: unknown) => void): void {
    // a handler of any session is one of this kind of session's: what it is told of is this session
    this.door.tell(() => call(this.handler as InviteHandler), onError)
  }

  // responses to the INVITE

  receiveProvisional(response: SipResponse): void {
    if (this.#call.state !== 'early') return
    if (response.status === 199) {
      this.#endAlone()
      return
    }
    this.#call.feed('1xx', {})
    this.noteAllow(response)
    this.#mark(response.status)
    const description = descriptionOf(response)
    const rseq = isReliable(response) ? response.try(h.RSeq).value : undefined
    if (rseq !== undefined) {
      if (!this.#reliable.isNext(rseq)) return
      this.dialog.refreshTarget(response)
      this.#receiveReliable(response, rseq, description)
      return
    }
    const preview = this.offers.state === 'offered' ? description : undefined
    this.tell(handler => handler.onProvisional?.(this, response, preview))
    if (preview !== undefined) this.offers.receivePreview(preview)
  }

  /** A 2xx, the first or one that comes again. `isWanted`: no other fork was accepted before, or all are kept. */
  receiveAccept(response: SipResponse, isWanted: boolean): void {
    if (this.#wasAccepted) {
      this.context.counters.acceptsAgain++
      this.#call.feed('2xx', {})
      return
    }
    this.#wasAccepted = true
    this.#cseq = response.cseq.number
    this.#reliable.end()
    if (!response.has(h.Contact)) this.context.counters.withoutContact++
    this.noteAllow(response)
    this.dialog.confirmRoutes(response)
    this.dialog.refreshTarget(response)
    this.times.mark('answered', this.context.timers.now())
    if (!isWanted) {
      this.#isAloneOver = true
      this.#call.feed('unwanted 2xx', { outcome: outcome({ kind: 'LocalBye', by: 'local' }) })
      return
    }
    this.#call.feed('2xx', {})
    if (this.#call.state !== 'accepted') return
    this.modifier.grantTimer(termsOfAnswer(response))
    const description = descriptionOf(response)
    if (this.offers.state === 'requested' && description !== undefined) {
      this.#askAnswer(description)
      this.#tellAccepted()
      return
    }
    if (this.offers.isOpen) {
      if (description === undefined) {
        this.offers.missAnswer()
        this.lose({ outcome: outcome({ kind: 'Error', by: 'local', status: 488 }) })
        return
      }
      this.offers.receiveAnswer(description)
    }
    this.#tellAccepted()
    this.#sendAck(undefined)
    this.#call.feed('acknowledged', {})
    this.modifier.tryNext()
  }

  /** The INVITE failed, or another fork was accepted: a fork that rings is over. */
  fail(): void {
    if (this.#call.state === 'early') this.#endAlone()
    else this.#call.feed('failed', {})
  }

  /** The call is given up, which is told once for all its forks. */
  quit(): void {
    this.door.shut()
    this.#call.feed('failed', {})
  }

  #endAlone(): void {
    this.#isAloneOver = true
    this.#call.feed('failed', {})
  }

  // what the machines have done

  acknowledge(): void {
    this.#ack?.resend()
  }

  refuseAccept(): void {
    this.#duty?.withdraw()
    if (this.#ack === undefined) this.#sendAck(undefined)
  }

  leaveEarly(event: CallEvent): void {
    if (this.#parent.isOnlyFork(this)) this.#parent.cancel(event)
    else this.sendBye(event)
  }

  /** After what the 2xx carried. */
  #tellAccepted(): void {
    this.tell(handler => handler.onAccepted?.(this))
  }

  sendPrack({ rseq, cseq, description }: ToAcknowledge): void {
    const fill = (prack: RequestTemplate): void => {
      prack.set(h.RAck, new RAck(rseq, cseq, 'INVITE')).appendBlock(this.profile.block)
      description?.writeTo(prack)
    }
    this.requests.send(
      'PRACK',
      fill,
      ended((_status, _response) => {
        this.#reliable.onPrackEnded()
        this.modifier.tryNext()
      }),
    )
  }

  askAnswer(): void {
    const { open } = this.offers
    if (open === undefined) return
    const duty = new OfferDuty(open, '1xx', {
      answer: answer => {
        this.offers.sendAnswer(answer)
        this.#reliable.answer(answer)
      },
      // to reject an offer of a 1xx is to end the call (RFC 3261 §13.2.1)
      reject: status => {
        this.offers.refuse()
        this.end(status)
      },
    })
    this.#duty = duty
    this.#tellOffer(duty)
  }

  override release(): void {
    this.#reliable.end()
    super.release()
  }

  lose(event: CallEvent): void {
    this.#call.feed('gone', event)
  }

  protected hangUp(event: CallEvent): void {
    const isEarly = this.#call.state === 'early'
    const end = isEarly ? { ...event, outcome: outcome({ kind: 'LocalCancel', by: 'local' }) } : event
    this.#call.feed('hang up', end)
  }

  protected receiveBye(event: CallEvent): void {
    this.#call.feed('BYE', event)
  }

  protected onByeEnded(): void {
    this.#call.feed('bye ended', {})
  }

  protected tellOver(end: CallOutcome): void {
    this.#duty?.withdraw()
    if (this.#isAloneOver) this.door.tellLast(() => this.handler.onForkDestroyed?.(this))
    else if (this.#wasAccepted) this.door.tellLast(() => this.handler.onTerminated?.(this, end))
    // of a call that nobody accepted the end is told once, for all its forks
    else this.door.shut()
  }

  #receiveReliable(response: SipResponse, rseq: number, description: Description | undefined): void {
    const hasOffer = description !== undefined && this.offers.state === 'requested'
    this.tell(handler => handler.onProvisional?.(this, response, undefined))
    if (description !== undefined) {
      if (hasOffer) this.offers.receiveOffer(description)
      else this.offers.receiveAnswer(description)
    }
    this.#reliable.take(rseq, response.cseq.number, hasOffer)
  }

  #askAnswer(offer: Description): void {
    this.offers.receiveOffer(offer)
    const duty = new OfferDuty(offer, '2xx', {
      answer: answer => {
        this.offers.sendAnswer(answer)
        this.#sendAck(answer)
        this.#call.feed('acknowledged', {})
        this.modifier.tryNext()
      },
      reject: status => {
        this.offers.refuse()
        this.end(status)
      },
    })
    this.#duty = duty
    this.#tellOffer(duty)
  }

  /** The first answer, where ours was another session's offer, is that session's. */
  override onAgreed(local: Description, remote: Description, wasOurs: boolean): void {
    const given = this.#given
    if (wasOurs && given !== undefined && 'answer' in given) {
      this.#given = undefined
      if (!given.isAnswered) given.answer(remote)
    } else super.onAgreed(local, remote, wasOurs)
  }

  #tellOffer(duty: OfferDuty): void {
    const given = this.#given
    if (given !== undefined && 'offer' in given) {
      this.#given = undefined
      if (given.isAnswered) duty.reject()
      else given.offer(duty.body, duty)
      return
    }
    this.tell(
      handler => (duty.isAnswered ? undefined : handler.onOffer(this, duty)),
      () => {
        if (!duty.isAnswered) duty.reject(500)
      },
    )
  }

  /** To the 2xx, with the INVITE's number and credentials (RFC 3261 §13.2.2.4). */
  #sendAck(body: Description | undefined): void {
    // whoever was told of the 2xx may have hung up, which sent it
    if (this.#ack !== undefined) return
    const ack = this.dialog.request('ACK', this.#cseq)
    const { sent } = this.#parent
    const credentials = linesOf(sent, h.Authorization) + linesOf(sent, h.ProxyAuthorization)
    if (credentials !== '') ack.appendBlock(new HeaderBlock(credentials))
    body?.writeTo(ack)
    this.#ack = this.context.stack.sendAck(ack, wayOf(ack, this.dialog.flow))
    this.times.mark('acked', this.context.timers.now())
  }

  #mark(status: number): void {
    const mark = status === 100 ? 'trying' : status === 180 ? 'ringing' : 'progress'
    this.times.mark(mark, this.context.timers.now())
  }
}

function isReliable(response: SipResponse): boolean {
  return response.tryAll(h.Require).value?.some(tag => tag.toLowerCase() === '100rel') === true
}
