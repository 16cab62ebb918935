import { systemClock } from '../../net/clock.ts'
import { systemRandom } from '../../net/random.ts'
import { PeerError, UsageError } from '../../util/errors.ts'
import { guarded } from '../../util/guard.ts'
import { type RandomSource, Tokens } from '../../util/random.ts'
import { Timers } from '../../util/timers.ts'
import { type CallbackErrorOptions, CallbackErrors } from '../callback-errors.ts'
import type { BencodeLimits } from './bencode/bencode.ts'
import type { CarrierFactory } from './carrier/carrier.ts'
import { carrierTo } from './carrier/carriers.ts'
import { RtpEngineCommands } from './commands.ts'
import { type DtmfEvent, dtmfEvent } from './dtmf/event.ts'
import { RtpEngineRefusedError, RtpEngineReplyError } from './errors.ts'
import type { NgKeys } from './keys.ts'
import type { NgDictionary, NgEncoding } from './message/message.ts'
import type { RequestOptions } from './options.ts'
import type { RequestCounters } from './request-counters.ts'
import { RequestTable, type Retransmission } from './requests.ts'
import { dictionaryAt, textAt, textsAt } from './results/fields.ts'
import { missing, type PingResult } from './results/results.ts'
import { type EngineStatistics, engineStatistics } from './results/statistics.ts'

export interface RtpEngineClientOptions extends CallbackErrorOptions {
  /** How requests are written; the engine answers alike. Default `bencode`. Over TCP there is no other. */
  readonly encoding?: NgEncoding
  /** Milliseconds until a request is given up. Default 10,000. */
  readonly timeout?: number
  /** When requests over UDP are sent again, with the same cookie. */
  readonly retransmission?: Partial<Retransmission>
  /** Requests under way at a time. Default 10,000. */
  readonly maxPending?: number
  /** Bytes of the requests under way at a time. Default 64 MiB. */
  readonly maxPendingBytes?: number
  /** Length, depth and number of values of a reply. */
  readonly limits?: BencodeLimits
  /** Hears of the keys that parties press, over `tcp:` from an engine started with `--dtmf-log-ng-tcp`. */
  readonly onDtmf?: (event: DtmfEvent) => unknown
  /** The clock's timers; the system's when absent. */
  readonly timers?: Timers
  readonly random?: RandomSource
  /** Another way to the engine than its URL tells. */
  readonly carrier?: CarrierFactory
}

const TIMEOUT = 10_000
const RETRANSMISSION: Retransmission = { initial: 500, maximum: 4_000 }
const MAX_PENDING = 10_000
const MAX_PENDING_BYTES = 64 * 1024 * 1024
/** Call-IDs that `list` asks for, as many as the engine would tell unasked. */
const LIST_LIMIT = 32

/**
 * A client of one rtpengine over its NG protocol: `udp://host:2223`, `tcp://host:port`, `http://host:port/ng`,
 * `ws://host:port`, also `https:` and `wss:`. Connects with the first request and again when it must.
 */
export class RtpEngineClient extends RtpEngineCommands {
  /** The engine's URL, as errors name it. */
  readonly url: string
  readonly #timeout: number
  readonly #timers: Timers
  readonly #requests: RequestTable
  readonly #onDtmf: ((event: DtmfEvent) => unknown) | undefined
  readonly #errors: CallbackErrors

