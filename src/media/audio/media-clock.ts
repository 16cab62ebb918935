import type { Alarm, Clock } from '../../util/clock.ts'
import { UsageError } from '../../util/errors.ts'
import { guarded } from '../../util/guard.ts'
import { type CallbackErrorOptions, CallbackErrors } from '../callback-errors.ts'

/** Who is called once a slot. */
export interface MediaClockUser {
  /**
   * `slot` counts from 0 at `start`, skipped ones included; `skipped` slots were lost since the last call because the
   * host was late: media time goes on by `skipped + 1` slots. `deadline` is when the slot was due, in milliseconds.
   * What it throws or rejects with is counted and goes to `onCallbackError`; its stream and all others go on.
   */
  onSlot(slot: number, skipped: number, deadline: number): unknown
}

/** One paced stream. */
export class Pace {
  /** @internal */
  readonly user: MediaClockUser
  /** @internal the slot that comes next */
  next = 0
  /** @internal when slot 0 was due */
  readonly origin: number
  readonly interval: number
  /** Slots that were lost because the host was late. */
  skipped = 0
  /** @internal */
  running = true

  constructor(user: MediaClockUser, origin: number, interval: number) {
    this.user = user
    this.origin = origin
    this.interval = interval
  }
}

/** Streams of one interval: bucket `phase` is due whenever the time modulo the interval equals it. */
interface Ring {
  readonly interval: number
  readonly buckets: Pace[][]
  size: number
  /** The time up to which its slots were served. */
  turned: number
}

/**
 * Paces all media streams of a process on one host alarm. Slots have absolute deadlines (origin + n · interval), so no
 * error adds up; a slot whose successor is due already is skipped, never sent in a burst. Streams are spread over
 * the milliseconds of their interval, so that they do not all want to be sent at once.
 */
export class MediaClock {
  readonly #clock: Clock
  readonly #alarm: Alarm
  readonly #rings = new Map<number, Ring>()
  readonly #errors: CallbackErrors
  #armedAt = Number.POSITIVE_INFINITY
  #working = false

  constructor(clock: Clock, options: CallbackErrorOptions = {}) {
    this.#clock = clock
    this.#errors = new CallbackErrors(options)
    this.#alarm = clock.alarm(() => this.#wake())
  }

  /** How often `onSlot` threw or rejected. */
  get callbackErrors(): number {
    return this.#errors.count
  }

  /** How many streams are paced. */
  get size(): number {
    let size = 0
    for (const ring of this.#rings.values()) size += ring.size
    return size
  }

  /**
   * Calls `user.onSlot` every `interval` whole milliseconds, first within one interval from now. Streams that must move
   * together give the same `phase` (0 up to the interval); others are put where the fewest are.
   */
  start(user: MediaClockUser, interval: number, phase?: number): Pace {
    if (!(Number.isInteger(interval) && interval >= 1 && interval <= 1000)) {
      throw new UsageError(
        'ERR_MEDIA_CLOCK',
        `a media clock of ${interval} ms: whole milliseconds, 1 to 1000`,
      )
    }
    if (phase !== undefined && !(Number.isInteger(phase) && phase >= 0 && phase < interval)) {
      throw new UsageError('ERR_MEDIA_CLOCK', `phase ${phase} of an interval of ${interval} ms`)
    }
    let ring = this.#rings.get(interval)
    if (ring === undefined) {
      ring = {
        interval,
        buckets: Array.from({ length: interval }, () => []),
        size: 0,
        turned: this.#clock.now(),
      }
      this.#rings.set(interval, ring)
    }
    const chosen = phase ?? emptiest(ring)
    const pace = new Pace(user, nextDue(interval, chosen, this.#clock.now() + 1), interval)
    ring.buckets[chosen]?.push(pace)
    ring.size++
    if (!this.#working) this.#arm()
    return pace
  }

  stop(pace: Pace): void {
    if (!pace.running) return
    pace.running = false
    const ring = this.#rings.get(pace.interval)
    const bucket = ring?.buckets[pace.origin % pace.interval]
    if (ring === undefined || bucket === undefined) return
    const at = bucket.indexOf(pace)
    if (at < 0) return
    // a copy: the bucket may be the one that is being walked
    ring.buckets[pace.origin % pace.interval] = bucket.toSpliced(at, 1)
    ring.size--
    if (!this.#working) this.#arm()
  }

  #wake(): void {
    this.#armedAt = Number.POSITIVE_INFINITY
    this.#working = true
    for (const ring of this.#rings.values()) this.#turn(ring)
    this.#working = false
    this.#arm()
  }

  #turn(ring: Ring): void {
    const now = this.#clock.now()
    // of slots more than an interval ago only the latest counts
    ring.turned = Math.max(ring.turned, now - ring.interval)
    while (ring.turned < now) {
      const time = ++ring.turned
      for (const pace of bucketAt(ring, time)) this.#serve(pace, time)
    }
  }

  /** `due` is the last deadline of the pace that has passed. */
  #serve(pace: Pace, due: number): void {
    const slot = (due - pace.origin) / pace.interval
    if (!pace.running || slot < pace.next) return
    const skipped = slot - pace.next
    pace.next = slot + 1
    pace.skipped += skipped
    guarded(this.#errors.failed, pace.user, pace.user.onSlot, slot, skipped, due)
  }

  #arm(): void {
    const at = this.#nextDeadline()
    if (at === this.#armedAt) return
    this.#armedAt = at
    if (at === Number.POSITIVE_INFINITY) this.#alarm.clear()
    else this.#alarm.set(at)
  }

  #nextDeadline(): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const ring of this.#rings.values()) {
      if (ring.size === 0) continue
      let time = ring.turned + 1
      while (time < earliest && bucketAt(ring, time).length === 0) time++
      earliest = Math.min(earliest, time)
    }
    return earliest
  }
}

function bucketAt(ring: Ring, time: number): readonly Pace[] {
  return ring.buckets[((time % ring.interval) + ring.interval) % ring.interval] ?? []
}

function emptiest(ring: Ring): number {
  let phase = 0
  let least = Number.POSITIVE_INFINITY
  for (const [each, bucket] of ring.buckets.entries()) {
    if (bucket.length < least) {
      least = bucket.length
      phase = each
    }
  }
  return phase
}

/** The first time from `from` on that is `phase` modulo `interval`. */
function nextDue(interval: number, phase: number, from: number): number {
  return from + ((((phase - from) % interval) + interval) % interval)
}
