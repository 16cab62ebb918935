import { EnvironmentError } from '../../util/errors.ts'
import type { Timer, Timers } from '../../util/timers.ts'
import * as h from '../headers/index.ts'
import type { LocateLine } from '../locate/line.ts'
import { cancel } from '../message/build.ts'
import { encode } from '../message/encode.ts'
import type { SipResponse } from '../message/message.ts'
import type { RequestTemplate } from '../message/template.ts'
import type { Uri } from '../message/uri.ts'
import { lrParam } from '../message/uri-params.ts'
import type { TransportLayer } from '../transport/layer.ts'
import { Placement } from '../transport/placement.ts'
import type { Target } from '../transport/selector.ts'
import type { Transport } from '../transport/transport.ts'
import type { ClientFailure, ClientMachine, ClientUser } from './client-machine.ts'
import type { TransactionLayer } from './layer.ts'
import { lifetime, type TransactionTiming } from './timers.ts'

/** One target that was tried, and how that went. */
export interface Attempt {
  readonly target: Target
  readonly outcome: ClientFailure | 'no answer in time' | 'no transport' | number
}

/** A request that got no final response; `attempts` lists every target that was tried. */
export class RequestFailure extends EnvironmentError {
  /** The response that a UAC is to act as if it had got: 408, 487 or 503 (RFC 3261 §8.1.3.1). */
  readonly status: 408 | 487 | 503
  readonly attempts: readonly Attempt[]

  constructor(status: 408 | 487 | 503, message: string, attempts: readonly Attempt[], cause?: unknown) {
    super('ERR_SIP_REQUEST', message, cause === undefined ? undefined : { cause })
    this.status = status
    this.attempts = attempts
  }
}

/** Who sends a request. */
export interface RequestUser {
  onProvisional?(response: SipResponse): void
  /** The final response; of an INVITE every 2xx that comes, those of other branches of a fork too. */
  onFinal(response: SipResponse): void
  onFailure(failure: RequestFailure): void
}

export interface RequestOptions {
  /** Where to send it, whatever Route and Request-URI say. */
  readonly nextHop?: Uri
  /** Targets that were found already; nothing is looked up then. */
  readonly targets?: readonly Target[]
  /** Milliseconds after which a target that has not answered gives way to the next. Default 64·T1. */
  readonly targetTimeout?: number
}

/** What a request needs of the stack. */
export interface RequestContext {
  readonly timers: Timers
  readonly timing: TransactionTiming
  readonly transactions: TransactionLayer
  readonly transports: TransportLayer
  readonly line: LocateLine
  /** Bytes above which a request leaves over TCP instead of UDP (RFC 3261 §18.1.1); Infinity to never do so. */
  readonly maxDatagram: number
  newBranch(): string
  onHandlerError(error: unknown): void
}

/**
 * One request over several targets (RFC 3263): each is tried in a client transaction of its own, with a branch of its
 * own, until one answers. Its user sees one request.
 */
export class OutgoingRequest implements ClientUser {
  readonly template: RequestTemplate
  readonly #context: RequestContext
  readonly #options: RequestOptions
  readonly #nextHop: Uri
  #user: RequestUser | undefined
  #targets: readonly Target[] = []
  #next = 0
  readonly #attempts: Attempt[] = []
  #client: ClientMachine<string> | undefined
  #giveUp: Timer | undefined
  #isAnswered = false
  #cancel: 'none' | 'wanted' | 'sent' = 'none'

  constructor(
    context: RequestContext,
    template: RequestTemplate,
    user: RequestUser,
    options: RequestOptions = {},
  ) {
    this.#context = context
    this.#nextHop = options.nextHop ?? nextHopOf(template)
    this.template = strictlyRouted(template)
    this.#user = user
    this.#options = options
  }

  /** Whether the user will hear no more, but for further 2xx of an INVITE. */
  get isEnded(): boolean {
    return this.#user === undefined
  }

  /** @internal */
  start(): void {
    const { targets } = this.#options
    if (targets === undefined) {
      this.#context.line.locate(this.#nextHop, (found, error) => this.#onLocated(found, error))
    } else this.#onLocated(targets, undefined)
  }

