import type { NameAddr } from '../../stack/grammar/name-addr.ts'
import * as h from '../../stack/headers/index.ts'
import type { Flow } from '../../stack/message/flow.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import type { RequestFailure } from '../../stack/transaction/request-failure.ts'
import type { Served } from '../../stack/transaction/request-options.ts'
import { hostPort } from '../../util/address.ts'
import { Exchange, type ExchangeUser } from '../exchange/exchange.ts'
import type { RegisteredFlow, RegistrationFailure } from '../handlers/registration.ts'
import { backOff, backOffTo, renewalOf } from '../soft-state/back-off.ts'
import { SoftState, type SoftStateUser } from '../soft-state/soft-state.ts'
import { FlowContacts } from './flow-contacts.ts'
import type { FlowOwner } from './flow-owner.ts'
import { type Granted, readGranted } from './granted.ts'
import { HeldFlow } from './held-flow.ts'
import { type RegisterPurpose, registerRequest } from './register-request.ts'
import { answerOf, redirectedTo } from './retry-of.ts'

/** A flow that did not live so long, in ms, was no success, so that who closes what he accepts is not asked at once again. */
const LIVED = 10_000
const FIRST_HOP_LACKS_OUTBOUND = 439
/** A binding is not renewed oftener, whatever was granted, in ms. */
const SHORTEST = 1000

/**
 * One way to a registrar and what is bound by it: with outbound one `reg-id` (RFC 5626 §4.2). Call-ID and CSeq are kept as
 * long as it lives (RFC 3261 §10.2), and the server that granted is asked again.
 */
export class RegistrationFlow implements SoftStateUser, RegisteredFlow {
  readonly soft: SoftState
  granted: Granted | undefined
  regId: number | undefined
  readonly #owner: FlowOwner<RegistrationFlow>
  readonly #route: readonly NameAddr[]
  readonly #callId: string
  readonly #tag: string
  #seq = 0
  #served: Served | undefined
  readonly #held: HeldFlow
  readonly #contacts: FlowContacts
  #failures = 0
  #grantedAt = 0
  /** Request-URIs of a REGISTER that was redirected; the last is the present one. */
  #redirects: string[] | undefined
  #failure: RegistrationFailure | undefined
  /** It was granted, but not as it must be. */
  #removedFor: RegistrationFailure | undefined
  #response: SipResponse | undefined
  #removesAll = false
  #isQuerying = false

  constructor(owner: FlowOwner<RegistrationFlow>, regId: number | undefined, route: readonly NameAddr[]) {
    const { timers, identifiers } = owner.context
    this.#owner = owner
    this.regId = regId
    this.#route = route
    this.#callId = identifiers.newCallId()
    this.#tag = identifiers.newTag()
    this.#held = new HeldFlow(owner.context.stack.flows, flow => this.#onFlowEnded(flow))
    this.#contacts = new FlowContacts(owner.account)
    this.soft = new SoftState(timers, this)
    this.soft.isByHand = owner.account.isByHand
  }

  get isRegistered(): boolean {
    return this.soft.isHeld
  }

  get flow(): Flow | undefined {
    return this.#served?.flow
  }

  /** Nothing is held, and nothing under way. */
  get isAtRest(): boolean {
    return this.soft.state === 'resting' || this.soft.state === 'ended'
  }

  nextSeq(): number {
    return ++this.#seq
  }

  /** What is bound is another from now on; what was and is no more is removed by the same request. */
  change(): void {
    if (this.regId === undefined || this.granted?.isOutbound !== true)
      this.#contacts.dropStale(this.granted?.bound ?? [], this.#bound())
    this.soft.change()
  }

  withdraw(all: boolean = false): void {
    this.#removesAll = all
    this.soft.withdraw()
  }

  /** Ends without a word to the registrar: others hold what it held. */
  abandon(): void {
    this.soft.isOver = true
    this.soft.refuse()
    this.#held.letGo()
  }

