import { EnvironmentError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'
import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'
import type { LocatedTarget } from './located.ts'

/** What is searched: it tells when there is something, and what there is by now. */
interface Partial {
  onFirst: (() => void) | undefined
  readonly soFar: readonly LocatedTarget[]
  /** What went wrong last on the way. */
  readonly error: unknown
}

interface Times {
  /** Milliseconds for all of it. */
  readonly whole: number
  /** Milliseconds for the rest once something is known. */
  readonly grace: number
}

/**
 * Ends a search in time: a backup whose name server is dead must not hold up a call whose server is known. What is known
 * when the time is over is the answer; where that is nothing, it rejects with ETIMEOUT. While it waits it stands in `open`.
 */
export function inTime(
  timers: Timers,
  times: Times,
  open: Set<Closable>,
  search: Partial,
  found: Promise<readonly LocatedTarget[]>,
  what: { toString(): string },
): Promise<readonly LocatedTarget[]> {
  return new Promise((resolve, reject) => {
    new Deadline(timers, times, open, search, found, what, resolve, reject)
  })
}

/** What waits, and can be told to wait no longer. */
export interface Closable {
  close(): void
}

class Deadline implements TimerOwner<'deadline'>, Closable {
  readonly #open: Set<Closable>
  readonly #timers: Timers
  readonly #timer: Timer
  readonly #search: Partial
  readonly #what: { toString(): string }
  readonly #resolve: (targets: readonly LocatedTarget[]) => void
  readonly #reject: (error: unknown) => void

  constructor(
    timers: Timers,
    { whole, grace }: Times,
    open: Set<Closable>,
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
    this.#open = open
    this.#timers = timers
    const timer = timers.start(this, 'deadline', whole)
    this.#timer = timer
    open.add(this)
    search.onFirst = () => {
      search.onFirst = undefined
      if (timer.running && timer.deadline - timers.now() > grace) timers.restart(timer, grace)
    }
    if (search.soFar.length > 0) search.onFirst()
    found.then(
      targets => {
        this.#stop()
        resolve(targets)
      },
      (error: unknown) => {
        this.#stop()
        reject(error)
      },
    )
  }

  onTimer(): void {
    this.#stop()
    const { soFar, error } = this.#search
    if (soFar.length > 0) this.#resolve(soFar)
    else this.#reject(tooLate(String(this.#what), error))
  }

  close(): void {
    this.#stop()
    this.#reject(
      new EnvironmentError('ECANCELLED', `${printable(String(this.#what), 100)} is not looked up any more`),
    )
  }

  #stop(): void {
    this.#timers.stop(this.#timer)
    this.#open.delete(this)
  }
}

function tooLate(what: string, error: unknown): EnvironmentError {
  const last = error instanceof EnvironmentError ? `: ${error.message}` : ''
  return new EnvironmentError(
    'ETIMEOUT',
    `nothing is known of ${printable(what, 100)} in time; check the name servers, or raise locateTimeout${last}`,
    error === undefined ? undefined : { cause: error },
  )
}
