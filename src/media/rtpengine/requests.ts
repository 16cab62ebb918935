import { EnvironmentError, PeerError, UsageError } from '../../util/errors.ts'
import type { Tokens } from '../../util/random.ts'
import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'
import type { BencodeLimits } from './bencode/bencode.ts'
import type { Carrier, CarrierFactory, CarrierReceiver } from './carrier/carrier.ts'
import { EndedRequests } from './ended-requests.ts'
import { RtpEngineCarrierError, RtpEngineReplyError, RtpEngineTimeoutError } from './errors.ts'
import {
  cookieOf,
  decodeDocument,
  decodeNgMessage,
  encodeNgMessage,
  type NgDictionary,
  type NgEncoding,
  type NgInput,
} from './message/message.ts'
import { type RequestCounters, requestCounters } from './request-counters.ts'

export interface Retransmission {
  /** Milliseconds until a request is sent again for the first time; the wait doubles each time. Default 500. */
  readonly initial: number
  /** The longest wait, in milliseconds. Default 4,000. */
  readonly maximum: number
}

export interface RequestTableOptions {
  /** How the engine is named in errors. */
  readonly engine: string
  readonly timers: Timers
  readonly tokens: Tokens
  readonly encoding: NgEncoding
  readonly retransmission: Retransmission
  readonly maxPending: number
  /** Bytes of the requests under way at a time. */
  readonly maxPendingBytes: number
  readonly limits: BencodeLimits
  /** Hears what the engine tells unasked; never throws. */
  readonly onNotification: (notification: NgDictionary) => void
}

/** Who waits for the end of a request: exactly one of the first two is called, once. None of them throws. */
export interface RequestUser {
  onReply(reply: NgDictionary): void
  onFailure(error: Error): void
  /** The reply came after all, behind a time-out or an abort, while the cookie was still remembered. */
  onLateReply?: ((reply: NgDictionary) => void) | undefined
}

/** 120 random bits: nobody off the path guesses the cookie of a request under way. */
const COOKIE_LENGTH = 20

type TimerName = 'timeout' | 'retransmission'

class Pending implements TimerOwner<TimerName> {
  readonly cookie: string
  readonly command: string
  readonly message: Buffer
  readonly user: RequestUser
  readonly timeout: number
  readonly #table: RequestTable
  interval = 0
  expiry: Timer | undefined
  retransmission: Timer | undefined

  constructor(
    table: RequestTable,
    cookie: string,
    command: string,
    message: Buffer,
    timeout: number,
    user: RequestUser,
  ) {
    this.#table = table
    this.cookie = cookie
    this.command = command
    this.message = message
    this.timeout = timeout
    this.user = user
  }

  onTimer(name: TimerName): void {
    if (name === 'timeout') this.#table.expire(this)
    else this.#table.retransmit(this)
  }
}

/**
 * The requests under way to one engine: fresh cookies, time-outs, retransmission with the same cookie, and the replies
 * that end them. Knows no socket and no clock of its own.
 */
export class RequestTable implements CarrierReceiver {
  readonly counters: RequestCounters = requestCounters()
  readonly #options: RequestTableOptions
  readonly #carrier: Carrier
  readonly #pending = new Map<string, Pending>()
  #pendingBytes = 0
  readonly #ended = new EndedRequests()
  #closed = false

  constructor(options: RequestTableOptions, carrier: CarrierFactory) {
    this.#options = options
    this.#carrier = carrier(this)
  }

  get size(): number {
    return this.#pending.size
  }

  /**
   * Sends a request. Answers the cookie to abort it by, or undefined where it failed at once and the user knows. Throws
   * a UsageError for keys that the encoding cannot carry and for a message too long for the carrier.
   */
  start(
    command: string,
    keys: { readonly [key: string]: NgInput | undefined },
    timeout: number,
    user: RequestUser,
  ): string | undefined {
    const { engine, encoding, maxPending, maxPendingBytes, timers, tokens, retransmission } = this.#options
    const cookie = tokens.next(COOKIE_LENGTH)
    const message = encodeNgMessage(cookie, { ...keys, command }, encoding)
    if (message.length > this.#carrier.longestMessage) {
      throw new UsageError(
        'ERR_RTPENGINE_LENGTH',
        `"${command}" is ${message.length} bytes long, its carrier takes ${this.#carrier.longestMessage}; use tcp: or http:`,
      )
    }
    if (this.#closed) {
      user.onFailure(new RtpEngineCarrierError('ERR_RTPENGINE_CLOSED', engine, 'the client is closed'))
      return undefined
    }
    if (this.#pending.size >= maxPending || this.#pendingBytes + message.length > maxPendingBytes) {
      this.counters.refusedByLimit++
      const problem = `${this.#pending.size} requests of ${this.#pendingBytes} bytes are under way already`
      user.onFailure(new RtpEngineCarrierError('ERR_RTPENGINE_BUSY', engine, problem))
      return undefined
    }
    const pending = new Pending(this, cookie, command, message, timeout, user)
    pending.expiry = timers.start(pending, 'timeout', timeout)
    if (!this.#carrier.reliable) {
      pending.interval = retransmission.initial
      pending.retransmission = timers.start(pending, 'retransmission', pending.interval)
    }
    this.#pending.set(cookie, pending)
    this.#pendingBytes += message.length
    this.counters.requests++
    this.#send(pending)
    return cookie
  }

