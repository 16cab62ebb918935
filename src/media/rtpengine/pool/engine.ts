import { PeerError } from '../../../util/errors.ts'
import type { Timer, Timers } from '../../../util/timers.ts'
import type { RtpEngineClient } from '../client.ts'
import { AbandonedCalls } from './abandoned-calls.ts'

export interface HealthOptions {
  /** Milliseconds between pings. Default 5,000. */
  readonly interval: number
  /** Milliseconds that a pong may take. Default 1,000. */
  readonly timeout: number
  /** Pings in a row without a pong until an engine is down. Default 2. */
  readonly failures: number
}

/** Calls that an engine may have and that are to be deleted there. */
const MAX_ABANDONED = 10_000

/**
 * One engine of a pool and what is known of its health. It is up until proven otherwise; any reply proves it up, and
 * a request that fails on the way has it pinged at once.
 */
export class PoolEngine {
  readonly url: string
  readonly weight: number
  readonly client: RtpEngineClient
  /** Calls that it may have, though others serve them by now. */
  readonly abandoned: AbandonedCalls
  /** Calls that are on it. */
  calls: number = 0
  /** Calls whose first command it got. */
  opened: number = 0
  /** How often it went down. */
  downs: number = 0
  /** Milliseconds that its last pong took. */
  roundTrip: number | undefined
  readonly #timers: Timers
  readonly #options: HealthOptions
  readonly #onHealth: (engine: PoolEngine) => void
  readonly #next: Timer
  #healthy = true
  #failures = 0
  #pinging = false
  #closed = false

  constructor(
    client: RtpEngineClient,
    weight: number,
    timers: Timers,
    options: HealthOptions,
    onHealth: (engine: PoolEngine) => void,
  ) {
    this.url = client.url
    this.weight = weight
    this.client = client
    this.abandoned = new AbandonedCalls(client, MAX_ABANDONED)
    this.#timers = timers
    this.#options = options
    this.#onHealth = onHealth
    this.#next = timers.after(0, () => this.check())
  }

  get healthy(): boolean {
    return this.#healthy
  }

  /** It answered something. */
  succeeded(): void {
    this.#failures = 0
    this.#become(true)
    this.abandoned.onAlive()
  }

  /** Pings now, unless a ping is under way. */
  check(): void {
    if (this.#pinging || this.#closed) return
    this.#pinging = true
    this.#timers.stop(this.#next)
    this.client.ping({ timeout: this.#options.timeout }).then(
      ({ roundTrip }) => {
        this.roundTrip = roundTrip
        this.#pinged(true)
      },
      // an engine that answers a ping otherwise than it should is there all the same
      error => this.#pinged(error instanceof PeerError),
    )
  }

  close(): Promise<void> {
    this.#closed = true
    this.#timers.stop(this.#next)
    this.abandoned.close()
    return this.client.close()
  }

  #pinged(alive: boolean): void {
    this.#pinging = false
    if (this.#closed) return
    if (alive) this.succeeded()
    else if (++this.#failures >= this.#options.failures) this.#become(false)
    const doubtful = !alive && this.#healthy
    if (doubtful) this.check()
    else this.#timers.restart(this.#next, this.#options.interval)
  }

  #become(healthy: boolean): void {
    if (this.#healthy === healthy || this.#closed) return
    this.#healthy = healthy
    if (!healthy) this.downs++
    this.#onHealth(this)
  }
}
