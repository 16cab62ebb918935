import { systemClock } from '../../../net/clock.ts'
import { flatCopy, isAscii } from '../../../util/bytes.ts'
import { PeerError, UsageError } from '../../../util/errors.ts'
import { guarded } from '../../../util/guard.ts'
import { Timers } from '../../../util/timers.ts'
import { CallbackErrors } from '../../callback-errors.ts'
import type { CarrierFactory } from '../carrier/carrier.ts'
import { RtpEngineClient, type RtpEngineClientOptions } from '../client.ts'
import { RtpEngineCommands } from '../commands.ts'
import { RtpEngineCarrierError, RtpEngineTimeoutError } from '../errors.ts'
import type { NgKeys } from '../keys.ts'
import type { NgDictionary } from '../message/message.ts'
import type { RequestOptions } from '../options.ts'
import { textAt } from '../results/fields.ts'
import { type HealthOptions, PoolEngine } from './engine.ts'
import { mayBeTriedElsewhere, mayHaveArrived } from './failed-attempt.ts'
import { engineMetrics, type RtpEnginePoolMetrics } from './metrics.ts'
import { weightedOrder } from './weighted-choice.ts'

export interface RtpEnginePoolMember {
  readonly url: string
  /** Its share of the new calls beside the others' weights; 0 takes none. Default 1. */
  readonly weight?: number
}

export interface RtpEnginePoolOptions extends Omit<RtpEngineClientOptions, 'carrier'> {
  readonly health?: Partial<HealthOptions>
  /** Milliseconds that one engine may take over a new call before the next is tried. Default 2,000. */
  readonly attemptTimeout?: number
  /** Calls whose engine is remembered; beyond that the one longest unused is forgotten. Default 100,000. */
  readonly maxCalls?: number
  /** Characters of all their Call-IDs together, whose lengths peers choose. Default 32 Mi. */
  readonly maxCallIdLengths?: number
  /** Hears of each engine that goes down or comes back. */
  readonly onHealth?: (engine: PoolEngine) => unknown
  /** Another way to an engine than its URL tells. */
  readonly carrier?: (url: string) => CarrierFactory
}

const HEALTH: HealthOptions = { interval: 5_000, timeout: 1_000, failures: 2 }
const TIMEOUT = 10_000
const ATTEMPT_TIMEOUT = 2_000
const MAX_CALLS = 100_000
const MAX_CALL_ID_LENGTHS = 32 * 1024 * 1024
/** The commands that can begin a call. */
const OPENING = new Set(['offer', 'publish', 'transform'])

/**
 * Several rtpengines as one: new calls are spread by weight over those that answer pings, and all later commands of a
 * call go to the engine that has it. A new call that its engine fails is given to the next one.
 */
export class RtpEnginePool extends RtpEngineCommands {
  /** In the order they were given. For `ping`, `list` and `statistics` ask the client of each. */
  readonly engines: readonly PoolEngine[]
  readonly #timers: Timers
  readonly #timeout: number
  readonly #attemptTimeout: number
  readonly #maxCalls: number
  readonly #maxCallIdLengths: number
  /** By Call-ID, the one longest unused first. */
  readonly #calls = new Map<string, PoolEngine>()
  /** Attempts at new calls under way, to be cut short when their engine goes down. */
  readonly #attempts = new Map<AbortController, PoolEngine>()
  readonly #errors: CallbackErrors
  #callIdLengths = 0
  #failovers = 0
  #withoutEngine = 0
  #forgotten = 0

