import type { Alarm, Clock } from './clock.ts'
import { type Failed, guarded } from './guard.ts'

/** Who is told that a timer has fired. `name` says which of its timers it was. */
export interface TimerOwner<Name extends string = string> {
  onTimer(name: Name): unknown
}

const LEVEL_BITS = 5
const SLOTS = 1 << LEVEL_BITS
const LEVELS = 6
/** Milliseconds that the wheel spans: 2^30, twelve days; what lies further off waits in a list of its own. */
const SPAN = 2 ** (LEVEL_BITS * LEVELS)
const FAR = LEVELS * SLOTS

/** A started timer. Stopping one that has fired, or was stopped, does nothing. */
export class Timer {
  /** @internal links and place in the wheel; `slot` is -1 while the timer is not running */
  previous: Timer = this
  /** @internal */
  next: Timer = this
  /** @internal */
  slot = -1
  /** When it fires, on the clock's scale. */
  deadline = 0
  readonly name: string
  /** @internal */
  readonly owner: TimerOwner<never>

  constructor(owner: TimerOwner<never>, name: string) {
    this.owner = owner
    this.name = name
  }

  get running(): boolean {
    return this.slot >= 0
  }
}

const nobody: TimerOwner = { onTimer() {} }

/**
 * All timers of a stack on one host alarm: a hierarchical wheel with slots of one millisecond.
 *
 * A timer lies on the level of the highest base-32 digit in which its deadline differs from the wheel's time, so
 * the first occupied slot of the lowest occupied level is always the next thing to happen. Timers fire at their
 * exact millisecond, and timers of the same millisecond in the order they were started.
 */
export class Timers {
  readonly #clock: Clock
  readonly #alarm: Alarm
  readonly #origin: number
  readonly #slots: Timer[] = []
  readonly #occupied = new Int32Array(LEVELS)
  readonly #failed: Failed | undefined
  #epoch = 0
  #time = 0
  #armedAt = Number.POSITIVE_INFINITY
  #advancing = false
  #closed = false
  #count = 0

  /** `failed` is told what an owner throws, or rejects with; without it that ends with the host, as of `setTimeout`. */
  constructor(clock: Clock, failed?: Failed) {
    this.#clock = clock
    this.#failed = failed
    this.#origin = clock.now()
    this.#alarm = clock.alarm(() => this.#wake())
    for (let slot = 0; slot <= FAR; slot++) this.#slots.push(new Timer(nobody, ''))
  }

  /** How many timers are running. */
  get size(): number {
    return this.#count
  }

  /** Milliseconds on the clock's scale; the time to measure delays against. */
  now(): number {
    return this.#clock.now()
  }

  /** Calls `owner.onTimer(name)` after `delay` milliseconds (0 or more; fractions are rounded up). */
  start<Name extends string>(owner: TimerOwner<Name>, name: Name, delay: number): Timer {
    const timer = new Timer(owner, name)
    this.restart(timer, delay)
    return timer
  }

  /** Calls `action` after `delay` milliseconds: for code that is not on the hot path. */
  after(delay: number, action: () => unknown): Timer {
    return this.start({ onTimer: action }, '', delay)
  }