  /** Forgets a request; its user hears nothing more. */
  abort(cookie: string): void {
    if (this.#end(cookie, false)) this.#carrier.forget(cookie)
  }

  onMessage(message: Buffer): void {
    if (this.#closed) return
    const cookie = cookieOf(message)
    const pending = cookie === undefined ? undefined : this.#pending.get(cookie)
    if (cookie === undefined || pending === undefined) {
      this.#onUnexpected(message, cookie)
      return
    }
    let reply: NgDictionary
    try {
      reply = decodeDocument(message.subarray(cookie.length + 1), this.#options.limits)
    } catch (error) {
      this.counters.malformedReplies++
      this.#end(cookie, true)
      pending.user.onFailure(
        new RtpEngineReplyError(
          this.#options.engine,
          pending.command,
          error instanceof Error ? error.message : '',
        ),
      )
      return
    }
    this.counters.replies++
    this.#end(cookie, true)
    pending.user.onReply(reply)
  }

  onCarrierFailure(error: EnvironmentError | PeerError, cookie?: string): void {
    if (this.#closed) return
    const { engine } = this.#options
    const failed = cookie === undefined ? [...this.#pending.keys()] : [cookie]
    for (const one of failed) {
      const pending = this.#end(one, false)
      if (pending === undefined) continue
      if (error instanceof PeerError) {
        this.counters.malformedReplies++
        pending.user.onFailure(new RtpEngineReplyError(engine, pending.command, error.message))
      } else {
        this.counters.carrierFailures++
        pending.user.onFailure(lost(error, engine, pending.command))
      }
    }
  }

  /** Ends every request under way with `ERR_RTPENGINE_CLOSED`. May be called again. */
  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true
      for (const cookie of [...this.#pending.keys()]) {
        this.#end(cookie, false)?.user.onFailure(
          new RtpEngineCarrierError('ERR_RTPENGINE_CLOSED', this.#options.engine, 'the client was closed'),
        )
      }
      this.#ended.clear()
    }
    return this.#carrier.close()
  }

  /** @internal */
  expire(pending: Pending): void {
    this.counters.timeouts++
    this.#end(pending.cookie, false)
    this.#carrier.forget(pending.cookie)
    pending.user.onFailure(new RtpEngineTimeoutError(this.#options.engine, pending.command, pending.timeout))
  }

  /** @internal */
  retransmit(pending: Pending): void {
    this.counters.retransmissions++
    pending.interval = Math.min(2 * pending.interval, this.#options.retransmission.maximum)
    const { timers } = this.#options
    if (pending.retransmission) timers.restart(pending.retransmission, pending.interval)
    this.#send(pending)
  }

  #end(cookie: string, answered: boolean): Pending | undefined {
    const pending = this.#pending.get(cookie)
    if (pending === undefined) return undefined
    this.#pending.delete(cookie)
    this.#pendingBytes -= pending.message.length
    this.#options.timers.stop(pending.expiry)
    this.#options.timers.stop(pending.retransmission)
    this.#ended.add(cookie, answered || (pending.user.onLateReply ?? false))
    return pending
  }

  #onUnexpected(message: Buffer, cookie: string | undefined): void {
    const ended = cookie === undefined ? undefined : this.#ended.of(cookie)
    if (ended === true) this.counters.duplicateReplies++
    else if (ended === false) this.counters.lateReplies++
    else if (cookie !== undefined && ended !== undefined) {
      this.counters.lateReplies++
      this.#ended.add(cookie, true)
      const reply = this.#read(message.subarray(cookie.length + 1))
      if (reply !== undefined) ended(reply)
    } else {
      const notification = this.#notification(message)
      if (notification === undefined) {
        this.counters.strayReplies++
        return
      }
      this.counters.notifications++
      this.#options.onNotification(notification)
    }
  }

  /** A carrier of the application's own may throw, though it must not: then the request is lost, and nothing else. */
  #send(pending: Pending): void {
    try {
      this.#carrier.send(pending.message, pending.cookie)
    } catch (cause) {
      const error = new EnvironmentError('ERR_RTPENGINE_CARRIER', 'the carrier threw', { cause })
      this.onCarrierFailure(error, pending.cookie)
    }
  }

  #read(document: Buffer): NgDictionary | undefined {
    try {
      return decodeDocument(document, this.#options.limits)
    } catch {
      // malformed, and nobody waits for it any more
      return undefined
    }
  }

  /** Over TCP an engine tells of DTMF where it was started with `--dtmf-log-ng-tcp`, with a cookie of its own. */
  #notification(message: Buffer): NgDictionary | undefined {
    try {
      const { dictionary } = decodeNgMessage(message, this.#options.limits)
      return dictionary.has('notify') ? dictionary : undefined
    } catch {
      // malformed, and nobody waits for it
      return undefined
    }
  }
}

function lost(cause: EnvironmentError, engine: string, command: string): RtpEngineCarrierError {
  return new RtpEngineCarrierError(cause.code, engine, `"${command}" was lost: ${cause.message}`, { cause })
}
