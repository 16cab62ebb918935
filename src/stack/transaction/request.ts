import { EnvironmentError } from '../../util/errors.ts'
import { guarded } from '../../util/guard.ts'
import type { Timer } from '../../util/timers.ts'
import type { DigestExchange } from '../auth/exchange.ts'
import { KEEP } from '../flow/keep.ts'
import type { Uri } from '../grammar/uri.ts'
import type { Reason } from '../headers/reason.ts'
import { nextHopOf, strictlyRouted } from '../locate/next-hop.ts'
import { encode } from '../message/encode.ts'
import type { Flow } from '../message/flow.ts'
import type { SipResponse } from '../message/message.ts'
import type { RequestTemplate } from '../message/template.ts'
import { decorated } from '../transport/decorate.ts'
import { Placement } from '../transport/placement.ts'
import { INSECURE } from '../transport/secure.ts'
import type { Target } from '../transport/selector.ts'
import { isOwnFailure } from '../transport/send-error.ts'
import type { Transport } from '../transport/transport.ts'
import type { ClientFailure, ClientMachine, ClientUser } from './client-machine.ts'
import { Drain } from './drain.ts'
import { type Attempt, endOf, messageOf, requestFailure } from './request-failure.ts'
import { keepUp } from './request-keep.ts'
import type { RequestContext, RequestOptions, RequestUser, Served } from './request-options.ts'
import { RequestWay, type WayUser } from './request-way.ts'
import { sendCancel } from './send-cancel.ts'
import { lifetime } from './timers.ts'

/**
 * One request over several targets (RFC 3263): each is tried in a client transaction of its own, with a branch of its
 * own, until one answers. Its user sees one request.
 */
