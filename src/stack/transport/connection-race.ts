import type { EnvironmentError } from '../../util/errors.ts'
import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'
import { type Flow, flowTo } from '../message/flow.ts'
import type { Target } from './selector.ts'
import { sendError } from './send-error.ts'
import type { Sent, Transport } from './transport.ts'

/** Milliseconds after which the next address is tried beside those before (RFC 8305). */
const CONNECTION_ATTEMPT_DELAY = 250

/** Who waits for the end of a race. */
export interface Racer {
  /** A connection is up, over which the message goes. `lost` are the places of those that failed before. */
  onWon(at: number, transport: Transport, flow: Flow, lost: readonly Loss[]): void
  /** None came up. */
  onAllLost(lost: readonly Loss[]): void
}

/** An address to which no connection came up, by its place among the targets. */
export interface Loss {
  readonly at: number
  readonly cause: unknown
}

/** Chooses the transport for a target; throws where there is none. */
export type Select = (target: Target) => Transport | Promise<Transport>

interface Attempt {
  readonly at: number
  readonly transport: Transport
  readonly flow: Flow
}

/** The races under way, by the connections they wait for: told of those that come up and of those that fail. */
export class ConnectionRaces {
  readonly #waiting = new Map<string, Set<ConnectionRace>>()

  /** Connections that somebody waits for. */
  get size(): number {
    return this.#waiting.size
  }

