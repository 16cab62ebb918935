import { type EnvironmentError, UsageError } from '../../util/errors.ts'
import * as h from '../headers/index.ts'
import type { Flow } from '../message/flow.ts'
import type { ResponseTemplate } from '../message/template.ts'
import { bindingAnswer, bindingOf } from './binding.ts'
import { FlowRoom } from './by-flow.ts'
import {
  type FlowsContext,
  type KeepAlive,
  KeepAlives,
  type KeepAliveUser,
  type NoKeepAlive,
} from './keep-alives.ts'
import { type Expectation, type ExpectOptions, Silences } from './silences.ts'
import { type FlowWatch, type FlowWatcher, Watches } from './watches.ts'

/**
 * What a stack knows of its flows beyond messages: keeps them alive, answers those who do, notices who fell silent,
 * and tells of their end (RFC 5626 §4.4, §5.4, §8). All of it together is bounded by `maxFlowWatches`.
 */
export class Flows {
  readonly #context: FlowsContext
  readonly #room: FlowRoom
  readonly #keepAlives: KeepAlives
  readonly #watches: Watches
  readonly #silences: Silences

  /** @internal made by the stack */
  constructor(context: FlowsContext, limit: number) {
    this.#context = context
    this.#room = new FlowRoom(limit)
    this.#keepAlives = new KeepAlives(context, this.#room)
    this.#watches = new Watches(this.#room, context.failed)
    this.#silences = new Silences(context, this.#room)
  }

  /** What is kept of flows now: keep-alives, watches and expectations. */
  get size(): number {
    return this.#room.used
  }

  /** Whether it is known that nothing can be sent on a flow any more. */
  isGone(flow: Flow): boolean {
    return this.#context.transports.isGone(flow)
  }

  /**
   * Keeps a flow alive as a client (RFC 5626 §4.4): two CR LF over streams, WebSocket among them, which are answered by
   * one within 10 s; over UDP a STUN Binding request, which only who is known to answer it may be sent (§8): one that
   * took a registration with `outbound`, put a value to our `keep`, or was configured. `asked` are the seconds of its
   * Flow-Timer. A flow that does not answer is given up: its connection is closed, its transactions and watchers are told.
   * Several users of a flow share its keep-alive; the shortest interval counts.
   * @throws UsageError where the user's `interval` is below a second
   */
  keepAlive(flow: Flow, user: KeepAliveUser, asked?: number): KeepAlive | NoKeepAlive {
    const keepAlive = this.#keepAlives.start(flow, user, asked)
    if (keepAlive === 'full') this.#context.counters.refusedFlowWatches++
    return keepAlive
  }

  /** Tells of the end of one flow: `gone` where it has ended already, `full` where as much is kept as may be. */
  watch(flow: Flow, watcher: FlowWatcher): FlowWatch | NoKeepAlive {
    const own = this.#context.transports.connectionOf(flow)?.flow ?? flow
    if (this.isGone(own)) return 'gone'
    return this.#hasRoom() ? this.#watches.add(own, watcher) : 'full'
  }

  /**
   * Watches over a client that was given so many seconds as Flow-Timer, from now on (RFC 5626 §5.4). What it sends, of
   * whatever kind, counts. Given again for the same flow, as with each refresh, it takes the place of the earlier.
   */
  expect(flow: Flow, seconds: number, options: ExpectOptions = {}): Expectation | NoKeepAlive {
    if (this.isGone(flow)) return 'gone'
    return this.#silences.has(flow) || this.#hasRoom()
      ? this.#silences.expect(flow, seconds, options)
      : 'full'
  }

  /**
   * Writes Flow-Timer into a 2xx to a REGISTER and watches over its flow. Only a registration that the response says is
   * done by outbound (`Require: outbound`) has one (RFC 5626 §5.4, §6); for others nothing is done, and false answered.
   * @throws UsageError where `seconds` is no whole number above 0
   */
  giveFlowTimer(response: ResponseTemplate, flow: Flow, seconds: number, options?: ExpectOptions): boolean {
    if (!Number.isSafeInteger(seconds) || seconds < 1)
      throw new UsageError(
        'ERR_SIP_FLOW_TIMER',
        `Flow-Timer: ${seconds} is no whole number of seconds above 0`,
      )
    const required = response.all(h.Require)
    const isOutbound = required.some(tag => tag.toLowerCase() === 'outbound')
    if (response.status < 200 || response.status > 299 || !isOutbound) return false
    response.set(h.FlowTimer, seconds)
    this.expect(flow, seconds, options)
    return true
  }

  /** @internal the transactions have been told */
  onFlowFailed(flow: Flow, error: EnvironmentError | undefined): void {
    this.#silences.onFlowFailed(flow)
    this.#keepAlives.onFlowFailed(flow, error)
    this.#watches.onFlowFailed(flow, error)
  }

  /** @internal */
  onPong(flow: Flow): void {
    this.#keepAlives.onPong(flow)
  }

  /**
   * @internal a STUN message beside SIP; whether it was ours: a Binding request over datagrams, which is answered here
   * (RFC 5626 §8), or the answer to a keep-alive
   */
  onStun(bytes: Buffer, flow: Flow): boolean {
    if (flow.protocol !== 'UDP') return false
    if (isResponse(bytes)) return this.#keepAlives.onStun(bytes, flow)
    const request = bindingOf(bytes)
    if (request?.class !== 'request') return false
    this.#context.counters.bindingRequests++
    this.#context.transports.send(bindingAnswer(request, flow).latin1Slice(), flow)
    return true
  }

  /** @internal */
  onHeard(flow: Flow): void {
    this.#silences.onHeard(flow)
  }

  /** @internal the stack's timers are stopped already */
  close(): void {
    this.#keepAlives.clear()
    this.#watches.clear()
    this.#silences.clear()
  }

  #hasRoom(): boolean {
    if (!this.#room.isFull) return true
    this.#context.counters.refusedFlowWatches++
    return false
  }
}

/** The class bit that success and error responses share (RFC 8489 Figure 3). */
function isResponse(bytes: Buffer): boolean {
  return ((bytes[0] ?? 0) & 1) === 1
}
