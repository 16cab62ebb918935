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

/** Who is to be told of the end of flows. */
export interface EndedFlows {
  readonly keepAlives: readonly KeepAlive[]
  readonly watches: readonly FlowWatch[]
}

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
   * Keeps a flow alive as a client (RFC 5626 §4.4): two CR LF over streams, which are answered by one within 10 s, over
   * WebSocket a Ping in the same way (RFC 7118 §6); over UDP a STUN Binding request, which only who is known to answer it may be sent (§8): one that
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
   * @throws UsageError where `seconds` or `grace` is below 0, or no number
   */
  expect(flow: Flow, seconds: number, options: ExpectOptions = {}): Expectation | NoKeepAlive {
    checkExpectation(seconds, options)
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
    checkExpectation(seconds, options)
    const required = response.all(h.Require)
    const isOutbound = required.some(tag => tag.toLowerCase() === 'outbound')
    if (response.status < 200 || response.status > 299 || !isOutbound) return false
    response.set(h.FlowTimer, seconds)
    this.expect(flow, seconds, options)
    return true
  }

  /**
   * @internal takes out what is kept of a flow that has ended. Those it answers are told by {@link tell} when the
   * transactions have been: what one of these begins anew, over datagrams to the same address, is not ended with it
   */
  end(flow: Flow): EndedFlows {
    this.#silences.onFlowEnded(flow)
    return { keepAlives: this.#keepAlives.take(flow), watches: this.#watches.take(flow) }
  }

  /** @internal the same for all flows of a transport that was removed */
  endBy(transport: string): EndedFlows {
    this.#silences.onTransportRemoved(transport)
    return { keepAlives: this.#keepAlives.takeBy(transport), watches: this.#watches.takeBy(transport) }
  }

  /** @internal */
  tell({ keepAlives, watches }: EndedFlows, error: EnvironmentError | undefined): void {
    this.#keepAlives.tell(keepAlives, error)
    this.#watches.tell(watches, error)
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
    this.#keepAlives.close()
    this.#watches.close()
    this.#silences.close()
    this.#room.used = 0
  }

  #hasRoom(): boolean {
    if (!this.#room.isFull) return true
    this.#context.counters.refusedFlowWatches++
    return false
  }
}

function checkExpectation(seconds: number, { grace = 0 }: ExpectOptions = {}): void {
  if (seconds >= 0 && grace >= 0) return
  throw new UsageError(
    'ERR_SIP_FLOW_TIMER',
    `a client cannot be expected within ${seconds} s and ${grace} ms; give numbers that are not below 0`,
  )
}

/** The class bit that success and error responses share (RFC 8489 Figure 3). */
function isResponse(bytes: Buffer): boolean {
  return ((bytes[0] ?? 0) & 1) === 1
}