  /** Starts a timer anew, whether it runs or not, without making another one. */
  restart(timer: Timer, delay: number): void {
    if (this.#closed) return
    if (!(delay >= 0)) throw new RangeError(`timer ${timer.name}: a delay of ${delay} ms is not possible`)
    if (timer.slot >= 0) this.#unlink(timer)
    else this.#count++
    timer.deadline = this.#clock.now() + Math.ceil(delay)
    this.#place(timer)
    if (!this.#advancing) this.#arm()
  }

  stop(timer: Timer | undefined): void {
    if (timer === undefined || timer.slot < 0) return
    this.#unlink(timer)
    this.#count--
    if (this.#count === 0 && !this.#advancing) this.#disarm()
  }

  /** Stops all timers for good: none of them fires any more, and none can be started. */
  close(): void {
    this.#closed = true
    for (const head of this.#slots) {
      while (head.next !== head) this.stop(head.next)
    }
    this.#disarm()
  }

  #place(timer: Timer): void {
    const ticks = timer.deadline - this.#origin - this.#epoch * SPAN
    if (ticks >= SPAN) {
      this.#append(timer, FAR)
      return
    }
    const time = Math.max(ticks, this.#time)
    const differing = time ^ this.#time
    const level = differing === 0 ? 0 : ((31 - Math.clz32(differing)) / LEVEL_BITS) | 0
    const digit = (time >>> (level * LEVEL_BITS)) & (SLOTS - 1)
    this.#occupied[level] = (this.#occupied[level] ?? 0) | (1 << digit)
    this.#append(timer, level * SLOTS + digit)
  }

  #append(timer: Timer, slot: number): void {
    const head = this.#slots[slot] as Timer
    timer.slot = slot
    timer.previous = head.previous
    timer.next = head
    head.previous.next = timer
    head.previous = timer
  }

  #unlink(timer: Timer): void {
    const { previous, next, slot } = timer
    previous.next = next
    next.previous = previous
    if (previous === next && slot < FAR) {
      const level = (slot / SLOTS) | 0
      this.#occupied[level] = (this.#occupied[level] ?? 0) & ~(1 << (slot & (SLOTS - 1)))
    }
    timer.previous = timer
    timer.next = timer
    timer.slot = -1
  }

  /** The first occupied slot, or -1: the next slot to fire or to spread over the levels below. */
  #nextSlot(): number {
    for (let level = 0; level < LEVELS; level++) {
      const bits = this.#occupied[level] ?? 0
      if (bits !== 0) return level * SLOTS + (31 - Math.clz32(bits & -bits))
    }
    return (this.#slots[FAR] as Timer).next === this.#slots[FAR] ? -1 : FAR
  }

  #slotTime(slot: number): number {
    if (slot === FAR) return SPAN
    const shift = ((slot / SLOTS) | 0) * LEVEL_BITS
    const above = shift + LEVEL_BITS
    return ((this.#time >>> above) << above) | ((slot & (SLOTS - 1)) << shift)
  }

  #wake(): void {
    this.#armedAt = Number.POSITIVE_INFINITY
    this.#advancing = true
    try {
      this.#advance(this.#clock.now() - this.#origin)
    } finally {
      this.#advancing = false
      this.#arm()
    }
  }

  #advance(now: number): void {
    for (let slot = this.#nextSlot(); slot >= 0; slot = this.#nextSlot()) {
      const time = this.#slotTime(slot)
      if (this.#epoch * SPAN + time > now) break
      if (slot === FAR) {
        this.#epoch++
        this.#time = 0
      } else {
        this.#time = time
      }
      if (slot < SLOTS) this.#fireFirst(slot)
      else this.#spread(slot)
    }
    this.#time = Math.max(this.#time, now - this.#epoch * SPAN)
  }

  #fireFirst(slot: number): void {
    const timer = (this.#slots[slot] as Timer).next
    this.#unlink(timer)
    this.#count--
    const owner = timer.owner as TimerOwner
    if (this.#failed === undefined) owner.onTimer(timer.name)
    else guarded(this.#failed, owner, owner.onTimer, timer.name)
  }

  #spread(slot: number): void {
    const head = this.#slots[slot] as Timer
    const last = head.previous
    for (let timer = head.next; timer !== head; timer = head.next) {
      const done = timer === last
      this.#unlink(timer)
      this.#place(timer)
      if (done) break
    }
  }

  #arm(): void {
    const slot = this.#nextSlot()
    if (slot < 0) {
      this.#disarm()
      return
    }
    const at = this.#origin + this.#epoch * SPAN + this.#slotTime(slot)
    if (at >= this.#armedAt) return
    this.#armedAt = at
    this.#alarm.set(at)
  }

  #disarm(): void {
    this.#armedAt = Number.POSITIVE_INFINITY
    this.#alarm.clear()
  }
}