export class OutgoingRequest implements ClientUser, WayUser, Served {
  readonly #context: RequestContext
  readonly #options: RequestOptions
  readonly #nextHop: Uri
  readonly #way: RequestWay
  readonly #exchange: DigestExchange | undefined
  #template: RequestTemplate
  #user: RequestUser | undefined
  #client: ClientMachine<string> | undefined
  /** The template that was sent last, decorated. */
  #sent: RequestTemplate | undefined
  #giveUp: Timer | undefined
  /** Targets that were begun with, one that is tried again counted again. */
  #tries = 0
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
    this.#way = new RequestWay(context, options, template.method, this)
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
    return this.#way.targets.current
  }

  get flow(): Flow | undefined {
    return this.#client?.flow
  }

  get remaining(): readonly Target[] {
    return this.#way.targets.remaining
  }

  /** @internal */
  start(): void {
    if (!this.#isThere(this.#options.transport)) return
    this.#way.find(this.#nextHop, error => {
      if (this.isEnded) return
      if (error === undefined) this.#tryNext()
      else this.#fail(503, messageOf(error), error)
    })
  }

  /** A transport that is asked for and not there is told at once: nothing needs to be looked up for that. */
  #isThere(transport: string | undefined): boolean {
    try {
      if (transport !== undefined) this.#context.transports.check(transport)
      return true
    } catch (error) {
      this.#fail(503, messageOf(error), error)
      return false
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
    this.#way.stop()
    this.#client?.abandon()
  }

  /** @internal */
  onResponse(response: SipResponse): void {
    const { failed, timers } = this.#context
    keepUp(this.#context, this.#options, this.#client, response)
    // its callback may have let go of the request
    const user = this.#user
    // a provisional response ends the wait for the target, not the wait for what a CANCEL does
    if (response.status >= 200 || this.#cancel !== 'sent') timers.stop(this.#giveUp)
    if (response.status < 200) {
      this.#isAnswered = true
      if (this.#cancel === 'wanted' && this.#client) this.#sendCancel(this.#client)
      if (user !== undefined) guarded(failed, user, user.onProvisional, response)
      return
    }
    this.#way.reportAnswer(response)
    if (response.status === 503 && this.#way.targets.hasMore && this.#cancel === 'none') {
      this.#way.targets.note(503)
      this.#tryNext()
      return
    }
    const next = user === undefined ? undefined : this.#answerTo(response)
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
  onFailure(failure: ClientFailure, cause?: EnvironmentError): void {
    this.#context.timers.stop(this.#giveUp)
    const { targets } = this.#way
    targets.note(failure, cause)
    // the connection that answered is gone: its target is there still, and comes before the others
    const isLostFlow = failure === 'transport error' && targets.pinned !== undefined
    if (failure === 'timeout') this.#way.report('timeout')
    else if (!isLostFlow && !isOwnFailure(cause)) this.#way.report('transport error')
    if (this.#isAnswered || this.#cancel !== 'none') {
      this.#end(failure)
      return
    }
    if (isLostFlow && this.#options.flow === undefined) targets.unpin()
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
    this.#way.targets.note('no answer in time')
    this.#way.report('timeout')
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

  /** The request that answers a challenge, where there is one; what cannot be computed leaves the response as it is. */
  #answerTo(response: SipResponse): RequestTemplate | undefined {
    if (this.#exchange === undefined || this.#cancel !== 'none') return undefined
    try {
      return this.#exchange.next(response)
    } catch (error) {
      this.#context.failed(error)
      return undefined
    }
  }

  /** RFC 3261 §22.2: once more, to where the challenge came from. */
  #repeat(template: RequestTemplate, challenge: SipResponse): void {
    const { targets } = this.#way
    const { current, remaining } = targets
    const { flow } = this
    this.#template = template
    this.#client = undefined
    this.#isAnswered = false
    guarded(this.#context.failed, undefined, this.#options.onRepeat, template, challenge)
    if (current === undefined || this.isEnded) return
    targets.begin([current, ...remaining], flow)
    this.#tryNext()
  }

  #tryNext(): void {
    const target = this.#way.targets.next()
    if (target === undefined) {
      this.#end(this.#way.targets.attempts.at(-1)?.outcome)
      return
    }
    this.#tries++
    this.#client = undefined
    this.#isAnswered = false
    this.#way.open(target)
  }

  /** @internal */
  onNoWay(error?: unknown): void {
    if (this.isEnded) return
    if (error === undefined || this.#way.targets.hasMore) this.#tryNext()
    else this.#fail(503, messageOf(error), error)
  }

  /** @internal */
  onWay(target: Target, transport: Transport, flow: Flow): void {
    if (this.isEnded) return
    if (this.#way.targets.attempts.length > 0 && this.#user !== undefined)
      guarded(this.#context.failed, this.#user, this.#user.onTarget, target)
    this.#send(transport, target, flow)
  }

  #send(transport: Transport, target: Target, flow: Flow): void {
    if (this.isEnded) return
    const { timers, timing, transactions, transports, newBranch, udpErrors } = this.#context
    const noticesRefusal = udpErrors && target.protocol === 'UDP' && this.#way.targets.hasMore
    const way = noticesRefusal ? transports.sideFlow(flow) : flow
    const placement = new Placement(transport, way, newBranch(), this.#options.keep && KEEP)
    let template = this.template
    let wire: string
    try {
      template = decorated(template, placement, this.#options.decorate, this.#context.failed)
      wire = encode(template, placement)
    } catch (error) {
      if (error instanceof EnvironmentError && error.code === INSECURE) this.#way.reject(error)
      else this.#fail(503, messageOf(error), error)
      return
    }
    // `decorate` may have cancelled the request, or let go of it
    if (this.isEnded) return
    if (this.#way.putTcpFirst(target, wire.length)) {
      this.#tryNext()
      return
    }
    if (transactions.isFull && isNewWork(template)) {
      this.#context.counters.refusedByLimit++
      this.#fail(503, 'too many transactions are open; try again later, or raise maxTransactionBytes')
      return
    }
    const { patience } = this.#way
    if (this.#way.targets.hasMore && patience < lifetime(timing))
      this.#giveUp = timers.start(this, 'target', patience)
    this.#sent = template
    const tries = this.#tries
    const client = transactions.startClient(template, placement, wire, this)
    // one that failed at once has been followed by the next already, whose way may still be looked for
    if (this.#tries === tries) this.#client = client
  }

  #sendCancel(client: ClientMachine<string>): void {
    this.#cancel = 'sent'
    const { timers, timing, failed } = this.#context
    this.#giveUp = timers.start(this, 'cancel', lifetime(timing))
    try {
      sendCancel(this.#context, this.#sent ?? this.template, client, this.#reasons)
    } catch (error) {
      failed(error)
    }
  }

  #end(outcome: Attempt['outcome'] | undefined): void {
    const { status, what } = endOf(outcome)
    this.#fail(status, what)
  }

  #fail(status: 408 | 487 | 503, what: string, cause?: unknown): void {
    const user = this.#user
    if (user === undefined || this.isEnded) return
    this.#user = undefined
    this.#way.stop()
    const { failed } = this.#context
    const failure = requestFailure(
      status,
      `${this.template.method}: ${what}`,
      this.#way.targets.attempts,
      cause,
    )
    guarded(failed, user, user.onFailure, failure)
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
