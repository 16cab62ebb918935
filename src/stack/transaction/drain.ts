import type { Timer } from '../../util/timers.ts'
import { CSeq } from '../headers/cseq.ts'
import * as h from '../headers/index.ts'
import type { Reason } from '../headers/reason.ts'
import { ack2xx } from '../message/build.ts'
import type { SipResponse } from '../message/message.ts'
import { RequestTemplate } from '../message/template.ts'
import type { ClientMachine, ClientUser } from './client-machine.ts'
import { OutgoingAck } from './outgoing-ack.ts'
import type { RequestContext } from './request-options.ts'
import { sendCancel } from './send-cancel.ts'
import { lifetime } from './timers.ts'

/** Branches of a fork that are hung up; more of them are left to their own time-outs. */
const MAX_FORKS = 16

/**
 * Takes over the INVITE transaction of a target that was given up for the next one, so that no call is left behind: what
 * rings is cancelled (RFC 3261 §9.1), what is accepted all the same is acknowledged and ended (§13.2.2.4, §15).
 */
export class Drain implements ClientUser {
  readonly #context: RequestContext
  readonly #invite: RequestTemplate
  readonly #client: ClientMachine<string>
  /** Sends a BYE; nobody hears of its end. */
  readonly #sendBye: (bye: RequestTemplate) => void
  readonly #reasons: readonly Reason[]
  readonly #acks = new Map<string, OutgoingAck>()
  #timer: Timer | undefined

  /**
   * Takes over from the request that a target was given up by.
   * @param invite as it was sent
   * @param client its transaction, which tells the drain from now on
   * @param reasons for the CANCEL, where one was wanted already (RFC 3326)
   */
  static takeOver(
    context: RequestContext,
    invite: RequestTemplate,
    client: ClientMachine<string>,
    sendBye: (bye: RequestTemplate) => void,
    reasons: readonly Reason[],
  ): void {
    client.user = new Drain(context, invite, client, sendBye, reasons)
    context.counters.drainedInvites++
  }

  private constructor(
    context: RequestContext,
    invite: RequestTemplate,
    client: ClientMachine<string>,
    sendBye: (bye: RequestTemplate) => void,
    reasons: readonly Reason[],
  ) {
    this.#reasons = reasons
    this.#context = context
    this.#invite = invite
    this.#client = client
    this.#sendBye = sendBye
  }

  onResponse(response: SipResponse): void {
    if (response.status < 200) this.#cancelOnce()
    else if (response.status < 300) this.#hangUp(response)
    else this.#context.timers.stop(this.#timer)
  }

  onFailure(): void {
    this.#context.timers.stop(this.#timer)
  }

  onEnded(): void {
    this.#context.timers.stop(this.#timer)
  }

  /** @internal the CANCEL had no effect (§9.1) */
  onTimer(): void {
    this.#client.abandon()
  }

  #cancelOnce(): void {
    if (this.#timer !== undefined) return
    const { timers, timing } = this.#context
    this.#timer = timers.start(this, 'drain', lifetime(timing))
    sendCancel(this.#context, this.#invite, this.#client, this.#reasons)
  }

  #hangUp(ok: SipResponse): void {
    this.#context.timers.stop(this.#timer)
    const tag = ok.to.tag ?? ''
    const known = this.#acks.get(tag)
    if (known !== undefined) {
      known.resend()
      return
    }
    if (this.#acks.size >= MAX_FORKS) return
    // without a Contact there is nowhere to send ACK and BYE, and its peer gives up in its own time (§13.3.1.4)
    if (ok.try(h.Contact).value === undefined) return
    const ack = ack2xx(this.#invite, ok)
    this.#acks.set(tag, new OutgoingAck(this.#context, ack))
    this.#sendBye(byeAfter(ack))
  }
}

/** The BYE of the dialog that an ACK to a 2xx stands in (§12.2.1.1). */
function byeAfter(ack: RequestTemplate): RequestTemplate {
  const routes = ack.all(h.Route)
  const bye = new RequestTemplate('BYE', ack.requestUri)
    .set(h.MaxForwards, 70)
    .set(h.From, ack.from)
    .set(h.To, ack.to)
    .set(h.CallId, ack.callId)
    .set(h.CSeq, new CSeq(ack.cseq.number + 1, 'BYE'))
  return routes.length === 0 ? bye : bye.set(h.Route, ...routes)
}