  onFlowOpened(flow: Flow): void {
    if (this.#waiting.size === 0) return
    for (const race of [...(this.#waiting.get(keyOf(flow)) ?? [])]) race.onOpened(flow)
  }

  onFlowFailed(flow: Flow, error: EnvironmentError | undefined): void {
    if (this.#waiting.size === 0) return
    for (const race of [...(this.#waiting.get(keyOf(flow)) ?? [])]) race.onFailed(flow, error)
  }

  /** Nobody tells of the connections of a transport that was removed: those who wait for one are told here. */
  onTransportRemoved(transport: Transport, error: EnvironmentError): void {
    const waiting = new Set([...this.#waiting.values()].flatMap(races => [...races]))
    for (const race of waiting) race.onTransportRemoved(transport, error)
  }

  /** @internal */
  enter(flow: Flow, race: ConnectionRace): void {
    const key = keyOf(flow)
    const races = this.#waiting.get(key)
    if (races === undefined) this.#waiting.set(key, new Set([race]))
    else races.add(race)
  }

  /** @internal answers whether nobody else waits for the connection */
  leave(flow: Flow, race: ConnectionRace): boolean {
    const key = keyOf(flow)
    const races = this.#waiting.get(key)
    if (races === undefined) return true
    races.delete(race)
    if (races.size > 0) return false
    this.#waiting.delete(key)
    return true
  }
}

/**
 * Connects to several addresses of one host (RFC 8305): the first at once, each further one 250 ms after the one
 * before, or when that failed; the first connection that is up is used, over TLS its hand-shake done, and the others are
 * closed. Where a connection to one of them is up already, that is used and none is made.
 */
export class ConnectionRace implements TimerOwner<'next'> {
  readonly #races: ConnectionRaces
  readonly #select: Select
  readonly #timers: Timers
  readonly #targets: readonly Target[]
  readonly #racer: Racer
  readonly #attempts: Attempt[] = []
  readonly #lost: Loss[] = []
  #next = 0
  /** Attempts whose transport is not known yet. */
  #selecting = 0
  #isOver = false
  #timer: Timer | undefined

  constructor(
    races: ConnectionRaces,
    select: Select,
    timers: Timers,
    targets: readonly Target[],
    racer: Racer,
  ) {
    this.#races = races
    this.#select = select
    this.#timers = timers
    this.#targets = targets
    this.#racer = racer
  }

  /** May tell the racer before it returns. */
  start(): void {
    for (const [at, target] of this.#targets.entries()) {
      const transport = this.#selected(target)
      if (transport === undefined || transport instanceof Promise) continue
      const flow = flowTo(target, transport)
      if (transport.isUp?.(flow) !== true) continue
      this.#isOver = true
      this.#racer.onWon(at, transport, flow, [])
      return
    }
    this.#startNext()
  }

  /** Gives up: what was made for it alone is closed. */
  stop(): void {
    if (this.#isOver) return
    this.#end(undefined)
  }

  /** @internal */
  onOpened(flow: Flow): void {
    const attempt = this.#attemptOf(flow)
    if (this.#isOver || attempt === undefined) return
    this.#end(attempt)
    this.#racer.onWon(attempt.at, attempt.transport, flow, this.#lost)
  }

  /** @internal */
  onFailed(flow: Flow, error: EnvironmentError | undefined): void {
    const attempt = this.#attemptOf(flow)
    if (this.#isOver || attempt === undefined) return
    this.#attempts.splice(this.#attempts.indexOf(attempt), 1)
    this.#races.leave(flow, this)
    this.#lose(attempt.at, error)
  }

  /** @internal */
  onTransportRemoved(transport: Transport, error: EnvironmentError): void {
    for (const attempt of [...this.#attempts])
      if (attempt.transport === transport) this.onFailed(attempt.flow, error)
  }

  /** @internal */
  onTimer(): void {
    this.#startNext()
  }

  #startNext(): void {
    if (this.#isOver) return
    this.#timers.stop(this.#timer)
    const at = this.#next
    const target = this.#targets[at]
    if (target === undefined) return
    this.#next++
    if (this.#next < this.#targets.length)
      this.#timer = this.#timers.start(this, 'next', CONNECTION_ATTEMPT_DELAY)
    let transport: Transport | Promise<Transport>
    try {
      transport = this.#select(target)
    } catch (error) {
      this.#lose(at, error)
      return
    }
    if (!(transport instanceof Promise)) {
      this.#connect(at, target, transport)
      return
    }
    this.#selecting++
    transport.then(
      chosen => {
        this.#selecting--
        if (!this.#isOver) this.#connect(at, target, chosen)
      },
      (error: unknown) => {
        this.#selecting--
        if (!this.#isOver) this.#lose(at, error)
      },
    )
  }

  #connect(at: number, target: Target, transport: Transport): void {
    const flow = flowTo(target, transport)
    let sent: Sent
    try {
      // where it makes none before there is something to send, there is nothing to wait for
      sent = transport.connect === undefined ? flow : transport.connect(flow)
    } catch (error) {
      this.#lose(at, error)
      return
    }
    if (typeof sent === 'string') {
      this.#lose(at, sendError(sent, flow))
      return
    }
    const attempt = { at, transport, flow: sent }
    this.#attempts.push(attempt)
    this.#races.enter(sent, this)
    // another request made it meanwhile
    if (sent === flow || transport.isUp?.(sent) === true) this.onOpened(sent)
  }

  #lose(at: number, cause: unknown): void {
    this.#lost.push({ at, cause })
    if (this.#next < this.#targets.length) this.#startNext()
    else if (this.#attempts.length === 0 && this.#selecting === 0) {
      this.#end(undefined)
      this.#racer.onAllLost(this.#lost)
    }
  }

  #end(winner: Attempt | undefined): void {
    this.#isOver = true
    this.#timers.stop(this.#timer)
    for (const attempt of this.#attempts.splice(0)) {
      const { transport, flow } = attempt
      if (this.#races.leave(flow, this) && attempt !== winner) transport.discard?.(flow)
    }
  }

  #selected(target: Target): Transport | Promise<Transport> | undefined {
    try {
      const transport = this.#select(target)
      // asked again when its turn comes
      if (transport instanceof Promise) transport.then(undefined, () => undefined)
      return transport
    } catch {
      return undefined
    }
  }

  #attemptOf(flow: Flow): Attempt | undefined {
    const key = keyOf(flow)
    return this.#attempts.find(attempt => keyOf(attempt.flow) === key)
  }
}

function keyOf({ transport, connection }: Flow): string {
  return `${connection} ${transport}`
}
