import { guarded } from '../../util/guard.ts'
import type { Timer, TimerOwner } from '../../util/timers.ts'
import type { Flow } from '../message/flow.ts'
import { ByFlow, type FlowRoom } from './by-flow.ts'
import type { FlowsContext } from './keep-alives.ts'

/** What a server does about a client that keeps silent. */
export interface ExpectOptions {
  /** Milliseconds beyond the Flow-Timer (RFC 5626 §5.4 wants more than none). Default 32,000. */
  readonly grace?: number
  /** Whether the flow is then given up: its connection closed, its transactions told. Default false. */
  readonly close?: boolean
  /** Once and last: nothing came for Flow-Timer and grace. */
  onSilence?(flow: Flow): unknown
}

const GRACE = 32_000

/** The watch over one client that was given a Flow-Timer. */
export class Expectation implements TimerOwner<'silence'> {
  readonly flow: Flow
  /** @internal */
  readonly options: ExpectOptions
  /** @internal milliseconds of silence that are too long */
  readonly limit: number
  /** @internal when a datagram came; a connection knows for itself */
  heardAt: number
  /** @internal */
  readonly timer: Timer
  readonly #owner: Silences

  /** @internal made by {@link Silences.expect} */
  constructor(flow: Flow, limit: number, options: ExpectOptions, context: FlowsContext, owner: Silences) {
    this.flow = flow
    this.limit = limit
    this.options = options
    this.heardAt = context.timers.now()
    this.#owner = owner
    this.timer = context.timers.start(this, 'silence', limit)
  }

  /** @internal */
  onTimer(): void {
    this.#owner.onDue(this)
  }

  /** Ends it without a word, as when the binding is removed. */
  stop(): void {
    this.#owner.end(this)
  }
}

/** The server side of Flow-Timer (RFC 5626 §5.4): who has said nothing for too long is noticed. */
export class Silences {
  readonly #context: FlowsContext
  readonly #byFlow: ByFlow<Expectation>
  /** Expectations of datagrams: where there are none, a datagram costs nothing. */
  #datagrams = 0

  constructor(context: FlowsContext, room: FlowRoom) {
    this.#context = context
    this.#byFlow = new ByFlow(room)
  }

  has(flow: Flow): boolean {
    return this.#byFlow.of(flow) !== undefined
  }

  /** Takes the place of what was expected of the flow before. Whether there is room is asked before. */
  expect(flow: Flow, seconds: number, options: ExpectOptions): Expectation {
    const before = this.#byFlow.of(flow)
    if (before !== undefined) this.end(before)
    const limit = seconds * 1000 + (options.grace ?? GRACE)
    const expectation = new Expectation(flow, limit, options, this.#context, this)
    this.#byFlow.add(expectation)
    if (flow.connection === 0) this.#datagrams++
    return expectation
  }

  onHeard(flow: Flow): void {
    if (this.#datagrams === 0) return
    const expectation = this.#byFlow.of(flow)
    if (expectation !== undefined) expectation.heardAt = this.#context.timers.now()
  }

  onFlowEnded(flow: Flow): void {
    const expectation = this.#byFlow.of(flow)
    if (expectation !== undefined) this.end(expectation)
  }

  onTransportRemoved(transport: string): void {
    for (const expectation of this.#byFlow.by(transport)) this.end(expectation)
  }

  /** @internal looked at only when it may be due, so that what comes meanwhile restarts no timer */
  onDue(expectation: Expectation): void {
    const { timers, transports, counters, failed } = this.#context
    const { flow, limit, options } = expectation
    const heardAt = Math.max(expectation.heardAt, transports.connectionOf(flow)?.heardAt ?? 0)
    const left = heardAt + limit - timers.now()
    if (left > 0) {
      timers.restart(expectation.timer, left)
      return
    }
    this.end(expectation)
    counters.silentFlows++
    if (options.close === true) transports.failFlow(flow, 'ERR_SIP_SILENT', `nothing came for ${limit} ms`)
    // who was told of that may have closed the stack
    if (!transports.isClosed) guarded(failed, options, options.onSilence, flow)
  }

  /** @internal */
  end(expectation: Expectation): void {
    if (this.#byFlow.of(expectation.flow) !== expectation) return
    this.#context.timers.stop(expectation.timer)
    this.#byFlow.delete(expectation)
    if (expectation.flow.connection === 0) this.#datagrams--
  }

  close(): void {
    this.#byFlow.clear()
    this.#datagrams = 0
  }
}
