import { type EnvironmentError, PeerError, UsageError } from '../../util/errors.ts'
import type { Tokens } from '../../util/random.ts'
import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'
import type { BencodeLimits } from './bencode/bencode.ts'
import type { Carrier, CarrierFactory, CarrierReceiver } from './carrier/carrier.ts'
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
  readonly limits: BencodeLimits
  /** Hears what the engine tells unasked. */
  readonly onNotification: (notification: NgDictionary) => void
}

/** What happened on the way to one engine, counted since the client was made. */
export interface RequestCounters {
  requests: number
  retransmissions: number
  replies: number
  /** Replies to a request that had ended without one: timed out or aborted. */
  lateReplies: number
  /** Further replies to a request that had been answered. */
  duplicateReplies: number
  /** Messages that answer nothing we remember, or have no cookie. */
  strayReplies: number
  /** What the engine told unasked. */
  notifications: number
  malformedReplies: number
  timeouts: number
  carrierFailures: number
}

/** Who waits for the end of a request: exactly one of the two is called, once. */
export interface RequestUser {
  onReply(reply: NgDictionary): void
  onFailure(error: Error): void
}

/** 120 random bits: nobody off the path guesses the cookie of a request under way. */
const COOKIE_LENGTH = 20
/** Requests remembered after their end, so that what comes late is told from what never was asked. */
const REMEMBERED = 1024

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
  readonly counters: RequestCounters = {
    requests: 0,
    retransmissions: 0,
    replies: 0,
    lateReplies: 0,
    duplicateReplies: 0,
    strayReplies: 0,
    notifications: 0,
    malformedReplies: 0,
    timeouts: 0,
    carrierFailures: 0,
  }
  readonly #options: RequestTableOptions
  readonly #carrier: Carrier
  readonly #pending = new Map<string, Pending>()
  /** Ended requests by cookie, oldest first, and whether they were answered. */
  readonly #ended = new Map<string, boolean>()
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
    const { engine, encoding, maxPending, timers, tokens, retransmission } = this.#options
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
    if (this.#pending.size >= maxPending) {
      user.onFailure(
        new RtpEngineCarrierError(
          'ERR_RTPENGINE_BUSY',
          engine,
          `${maxPending} requests are under way already`,
        ),
      )
      return undefined
    }
    const pending = new Pending(this, cookie, command, message, timeout, user)
    pending.expiry = timers.start(pending, 'timeout', timeout)
    if (!this.#carrier.reliable) {
      pending.interval = retransmission.initial
      pending.retransmission = timers.start(pending, 'retransmission', pending.interval)
    }
    this.#pending.set(cookie, pending)
    this.counters.requests++
    this.#carrier.send(message, cookie)
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
    this.#carrier.send(pending.message, pending.cookie)
  }

  #end(cookie: string, answered: boolean): Pending | undefined {
    const pending = this.#pending.get(cookie)
    if (pending === undefined) return undefined
    this.#pending.delete(cookie)
    this.#options.timers.stop(pending.expiry)
    this.#options.timers.stop(pending.retransmission)
    this.#ended.set(cookie, answered)
    if (this.#ended.size > REMEMBERED) {
      for (const oldest of this.#ended.keys()) {
        this.#ended.delete(oldest)
        break
      }
    }
    return pending
  }

  #onUnexpected(message: Buffer, cookie: string | undefined): void {
    const answered = cookie === undefined ? undefined : this.#ended.get(cookie)
    if (answered === true) this.counters.duplicateReplies++
    else if (answered === false) this.counters.lateReplies++
    else {
      const notification = this.#notification(message)
      if (notification === undefined) {
        this.counters.strayReplies++
        return
      }
      this.counters.notifications++
      this.#options.onNotification(notification)
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
