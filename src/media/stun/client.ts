import { UsageError } from '../../util/errors.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import { ErrorCode, Software } from './attributes/general.ts'
import { noAuthentication, type StunAuthentication } from './authentication.ts'
import { type StunCounters, stunCounters } from './counters.ts'
import { Exchange, type ExchangeOwner, type StunRequest, type StunRequestUser } from './exchange.ts'
import { notSent, notVouchedFor, StunErrorResponse, timedOut, unusable } from './failure.ts'
import { checkFingerprint } from './integrity.ts'
import { isIPv6, sameAddress, type TransportAddress } from './ip.ts'
import { parseStun, type StunMessage, transactionKey } from './message.ts'
import { unknownRequired } from './registry.ts'
import { RoundTrips } from './round-trip.ts'
import { StunClientTransaction, type StunTiming, stunTiming } from './transaction.ts'
import { StunWriter } from './writer.ts'

const MOST_REQUESTS = 1000

/** What carries a client's messages. */
export interface StunTransport {
  /** TCP and TLS: requests are sent once. */
  readonly reliable: boolean
  /**
   * Sends one message. May throw; a failure that shows later is told with `StunClient.transportFailed`. A reliable
   * transport has one peer and may pass over `to`.
   */
  send(message: Uint8Array, to: TransportAddress): void
}

export interface StunClientOptions {
  readonly transport: StunTransport
  readonly server: TransportAddress
  readonly timers: Timers
  readonly random: RandomSource
  /** Short-term or long-term credentials; none by default. */
  readonly authentication?: StunAuthentication
  /** SOFTWARE of requests; left out by default. */
  readonly software?: string
  /** Adds FINGERPRINT, and drops responses without a good one (RFC 8489 §7). */
  readonly fingerprint?: boolean
  readonly timing?: Partial<StunTiming>
  /** Shared by clients of the same servers; each client has its own by default. */
  readonly roundTrips?: RoundTrips
  /**
   * Which 300s are followed (RFC 8489 §10): `any`, as RFC 5389 has it; `authenticated`, signed ones only, as RFC
   * 8489 demands; `never`. Over a reliable transport none is: a new connection is the application's to open, and the
   * failure names the server.
   */
  readonly alternateServer?: 'any' | 'authenticated' | 'never'
  /** Told when requests go to another server from now on. */
  readonly onAlternateServer?: (server: TransportAddress) => void
  /** Requests under way at the same time. */
  readonly limit?: number
  readonly counters?: StunCounters
}

/**
 * The client of one STUN server: makes requests, matches responses by transaction id, answers challenges, follows
 * alternate servers. It has no socket: datagrams (or messages cut from a stream) come in by `receive`.
 */