  /**
   * Cancels (RFC 3261 §9.1): at once where nothing was sent yet; else CANCEL goes out as soon as a provisional
   * response has come. Only an INVITE is cancelled; other requests are left to their end.
   */
  cancel(): void {
    if (this.isEnded || this.#cancel !== 'none') return
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
    this.#context.timers.stop(this.#giveUp)
    const user = this.#user
    if (response.status < 200) {
      this.#isAnswered = true
      if (this.#cancel === 'wanted' && this.#client) this.#sendCancel(this.#client)
      try {
        user?.onProvisional?.(response)
      } catch (error) {
        this.#context.onHandlerError(error)
      }
      return
    }
    if (response.status === 503 && this.#next < this.#targets.length && this.#cancel === 'none') {
      this.#note(503)
      this.#tryNext()
      return
    }
    // an INVITE's user stays, for other 2xx may follow
    if (response.status >= 300 || this.template.method !== 'INVITE') this.#user = undefined
    try {
      user?.onFinal(response)
    } catch (error) {
      this.#context.onHandlerError(error)
    }
  }

  /** @internal */
  onFailure(failure: ClientFailure): void {
    this.#note(failure)
    this.#context.timers.stop(this.#giveUp)
    if (this.#isAnswered || this.#cancel !== 'none') this.#end(failure)
    else this.#tryNext()
  }

  /** @internal the target did not answer in time, or the CANCEL had no effect */
  onTimer(name: 'target' | 'cancel'): void {
    this.#client?.abandon()
    if (name === 'cancel') {
      this.#fail(487, 'cancelled, and no final response came')
    } else {
      this.#note('no answer in time')
      this.#tryNext()
    }
  }

  #onLocated(targets: readonly Target[] | undefined, error: unknown): void {
    if (this.isEnded) return
    if (targets === undefined) {
      this.#fail(503, error instanceof Error ? error.message : String(error), error)
      return
    }
    this.#targets = targets
    this.#tryNext()
  }

  #tryNext(): void {
    const target = this.#targets[this.#next]
    if (target === undefined) {
      this.#end(this.#attempts.at(-1)?.outcome)
      return
    }
    this.#next++
    let transport: Transport | Promise<Transport>
    try {
      transport = this.#context.transports.select(target)
    } catch (error) {
      this.#onNoTransport(error)
      return
    }
    if (transport instanceof Promise) {
      transport.then(
        chosen => this.#send(chosen, target),
        error => this.#onNoTransport(error),
      )
    } else this.#send(transport, target)
  }

  #onNoTransport(error: unknown): void {
    if (this.isEnded) return
    this.#note('no transport')
    if (this.#next < this.#targets.length) this.#tryNext()
    else this.#fail(503, error instanceof Error ? error.message : String(error), error)
  }

  #send(transport: Transport, target: Target): void {
    if (this.isEnded) return
    const { timers, timing, transactions, newBranch, maxDatagram } = this.#context
    const flow = { ...target, transport: transport.key, connection: 0 }
    const placement = new Placement(transport, flow, newBranch())
    let wire: string
    try {
      wire = encode(this.template, placement)
    } catch (error) {
      this.#fail(503, error instanceof Error ? error.message : String(error), error)
      return
    }
    if (target.protocol === 'UDP' && wire.length > maxDatagram && this.#preferTcp(target)) {
      this.#tryNext()
      return
    }
    const wait = this.#options.targetTimeout ?? lifetime(timing)
    if (this.#next < this.#targets.length && wait < lifetime(timing)) {
      this.#giveUp = timers.start(this, 'target', wait)
    }
    this.#isAnswered = false
    this.#client = transactions.startClient(this.template, placement, wire, this)
  }

  /** §18.1.1: a large request goes over TCP first, and over UDP where TCP is refused. Answers whether there is TCP. */
  #preferTcp(target: Target): boolean {
    const tcp: Target = { ...target, protocol: 'TCP' }
    const tried = this.#attempts.some(
      attempt => attempt.target.protocol === 'TCP' && isSamePlace(attempt.target, target),
    )
    const planned = this.#targets
      .slice(0, this.#next)
      .some(earlier => earlier.protocol === 'TCP' && isSamePlace(earlier, target))
    if (tried || planned || ![...this.#context.transports.transports].some(other => other.protocol === 'TCP'))
      return false
    this.#targets = [...this.#targets.slice(0, this.#next - 1), tcp, ...this.#targets.slice(this.#next - 1)]
    this.#next--
    return true
  }

  #sendCancel(client: ClientMachine<string>): void {
    this.#cancel = 'sent'
    const { timers, timing, transactions } = this.#context
    const template = cancel(this.template)
    const placement = new Placement(client.placement.transport, client.flow, client.placement.branch)
    this.#giveUp = timers.start(this, 'cancel', lifetime(timing))
    transactions.startClient(template, placement, encode(template, placement), nobody)
  }

  #note(outcome: Attempt['outcome']): void {
    const target = this.#targets[this.#next - 1]
    if (target) this.#attempts.push({ target, outcome })
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
    if (user === undefined) return
    this.#user = undefined
    const { method } = this.template
    const tried = this.#attempts.map(
      ({ target, outcome }) => `${target.protocol.toLowerCase()} ${target.address}:${target.port} ${outcome}`,
    )
    const message = `${method}: ${what}${tried.length > 0 ? `; tried ${tried.join(', ')}` : ''}`
    try {
      user.onFailure(new RequestFailure(status, message, [...this.#attempts], cause))
    } catch (error) {
      this.#context.onHandlerError(error)
    }
  }
}

const nobody: ClientUser = { onResponse() {}, onFailure() {} }

function isSamePlace(a: Target, b: Target): boolean {
  return a.address === b.address && a.port === b.port
}

/** Where a request goes: to the first Route, or to the Request-URI (RFC 3261 §8.1.2). */
export function nextHopOf(template: RequestTemplate): Uri {
  return template.get(h.Route)?.uri ?? template.requestUri
}

/**
 * A first Route without `lr` is a strict router: its URI becomes the Request-URI, and the Request-URI the last Route
 * (RFC 3261 §16.6, step 6).
 */
export function strictlyRouted(template: RequestTemplate): RequestTemplate {
  const first = template.get(h.Route)
  if (first === undefined || first.uri.param(lrParam)) return template
  const routed = template.derive()
  const target = first.with({ displayName: '', uri: template.requestUri, params: first.params })
  routed.removeFirst(h.Route).append(h.Route, target)
  routed.requestUri = first.uri
  return routed
}
