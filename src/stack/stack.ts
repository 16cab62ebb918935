import { systemClock } from '../net/clock.ts'
import { interfaceAddresses, LocalAddresses } from '../net/interfaces.ts'
import { systemRandom } from '../net/random.ts'
import { TlsContexts, type TlsOptions } from '../net/tls-contexts.ts'
import { UsageError } from '../util/errors.ts'
import type { Failed } from '../util/guard.ts'
import { guardedLog, type Log, printableError } from '../util/log.ts'
import { type RandomSource, Tokens } from '../util/random.ts'
import { Timers } from '../util/timers.ts'
import { Dispatch } from './dispatch.ts'
import { Flows } from './flow/flows.ts'
import { checkedKeep } from './flow/keep.ts'
import { FlowTokens } from './forward/flow-token.ts'
import { Forwarding, type ForwardOptions } from './forward/forwarding.ts'
import { isOfDialog } from './forward/record-route.ts'
import { ResponseForwarding } from './forward/response-forwarding.ts'
import { isFrom, routeFlow } from './forward/route-flow.ts'
import { type Uri, uri } from './grammar/uri.ts'
import { LocateLine } from './locate/line.ts'
import { type Explanation, Locating } from './locate/locating.ts'
import type { Flow } from './message/flow.ts'
import { Identifiers, systemIdentifiers } from './message/identifiers.ts'
import type { SipMessage, SipRequest, SipResponse } from './message/message.ts'
import type { RequestTemplate, ResponseTemplate } from './message/template.ts'
import { checkedLimits, defaultStackOptions, type StackOptions } from './options.ts'
import { StatelessReplies } from './stateless.ts'
import { Counters } from './statistics.ts'
import type { RequestFilter } from './transaction/admission.ts'
import { AwaitedRequests, noTransaction } from './transaction/awaited-requests.ts'
import { Congestion } from './transaction/congestion.ts'
import { type TransactionCounts, TransactionLayer } from './transaction/layer.ts'
import { OutgoingAck } from './transaction/outgoing-ack.ts'
import { OutgoingRequest } from './transaction/request.ts'
import type {
  RequestContext,
  RequestOptions,
  RequestUser,
  WayOptions,
} from './transaction/request-options.ts'
import type { ServerTransaction } from './transaction/server-transaction.ts'
import type { TransactionTiming } from './transaction/timers.ts'
import type { TransactionUser } from './transaction/transaction-user.ts'
import { TransportLayer } from './transport/layer.ts'
import type { ListenOptions } from './transport/listen-point.ts'
import { Listeners } from './transport/listeners.ts'
import type { Sent, Transport } from './transport/transport.ts'

/**
 * Joins transports, transactions and transaction users: the whole of `resip/stack` in one object.
 *
 * A stack is stateful as a whole (`addUser`, `onRequest`, `send`, `request`) or stateless as a whole (`onMessage`,
 * `forward`, `reply`), never message by message by accident.
 */
export class SipStack {
  /** Plain counters, changed in place. */
  readonly counters: Counters = new Counters()
  /** The stack's timers; an application may start its own on them. */
  readonly timers: Timers
  /** Mints tags, branches and Call-IDs. */
  readonly identifiers: Identifiers
  /** What an upper storey shares with the stack. */
  readonly shared: {
    readonly timing: TransactionTiming
    readonly random: RandomSource
    /** Counts and logs what an application's handler threw. */
    readonly failed: Failed
  }
  /** Keep-alives, and who wants to know of the end of a flow (RFC 5626). */
  readonly flows: Flows
  readonly #transports: TransportLayer
  readonly #transactions: TransactionLayer
  readonly #listeners: Listeners
  readonly #contexts: TlsContexts
  readonly #replies: StatelessReplies
  readonly #congestion: Congestion
  readonly #requests: RequestContext
  readonly #awaited: AwaitedRequests
  readonly #forwarding: Forwarding
  readonly #responses: ResponseForwarding
  readonly #tokens: FlowTokens
  readonly #dispatch: Dispatch
  readonly #locating: Locating
  #closing: Promise<void> | undefined

