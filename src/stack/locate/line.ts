import { EnvironmentError, UsageError } from '../../util/errors.ts'
import { type Failed, guarded, thenable } from '../../util/guard.ts'
import { printable } from '../../util/log.ts'
import type { Uri } from '../grammar/uri.ts'
import { user } from '../headers/params.ts'
import type { Via } from '../headers/via.ts'
import type { Target } from '../transport/selector.ts'
import type { Locate, TargetOutcome } from './locate.ts'

/** Told once: the targets in their order, or why there are none. */
export type Located = (targets: readonly Target[] | undefined, error: unknown) => void

type Found = readonly Target[] | Promise<readonly Target[]>

export interface LineOptions {
  /** Messages that may wait for one next hop. */
  readonly maxWaitingPerHop: number
  /** Messages that may wait for a look-up in all. */
  readonly maxWaiting: number
  /** Told what goes wrong in who asked, and in a {@link Locate} of the application's. */
  readonly failed: Failed
  /** Counts a message that was refused because too many wait. */
  onRefused(): void
}

/**
 * Keeps messages for one next hop in their order while its targets are being looked up: the first one asks, the
 * others wait behind it in a bounded line. What can be told at once is told at once, unless others wait.
 */
export class LocateLine {
  readonly #locate: Locate
  readonly #options: LineOptions
  readonly #lines = new Map<string, Located[]>()
  #waiting = 0

  constructor(locate: Locate, options: LineOptions) {
    this.#locate = locate
    this.#options = options
  }

  /** How many messages wait. */
  get waiting(): number {
    return this.#waiting
  }

  locate(uri: Uri, stateless: boolean, located: Located): void {
    // most next hops are numeric or known, so that nobody waits and no key is needed
    if (this.#waiting > 0 && this.#joins(keyOf(uri, stateless), uri.hostPort, located)) return
    let found: Found
    try {
      found = this.#locate.locate(uri, { stateless })
    } catch (error) {
      located(undefined, error)
      return
    }
    const pending = thenable(found)
    if (pending !== undefined) this.#wait(keyOf(uri, stateless), uri.hostPort, pending, located)
    else tell(located, found)
  }

  locateResponse(via: Via, located: Located): void {
    const key = `response ${via.transport} ${via.received ?? ''} ${via.sentBy}`
    if (this.#waiting > 0 && this.#joins(key, via.sentBy, located)) return
    let found: Found
    try {
      found = this.#locate.locateResponse(via)
    } catch (error) {
      located(undefined, error)
      return
    }
    const pending = thenable(found)
    if (pending !== undefined) this.#wait(key, via.sentBy, pending, located)
    else tell(located, found)
  }

  report(target: Target, outcome: TargetOutcome, retryAfter?: number): void {
    guarded(this.#options.failed, this.#locate, this.#locate.report, target, outcome, retryAfter)
  }

  /** See `Locate.isAvailable`. */
  isAvailable(target: Target): boolean {
    try {
      return this.#locate.isAvailable?.(target) !== false
    } catch (error) {
      this.#options.failed(error)
      return true
    }
  }

  /** Whether there is a line that `located` is in now, or has been refused by. */
  #joins(key: string, where: string, located: Located): boolean {
    const line = this.#lines.get(key)
    if (line === undefined) return false
    if (line.length >= this.#options.maxWaitingPerHop || this.#isFull)
      this.#refuse(where, line.length, located)
    else this.#enter(line, located)
    return true
  }

  #wait(key: string, where: string, found: PromiseLike<unknown>, located: Located): void {
    if (this.#isFull) {
      found.then(undefined, () => undefined)
      this.#refuse(where, 0, located)
      return
    }
    const line: Located[] = []
    this.#lines.set(key, line)
    this.#enter(line, located)
    found.then(
      targets => this.#tell(key, line, located => tell(located, targets)),
      (error: unknown) => this.#tell(key, line, located => located(undefined, error)),
    )
  }

  #enter(line: Located[], located: Located): void {
    line.push(located)
    this.#waiting++
  }

  get #isFull(): boolean {
    return this.#waiting >= this.#options.maxWaiting
  }

  #refuse(where: string, count: number, located: Located): void {
    this.#options.onRefused()
    located(undefined, tooMany(where, count, this.#waiting))
  }

  #tell(key: string, line: Located[], told: (located: Located) => void): void {
    // whoever is told first may send to the same hop again: that one comes after those who wait
    for (const located of line) {
      this.#waiting--
      guarded(this.#options.failed, undefined, told, located)
    }
    // the last of them may have begun a line anew
    if (this.#lines.get(key) === line) this.#lines.delete(key)
  }
}

/** A Locate is the application's: what it answered may be no targets at all. */
function tell(located: Located, found: unknown): void {
  if (isTargets(found)) located(found, undefined)
  else located(undefined, noTargets())
}

function isTargets(found: unknown): found is readonly Target[] {
  if (!Array.isArray(found)) return false
  for (const target of found as readonly Partial<Target>[]) {
    if (typeof target?.address !== 'string' || typeof target.port !== 'number') return false
    if (typeof target.protocol !== 'string') return false
  }
  return true
}

function noTargets(): UsageError {
  return new UsageError(
    'ERR_SIP_LOCATE',
    'locate gave no list of targets; each has protocol, address and port',
  )
}

function keyOf(uri: Uri, stateless: boolean): string {
  // a number, or a mailbox, may lead elsewhere than its neighbour's (RFC 6116, RFC 3861)
  const who = uri.isSip && uri.param(user) !== 'phone' ? '' : `${uri.rawUser ?? ''}${uri.opaque}`
  return `${stateless ? 'stateless ' : ''}${uri.scheme} ${who} ${uri.hostPort}${uri.params}`
}

function tooMany(where: string, count: number, total: number): EnvironmentError {
  return new EnvironmentError(
    'ERR_SIP_WAITING',
    `${count} messages wait for ${printable(where, 100)} to be looked up, and ${total} in all; check the name servers, or raise maxWaitingPerHop and maxWaiting`,
  )
}
