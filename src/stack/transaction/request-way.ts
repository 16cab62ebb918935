import { hostPort } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import type { Timer, TimerOwner } from '../../util/timers.ts'
import type { Method } from '../grammar/method.ts'
import type { Uri } from '../grammar/uri.ts'
import * as h from '../headers/index.ts'
import type { TargetOutcome } from '../locate/locate.ts'
import { type Flow, flowTo, type Protocol } from '../message/flow.ts'
import type { SipResponse } from '../message/message.ts'
import { ConnectionRace, type Loss, type Racer } from '../transport/connection-race.ts'
import type { Target } from '../transport/selector.ts'
import { isOwnFailure } from '../transport/send-error.ts'
import type { Transport } from '../transport/transport.ts'
import type { RequestContext, RequestOptions } from './request-options.ts'
import { TargetList } from './target-list.ts'
import { lifetime } from './timers.ts'

/** Who sends a request along its way. */
export interface WayUser {
  /** The present target can be sent to. */
  onWay(target: Target, transport: Transport, flow: Flow): void
  /** It cannot, which is noted; `error` where it is for want of a transport. */
  onNoWay(error?: unknown): void
}

/** The way of one request: where its targets come from, the transport to each, and who is told what became of them. */
export class RequestWay implements Racer, TimerOwner<'race'> {
  readonly targets: TargetList = new TargetList()
  readonly #context: RequestContext
  readonly #options: RequestOptions
  readonly #user: WayUser
  readonly #isInvite: boolean
  /** While several addresses of a host are connected to, none of which has been chosen yet. */
  #race: ConnectionRace | undefined
  #raceTimer: Timer | undefined
  /** Its targets were looked up, so that who found them is told what becomes of them. */
  #isLocated = false

  constructor(context: RequestContext, options: RequestOptions, method: Method, user: WayUser) {
    this.#user = user
    this.#context = context
    this.#options = options
    this.#isInvite = method === 'INVITE'
  }

