import type { Alarm, Clock } from '../util/clock.ts'
import { Timers } from '../util/timers.ts'

/** The host's clock: `performance.now()` cut to whole milliseconds, and `setTimeout` for its alarms. */
export const systemClock: Clock = {
  now: () => Math.trunc(performance.now()),
  date: () => Date.now(),
  alarm(wake: () => void): Alarm {
    let handle: NodeJS.Timeout | undefined
    return {
      set(at) {
        clearTimeout(handle)
        handle = setTimeout(wake, Math.max(1, at - Math.trunc(performance.now())))
      },
      clear() {
        clearTimeout(handle)
        handle = undefined
      },
    }
  },
}

/** The timers of all that are given none. */
export const systemTimers: Timers = new Timers(systemClock)