  /** Throws a UsageError for no members, weights below 0, and what `RtpEngineClient` throws it for. */
  constructor(members: readonly (string | RtpEnginePoolMember)[], options: RtpEnginePoolOptions = {}) {
    super()
    const { health, attemptTimeout, maxCalls, maxCallIdLengths, onHealth, carrier, ...clientOptions } =
      options
    if (members.length === 0) throw new UsageError('ERR_RTPENGINE_OPTION', 'a pool needs one engine at least')
    this.#timers = options.timers ?? new Timers(systemClock)
    this.#timeout = options.timeout ?? TIMEOUT
    this.#attemptTimeout = positive('attemptTimeout', attemptTimeout ?? ATTEMPT_TIMEOUT)
    this.#maxCalls = positive('maxCalls', maxCalls ?? MAX_CALLS)
    this.#maxCallIdLengths = positive('maxCallIdLengths', maxCallIdLengths ?? MAX_CALL_ID_LENGTHS)
    this.#errors = new CallbackErrors(options)
    const timers = this.#timers
    const checks = { ...HEALTH, ...health }
    for (const option of ['interval', 'timeout', 'failures'] as const) positive(option, checks[option])
    this.engines = members.map(member => {
      const { url, weight = 1 } = typeof member === 'string' ? { url: member } : member
      if (!(weight >= 0))
        throw new UsageError('ERR_RTPENGINE_OPTION', `a weight of ${weight} is not possible`)
      const client = new RtpEngineClient(url, {
        ...clientOptions,
        timers,
        ...(carrier && { carrier: carrier(url) }),
      })
      return new PoolEngine(client, weight, timers, checks, engine => {
        if (!engine.healthy) this.#cutShort(engine)
        guarded(this.#errors.failed, undefined, onHealth, engine)
      })
    })
  }

  /** How often `onHealth` or `onDtmf` threw or rejected. */
  get callbackErrors(): number {
    return this.engines.reduce((sum, { client }) => sum + client.callbackErrors, this.#errors.count)
  }

  /** The engine that has a call, where it is known. */
  engineOf(callId: string): PoolEngine | undefined {
    return this.#calls.get(callId)
  }

  get metrics(): RtpEnginePoolMetrics {
    return {
      calls: this.#calls.size,
      failovers: this.#failovers,
      withoutEngine: this.#withoutEngine,
      forgotten: this.#forgotten,
      engines: this.engines.map(engineMetrics),
    }
  }

  /** Closes the clients of all engines; requests under way reject. May be called again. */
  async close(): Promise<void> {
    await Promise.all(this.engines.map(engine => engine.close()))
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
    const callId = keys['call-id']
    if (typeof callId !== 'string' && command !== 'transform') {
      throw new UsageError(
        'ERR_RTPENGINE_OPTION',
        `"${command}" concerns no call: ask the client of one engine`,
      )
    }
    const key = typeof callId === 'string' ? callId : ''
    const known = this.#calls.get(key)
    if (known !== undefined) return this.#onEngine(known, command, keys, options, read)
    const order = weightedOrder(key, this.engines)
    const healthy = order.filter(engine => engine.healthy)
    if (OPENING.has(command)) return this.#open(healthy, key, command, keys, options, read)
    const [likely] = healthy.length > 0 ? healthy : order
    if (likely === undefined) return Promise.reject(this.#noEngine())
    return this.#onEngine(likely, command, keys, options, read)
  }

  async #open<T>(
    order: PoolEngine[],
    callId: string,
    command: string,
    keys: NgKeys,
    options: RequestOptions,
    read: (reply: NgDictionary) => T,
  ): Promise<T> {
    const deadline = this.#timers.now() + (options.timeout ?? this.#timeout)
    let failure: unknown = this.#noEngine()
    const fromTag = typeof keys['from-tag'] === 'string' ? detached(keys['from-tag']) : undefined
    for (const [place, engine] of order.entries()) {
      const left = deadline - this.#timers.now()
      if (left <= 0) break
      if (place > 0 && !engine.healthy) continue
      const last = place === order.length - 1
      this.#assign(callId, engine)
      try {
        const timeout = last ? left : Math.min(left, this.#attemptTimeout)
        return await this.#attempt(engine, command, keys, { ...options, timeout }, reply => {
          engine.opened++
          this.#assign(callId || (textAt(reply, 'call-id') ?? ''), engine)
          return read(reply)
        })
      } catch (error) {
        failure = error
        this.#unassign(callId)
        if (opens(keys) && mayHaveArrived(error)) engine.abandoned.add(detached(callId), fromTag)
        if (!mayBeTriedElsewhere(error) || options.signal?.aborted) break
        if (!last) this.#failovers++
      }
    }
    if (order.length === 0) this.#withoutEngine++
    throw failure
  }

  /** One try at one engine, ended early where the engine goes down meanwhile. */
  async #attempt<T>(
    engine: PoolEngine,
    command: string,
    keys: NgKeys,
    options: RequestOptions & { readonly timeout: number },
    read: (reply: NgDictionary) => T,
  ): Promise<T> {
    const { signal } = options
    const cut = new AbortController()
    const onAbort = (): void => cut.abort(signal?.reason)
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted) onAbort()
    this.#attempts.set(cut, engine)
    try {
      const onLateReply = (reply: NgDictionary): void => this.#onLateReply(engine, keys, reply)
      return await this.#onEngine(
        engine,
        command,
        keys,
        { ...options, signal: cut.signal },
        read,
        onLateReply,
      )
    } finally {
      this.#attempts.delete(cut)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  async #onEngine<T>(
    engine: PoolEngine,
    command: string,
    keys: NgKeys,
    options: RequestOptions,
    read: (reply: NgDictionary) => T,
    onLateReply?: (reply: NgDictionary) => void,
  ): Promise<T> {
    const callId = keys['call-id']
    try {
      const result = await engine.client.requestAs(command, keys, options, read, onLateReply)
      engine.succeeded()
      if (command === 'delete' && typeof callId === 'string') this.#unassign(callId)
      return result
    } catch (error) {
      if (error instanceof RtpEngineTimeoutError || error instanceof RtpEngineCarrierError) engine.check()
      else if (error instanceof PeerError) engine.succeeded()
      throw error
    }
  }

  /** An engine that was given up opened the call after all: unless it has come back to it, the call is deleted there. */
  #onLateReply(engine: PoolEngine, keys: NgKeys, reply: NgDictionary): void {
    const callId = keys['call-id'] ?? textAt(reply, 'call-id')
    const fromTag = keys['from-tag'] ?? textAt(reply, 'from-tag')
    const opened = opens(keys) && textAt(reply, 'result') === 'ok'
    if (opened && typeof callId === 'string' && this.#calls.get(callId) !== engine) {
      engine.abandoned.add(detached(callId), typeof fromTag === 'string' ? detached(fromTag) : undefined)
    }
    engine.succeeded()
  }

  #cutShort(engine: PoolEngine): void {
    for (const [attempt, its] of this.#attempts) {
      if (its === engine)
        attempt.abort(new RtpEngineCarrierError('ERR_RTPENGINE_DOWN', engine.url, 'it went down'))
    }
  }

  #assign(callId: string, engine: PoolEngine): void {
    if (callId === '') return
    this.#unassign(callId)
    this.#calls.set(detached(callId), engine)
    this.#callIdLengths += callId.length
    engine.abandoned.keep(callId)
    engine.calls++
    for (const oldest of this.#calls.keys()) {
      if (this.#calls.size <= this.#maxCalls && this.#callIdLengths <= this.#maxCallIdLengths) break
      this.#unassign(oldest)
      this.#forgotten++
    }
  }

  #unassign(callId: string): void {
    const engine = this.#calls.get(callId)
    if (engine === undefined) return
    this.#calls.delete(callId)
    this.#callIdLengths -= callId.length
    engine.calls--
  }

  #noEngine(): RtpEngineCarrierError {
    const urls = this.engines.map(engine => engine.url).join(', ')
    return new RtpEngineCarrierError('ERR_RTPENGINE_NO_ENGINE', urls, 'no engine answers; see that one runs')
  }
}

/** An offer that names the other party is of a call that exists, be it that this pool does not know it. */
function opens(keys: NgKeys): boolean {
  return keys['to-tag'] === undefined
}

function positive(option: string, value: number): number {
  if (value > 0 && Number.isFinite(value)) return value
  throw new UsageError('ERR_RTPENGINE_OPTION', `${option} must be above 0`)
}

/** A text that keeps no message alive, which it may have been cut from. */
function detached(text: string): string {
  return isAscii(text) ? flatCopy(text) : Buffer.from(text, 'utf8').toString('utf8')
}
