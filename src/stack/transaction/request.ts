import { EnvironmentError } from '../../util/errors.ts'
import { guarded } from '../../util/guard.ts'
import type { Timer } from '../../util/timers.ts'
import type { DigestExchange } from '../auth/exchange.ts'
import type { Uri } from '../grammar/uri.ts'
import * as h from '../headers/index.ts'
import type { Reason } from '../headers/reason.ts'
import { nextHopOf, strictlyRouted } from '../locate/next-hop.ts'
import { cancel } from '../message/build.ts'
import { encode } from '../message/encode.ts'
import { type Flow, flowTo } from '../message/flow.ts'
import type { SipResponse } from '../message/message.ts'
import type { RequestTemplate } from '../message/template.ts'
import { decorated } from '../transport/decorate.ts'
import { Placement } from '../transport/placement.ts'
import type { Target } from '../transport/selector.ts'
import type { Transport } from '../transport/transport.ts'
import type { ClientFailure, ClientMachine, ClientUser } from './client-machine.ts'
import { Drain, silentClient } from './drain.ts'
import { type Attempt, RequestFailure } from './request-failure.ts'
import type { RequestContext, RequestOptions, RequestUser, Served } from './request-options.ts'
import { TargetList } from './target-list.ts'
import { lifetime } from './timers.ts'

/**
 * One request over several targets (RFC 3263): each is tried in a client transaction of its own, with a branch of its
 * own, until one answers. Its user sees one request.
 */
export class OutgoingRequest implements ClientUser, Served {
  readonly #context: RequestContext
  readonly #options: RequestOptions
  readonly #nextHop: Uri
  readonly #targets = new TargetList()
  readonly #exchange: DigestExchange | undefined
  #template: RequestTemplate
  #user: RequestUser | undefined
  #client: ClientMachine<string> | undefined
  /** The template that was sent last, decorated. */
  #sent: RequestTemplate | undefined
  #giveUp: Timer | undefined
  /** Its targets were looked up, so that who found them is told what becomes of them. */
  #isLocated = false
  /** A provisional response came from the present target. */
  #isAnswered = false
  /** The user has the final response; of an INVITE it may hear further 2xx. */
  #isFinal = false
  #cancel: 'none' | 'wanted' | 'sent' = 'none'
  #reasons: readonly Reason[] = []

  constructor(
    context: RequestContext,
    template: RequestTemplate,
    user: RequestUser,
    options: RequestOptions = {},
  ) {
    this.#context = context
    this.#nextHop = options.nextHop ?? nextHopOf(template)
    const routed = strictlyRouted(template)
    this.#exchange = options.credentials?.begin(routed)
    this.#template = this.#exchange?.first() ?? routed
    this.#user = user
    this.#options = options
  }

  /** What is sent: after a challenge with credentials and another CSeq than before. */
  get template(): RequestTemplate {
    return this.#template
  }

  /** Whether the user will hear no more, but for further 2xx of an INVITE. */
  get isEnded(): boolean {
    return this.#isFinal || this.#user === undefined || this.#context.transactions.isClosed
  }

  /** Where it went last: transport, flow, branch. Undefined before it was sent. */
  get placement(): Placement | undefined {
    return this.#client?.placement
  }

  get target(): Target | undefined {
    return this.#targets.current
  }

  get flow(): Flow | undefined {
    return this.#client?.flow
  }

  get remaining(): readonly Target[] {
    return this.#targets.remaining
  }