  /** Throws a UsageError for a URL of no known carrier, and for JSON over TCP, which engines do not take. */
  constructor(url: string | URL, options: RtpEngineClientOptions = {}) {
    super()
    const limits = options.limits ?? {}
    const encoding = options.encoding ?? 'bencode'
    const carrier = options.carrier ?? carrierTo(url, encoding, limits)
    this.url = String(url)
    this.#onDtmf = options.onDtmf
    this.#errors = new CallbackErrors(options)
    this.#timeout = checkTimeout(options.timeout ?? TIMEOUT)
    this.#timers = options.timers ?? new Timers(systemClock)
    this.#requests = new RequestTable(
      {
        engine: this.url,
        timers: this.#timers,
        tokens: new Tokens(options.random ?? systemRandom),
        encoding,
        retransmission: { ...RETRANSMISSION, ...options.retransmission },
        maxPending: options.maxPending ?? MAX_PENDING,
        maxPendingBytes: options.maxPendingBytes ?? MAX_PENDING_BYTES,
        limits,
        onNotification: notification => this.#onNotification(notification),
      },
      carrier,
    )
  }

  /** What was sent, received and lost so far. */
  get counters(): Readonly<RequestCounters> {
    return this.#requests.counters
  }

  /** How often `onDtmf` threw or rejected. */
  get callbackErrors(): number {
    return this.#errors.count
  }

  /** Requests under way. */
  get pending(): number {
    return this.#requests.size
  }

  /** Asks whether the engine is there. */
  ping(options: RequestOptions = {}): Promise<PingResult> {
    const started = this.#timers.now()
    return this.run('ping', options, () => ({ roundTrip: this.#timers.now() - started }))
  }

  /** The Call-IDs of at most `limit` calls; a long list wants a carrier other than UDP. */
  list(limit: number = LIST_LIMIT, options: RequestOptions = {}): Promise<string[]> {
    return this.run('list', { ...options, limit }, reply => textsAt(reply, 'calls'))
  }

  /** The engine's own statistics. */
  statistics(options: RequestOptions = {}): Promise<EngineStatistics> {
    return this.run('statistics', options, reply => {
      const statistics = engineStatistics(reply)
      if (statistics === undefined) throw missing('statistics')
      return statistics
    })
  }

  /** Closes the way to the engine; requests under way reject with `ERR_RTPENGINE_CLOSED`. May be called again. */
  close(): Promise<void> {
    return this.#requests.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  protected override perform<T>(
    command: string,
    keys: NgKeys,
    options: RequestOptions,
    read: (reply: NgDictionary) => T,
  ): Promise<T> {
    return this.requestAs(command, keys, options, read)
  }

  /** @internal a request of a pool, read as it wants; `onLateReply` hears a reply that comes when it was given up */
  requestAs<T>(
    command: string,
    keys: NgKeys,
    options: RequestOptions,
    read: (reply: NgDictionary) => T,
    onLateReply?: (reply: NgDictionary) => void,
  ): Promise<T> {
    const { signal } = options
    const timeout = options.timeout === undefined ? this.#timeout : checkTimeout(options.timeout)
    if (signal?.aborted) return Promise.reject(signal.reason)
    const { promise, resolve, reject } = promiseOf<T>()
    let cookie: string | undefined
    const onAbort = (): void => {
      if (cookie !== undefined) this.#requests.abort(cookie)
      reject(signal?.reason)
    }
    let ended = false
    const done = (): void => {
      ended = true
      signal?.removeEventListener('abort', onAbort)
    }
    cookie = this.#requests.start(command, keys, timeout, {
      onReply: reply => {
        done()
        try {
          resolve(this.#read(command, reply, read))
        } catch (error) {
          reject(error)
        }
      },
      onFailure: error => {
        done()
        reject(error)
      },
      onLateReply,
    })
    if (!ended) signal?.addEventListener('abort', onAbort)
    return promise
  }

  #read<T>(command: string, reply: NgDictionary, read: (reply: NgDictionary) => T): T {
    const result = textAt(reply, 'result')
    if (result === 'ok' || result === 'pong') {
      try {
        return read(reply)
      } catch (error) {
        throw error instanceof PeerError ? this.#malformed(command, error.message) : error
      }
    }
    if (result === 'error') {
      const reason = textAt(reply, 'error-reason') ?? 'no reason given'
      throw new RtpEngineRefusedError('ERR_RTPENGINE_REFUSED', this.url, command, reason)
    }
    if (result === 'load limit') {
      const reason = textAt(reply, 'message') ?? 'load limit'
      throw new RtpEngineRefusedError('ERR_RTPENGINE_LOAD_LIMIT', this.url, command, reason)
    }
    throw this.#malformed(command, 'it has no result that the protocol knows')
  }

  #onNotification(notification: NgDictionary): void {
    if (this.#onDtmf === undefined || textAt(notification, 'notify') !== 'onDTMF') return
    const data = dictionaryAt(notification, 'data')
    const event = data && dtmfEvent(data)
    if (event !== undefined) guarded(this.#errors.failed, undefined, this.#onDtmf, event)
  }

  #malformed(command: string, problem: string): RtpEngineReplyError {
    return new RtpEngineReplyError(this.url, command, problem)
  }
}

interface Settled<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (reason: unknown) => void
}

/** A promise whose request is sent outside of it, so that a UsageError is thrown and not lost in a rejection. */
function promiseOf<T>(): Settled<T> {
  let resolve: (value: T) => void = () => {}
  let reject: (reason: unknown) => void = () => {}
  const promise = new Promise<T>((onValue, onReason) => {
    resolve = onValue
    reject = onReason
  })
  return { promise, resolve, reject }
}

function checkTimeout(timeout: number): number {
  if (timeout > 0 && Number.isFinite(timeout)) return timeout
  throw new UsageError('ERR_RTPENGINE_OPTION', `a time-out of ${timeout} ms is not possible`)
}
