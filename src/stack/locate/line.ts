import { EnvironmentError } from '../../util/errors.ts'
import type { Uri } from '../message/uri.ts'
import type { Target } from '../transport/selector.ts'
import type { Locate } from './target.ts'

/** Told once: the targets in their order, or why there are none. */
export type Located = (targets: readonly Target[] | undefined, error: unknown) => void

/**
 * Keeps requests for one next hop in their order while its targets are being looked up: the first one asks, the
 * others wait behind it in a bounded line. What can be told at once is told at once, unless others wait.
 */
export class LocateLine {
  readonly #locate: Locate
  readonly #limit: number
  readonly #waiting = new Map<string, Located[]>()

  constructor(locate: Locate, limit: number) {
    this.#locate = locate
    this.#limit = limit
  }

  locate(uri: Uri, located: Located): void {
    const key = `${uri.scheme} ${uri.hostPort}${uri.params}`
    const line = this.#waiting.get(key)
    if (line !== undefined) {
      if (line.length >= this.#limit) located(undefined, tooMany(uri, line.length))
      else line.push(located)
      return
    }
    let found: ReturnType<Locate>
    try {
      found = this.#locate(uri)
    } catch (error) {
      located(undefined, error)
      return
    }
    if (!(found instanceof Promise)) {
      located(found, undefined)
      return
    }
    this.#waiting.set(key, [located])
    found.then(
      targets => this.#tell(key, targets, undefined),
      error => this.#tell(key, undefined, error),
    )
  }

  #tell(key: string, targets: readonly Target[] | undefined, error: unknown): void {
    const line = this.#waiting.get(key) ?? []
    // whoever is told first may send to the same hop again: that one comes after those who wait
    for (let next = 0; next < line.length; next++) line[next]?.(targets, error)
    this.#waiting.delete(key)
  }
}

function tooMany(uri: Uri, count: number): EnvironmentError {
  return new EnvironmentError(
    'ERR_SIP_WAITING',
    `${count} requests wait for ${uri.hostPort} to be looked up; check the name servers, or raise maxWaitingPerHop`,
  )
}
