import type { EnvironmentError } from '../../util/errors.ts'
import { UsageError } from '../../util/errors.ts'
import { type Failed, guarded } from '../../util/guard.ts'
import type { Tokens } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import type { Flow } from '../message/flow.ts'
import type { Counters } from '../statistics.ts'
import type { TransportLayer } from '../transport/layer.ts'
import type { Sent } from '../transport/transport.ts'
import { bindingOf, mappedBy } from './binding.ts'
import { ByFlow, type FlowRoom } from './by-flow.ts'
import { FlowKeepAlive, type Interval } from './flow-keep-alive.ts'
import type { KeepAliveContext, KeepAliveFailure } from './keep-alive-machine.ts'

/** Who keeps a flow alive. */
export interface KeepAliveUser {
  /**
   * Milliseconds that may pass between two keep-alives at the most; each waits 80 to 100 % of it, at random. Default
   * 120,000 over streams, 24,000 to 29,000 over datagrams (RFC 5626 §4.4.1, §4.4.2).
   */
  readonly interval?: number
  /** Once and last: the peer did not answer, its answer told that the flow is another, or the connection is gone. */
  onFailed?(flow: Flow, error: EnvironmentError | undefined): unknown
}

/** Why no keep-alive was begun: the flow is gone, or as much is kept of flows as may be (`maxFlowWatches`). */
export type NoKeepAlive = 'gone' | 'full'

/** What the keep-alives need of the stack. */
export interface FlowsContext {
  readonly timers: Timers
  readonly transports: TransportLayer
  readonly counters: Counters
  readonly random: Tokens
  /** Told what a user threw, or rejected with. */
  readonly failed: Failed
}

/** RFC 5626 §4.4.1, for who does not run on a battery. */
const STREAM_INTERVAL: Interval = { lower: 96_000, upper: 120_000 }
/** RFC 5626 §4.4.2. */
const DATAGRAM_INTERVAL: Interval = { lower: 24_000, upper: 29_000 }
/** What a peer may ask for at the most, and oftener than a user would wish (RFC 5626 §4.4): a day, a second. */
const LONGEST = 86_400
const MILLISECONDS = 1000

const reasons: Readonly<Record<KeepAliveFailure, string>> = {
  'no pong': 'no answer to a keep-alive came within 10 s',
  'no STUN response': 'no answer to a STUN keep-alive came',
  'STUN error': 'a STUN keep-alive was refused',
  'mapped address changed': 'the address it sees us at is another than before',
}

/** One user's share in the keep-alive of a flow. */
export class KeepAlive {
  readonly #shared: FlowKeepAlive
  readonly #owner: KeepAlives
  /** @internal */
  readonly user: KeepAliveUser
  /** @internal seconds that the peer asked for: Flow-Timer, or `keep` in a Via */
  asked: number | undefined
  /** @internal nothing may be told any more */
  isStopped = false

  /** @internal made by {@link KeepAlives.start} */
  constructor(shared: FlowKeepAlive, user: KeepAliveUser, owner: KeepAlives) {
    this.#shared = shared
    this.user = user
    this.#owner = owner
  }

  get flow(): Flow {
    return this.#shared.flow
  }

  /** Keep-alives on this flow that the peer has answered; RFC 5626 §4.5 calls a flow successful from the first on. */
  get answered(): number {
    return this.#shared.answered
  }

  /** Our address and port as a STUN server at the other end sees them, once it has told: `203.0.113.7:40000`. */
  get mapped(): string | undefined {
    return this.#shared.mapped
  }

  get isEnded(): boolean {
    return this.#shared.isEnded || !this.#owner.has(this.#shared, this)
  }

  /**
   * Keep-alives at least each so many seconds from now on, as a Flow-Timer says (RFC 5626 §4.4) or `keep` in a Via (RFC
   * 6223); `undefined` and 0 leave it to the user's own interval.
   */
  askedFor(seconds: number | undefined): void {
    this.#owner.onAsked(this.#shared, this, seconds)
  }

  /** Ends it without a word; the flow is kept alive while another user wants that. */
  stop(): void {
    this.isStopped = true
    this.#owner.stop(this.#shared, this)
  }
}

/** The client side of keep-alives: one timer and one machine a flow, however many want it kept alive. */
export class KeepAlives implements KeepAliveContext {
  readonly timers: Timers
  readonly random: Tokens
  readonly #context: FlowsContext
  readonly #room: FlowRoom
  readonly #byFlow: ByFlow<FlowKeepAlive>
  readonly #users = new Map<FlowKeepAlive, KeepAlive[]>()
  #isClosed = false

  constructor(context: FlowsContext, room: FlowRoom) {
    this.timers = context.timers
    this.random = context.random
    this.#context = context
    this.#room = room
    this.#byFlow = new ByFlow(room)
  }

