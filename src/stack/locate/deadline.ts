import { EnvironmentError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'
import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'
import type { LocatedTarget } from './located.ts'

/** What is searched: it tells when there is something, and what there is by now. */
interface Partial {
  onFirst: (() => void) | undefined
  readonly soFar: readonly LocatedTarget[]
}

interface Times {
  /** Milliseconds for all of it. */
  readonly whole: number
  /** Milliseconds for the rest once something is known. */
  readonly grace: number
}

/**
 * Ends a search in time: a backup whose name server is dead must not hold up a call whose server is known. What is known
 * when the time is over is the answer; where that is nothing, it rejects with ETIMEOUT.
 */
export function inTime(
  timers: Timers,
  times: Times,
  search: Partial,
  found: Promise<readonly LocatedTarget[]>,
  what: { toString(): string },
): Promise<readonly LocatedTarget[]> {
  return new Promise((resolve, reject) => {
    new Deadline(timers, times, search, found, what, resolve, reject)
  })
}

class Deadline implements TimerOwner<'deadline'> {
  readonly #search: Partial
  readonly #what: { toString(): string }
  readonly #resolve: (targets: readonly LocatedTarget[]) => void
  readonly #reject: (error: unknown) => void

  constructor(
    timers: Timers,
    { whole, grace }: Times,
    search: Partial,
    found: Promise<readonly LocatedTarget[]>,
    what: { toString(): string },
    resolve: (targets: readonly LocatedTarget[]) => void,
    reject: (error: unknown) => void,
  ) {
    this.#search = search
    this.#what = what
    this.#resolve = resolve
    this.#reject = reject
    const timer: Timer = timers.start(this, 'deadline', whole)
    search.onFirst = () => {
      search.onFirst = undefined
      if (timer.running && timer.deadline - timers.now() > grace) timers.restart(timer, grace)
    }
    if (search.soFar.length > 0) search.onFirst()
    found.then(
      targets => {
        timers.stop(timer)
        resolve(targets)
      },
      (error: unknown) => {
        timers.stop(timer)
        reject(error)
      },
    )
  }

  onTimer(): void {
    const { soFar } = this.#search
    if (soFar.length > 0) this.#resolve(soFar)
    else this.#reject(tooLate(String(this.#what)))
  }
}

function tooLate(what: string): EnvironmentError {
  return new EnvironmentError(
    'ETIMEOUT',
    `nothing is known of ${printable(what, 100)} in time; check the name servers, or raise locateTimeout`,
  )
}