  /** Finds the targets; `found` is called once, with the reason where there are none. */
  find(nextHop: Uri, found: (error?: unknown) => void): void {
    const { targets, flow, retryOf } = this.#options
    if (flow !== undefined) this.targets.begin([targetOf(flow)], flow)
    else if (retryOf?.target !== undefined)
      this.targets.begin([retryOf.target, ...retryOf.remaining], this.#fitting(retryOf.flow))
    else if (targets !== undefined) this.targets.begin(targets)
    else {
      this.#context.line.locate(nextHop, false, (located, error) => {
        this.#isLocated = true
        if (located !== undefined) this.#beginAt(located)
        found(located === undefined ? error : undefined)
      })
      return
    }
    found()
  }

  /** The target that served the request before comes first, while it lives; where it is dead it keeps its place. */
  #beginAt(located: readonly Target[]): void {
    const { after } = this.#options
    const served = after?.target
    if (served === undefined || !this.#context.line.isAvailable(served)) {
      this.targets.begin(located)
      return
    }
    const others = located.filter(target => !isSamePlace(target, served))
    this.targets.begin([served, ...others], this.#fitting(after?.flow))
  }

  /** An earlier request's flow, unless this one is bound to another transport. */
  #fitting(flow: Flow | undefined): Flow | undefined {
    const { transport } = this.#options
    if (flow === undefined || transport === undefined) return flow
    return this.#context.transports.isOf(flow.transport, transport) ? flow : undefined
  }

  /** How long the present target has, where others are left. */
  get patience(): number {
    const { timing } = this.#context
    return this.#options.targetTimeout ?? (this.#isInvite ? 8 * timing.t1 : lifetime(timing))
  }

  /**
   * Finds the transport to the present target; of several addresses of its host the one that a connection is made to
   * first (RFC 8305). The user is told, mostly before this returns.
   */
  open(target: Target): void {
    const race = this.#raceOf()
    if (race === undefined) {
      this.#openOne(target)
      return
    }
    this.#race = race
    const { timers, timing } = this.#context
    // those behind the race need not wait until the system has given up every connection of it; and a transport that
    // never tells must not keep a request for ever, for no transaction has begun yet
    const patience = this.targets.hasMoreThanRace ? this.patience : lifetime(timing)
    this.#raceTimer = timers.start(this, 'race', Math.min(patience, lifetime(timing)))
    race.start()
  }

  /** Lets go of connections that nobody needs. */
  stop(): void {
    this.#endRace()?.stop()
  }

  /** @internal a connection to one of the addresses is up: those that failed are noted, the others stay behind it */
  onWon(at: number, transport: Transport, flow: Flow, lost: readonly Loss[]): void {
    this.#endRace()
    const { targets } = this
    const runners = targets.race
    const places = lost.map(loss => loss.at)
    targets.settle(at, places)
    for (const loss of lost) this.#noteLoss(runners[loss.at], loss.cause)
    const target = targets.current
    if (target !== undefined) this.#user.onWay(target, transport, flow)
  }

  /** @internal none of them could be connected to */
  onAllLost(lost: readonly Loss[]): void {
    this.#endRace()
    const runners = this.targets.race
    this.targets.skip(runners.length)
    for (const loss of lost) this.#noteLoss(runners[loss.at], loss.cause)
    this.#user.onNoWay()
  }

  /** @internal none of them came up in time */
  onTimer(): void {
    this.stop()
    const runners = this.targets.race
    this.targets.skip(runners.length)
    for (const target of runners) {
      this.targets.attempts.push({ target, outcome: 'no answer in time' })
      if (this.#isLocated) this.#context.line.report(target, 'timeout')
    }
    this.#user.onNoWay()
  }

  #raceOf(): ConnectionRace | undefined {
    const runners = this.targets.race
    if (runners.length < 2) return undefined
    const { transports, timers } = this.#context
    if (!runners.some(({ protocol }) => canConnect(transports.transports, protocol))) return undefined
    const select = (target: Target): Transport | Promise<Transport> =>
      transports.select(target, this.#options.transport)
    return new ConnectionRace(transports.reception.races, select, timers, runners, this)
  }

  #endRace(): ConnectionRace | undefined {
    const race = this.#race
    this.#race = undefined
    this.#context.timers.stop(this.#raceTimer)
    return race
  }

  #openOne(target: Target): void {
    const { pinned } = this.targets
    let transport: Transport | Promise<Transport>
    try {
      transport = this.#transportFor(target, pinned)
    } catch (error) {
      this.reject(error)
      return
    }
    if (transport instanceof Promise) {
      transport.then(
        chosen => this.#user.onWay(target, chosen, flowTo(target, chosen)),
        error => this.reject(error),
      )
    } else this.#user.onWay(target, transport, pinned ?? flowTo(target, transport))
  }

  /** The present target cannot be sent to by any transport of ours. */
  reject(error: unknown): void {
    this.targets.note('no transport')
    this.#user.onNoWay(error)
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
    if (this.#options.flow !== undefined && transports.isGone(this.#options.flow)) {
      const { protocol, address, port } = this.#options.flow
      const where = `${protocol.toLowerCase()} ${hostPort(address, port)}`
      throw new EnvironmentError(
        'ERR_SIP_FLOW',
        `the connection to ${where} that it must go over is closed; register or call again over a new one`,
      )
    }
    return known ?? transports.select(target, this.#options.transport)
  }

  #noteLoss(target: Target | undefined, cause: unknown): void {
    if (target === undefined) return
    const isMissing = cause instanceof EnvironmentError && cause.code === 'ERR_SIP_NO_TRANSPORT'
    this.targets.attempts.push({ target, outcome: isMissing ? 'no transport' : 'transport error', cause })
    if (this.#isLocated && !isOwnFailure(cause)) this.#context.line.report(target, 'transport error')
  }

  /** Puts TCP before a UDP target for which a request is too large, where TCP is spoken here (RFC 3261 §18.1.1). */
  putTcpFirst(target: Target, octets: number): boolean {
    if (target.protocol !== 'UDP' || octets <= this.#context.maxDatagram) return false
    // the flow it was given is the only way, however large it is (RFC 5626 §5.3)
    if (this.#options.flow !== undefined) return false
    const reachesByTcp = this.#context.transports.reaches(
      { ...target, protocol: 'TCP' },
      this.#options.transport,
    )
    return reachesByTcp && this.targets.putTcpFirst()
  }

  /** What an answer says of its target: it is there, or wants to be left alone for a while (RFC 3261 §21.5.4). */
  reportAnswer(response: SipResponse): void {
    if (response.status !== 503) this.report('ok')
    else this.report('unavailable', response.try(h.RetryAfter).value?.seconds)
  }

  report(outcome: TargetOutcome, retryAfter?: number): void {
    const { current } = this.targets
    if (this.#isLocated && current !== undefined) this.#context.line.report(current, outcome, retryAfter)
  }
}

function targetOf(flow: Flow): Target {
  return { protocol: flow.protocol, address: flow.address, port: flow.port, serverName: flow.serverName }
}

function isSamePlace(one: Target, other: Target): boolean {
  return one.protocol === other.protocol && one.address === other.address && one.port === other.port
}

function canConnect(transports: Iterable<Transport>, protocol: Protocol): boolean {
  for (const transport of transports)
    if (transport.protocol === protocol && transport.connect !== undefined) return true
  return false
}
