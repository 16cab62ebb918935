import { systemClock } from '../net/clock.ts'
import { LocalAddresses } from '../net/interfaces.ts'
import { systemRandom } from '../net/random.ts'
import { UsageError } from '../util/errors.ts'
import { guarded } from '../util/guard.ts'
import { Tokens } from '../util/random.ts'
import { Timers } from '../util/timers.ts'
import { FlowTokens } from './forward/flow-token.ts'
import { Forwarding, type ForwardOptions } from './forward/forwarding.ts'
import { isOfDialog } from './forward/record-route.ts'
import { ResponseForwarding } from './forward/response-forwarding.ts'
import type { ParseError } from './grammar/parse-error.ts'
import { LocateLine } from './locate/line.ts'
import { locateByAddress } from './locate/target.ts'
import type { Flow } from './message/flow.ts'
import { Identifiers, systemIdentifiers } from './message/identifiers.ts'
import type { SipMessage, SipRequest, SipResponse } from './message/message.ts'
import type { RequestTemplate, ResponseTemplate } from './message/template.ts'
import { defaultStackOptions, type StackOptions } from './options.ts'
import { StatelessReplies } from './stateless.ts'
import { Counters } from './statistics.ts'
import { Congestion } from './transaction/congestion.ts'
import { type TransactionCounts, TransactionLayer } from './transaction/layer.ts'
import {
  OutgoingRequest,
  type RequestContext,
  type RequestOptions,
  type RequestUser,
} from './transaction/request.ts'
import type { ServerTransaction, TransactionUser } from './transaction/server-transaction.ts'
import { type MessageReceiver, TransportLayer } from './transport/layer.ts'
import { Listeners } from './transport/listeners.ts'
import type { Transport } from './transport/transport.ts'

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
  readonly #transports: TransportLayer
  readonly #transactions: TransactionLayer
  readonly #listeners: Listeners
  readonly #replies: StatelessReplies
  readonly #congestion: Congestion
  readonly #requests: RequestContext
  readonly #forwarding: Forwarding
  readonly #responses: ResponseForwarding
  readonly #tokens: FlowTokens
  #onMessage: ((message: SipMessage) => void) | undefined
  #closing: Promise<void> | undefined

  constructor(options: StackOptions = {}) {
    const { counters } = this
    const clock = options.clock ?? systemClock
    const log = options.log ?? defaultStackOptions.log
    const timing = { ...defaultStackOptions.timing, ...options.timing }
    const limits = { ...defaultStackOptions.limits, ...options.limits }
    this.identifiers = options.random ? new Identifiers(new Tokens(options.random)) : systemIdentifiers
    this.timers = new Timers(clock)
    const addresses = new LocalAddresses(clock)
    const source = (remote: string): string | Promise<string> => addresses.towards(remote)
    this.#transports = new TransportLayer({ receiver: this.#receiver(), counters, log, source, limits })
    this.#replies = new StatelessReplies(this.#transports, counters, options.followMaddr)
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
      log,
      newTag: () => this.identifiers.newTag(),
      maxTransactions: limits.maxTransactions,
    })
    const line = new LocateLine(options.locate ?? locateByAddress(), limits.maxWaitingPerHop)
    this.#requests = {
      timers: this.timers,
      timing,
      transactions: this.#transactions,
      transports: this.#transports,
      line,
      maxDatagram: options.maxDatagram ?? defaultStackOptions.maxDatagram,
      newBranch: () => this.identifiers.newBranch(),
      onHandlerError: error => this.#transactions.onHandlerError(error),
    }
    const { flowTokenKey = (options.random ?? systemRandom).fill(new Uint8Array(FLOW_TOKEN_KEY)) } = options
    this.#tokens = new FlowTokens(flowTokenKey, this.identifiers.newTag())
    const ways = { transports: this.#transports, line, counters, tokens: this.#tokens }
    const { maxDatagram, onHandlerError } = this.#requests
    this.#forwarding = new Forwarding({ ...ways, maxDatagram, onHandlerError })
    this.#responses = new ResponseForwarding({ ...ways, followMaddr: options.followMaddr ?? false })
    this.#listeners = new Listeners(this.#transports, this.timers, {
      limits,
      followInterval: options.followInterval ?? defaultStackOptions.followInterval,
      ...(options.receiveBufferSize !== undefined && { receiveBufferSize: options.receiveBufferSize }),
    })
  }

  /**
   * Opens listeners: `listen('udp:127.0.0.1:5060', 'tcp:[::1]:5060', 'udp:eth0:5060')`. A wildcard address or an
   * interface gets a transport for each of its addresses, now and as they change. Rejects with a UsageError for what
   * cannot be read, with an EnvironmentError that names the port where it cannot be opened; then none of them is open.
   */
  listen(...points: readonly string[]): Promise<void> {
    return this.#listeners.listen(points)
  }

  /** Takes in a transport that the application made. Rejects as its `open` does. */
  addTransport(transport: Transport): Promise<void> {
    return this.#transports.add(transport)
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
    if (this.#onMessage) throw modeError()
    this.#transactions.addUser(user)
  }

  removeUser(user: TransactionUser): void {
    this.#transactions.removeUser(user)
  }

  /**
   * A transaction user of one function, which takes every request that no other user claimed before, but for a CANCEL
   * that matches nothing: a UA answers that with 481 (RFC 3261 §9.2).
   */
  onRequest(handler: (transaction: ServerTransaction) => void, onAck?: (ack: SipRequest) => void): void {
    const accepts = (request: SipRequest): boolean => request.method !== 'CANCEL'
    this.addUser({ accepts, onRequest: handler, ...(onAck && { onAck }) })
  }

  /**
   * Makes the stack stateless: every message goes to `handler`, and no transaction is kept.
   * @throws UsageError where the stack has transaction users
   */
  onMessage(handler: (message: SipMessage) => void): void {
    if (this.#transactions.hasUsers) throw modeError()
    this.#onMessage = handler
  }

  /** Sends a request in transactions of its own; `user` is told what becomes of it. ACK has no transaction: {@link sendAck}. */
  send(template: RequestTemplate, user: RequestUser, options?: RequestOptions): OutgoingRequest {
    if (template.method === 'ACK')
      throw new UsageError('ERR_SIP_ACK', 'an ACK has no transaction; send it with sendAck')
    const request = new OutgoingRequest(this.#requests, template, user, options)
    request.start()
    return request
  }

  /**
   * Sends a request and resolves with its final response, whatever its status. Rejects with a RequestFailure that
   * lists every target tried. An aborted `signal` cancels an INVITE (RFC 3261 §9.1) and lets go of any other request.
   */
  request(
    template: RequestTemplate,
    options: RequestOptions & { signal?: AbortSignal } = {},
  ): Promise<SipResponse> {
    return new Promise((resolve, reject) => {
      const { signal } = options
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const onAbort = (): void => {
        if (template.method === 'INVITE') outgoing.cancel()
        else {
          outgoing.abandon()
          reject(signal?.reason)
        }
      }
      const settle = (): void => signal?.removeEventListener('abort', onAbort)
      const user: RequestUser = {
        onFinal(response) {
          settle()
          resolve(response)
        },
        onFailure(failure) {
          settle()
          reject(failure)
        },
      }
      const outgoing = new OutgoingRequest(this.#requests, template, user, options)
      signal?.addEventListener('abort', onAbort, { once: true })
      outgoing.start()
    })
  }

  /** Sends the ACK to a 2xx: once, along its route, in no transaction. Rejects where there is no way to send it. */
  sendAck(ack: RequestTemplate): Promise<void> {
    return this.#forwarding.send(ack, this.identifiers.newBranch())
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

  /** Closes transports, forgets transactions, stops all timers. Nothing is called back from this call on. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** A stateless stack's handler gets the messages, else the transactions do. */
  #receiver(): MessageReceiver {
    return {
      onMessage: message => {
        if (this.#onMessage === undefined) this.#transactions.onMessage(message)
        else this.#handle(message, this.#onMessage)
      },
      onMalformed: (request: SipRequest, error: ParseError) => {
        if (this.#onMessage === undefined || request.method !== 'CANCEL') this.#replies.refuse(request, error)
      },
      onFlowFailed: (flow: Flow) => this.#transactions.onFlowFailed(flow),
      onFlowOpened() {},
      onPong() {},
      onStun() {},
    }
  }

  #handle(message: SipMessage, handler: (message: SipMessage) => unknown): void {
    if (message.isRequest) this.counters.requestIn(message.method)
    const failed = (error: unknown): void => {
      this.#transactions.onHandlerError(error)
      if (message.isRequest) this.reply(message, 500)
    }
    guarded(failed, undefined, handler, message)
  }

  async #close(): Promise<void> {
    this.#onMessage = undefined
    this.#listeners.stop()
    this.#transactions.close()
    await this.#transports.close()
  }
}

/** Octets of the key that is made at start: as many as SHA-1 gives (RFC 2104 §3). */
const FLOW_TOKEN_KEY = 20

function modeError(): UsageError {
  return new UsageError(
    'ERR_SIP_MODE',
    'a stack is stateless (onMessage) or stateful (addUser, onRequest) as a whole; make a second one for the other',
  )
}
