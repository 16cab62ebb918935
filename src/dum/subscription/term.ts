import type { Timer, TimerOwner } from '../../util/timers.ts'
import type { DumContext } from '../core/context.ts'

export type TermTimer = 'due' | 'Timer N' | 'expired'

/** How long a subscription of ours lasts, when it is refreshed, and how long its NOTIFY is waited for. */
export class Term {
  /** Seconds that the last SUBSCRIBE asked for; 0 for an end. */
  asked: number
  readonly #context: DumContext
  readonly #owner: TimerOwner<TermTimer>
  readonly #timers = new Map<TermTimer, Timer>()
  #expiresAt = 0
  /** Whether a NOTIFY said how long since the last SUBSCRIBE: that counts more than the 2xx (RFC 6665 §4.1.3). */
  #isTold = false

  constructor(context: DumContext, owner: TimerOwner<TermTimer>, asked: number) {
    this.#context = context
    this.#owner = owner
    this.asked = asked
  }

  /** Seconds until it expires, 0 where nothing is known. */
  get expiresIn(): number {
    return Math.max(0, (this.#expiresAt - this.#context.timers.now()) / 1000)
  }

  /** A SUBSCRIBE within the dialog goes: its NOTIFY is due within 64·T1 (RFC 6665 §4.1.2.2). */
  onSent(): void {
    this.#isTold = false
    this.start('Timer N', 64 * this.#context.timing.t1)
  }

  /** A 2xx came. */
  onGranted(expires: number | undefined): void {
    if (!this.#isTold) this.#expireIn(expires ?? this.asked)
  }

  /** A NOTIFY came. */
  onNotified(expires: number | undefined): void {
    if (expires !== undefined || this.#expiresAt === 0) this.#expireIn(expires ?? this.asked)
    this.#isTold ||= expires !== undefined
  }

  start(name: TermTimer, delay: number): void {
    this.stop(name)
    this.#timers.set(name, this.#context.timers.start(this.#owner, name, delay))
  }

  stop(name: TermTimer): void {
    this.#context.timers.stop(this.#timers.get(name))
    this.#timers.delete(name)
  }

  /** It is over. */
  end(): void {
    for (const timer of this.#timers.values()) this.#context.timers.stop(timer)
    this.#timers.clear()
    this.#expiresAt = 0
    this.#isTold = false
  }

  /** Refreshed at 80 to 90 % of that time. */
  #expireIn(seconds: number): void {
    if (this.asked === 0) return
    const { timers, random } = this.#context
    const lifetime = Math.min(seconds, this.asked) * 1000
    this.#expiresAt = timers.now() + lifetime
    this.start('expired', lifetime)
    this.start('due', lifetime * (0.8 + 0.1 * random()))
  }
}
