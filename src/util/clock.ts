/** A host timer that wakes its owner once; setting it again replaces the earlier time. */
export interface Alarm {
  /** Wake when `clock.now()` has reached `at` (milliseconds on the clock's own scale). */
  set(at: number): void
  clear(): void
}

/** The only source of time. Protocol code is given one and never reads the host's clock itself. */
export interface Clock {
  /** Whole milliseconds on a monotonic scale whose zero is of no meaning. */
  now(): number
  /** Whole milliseconds since 1970-01-01 UTC, for Date headers and NTP time stamps only. */
  date(): number
  alarm(wake: () => void): Alarm
}

interface PendingAlarm {
  at: number
  order: number
  readonly wake: () => void
}

/** Time that moves only when told to: protocol tests run in it exactly and in no time. */
export class SimulatedClock implements Clock {
  readonly #alarms = new Set<PendingAlarm>()
  readonly #epoch: number
  #now = 0
  #order = 0

  constructor(epoch: number = Date.UTC(2026, 0, 1)) {
    this.#epoch = epoch
  }

  now(): number {
    return this.#now
  }

  date(): number {
    return this.#epoch + this.#now
  }

  alarm(wake: () => void): Alarm {
    const pending: PendingAlarm = { at: 0, order: 0, wake }
    return {
      set: at => {
        pending.at = at
        pending.order = this.#order++
        this.#alarms.add(pending)
      },
      clear: () => {
        this.#alarms.delete(pending)
      },
    }
  }

  /** Moves time on by `milliseconds`, waking every alarm at its own instant, in order. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds
    for (let next = this.#earliest(end); next !== undefined; next = this.#earliest(end)) {
      this.#now = Math.max(this.#now, next.at)
      this.#alarms.delete(next)
      next.wake()
    }
    this.#now = end
  }

  #earliest(end: number): PendingAlarm | undefined {
    let first: PendingAlarm | undefined
    for (const alarm of this.#alarms) {
      if (alarm.at > end) continue
      if (!first || alarm.at < first.at || (alarm.at === first.at && alarm.order < first.order)) first = alarm
    }
    return first
  }
}