export class StunClient {
  readonly counters: StunCounters
  /** The server that requests go to; another one after a 300. */
  server: TransportAddress
  readonly #options: StunClientOptions
  readonly #roundTrips: RoundTrips
  readonly #authentication: StunAuthentication
  readonly #exchanges = new Map<string, Exchange>()
  readonly #timing: StunTiming
  readonly #owner: ExchangeOwner = {
    transmit: (request, to) => this.#options.transport.send(request, to),
    onResponse: (exchange, response, source) => this.#onResponse(exchange, response, source),
    onFailure: (exchange, failure, cause) => this.#onFailure(exchange, failure, cause),
    forget: exchange => this.#exchanges.delete(exchange.key),
  }
  #closed = false

  constructor(options: StunClientOptions) {
    this.#options = options
    this.server = options.server
    this.counters = options.counters ?? stunCounters()
    this.#timing = { ...stunTiming, ...options.timing }
    this.#roundTrips = options.roundTrips ?? new RoundTrips(this.#timing.rto)
    this.#authentication = options.authentication ?? noAuthentication
  }

  /** Requests under way. */
  get pending(): number {
    return this.#exchanges.size
  }

  /** Sends a request. Its user is called from within this call only where the transport fails at once. */
  request(request: StunRequest, user: StunRequestUser): Exchange {
    const exchange = new Exchange(request, user, request.to ?? this.server, this.#owner)
    if (this.#closed) throw new UsageError('ERR_STUN_CLOSED', 'this STUN client is closed: make another')
    if (this.#exchanges.size >= (this.#options.limit ?? MOST_REQUESTS)) {
      user.onFailure(notSent(exchange.server, new Error('too many STUN requests are under way')))
    } else this.#send(exchange)
    return exchange
  }

  /** Sends an indication: no response, no retransmission, no credentials (RFC 8489 §9.2). Throws as the transport does. */
  indicate(request: StunRequest): void {
    if (this.#closed) return
    const writer = new StunWriter(request.method, 'indication', this.#transactionId())
    if (request.attributes) writer.addAll(request.attributes)
    if (this.#options.fingerprint) writer.fingerprint()
    this.#options.transport.send(writer.finish(), request.to ?? this.server)
  }

  /**
   * Takes in what came from `source`. True where it was a response, expected or not, or malformed; false for requests
   * and indications, which are for others.
   */
  receive(bytes: Uint8Array, source: TransportAddress): boolean {
    const message = parseStun(bytes)
    if (typeof message !== 'string') return this.receiveMessage(message, source)
    this.counters[message]++
    return true
  }

  /** As `receive`, for a message that is parsed already. */
  receiveMessage(message: StunMessage, source: TransportAddress): boolean {
    const stunClass = message.class
    if (stunClass === 'request' || stunClass === 'indication') return false
    const exchange = this.#exchanges.get(message.transactionKey)
    if (exchange === undefined || message.method !== exchange.request.method) this.counters.unmatched++
    else if (this.#options.fingerprint && checkFingerprint(message) !== 'valid')
      this.counters.badFingerprint++
    else this.#judge(exchange, message, source)
    return true
  }

  /** The transport cannot send to `server`, or its connection is gone: its requests fail. All, without `server`. */
  transportFailed(cause: unknown, server?: TransportAddress): void {
    for (const exchange of [...this.#exchanges.values()]) {
      if (server === undefined || sameAddress(server, exchange.server)) {
        exchange.transaction?.transportFailed(cause)
      }
    }
  }

  /** Ends all requests without a word to their users. */
  close(): void {
    this.#closed = true
    for (const exchange of [...this.#exchanges.values()]) exchange.cancel()
  }

  #judge(exchange: Exchange, response: StunMessage, source: TransportAddress): void {
    const verdict = this.#authentication.judge(response, exchange.attempts)
    if (verdict === 'discard') {
      this.counters.badIntegrity++
      exchange.discarded = response.get(ErrorCode)
      exchange.transaction?.discard()
      return
    }
    exchange.retry = verdict === 'retry'
    exchange.transaction?.accept(response, source)
  }

  #send(exchange: Exchange): void {
    const { timers, transport, software, fingerprint } = this.#options
    const { request, server } = exchange
    const writer = new StunWriter(request.method, 'request', this.#transactionId())
    if (software !== undefined) writer.add(Software, software)
    if (request.attributes) writer.addAll(request.attributes)
    this.#authentication.sign(writer)
    if (fingerprint) writer.fingerprint()
    const bytes = writer.finish()
    const rto = this.#roundTrips.rto(server.address, timers.now())
    const timing = { ...this.#timing, rto, ...request.timing }
    exchange.attempts++
    exchange.key = transactionKey(bytes, 4)
    exchange.transaction = new StunClientTransaction(
      bytes,
      server,
      transport.reliable,
      exchange,
      timers,
      timing,
    )
    this.#exchanges.set(exchange.key, exchange)
    exchange.transaction.start()
  }

  #onResponse(exchange: Exchange, response: StunMessage, source: TransportAddress): void {
    this.#exchanges.delete(exchange.key)
    this.#measure(exchange)
    if (exchange.retry) {
      this.#send(exchange)
      return
    }
    if (unknownRequired(response).length > 0) {
      exchange.user.onFailure(unusable(source, 'has attributes that we must understand and do not'))
    } else if (response.class === 'success') exchange.user.onSuccess(response, source)
    else this.#onErrorResponse(exchange, response, source)
  }

  #onErrorResponse(exchange: Exchange, response: StunMessage, source: TransportAddress): void {
    const error = response.get(ErrorCode)
    if (error === undefined) {
      exchange.user.onFailure(unusable(source, 'is an error without a readable ERROR-CODE'))
      return
    }
    const failure = new StunErrorResponse(error, response, source)
    const next = this.#alternate(exchange, failure)
    if (next === undefined) {
      exchange.user.onFailure(failure)
      return
    }
    this.server = next
    this.#authentication.reset()
    this.#options.onAlternateServer?.(next)
    this.#send(exchange)
  }

  /** The server that a 300 sends this exchange to, where we may follow; `undefined` where its user is to be told. */
  #alternate(exchange: Exchange, failure: StunErrorResponse): TransportAddress | undefined {
    const policy = this.#options.alternateServer ?? 'any'
    if (failure.status !== 300 || policy === 'never' || this.#options.transport.reliable) return undefined
    if (exchange.request.to !== undefined) return undefined
    if (policy === 'authenticated' && !this.#authentication.vouchesFor(failure.response)) return undefined
    const ipv6 = isIPv6(exchange.server.address)
    const next = failure.alternateServers.find(server => isIPv6(server.address) === ipv6)
    return next !== undefined && exchange.redirect(next) ? next : undefined
  }

  #onFailure(exchange: Exchange, failure: 'timeout' | 'integrity' | 'transport', cause: unknown): void {
    this.#exchanges.delete(exchange.key)
    const { server, transaction } = exchange
    if (failure === 'integrity') exchange.user.onFailure(notVouchedFor(server, exchange.discarded))
    else if (failure === 'transport') exchange.user.onFailure(notSent(server, cause))
    else {
      const waited = this.#options.timers.now() - (transaction?.startedAt ?? 0)
      exchange.user.onFailure(timedOut(server, transaction?.sent ?? 0, waited))
    }
  }

  /** Karn's rule: a request that was sent twice tells nothing about the round trip. */
  #measure({ transaction, server }: Exchange): void {
    if (transaction === undefined || transaction.reliable || transaction.sent !== 1) return
    const now = this.#options.timers.now()
    this.#roundTrips.measured(server.address, now - transaction.startedAt, now)
  }

  #transactionId(): Uint8Array {
    return this.#options.random.fill(new Uint8Array(12))
  }
}
