import type { TlsOptions } from '../net/tls-contexts.ts'
import { UsageError } from '../util/errors.ts'
import type { Timers } from '../util/timers.ts'
import { assemble, type SharedByStack, type StackParts } from './assembly.ts'
import type { Flows } from './flow/flows.ts'
import type { ForwardOptions } from './forward/forwarding.ts'
import { isOfDialog } from './forward/record-route.ts'
import { isFrom, routeFlow } from './forward/route-flow.ts'
import { type Uri, uri } from './grammar/uri.ts'
import type { Explanation } from './locate/locating.ts'
import { defaultPortOf } from './locate/locator.ts'
import type { Flow } from './message/flow.ts'
import type { Identifiers } from './message/identifiers.ts'
import type { SipMessage, SipRequest, SipResponse } from './message/message.ts'
import type { RequestTemplate, ResponseTemplate } from './message/template.ts'
import type { StackOptions } from './options.ts'
import { Counters } from './statistics.ts'
import type { RequestFilter } from './transaction/admission.ts'
import { noTransaction } from './transaction/awaited-requests.ts'
import type { TransactionCounts } from './transaction/layer.ts'
import { OutgoingAck } from './transaction/outgoing-ack.ts'
import { OutgoingRequest } from './transaction/request.ts'
import type { RequestOptions, RequestUser, WayOptions } from './transaction/request-options.ts'
import type { ServerTransaction } from './transaction/server-transaction.ts'
import type { TransactionUser } from './transaction/transaction-user.ts'
import type { ListenOptions } from './transport/listen-point.ts'
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
  /** Keep-alives, and who wants to know of the end of a flow (RFC 5626). */
  readonly flows: Flows
  /** What an upper storey shares with the stack. */
  readonly shared: SharedByStack
  readonly #parts: StackParts
  #closing: Promise<void> | undefined

  constructor(options: StackOptions = {}) {
    this.#parts = assemble(options, this.counters)
    const { timers, identifiers, flows, shared } = this.#parts
    this.timers = timers
    this.identifiers = identifiers
    this.flows = flows
    this.shared = shared
  }

  /**
   * Opens listeners: `listen('udp:127.0.0.1:5060', 'tcp:[::1]:5060', 'udp:eth0:5060')`. A wildcard address or an
   * interface gets a transport for each of its addresses, now and as they change. What Via, Contact and Record-Route name
   * may be another than what is bound: `listen({ listen: 'udp:10.0.0.5:5060', advertise: '203.0.113.7:5060' })`. Rejects with a UsageError for what
   * cannot be read, with an EnvironmentError that names the port where it cannot be opened; then none of them is open.
   */
  listen(...points: readonly (string | ListenOptions)[]): Promise<void> {
    return this.#parts.listeners.listen(points)
  }

  /**
   * Closes what {@link listen} opened, while all goes on: a point as it was given there, with what else it stands for, or
   * one transport by its key, which is not opened again. Who waits on one of them is told before this returns. Rejects
   * with a UsageError where nothing is open for one of the points; then none is closed.
   */
  unlisten(...points: readonly (string | ListenOptions)[]): Promise<void> {
    return this.#parts.listeners.unlisten(points)
  }

  /**
   * Certificates, keys and trust for new connections of both roles; what is left out stays, and so do the connections that
   * are up. Listeners with `tls` of their own keep it.
   * @throws UsageError where one cannot be used; then all stays as it was
   */
  updateTls(options: TlsOptions): void {
    this.#parts.listeners.updateTls(options)
  }

  /**
   * The SIP domains and addresses that the TLS peer of a flow has proved by its certificate (RFC 5922 §7.1): of a client
   * what its certificate says, where `clientCertificates` asks for one. Empty where nothing is proved.
   */
  peerDomains(flow: Flow): readonly string[] {
    return this.#parts.transports.peerDomains(flow)
  }

  /** Takes in a transport that the application made. Rejects as its `open` does. */
  addTransport(transport: Transport): Promise<void> {
    return this.#parts.transports.add(transport)
  }

  /** Closes a transport of whoever made it; who waits on it is told before this returns. Answers whether it was there. */
  removeTransport(transport: Transport): Promise<boolean> {
    return this.#parts.transports.remove(transport)
  }

  /** The open transports. */
  get transports(): readonly Transport[] {
    return [...this.#parts.transports.transports]
  }

  /** Lets the stack be known by a name besides its addresses: `addName('proxy.example.com')`. */
  addName(host: string, port?: number): void {
    this.#parts.transports.addName(host, port)
  }

  /** Whether a host and port mean this stack; a port left out stands for 5060, or 5061 where `secure`. */
  isOurs(host: string, port?: number, secure: boolean = false): boolean {
    return this.#parts.transports.isOurs(host, port, secure)
  }

  /**
   * Whether a Route or a Request-URI leads to this stack; a port left out is that of its scheme and transport (RFC 3261
   * §19.1.2, RFC 7118 §5.5).
   */
  isOurUri(uri: Uri): boolean {
    return uri.isSip && this.#parts.transports.isOurs(uri.host, uri.port ?? defaultPortOf(uri))
  }

  /** Adds a transaction user; users are asked for a request in the order they were added. */
  addUser(user: TransactionUser): void {
    if (this.#parts.dispatch.handler) throw modeError()
    this.#parts.transactions.addUser(user)
  }

  removeUser(user: TransactionUser): void {
    this.#parts.transactions.removeUser(user)
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
    if (this.#parts.transactions.hasUsers) throw modeError()
    this.#parts.dispatch.handler = handler
  }

  /**
   * Lets a function look at each new request before a transaction is made for it: see {@link RequestFilter}. Filters are
   * asked in the order they were added.
   */
  addFilter(filter: RequestFilter): void {
    this.#parts.transactions.addFilter(filter)
  }

  /**
   * Sends a request in transactions of its own; `user` is told what becomes of it: a failure that needs no network, as a
   * scheme that cannot be sent to, before this returns. ACK has no transaction: {@link sendAck}.
   */
  send(template: RequestTemplate, user: RequestUser, options?: RequestOptions): OutgoingRequest {
    if (template.method === 'ACK') throw noTransaction()
    const request = new OutgoingRequest(this.#parts.requests, template, user, options)
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
    return this.#parts.awaited.request(template, options)
  }

  /**
   * Sends the ACK to a 2xx along its route, in no transaction (RFC 3261 §13.2.2.4). The handle sends the same octets
   * again for each 2xx that comes again; its `sent` rejects where there is no way.
   */
  sendAck(ack: RequestTemplate, options?: WayOptions): OutgoingAck {
    return new OutgoingAck(this.#parts.requests, ack, options)
  }

  /** Pings a flow (RFC 5626 §3.5.1): a stream's peer answers, see `TransactionUser.onPong`; a datagram only keeps a NAT open. */
  keepAlive(flow: Flow): Sent {
    return this.#parts.transports.keepAlive(flow)
  }

  /**
   * Takes a message as if it had come over `flow` now: an INVITE that was pending when the program was stopped is taken
   * up again so. Malformed bytes are handled as those from the network are.
   */
  receive(bytes: Buffer, flow: Flow): void {
    this.#parts.transports.reception.onDatagram(bytes, flow)
  }

  /** Answers a request without a transaction (RFC 3261 §8.2.7). ACK and CANCEL get no answer. */
  reply(request: SipRequest, answer: ResponseTemplate | number): void {
    if (request.method !== 'CANCEL') this.#parts.replies.reply(request, answer)
  }

  /** Whether an ACK is for a response that {@link reply} gave, so that it is nobody else's (RFC 3261 §8.2.7). */
  isAckOfReply(ack: SipRequest): boolean {
    return this.#parts.replies.isAckOfOurs(ack)
  }

  /** A response to be given to {@link reply}; its To tag is made from the request alone. */
  statelessResponse(request: SipRequest, status: number, reason?: string): ResponseTemplate {
    return this.#parts.replies.response(request, status, reason)
  }

  /** Sends a request on without a transaction, under the branch that its retransmissions get too (RFC 3261 §16.11). */
  forward(request: SipRequest, out: RequestTemplate, options?: ForwardOptions): void {
    this.#parts.forwarding.forward(request, out, options)
  }

  /**
   * Sends a response on by the Via below ours (RFC 3261 §16.7 step 3); `out` where it was changed on the way. What is no
   * answer to a request that {@link forward} sent is dropped and counted.
   */
  forwardResponse(response: SipResponse, out?: ResponseTemplate): void {
    this.#parts.responses.forward(response, out)
  }

  /** Whether a response answers a request that {@link forward} sent: for who acts on it before it goes on. */
  isAnswer(response: SipResponse): boolean {
    return this.#parts.responses.isAnswer(response)
  }

  /** Whether a request follows a Record-Route that {@link forward} wrote, `signed`, for its own dialog. */
  isOfDialog(request: SipRequest): boolean {
    return isOfDialog(request, this.#parts.tokens)
  }

  /**
   * The targets that a request for a URI would be sent to now, in the order to try them, each with why it was chosen
   * (RFC 3263). Rejects with an EnvironmentError where there are none.
   */
  async locate(target: Uri | string): Promise<readonly Explanation[]> {
    return this.#parts.locating.explain(typeof target === 'string' ? uri(target) : target)
  }

  /**
   * The flow that a Route of ours leads to by its token, as {@link forward} wrote it (RFC 5626 §5.3): the way of the
   * request, and no other. `forged` wants 403, `gone` 430 (§5.3.1). `undefined` where it has no token, or where the
   * request came by that very flow: then it goes on as any other.
   */
  flowOf(route: Uri, request: SipRequest): Flow | 'forged' | 'gone' | undefined {
    const flow = routeFlow(route, this.#parts.tokens, this.#parts.transports)
    return typeof flow === 'object' && isFrom(request.source, flow) ? undefined : flow
  }

  /** Whether a sent-by is one that this stack writes into its Vias. */
  isOurSentBy(sentBy: string): boolean {
    return this.#parts.transports.isOurSentBy(sentBy)
  }

  /** Live transactions by machine and state. */
  transactionCounts(): TransactionCounts {
    return this.#parts.transactions.counts()
  }

  /** How many transactions are live. */
  get transactionCount(): number {
    return this.#parts.transactions.size
  }

  /** Octets that the live transactions keep, as near as can be told; see `maxTransactionBytes`. */
  get transactionBytes(): number {
    return this.#parts.transactions.bytes
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
    this.#parts.dispatch.handler = undefined
    this.#parts.listeners.stop()
    this.#parts.transactions.close()
    this.#parts.awaited.close()
    this.flows.close()
    this.#parts.locating.close()
    await this.#parts.transports.close()
  }
}

function modeError(): UsageError {
  return new UsageError(
    'ERR_SIP_MODE',
    'a stack is stateless (onMessage) or stateful (addUser, onRequest) as a whole; make a second one for the other',
  )
}
