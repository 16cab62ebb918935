import { ErrorCode, Software } from '../../stun/attributes/general.ts'
import { headerLength, method } from '../../stun/header.ts'
import { checkFingerprint } from '../../stun/integrity.ts'
import { isIPv6, type TransportAddress } from '../../stun/ip.ts'
import { parseStun, type StunMessage, transactionKey } from '../../stun/message.ts'
import { unknownRequired } from '../../stun/registry.ts'
import { StunWriter } from '../../stun/writer.ts'
import { sameRemote } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import { guarded } from '../../util/guard.ts'
import { CallbackErrors } from '../callback-errors.ts'
import { noAuthentication, type StunAuthentication } from './authentication.ts'
import type { StunClientOptions } from './client-options.ts'
import { type StunCounters, stunCounters } from './counters.ts'
import { Exchange, type ExchangeOwner, type StunRequest, type StunRequestUser } from './exchange.ts'
import { notSent, notVouchedFor, StunErrorResponse, type StunFailure, timedOut, unusable } from './failure.ts'
import { RoundTrips } from './round-trip.ts'
import { StunClientTransaction, type StunTiming, stunTiming } from './transaction.ts'

const OUTSTANDING = 10
const MOST_REQUESTS = 1000

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
  readonly #waiting: Exchange[] = []
  readonly #outstanding: number
  readonly #timing: StunTiming
  readonly #errors: CallbackErrors
  readonly #owner: ExchangeOwner = {
    transmit: (request, to) => this.#options.transport.send(request, to),
    onResponse: (exchange, response, source) => this.#onResponse(exchange, response, source),
    onFailure: (exchange, failure, cause) => this.#onFailure(exchange, failure, cause),
    forget: exchange => this.#forget(exchange),
  }
  #closed = false
  #starting = false

  constructor(options: StunClientOptions) {
    this.#options = options
    this.server = options.server
    this.counters = options.counters ?? stunCounters()
    const outstanding = options.transport.reliable ? Number.POSITIVE_INFINITY : OUTSTANDING
    this.#outstanding = options.outstanding ?? outstanding
    this.#timing = { ...stunTiming, ...options.timing }
    this.#roundTrips = options.roundTrips ?? new RoundTrips(this.#timing.rto)
    this.#authentication = options.authentication ?? noAuthentication
    this.#errors = new CallbackErrors(options)
  }

  /** What users of requests, and `onAlternateServer`, have thrown or rejected with so far. */
  get callbackErrors(): number {
    return this.#errors.count
  }

  /** Requests under way and waiting. */
  get pending(): number {
    return this.#exchanges.size + this.#waiting.length
  }

  /** Sends a request. Its user is called from within this call only where the transport fails at once. */
  request(request: StunRequest, user: StunRequestUser): Exchange {
    const exchange = new Exchange(request, user, request.to ?? this.server, this.#owner)
    if (this.#closed) throw new UsageError('ERR_STUN_CLOSED', 'this STUN client is closed: make another')
    if (this.pending >= (this.#options.limit ?? MOST_REQUESTS)) {
      this.#fail(exchange, notSent(exchange.server, new Error('too many STUN requests are under way')))
    } else if (this.#exchanges.size >= this.#outstanding && !request.atOnce) this.#waiting.push(exchange)
    else this.#send(exchange, this.#encode(exchange))
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

  /** Whether a response to a request under way has this transaction id: asked where several clients share a port. */
  awaits(bytes: Uint8Array): boolean {
    return bytes.length >= headerLength && this.#exchanges.has(transactionKey(bytes, 4))
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
      if (server === undefined || sameRemote(server, exchange.server)) {
        exchange.transaction?.transportFailed(cause)
      }
    }
  }

  /** Ends all requests without a word to their users. */
  close(): void {
    this.#closed = true
    this.#waiting.length = 0
    for (const exchange of [...this.#exchanges.values()]) exchange.cancel()
  }

  #judge(exchange: Exchange, response: StunMessage, source: TransportAddress): void {
    const verdict = this.#authentication.judge(response, exchange.signature, exchange.attempts)
    if (verdict === 'discard') {
      this.counters.badIntegrity++
      exchange.discarded = response.get(ErrorCode)
      exchange.transaction?.discard()
      return
    }
    exchange.retry = verdict === 'retry'
    exchange.transaction?.accept(response, source)
  }

  #encode(exchange: Exchange): Uint8Array {
    const { software, fingerprint } = this.#options
    const { request } = exchange
    const writer = new StunWriter(request.method, 'request', this.#transactionId())
    if (software !== undefined) writer.add(Software, software)
    if (request.attributes) writer.addAll(request.attributes)
    exchange.signature = this.#authentication.sign(writer)
    if (fingerprint) writer.fingerprint()
    return writer.finish()
  }

  #send(exchange: Exchange, bytes: Uint8Array): void {
    const { timers, transport } = this.#options
    const { server, request } = exchange
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
    const roundTrip = this.#measure(exchange)
    if (exchange.retry) this.#sendAgain(exchange)
    else this.#conclude(exchange, response, source, roundTrip)
    this.#startWaiting()
  }

  #conclude(
    exchange: Exchange,
    response: StunMessage,
    source: TransportAddress,
    roundTrip: number | undefined,
  ): void {
    const { user } = exchange
    if (unknownRequired(response).length > 0) {
      this.#fail(exchange, unusable(source, 'has attributes that we must understand and do not'))
    } else if (response.class === 'success') {
      guarded(this.#errors.failed, user, user.onSuccess, response, source, roundTrip)
    } else this.#onErrorResponse(exchange, response, source)
  }

  #fail({ user }: Exchange, failure: StunFailure): void {
    guarded(this.#errors.failed, user, user.onFailure, failure)
  }

  #onErrorResponse(exchange: Exchange, response: StunMessage, source: TransportAddress): void {
    const error = response.get(ErrorCode)
    if (error === undefined) {
      this.#fail(exchange, unusable(source, 'is an error without a readable ERROR-CODE'))
      return
    }
    const vouched = this.#authentication.vouchesFor(response, exchange.signature)
    const failure = new StunErrorResponse(error, response, source, vouched)
    const next = this.#alternate(exchange, failure)
    if (next === undefined) {
      this.#fail(exchange, failure)
      return
    }
    this.server = next
    this.#authentication.reset()
    guarded(this.#errors.failed, this.#options, this.#options.onAlternateServer, next)
    this.#sendAgain(exchange)
  }

  /** Nobody asks now, and so nothing may be thrown: a request that a challenge made too large has failed. */
  #sendAgain(exchange: Exchange): void {
    let bytes: Uint8Array
    try {
      bytes = this.#encode(exchange)
    } catch (error) {
      this.#fail(exchange, notSent(exchange.server, error))
      return
    }
    this.#send(exchange, bytes)
  }

  /** The server that a 300 sends this exchange to, where we may follow; `undefined` where its user is to be told. */
  #alternate(exchange: Exchange, failure: StunErrorResponse): TransportAddress | undefined {
    const policy = this.#options.alternateServer ?? 'any'
    if (failure.status !== 300 || policy === 'never' || this.#options.transport.reliable) return undefined
    // no other usage defines it (RFC 8656 §7.4, RFC 8489 §12): a forged one to a Refresh would move a whole allocation
    if (exchange.request.method !== method.Allocate || exchange.request.to !== undefined) return undefined
    if (policy === 'authenticated' && !failure.authenticated) return undefined
    const ipv6 = isIPv6(exchange.server.address)
    const next = failure.alternateServers.find(server => isIPv6(server.address) === ipv6)
    return next !== undefined && exchange.redirect(next) ? next : undefined
  }

  #onFailure(exchange: Exchange, failure: 'timeout' | 'integrity' | 'transport', cause: unknown): void {
    this.#exchanges.delete(exchange.key)
    this.#fail(exchange, this.#failureOf(exchange, failure, cause))
    this.#startWaiting()
  }

  #failureOf(
    exchange: Exchange,
    failure: 'timeout' | 'integrity' | 'transport',
    cause: unknown,
  ): StunFailure {
    const { server, transaction, discarded } = exchange
    if (failure === 'integrity') return notVouchedFor(server, discarded)
    if (failure === 'transport') return notSent(server, cause)
    const waited = this.#options.timers.now() - (transaction?.startedAt ?? 0)
    return timedOut(server, transaction?.sent ?? 0, waited)
  }

  #forget(exchange: Exchange): void {
    const place = this.#waiting.indexOf(exchange)
    if (place >= 0) this.#waiting.splice(place, 1)
    this.#exchanges.delete(exchange.key)
    this.#startWaiting()
  }

  /** Not from within itself: requests that fail at once make room for the next in this same loop. */
  #startWaiting(): void {
    if (this.#starting) return
    this.#starting = true
    try {
      while (this.#exchanges.size < this.#outstanding) {
        const next = this.#waiting.shift()
        if (next === undefined) break
        this.#sendAgain(next)
      }
    } finally {
      this.#starting = false
    }
  }

  /** Karn's rule: a request that was sent twice tells nothing about the round trip. */
  #measure({ transaction, server }: Exchange): number | undefined {
    if (transaction === undefined || transaction.sent !== 1) return undefined
    const now = this.#options.timers.now()
    const roundTrip = now - transaction.startedAt
    if (!transaction.reliable) this.#roundTrips.measured(server.address, roundTrip, now)
    return roundTrip
  }

  #transactionId(): Uint8Array {
    return this.#options.random.fill(new Uint8Array(12))
  }
}