  constructor(options: StackOptions = {}) {
    const { counters } = this
    const { followMaddr = defaultStackOptions.followMaddr } = options
    const keep = checkedKeep(options.keep)
    const clock = options.clock ?? systemClock
    const log = options.log ? guardedLog(options.log) : defaultStackOptions.log
    const timing = { ...defaultStackOptions.timing, ...options.timing }
    const limits = checkedLimits({ ...defaultStackOptions.limits, ...options.limits })
    this.identifiers = options.random ? new Identifiers(new Tokens(options.random)) : systemIdentifiers
    const failed = (error: unknown): void => onHandlerError(error, counters, log)
    this.timers = new Timers(clock, failed)
    this.shared = { timing, random: options.random ?? systemRandom, failed }
    const { interfaces = interfaceAddresses } = options
    const routes = new LocalAddresses(clock, options.route)
    this.#dispatch = new Dispatch({
      counters,
      failed,
      transactions: () => this.#transactions,
      replies: () => this.#replies,
      flows: () => this.flows,
    })
    const now = (): number => clock.now()
    const ways = { routes, interfaces, now }
    this.#transports = new TransportLayer({ receiver: this.#dispatch, counters, log, limits, ...ways })
    this.flows = new Flows(
      {
        timers: this.timers,
        transports: this.#transports,
        counters,
        random: new Tokens(options.random ?? systemRandom),
        failed,
      },
      limits.maxFlowWatches,
    )
    this.#replies = new StatelessReplies(this.#transports, counters, followMaddr)
    this.#congestion = new Congestion(this.timers, {
      ...defaultStackOptions.congestion,
      ...options.congestion,
    })
    this.#transactions = new TransactionLayer({
      timers: this.timers,
      timing,
      transports: this.#transports,
      replies: this.#replies,
      congestion: this.#congestion,
      counters,
      newTag: () => this.identifiers.newTag(),
      limits,
      followMaddr,
      keep,
      failed,
    })
    const { random = systemRandom } = options
    const { open } = this.#transports
    this.#locating = new Locating(options, { timers: this.timers, random, counters, transports: open })
    const line = new LocateLine(this.#locating.locate, {
      maxWaitingPerHop: limits.maxWaitingPerHop,
      maxWaiting: limits.maxWaiting,
      failed,
      onRefused: () => counters.refusedWaiting++,
    })
    this.#requests = {
      timers: this.timers,
      timing,
      transactions: this.#transactions,
      transports: this.#transports,
      flows: this.flows,
      line,
      maxDatagram: options.maxDatagram ?? defaultStackOptions.maxDatagram,
      udpErrors: options.udpErrors ?? defaultStackOptions.udpErrors,
      newBranch: () => this.identifiers.newBranch(),
      counters,
      failed,
    }
    this.#awaited = new AwaitedRequests(this.#requests)
    const { flowTokenKey = random.fill(new Uint8Array(FLOW_TOKEN_KEY)) } = options
    this.#tokens = new FlowTokens(flowTokenKey, this.identifiers.newTag())
    const sending = { transports: this.#transports, line, counters, tokens: this.#tokens }
    this.#forwarding = new Forwarding({ ...sending, maxDatagram: this.#requests.maxDatagram, failed })
    this.#responses = new ResponseForwarding({ ...sending, followMaddr, keep })
    this.#contexts = options.tls instanceof TlsContexts ? options.tls : new TlsContexts(options.tls)
    this.#listeners = new Listeners(this.#transports, this.timers, {
      limits,
      contexts: this.#contexts,
      websocket: options.websocket,
      newHost: () => this.identifiers.newHost(),
      failed,
      interfaces,
      counters,
      log,
      followInterval: options.followInterval ?? defaultStackOptions.followInterval,
      ...(options.receiveBufferSize !== undefined && { receiveBufferSize: options.receiveBufferSize }),
    })
  }

  /**
   * Opens listeners: `listen('udp:127.0.0.1:5060', 'tcp:[::1]:5060', 'udp:eth0:5060')`. A wildcard address or an
   * interface gets a transport for each of its addresses, now and as they change. What Via, Contact and Record-Route name
   * may be another than what is bound: `listen({ listen: 'udp:10.0.0.5:5060', advertise: '203.0.113.7:5060' })`. Rejects with a UsageError for what
   * cannot be read, with an EnvironmentError that names the port where it cannot be opened; then none of them is open.
   */
  listen(...points: readonly (string | ListenOptions)[]): Promise<void> {
    return this.#listeners.listen(points)
  }

  /**
   * Closes what {@link listen} opened, while all goes on: a point as it was given there, with what else it stands for, or
   * one transport by its key, which is not opened again. Who waits on one of them is told before this returns. Rejects
   * with a UsageError where nothing is open for one of the points; then none is closed.
   */
  unlisten(...points: readonly (string | ListenOptions)[]): Promise<void> {
    return this.#listeners.unlisten(points)
  }

  /**
   * Certificates, keys and trust for new connections of both roles; what is left out stays, and so do the connections that
   * are up. Listeners with `tls` of their own keep it.
   * @throws UsageError where one cannot be used; then all stays as it was
   */
  updateTls(options: TlsOptions): void {
    this.#contexts.update(options)
  }

  /**
   * The SIP domains and addresses that the TLS peer of a flow has proved by its certificate (RFC 5922 §7.1): of a client
   * what its certificate says, where `clientCertificates` asks for one. Empty where nothing is proved.
   */
  peerDomains(flow: Flow): readonly string[] {
    return this.#transports.peerDomains(flow)
  }

  /** Takes in a transport that the application made. Rejects as its `open` does. */
  addTransport(transport: Transport): Promise<void> {
    return this.#transports.add(transport)
  }

  /** Closes a transport of whoever made it; who waits on it is told before this returns. Answers whether it was there. */
  removeTransport(transport: Transport): Promise<boolean> {
    return this.#transports.remove(transport)
  }

  /** The open transports. */
  get transports(): readonly Transport[] {
    return [...this.#transports.transports]
  }

  /** Lets the stack be known by a name besides its addresses: `addName('proxy.example.com')`. */
  addName(host: string, port?: number): void {
    this.#transports.addName(host, port)
  }

  /** Whether a host and port, as in a Route or a Request-URI, mean this stack. */
  isOurs(host: string, port?: number): boolean {
    return this.#transports.isOurs(host, port)
  }

  /** Adds a transaction user; users are asked for a request in the order they were added. */
  addUser(user: TransactionUser): void {
    if (this.#dispatch.handler) throw modeError()
    this.#transactions.addUser(user)
  }

  removeUser(user: TransactionUser): void {
    this.#transactions.removeUser(user)
  }

  /**
   * A transaction user of one function, which takes every request that no other user claimed before, but for a CANCEL
   * that matches nothing: a UA answers that with 481 (RFC 3261 §9.2).
   */
  onRequest(
    handler: (transaction: ServerTransaction) => unknown,
    onAck?: (ack: SipRequest) => unknown,
  ): void {
    const accepts = (request: SipRequest): boolean => request.method !== 'CANCEL'
    this.addUser({ accepts, onRequest: handler, ...(onAck && { onAck }) })
  }

  /**
   * Makes the stack stateless: every message goes to `handler`, and no transaction is kept.
   * @throws UsageError where the stack has transaction users
   */
  onMessage(handler: (message: SipMessage) => unknown): void {
    if (this.#transactions.hasUsers) throw modeError()
    this.#dispatch.handler = handler
  }

  /**
   * Lets a function look at each new request before a transaction is made for it: see {@link RequestFilter}. Filters are
   * asked in the order they were added.
   */
  addFilter(filter: RequestFilter): void {
    this.#transactions.addFilter(filter)
  }

  /**
   * Sends a request in transactions of its own; `user` is told what becomes of it: a failure that needs no network, as a
   * scheme that cannot be sent to, before this returns. ACK has no transaction: {@link sendAck}.
   */
  send(template: RequestTemplate, user: RequestUser, options?: RequestOptions): OutgoingRequest {
    if (template.method === 'ACK') throw noTransaction()
    const request = new OutgoingRequest(this.#requests, template, user, options)
    request.start()
    return request
  }

  /**
   * Sends a request and resolves with its final response, whatever its status. Rejects with a RequestFailure that
   * lists every target tried, with an EnvironmentError (`ERR_SIP_CLOSED`) where the stack is closed before. An aborted
   * `signal` cancels an INVITE (RFC 3261 §9.1) and lets go of any other request.
   */
  request(
    template: RequestTemplate,
    options: RequestOptions & { readonly signal?: AbortSignal } = {},
  ): Promise<SipResponse> {
    return this.#awaited.request(template, options)
  }

  /**
   * Sends the ACK to a 2xx along its route, in no transaction (RFC 3261 §13.2.2.4). The handle sends the same octets
   * again for each 2xx that comes again; its `sent` rejects where there is no way.
   */
  sendAck(ack: RequestTemplate, options?: WayOptions): OutgoingAck {
    return new OutgoingAck(this.#requests, ack, options)
  }

  /** Pings a flow (RFC 5626 §3.5.1): a stream's peer answers, see `TransactionUser.onPong`; a datagram only keeps a NAT open. */
  keepAlive(flow: Flow): Sent {
    return this.#transports.keepAlive(flow)
  }

  /**
   * Takes a message as if it had come over `flow` now: an INVITE that was pending when the program was stopped is taken
   * up again so. Malformed bytes are handled as those from the network are.
   */
  receive(bytes: Buffer, flow: Flow): void {
    this.#transports.reception.onDatagram(bytes, flow)
  }

  /** Answers a request without a transaction (RFC 3261 §8.2.7). ACK and CANCEL get no answer. */
  reply(request: SipRequest, answer: ResponseTemplate | number): void {
    if (request.method !== 'CANCEL') this.#replies.reply(request, answer)
  }

  /** Whether an ACK is for a response that {@link reply} gave, so that it is nobody else's (RFC 3261 §8.2.7). */
  isAckOfReply(ack: SipRequest): boolean {
    return this.#replies.isAckOfOurs(ack)
  }

  /** A response to be given to {@link reply}; its To tag is made from the request alone. */
  statelessResponse(request: SipRequest, status: number, reason?: string): ResponseTemplate {
    return this.#replies.response(request, status, reason)
  }

  /** Sends a request on without a transaction, under the branch that its retransmissions get too (RFC 3261 §16.11). */
  forward(request: SipRequest, out: RequestTemplate, options?: ForwardOptions): void {
    this.#forwarding.forward(request, out, options)
  }

  /**
   * Sends a response on by the Via below ours (RFC 3261 §16.7 step 3); `out` where it was changed on the way. What is no
   * answer to a request that {@link forward} sent is dropped and counted.
   */
  forwardResponse(response: SipResponse, out?: ResponseTemplate): void {
    this.#responses.forward(response, out)
  }

  /** Whether a response answers a request that {@link forward} sent: for who acts on it before it goes on. */
  isAnswer(response: SipResponse): boolean {
    return this.#responses.isAnswer(response)
  }

  /** Whether a request follows a Record-Route that {@link forward} wrote, `signed`, for its own dialog. */
  isOfDialog(request: SipRequest): boolean {
    return isOfDialog(request, this.#tokens)
  }

  /**
   * The targets that a request for a URI would be sent to now, in the order to try them, each with why it was chosen
   * (RFC 3263). Rejects with an EnvironmentError where there are none.
   */
  async locate(target: Uri | string): Promise<readonly Explanation[]> {
    return this.#locating.explain(typeof target === 'string' ? uri(target) : target)
  }

  /**
   * The flow that a Route of ours leads to by its token, as {@link forward} wrote it (RFC 5626 §5.3): the way of the
   * request, and no other. `forged` wants 403, `gone` 430 (§5.3.1). `undefined` where it has no token, or where the
   * request came by that very flow: then it goes on as any other.
   */
  flowOf(route: Uri, request: SipRequest): Flow | 'forged' | 'gone' | undefined {
    const flow = routeFlow(route, this.#tokens, this.#transports)
    return typeof flow === 'object' && isFrom(request.source, flow) ? undefined : flow
  }

  /** Whether a sent-by is one that this stack writes into its Vias. */
  isOurSentBy(sentBy: string): boolean {
    return this.#transports.isOurSentBy(sentBy)
  }

  /** Live transactions by machine and state. */
  transactionCounts(): TransactionCounts {
    return this.#transactions.counts()
  }

  /** How many transactions are live. */
  get transactionCount(): number {
    return this.#transactions.size
  }

  /** Octets that the live transactions keep, as near as can be told; see `maxTransactionBytes`. */
  get transactionBytes(): number {
    return this.#transactions.bytes
  }

  /** Closes transports, forgets transactions, stops all timers. Nothing is called back from this call on. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    this.#dispatch.handler = undefined
    this.#listeners.stop()
    this.#transactions.close()
    this.#awaited.close()
    this.flows.close()
    await Promise.all([this.#transports.close(), this.#locating.close()])
  }
}

/** Octets of the key that is made at start: as many as SHA-1 gives (RFC 2104 §3). */
const FLOW_TOKEN_KEY = 20

/** What an application's handler threw, or rejected with, must not stop the stack. */
function onHandlerError(error: unknown, counters: Counters, log: Log): void {
  counters.handlerErrors++
  if (log.enabled('error')) log.write('error', 'stack', `a handler threw: ${printableError(error)}`)
}

function modeError(): UsageError {
  return new UsageError(
    'ERR_SIP_MODE',
    'a stack is stateless (onMessage) or stateful (addUser, onRequest) as a whole; make a second one for the other',
  )
}