  query(): void {
    if (this.#isQuerying) return
    this.#isQuerying = true
    const owner = this.#owner
    const told = (contacts: readonly NameAddr[], failure?: RegistrationFailure): void => {
      this.#isQuerying = false
      owner.onBindings(contacts, failure)
    }
    this.#send(
      { kind: 'query' },
      {
        onFinal: response =>
          response.status < 300
            ? told(response.all(h.Contact))
            : told([], failureOf(response.status, response.reason, response)),
        onFailure: failure => told([], failureOf(failure.status, failure.message)),
      },
    )
  }

  /** @internal */
  sendRenewal(): void {
    this.#removesAll = false
    this.#send(
      { kind: 'bind', contacts: this.#bound(), dropping: this.#contacts.dropping },
      {
        amend: (sent, response) => this.#amend(sent, response),
        onFinal: response => this.#onFinal(response),
        onFailure: failure => this.#onFailure(failure),
      },
    )
  }

  /** @internal whatever comes of it, it is held no more: it expires at least */
  sendRemoval(): void {
    const bound = this.granted?.bound ?? []
    const contacts = bound.length > 0 ? bound : this.#bound()
    this.#send(this.#removesAll ? { kind: 'remove all' } : { kind: 'remove', contacts }, {
      onFinal: () => this.soft.refuse(),
      onFailure: () => this.soft.refuse(),
    })
  }

  /** @internal */
  onGranted(): void {
    const response = this.#response
    this.#response = undefined
    if (response !== undefined) this.#owner.onGranted(this, response)
  }

  /** @internal */
  onRefused(): void {
    const failure = this.#failure
    this.#failure = undefined
    this.#held.letGo()
    if (failure !== undefined) this.#owner.onRefused(this, failure)
  }

  /** @internal */
  onWaiting(): void {
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) this.#owner.onWaiting(this, failure)
  }

  /** @internal */
  onRemoved(): void {
    const failure = this.#removedFor
    this.#removedFor = undefined
    this.#failure = undefined
    this.#held.letGo()
    this.granted = undefined
    if (failure === undefined) this.#owner.onRemoved()
    else this.#owner.onRefused(this, failure)
  }

  /** @internal */
  onDue(): void {
    this.#owner.onDue()
  }

  /** @internal */
  beginAnew(): void {
    this.#held.letGo()
    this.#served = undefined
    this.#contacts.forgetAddress()
  }

  /** The connection is closed, or its keep-alive was not answered. */
  #onFlowEnded(flow: Flow): void {
    const { context, losses } = this.#owner
    const now = context.timers.now()
    const { answered } = this.#held
    const isSuccess = answered === undefined ? now - this.#grantedAt >= LIVED : answered > 0
    this.#held.letGo()
    this.#failures = isSuccess ? 0 : this.#failures + 1
    const spread = losses.delayOf(
      `${flow.protocol} ${hostPort(flow.address, flow.port)}`,
      now,
      context.random(),
    )
    const delay = isSuccess ? spread : backOff(this.#failing(), context.random())
    try {
      this.soft.lose(delay)
    } finally {
      this.#owner.onFlowLost(flow)
    }
  }

  #send(purpose: RegisterPurpose, user: ExchangeUser): void {
    const { context, account, asked } = this.#owner
    const head = {
      profile: account.profile,
      aor: account.aor,
      registrar: this.#redirects?.at(-1) ?? account.registrar,
      route: this.#route,
      callId: this.#callId,
      tag: this.#tag,
      seq: this.nextSeq(),
      isOutbound: this.regId !== undefined,
      hasInstance: account.instance !== undefined,
    }
    const exchange: Exchange = new Exchange(
      context,
      registerRequest(head, purpose, asked),
      this,
      {
        ...user,
        onFinal: response => {
          this.#served = exchange.served
          user.onFinal(response)
        },
      },
      account.profile.credentials,
      {
        ...(this.#served !== undefined && { after: this.#served }),
        ...(account.keepAlive === 'negotiated' && purpose.kind === 'bind' && { keep: this.#held }),
      },
    )
    exchange.start()
  }

  #onFinal(response: SipResponse): void {
    if (this.soft.state === 'ended') return
    const { status } = response
    switch (answerOf(status)) {
      case 'granted':
        this.#grant(response)
        return
      case 'redirected':
        if (this.#redirect(response)) return
        break
      case 'without outbound':
        if (this.regId !== undefined && !this.#owner.account.outboundIsRequired) {
          this.#owner.onNoOutbound(this, false)
          return
        }
        break
      case 'flow failed':
        this.#held.letGo()
        this.#served = undefined
        this.#later(status, response.reason, response)
        return
      case 'later':
        this.#later(status, response.reason, response)
        return
    }
    this.#failure = failureOf(status, response.reason, response)
    this.soft.refuse()
  }

  #onFailure(failure: RequestFailure): void {
    this.#later(failure.status, failure.message)
  }

  #grant(response: SipResponse): void {
    const { context, account, wanted, asked } = this.#owner
    const { regId } = this
    const ours = { instance: account.instance, regId, token: account.token, contacts: this.#bound() }
    const granted = readGranted(response, ours, asked)
    if (granted.expires === 0) {
      this.#later(response.status, 'the registrar granted 0 seconds', response)
      return
    }
    this.granted = granted
    this.#contacts.dropping = []
    this.#redirects = undefined
    this.#grantedAt = context.timers.now()
    const keepsAlive = (granted.isOutbound && regId !== undefined) || account.keepAlive === 'always'
    if (this.flow !== undefined) this.#held.keepUp(this.flow, keepsAlive, granted.flowTimer)
    if (this.#held.answered !== 0) this.#failures = 0
    const isNew = this.#contacts.learn(response, this.flow, wanted)
    const lifetime = granted.expires * 1000
    const renewal = Math.max(SHORTEST, renewalOf(lifetime, context.random()))
    const lacksOutbound = regId !== undefined && !granted.isOutbound
    if (lacksOutbound && account.outboundIsRequired) {
      // a Contact that nobody can reach is not left behind (RFC 5626 §4.2.1)
      this.soft.grant(lifetime, renewal)
      this.#removedFor = failureOf(FIRST_HOP_LACKS_OUTBOUND, 'the registrar lacks outbound', response)
      this.soft.remove()
      return
    }
    this.#response = response
    this.soft.grant(lifetime, renewal)
    if (lacksOutbound) this.#owner.onNoOutbound(this, true)
    if (isNew) this.change()
  }

  /** What is to be bound by this flow. */
  #bound(): NameAddr[] {
    return this.#contacts.of(this.#owner.wanted, this.regId, this.flow)
  }

  /** RFC 3261 §10.2.8: the interval was too brief. */
  #amend(sent: RequestTemplate, response: SipResponse): RequestTemplate | undefined {
    if (response.status !== 423) return undefined
    const least = response.try(h.MinExpires).value
    if (least === undefined || least <= this.#owner.asked) return undefined
    this.#owner.asked = least
    return sent.derive().set(h.Expires, least)
  }

  #redirect(response: SipResponse): boolean {
    const tried = this.#redirects ?? [this.#owner.account.registrar]
    if (redirectedTo(response, tried) === undefined) return false
    this.#redirects = tried
    this.#served = undefined
    this.sendRenewal()
    return true
  }

  #later(status: number, reason: string, response?: SipResponse): void {
    const { random } = this.#owner.context
    this.#failures++
    this.#redirects = undefined
    const asked = response?.try(h.RetryAfter).value?.seconds
    const failing = this.#failing()
    const delay = asked === undefined ? backOff(failing, random()) : backOffTo(asked, failing, random())
    this.#failure = { ...failureOf(status, reason, response), retryIn: delay }
    this.soft.retryAfter(delay)
  }

  #failing(): { failures: number; othersStand: boolean } {
    return { failures: this.#failures, othersStand: this.#owner.othersStand(this) }
  }
}

function failureOf(status: number, reason: string, response?: SipResponse): RegistrationFailure {
  return { status, reason, response, retryIn: undefined }
}