  /** @internal */
  start(): void {
    const { targets, flow, retryOf } = this.#options
    if (flow !== undefined) this.#begin([targetOf(flow)], flow)
    else if (retryOf?.target !== undefined) this.#begin([retryOf.target, ...retryOf.remaining], retryOf.flow)
    else if (targets !== undefined) this.#begin(targets)
    else {
      this.#context.line.locate(this.#nextHop, false, (found, error) => {
        if (this.isEnded) return
        this.#isLocated = true
        if (found === undefined) this.#fail(503, messageOf(error), error)
        else this.#begin(found)
      })
    }
  }

  /**
   * Cancels (RFC 3261 §9.1): at once where nothing was sent yet; else CANCEL goes out as soon as a provisional
   * response has come, with these reasons (RFC 3326). Only an INVITE is cancelled; other requests are left to their end.
   */
  cancel(...reasons: readonly Reason[]): void {
    if (this.isEnded || this.#cancel !== 'none') return
    this.#reasons = reasons
    if (this.#client === undefined) {
      this.#fail(487, 'cancelled before it was sent')
    } else if (this.template.method === 'INVITE') {
      this.#cancel = 'wanted'
      if (this.#isAnswered) this.#sendCancel(this.#client)
    }
  }

  /** Ends the request without CANCEL and without telling the user. */
  abandon(): void {
    this.#user = undefined
    this.#context.timers.stop(this.#giveUp)
    this.#client?.abandon()
  }

  /** @internal */
  onResponse(response: SipResponse): void {
    const user = this.#user
    const { failed, timers } = this.#context
    // a provisional response ends the wait for the target, not the wait for what a CANCEL does
    if (response.status >= 200 || this.#cancel !== 'sent') timers.stop(this.#giveUp)
    if (response.status < 200) {
      this.#isAnswered = true
      if (this.#cancel === 'wanted' && this.#client) this.#sendCancel(this.#client)
      if (user !== undefined) guarded(failed, user, user.onProvisional, response)
      return
    }
    this.#report(response)
    if (response.status === 503 && this.#targets.hasMore && this.#cancel === 'none') {
      this.#targets.note(503)
      this.#tryNext()
      return
    }
    const next = user === undefined || this.#cancel !== 'none' ? undefined : this.#exchange?.next(response)
    if (next !== undefined) {
      this.#repeat(next, response)
      return
    }
    this.#isFinal = true
    if (user === undefined) return
    // an INVITE's user stays, for other 2xx may follow
    const isLast = response.status >= 300 || this.template.method !== 'INVITE'
    if (isLast) this.#user = undefined
    guarded(failed, user, user.onFinal, response)
    if (isLast) guarded(failed, user, user.onEnded)
  }

  /** @internal */
  onFailure(failure: ClientFailure): void {
    this.#context.timers.stop(this.#giveUp)
    this.#targets.note(failure)
    this.#tell(failure === 'timeout' ? 'timeout' : 'transport error')
    if (this.#isAnswered || this.#cancel !== 'none') {
      this.#end(failure)
      return
    }
    // the connection that answered is gone: its target is there still, and comes before the others
    if (failure === 'transport error' && this.#options.flow === undefined && this.#targets.pinned) {
      this.#targets.unpin()
    }
    this.#tryNext()
  }

  /** @internal an INVITE that was accepted has no transaction any more */
  onEnded(): void {
    const user = this.#user
    this.#user = undefined
    if (user !== undefined) guarded(this.#context.failed, user, user.onEnded)
  }

  /** @internal the target did not answer in time, or the CANCEL had no effect */
  onTimer(name: 'target' | 'cancel'): void {
    if (name === 'cancel') {
      this.#client?.abandon()
      this.#fail(487, 'cancelled, and no final response came')
      return
    }
    this.#giveUpTarget()
    if (this.#cancel !== 'none') {
      this.#fail(487, 'cancelled, and no final response came')
      return
    }
    this.#targets.note('no answer in time')
    this.#tell('timeout')
    this.#tryNext()
  }

  /** It may be late rather than dead, and a call that nobody wants any more must not be left behind. */
  #giveUpTarget(): void {
    const client = this.#client
    if (client === undefined || this.#sent === undefined || this.template.method !== 'INVITE')
      client?.abandon()
    else
      Drain.takeOver(
        this.#context,
        this.#sent,
        client,
        bye => sendSilently(this.#context, bye),
        this.#reasons,
      )
  }

  /** RFC 3261 §22.2: once more, to where the challenge came from. */
  #repeat(template: RequestTemplate, challenge: SipResponse): void {
    this.#template = template
    guarded(this.#context.failed, undefined, this.#options.onRepeat, template, challenge)
    const { current, remaining } = this.#targets
    if (current !== undefined && !this.isEnded) this.#begin([current, ...remaining], this.flow)
  }

  #begin(targets: readonly Target[], pinned?: Flow): void {
    this.#targets.begin(targets, pinned)
    this.#tryNext()
  }

  #tryNext(): void {
    const target = this.#targets.next()
    if (target === undefined) {
      this.#end(this.#targets.attempts.at(-1)?.outcome)
      return
    }
    this.#client = undefined
    this.#isAnswered = false
    if (this.#targets.attempts.length > 0 && this.#user !== undefined)
      guarded(this.#context.failed, this.#user, this.#user.onTarget, target)
    const { pinned } = this.#targets
    let transport: Transport | Promise<Transport>
    try {
      transport = this.#transportFor(target, pinned)
    } catch (error) {
      this.#onNoTransport(error)
      return
    }
    if (transport instanceof Promise) {
      transport.then(
        chosen => this.#send(chosen, target, flowTo(target, chosen.key)),
        error => this.#onNoTransport(error),
      )
    } else this.#send(transport, target, pinned ?? flowTo(target, transport.key))
  }

  /** @throws EnvironmentError where there is none, or a flow that may not be left is gone */
  #transportFor(target: Target, pinned: Flow | undefined): Transport | Promise<Transport> {
    const { transports } = this.#context
    const known = pinned && transports.byKey(pinned.transport)
    if (known === undefined && this.#options.flow !== undefined) {
      throw new EnvironmentError(
        'ERR_SIP_FLOW',
        `the flow's transport ${this.#options.flow.transport} is gone`,
      )
    }
    return known ?? transports.select(target)
  }

  #onNoTransport(error: unknown): void {
    if (this.isEnded) return
    this.#targets.note('no transport')
    if (this.#targets.hasMore) this.#tryNext()
    else this.#fail(503, messageOf(error), error)
  }

  #send(transport: Transport, target: Target, flow: Flow): void {
    if (this.isEnded) return
    const { timers, timing, transactions, transports, newBranch, maxDatagram, udpErrors } = this.#context
    const noticesRefusal = udpErrors && target.protocol === 'UDP' && this.#targets.hasMore
    const placement = new Placement(transport, noticesRefusal ? transports.sideFlow(flow) : flow, newBranch())
    let template = this.template
    let wire: string
    try {
      template = decorated(template, placement, this.#options.decorate, this.#context.failed)
      wire = encode(template, placement)
    } catch (error) {
      this.#fail(503, messageOf(error), error)
      return
    }
    if (
      target.protocol === 'UDP' &&
      wire.length > maxDatagram &&
      this.#hasTcp &&
      this.#targets.putTcpFirst()
    ) {
      this.#tryNext()
      return
    }
    if (transactions.isFull && isNewWork(template)) {
      this.#context.counters.refusedByLimit++
      this.#fail(503, 'too many transactions are open; try again later, or raise maxTransactionBytes')
      return
    }
    const wait = this.#options.targetTimeout ?? lifetime(timing)
    if (this.#targets.hasMore && wait < lifetime(timing)) this.#giveUp = timers.start(this, 'target', wait)
    this.#sent = template
    const { position } = this.#targets
    const client = transactions.startClient(template, placement, wire, this)
    // one that failed at once has been followed by the next already
    if (this.#targets.position === position && this.#client === undefined) this.#client = client
  }

  get #hasTcp(): boolean {
    for (const transport of this.#context.transports.transports) if (transport.protocol === 'TCP') return true
    return false
  }

  #sendCancel(client: ClientMachine<string>): void {
    this.#cancel = 'sent'
    const { timers, timing, transactions, failed } = this.#context
    this.#giveUp = timers.start(this, 'cancel', lifetime(timing))
    try {
      const template = cancel(this.#sent ?? this.template)
      if (this.#reasons.length > 0) template.set(h.Reason, ...this.#reasons)
      const placement = new Placement(client.placement.transport, client.flow, client.placement.branch)
      transactions.startClient(template, placement, encode(template, placement), silentClient)
    } catch (error) {
      failed(error)
    }
  }

  /** What an answer says of its target: it is there, or wants to be left alone for a while (RFC 3261 §21.5.4). */
  #report(response: SipResponse): void {
    if (response.status !== 503) this.#tell('ok')
    else this.#tell('unavailable', response.try(h.RetryAfter).value?.seconds)
  }

  #tell(outcome: 'ok' | 'timeout' | 'transport error' | 'unavailable', retryAfter?: number): void {
    const { current } = this.#targets
    if (this.#isLocated && current !== undefined) this.#context.line.report(current, outcome, retryAfter)
  }

  #end(outcome: Attempt['outcome'] | undefined): void {
    const timedOut = outcome === 'timeout' || outcome === 'no answer in time'
    const what = timedOut
      ? 'no answer came'
      : outcome === undefined
        ? 'there is no target'
        : `the last try ended with ${outcome}`
    this.#fail(timedOut ? 408 : 503, what)
  }

  #fail(status: 408 | 487 | 503, what: string, cause?: unknown): void {
    const user = this.#user
    if (user === undefined || this.isEnded) return
    this.#user = undefined
    const { failed } = this.#context
    const { method } = this.template
    const { attempts } = this.#targets
    const tried = attempts.map(
      ({ target, outcome }) => `${target.protocol.toLowerCase()} ${target.address}:${target.port} ${outcome}`,
    )
    const message = `${method}: ${what}${tried.length > 0 ? `; tried ${tried.join(', ')}` : ''}`
    guarded(failed, user, user.onFailure, new RequestFailure(status, message, [...attempts], cause))
    guarded(failed, user, user.onEnded)
  }
}

/** Sends a request whose end interests nobody. */
function sendSilently(context: RequestContext, template: RequestTemplate): void {
  new OutgoingRequest(context, template, { onFinal() {}, onFailure() {} }).start()
}

/** What a limit may refuse: not what goes on in a dialog, nor what ends something. */
function isNewWork(template: RequestTemplate): boolean {
  return template.method !== 'CANCEL' && template.to.tag === undefined
}

function targetOf(flow: Flow): Target {
  return { protocol: flow.protocol, address: flow.address, port: flow.port, serverName: flow.serverName }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
