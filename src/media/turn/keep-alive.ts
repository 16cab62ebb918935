import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'

/** @internal Calls `send` at the end of each interval in which nothing was sent, so that NATs keep their mapping. */
export class KeepAlive implements TimerOwner<'keep alive'> {
  /** Something has left since the interval began. */
  busy: boolean = false
  readonly #timers: Timers
  readonly #interval: number
  readonly #send: () => void
  #timer: Timer | undefined

  /** `interval` in milliseconds; 0 sends nothing. */
  constructor(timers: Timers, interval: number, send: () => void) {
    this.#timers = timers
    this.#interval = interval
    this.#send = send
  }

  start(): void {
    this.busy = false
    if (this.#interval === 0) return
    if (this.#timer !== undefined) this.#timers.restart(this.#timer, this.#interval)
    else this.#timer = this.#timers.start(this, 'keep alive', this.#interval)
  }

  stop(): void {
    this.#timers.stop(this.#timer)
  }

  /** @internal */
  onTimer(): void {
    const idle = !this.busy
    this.start()
    if (idle) this.#send()
    this.busy = false
  }
}