  /** A user that asks again on the same flow gets the handle that it has. @throws UsageError where `interval` is none */
  start(flow: Flow, user: KeepAliveUser, asked?: number): KeepAlive | NoKeepAlive {
    if (user.interval !== undefined && !(user.interval >= MILLISECONDS)) {
      throw new UsageError(
        'ERR_SIP_KEEP_ALIVE',
        `a keep-alive each ${user.interval} ms is not possible; give ${MILLISECONDS} or more`,
      )
    }
    const { transports } = this.#context
    const own = transports.connectionOf(flow)?.flow ?? flow
    if ((own.connection === 0 && own.protocol !== 'UDP') || transports.isGone(own)) return 'gone'
    let shared = this.#byFlow.of(own)
    if (shared === undefined) {
      if (this.#room.isFull) return 'full'
      shared = new FlowKeepAlive(own, intervalOf(own, [{ user, asked }]), this)
      this.#byFlow.add(shared)
      this.#users.set(shared, [])
    }
    const users = this.#users.get(shared) ?? []
    let keepAlive = users.find(known => known.user === user)
    if (keepAlive === undefined) {
      if (users.length > 0 && this.#room.isFull) return 'full'
      keepAlive = new KeepAlive(shared, user, this)
      if (users.length > 0) this.#room.used++
      users.push(keepAlive)
    }
    this.onAsked(shared, keepAlive, asked)
    return keepAlive
  }

  /** @internal */
  has(shared: FlowKeepAlive, keepAlive: KeepAlive): boolean {
    return this.#users.get(shared)?.includes(keepAlive) ?? false
  }

  /** @internal */
  onAsked(shared: FlowKeepAlive, keepAlive: KeepAlive, asked: number | undefined): void {
    const users = this.#users.get(shared)
    if (users === undefined) return
    keepAlive.asked = asked
    shared.interval = intervalOf(shared.flow, users)
  }

  /** @internal */
  stop(shared: FlowKeepAlive, keepAlive: KeepAlive): void {
    const users = this.#users.get(shared)
    const at = users?.indexOf(keepAlive) ?? -1
    if (users === undefined || at < 0) return
    if (users.length === 1) {
      shared.stop()
      this.#forget(shared)
      return
    }
    users.splice(at, 1)
    this.#room.used--
    shared.interval = intervalOf(shared.flow, users)
  }

  /** Takes out the users of a flow that has ended, who are still to be told. */
  take(flow: Flow): readonly KeepAlive[] {
    const shared = this.#byFlow.of(flow)
    return shared === undefined ? [] : this.#taken(shared)
  }

  /** The same for all flows of a transport. */
  takeBy(transport: string): readonly KeepAlive[] {
    return this.#byFlow.by(transport).flatMap(shared => this.#taken(shared))
  }

  /** Tells those that were taken out; one of them may stop another, or close the stack, meanwhile. */
  tell(users: readonly KeepAlive[], error: EnvironmentError | undefined): void {
    for (const { isStopped, flow, user } of users) {
      if (this.#isClosed) return
      if (!isStopped) guarded(this.#context.failed, user, user.onFailed, flow, error)
    }
  }

  onPong(flow: Flow): void {
    this.#byFlow.of(flow)?.onPong()
  }

  /** Whether a STUN message answers a keep-alive: it came by its flow and has its transaction id. */
  onStun(bytes: Buffer, flow: Flow): boolean {
    const keepAlive = this.#byFlow.of(flow)
    if (keepAlive === undefined || keepAlive.transaction === '') return false
    if (bytes.latin1Slice(ID, ID_END) !== keepAlive.transaction) return false
    const message = bindingOf(bytes)
    if (message?.class !== 'success' && message?.class !== 'error') return false
    keepAlive.onResponse(mappedBy(message))
    return true
  }

  close(): void {
    this.#isClosed = true
    this.#byFlow.clear()
    this.#users.clear()
  }

  /** @internal */
  ping(flow: Flow): Sent {
    return this.#context.transports.keepAlive(flow)
  }

  /** @internal */
  probe(wire: string, flow: Flow): Sent {
    return this.#context.transports.send(wire, flow)
  }

  /** @internal */
  isReceiving(flow: Flow): boolean {
    return this.#context.transports.connectionOf(flow)?.isReceiving ?? false
  }

  /** @internal */
  failFlow(flow: Flow, failure: KeepAliveFailure): EnvironmentError {
    const { counters, transports } = this.#context
    counters.keepAliveFailures++
    return transports.failFlow(flow, 'ERR_SIP_KEEP_ALIVE', reasons[failure])
  }

  /** @internal */
  onEnded(shared: FlowKeepAlive): void {
    this.#byFlow.delete(shared)
  }

  /** @internal */
  onFailed(shared: FlowKeepAlive, error: EnvironmentError | undefined): void {
    this.tell(this.#forget(shared), error)
  }

  #taken(shared: FlowKeepAlive): readonly KeepAlive[] {
    shared.stop()
    // it may be in the midst of a ping that the transport told it of: then it is stopped when that is done
    this.#byFlow.delete(shared)
    return this.#forget(shared)
  }

  /** The first user of a flow takes no room of its own. */
  #forget(shared: FlowKeepAlive): readonly KeepAlive[] {
    const users = this.#users.get(shared) ?? []
    if (this.#users.delete(shared)) this.#room.used -= users.length - 1
    return users
  }
}

/** Where the transaction id of a STUN message stands (RFC 8489 §5). */
const ID = 8
const ID_END = 20

/** The shortest that any of the users wants, or was asked for. */
function intervalOf(
  flow: Flow,
  users: readonly { user: KeepAliveUser; asked?: number | undefined }[],
): Interval {
  let upper = Number.POSITIVE_INFINITY
  for (const { user, asked } of users) {
    if (user.interval !== undefined) upper = Math.min(upper, user.interval)
    if (asked !== undefined && asked > 0) upper = Math.min(upper, Math.min(asked, LONGEST) * MILLISECONDS)
  }
  if (upper === Number.POSITIVE_INFINITY) return flow.protocol === 'UDP' ? DATAGRAM_INTERVAL : STREAM_INTERVAL
  return { lower: Math.ceil(upper * 0.8), upper: Math.floor(upper) }
}
