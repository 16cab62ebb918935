import type { Flow } from '../message/flow.ts'
import type { Target } from '../transport/selector.ts'
import type { Attempt } from './request-failure.ts'

/** Targets of one request that are tried; a name server that tells more does not mean to be asked for long. */
const MAX_TARGETS = 64

/** The targets of one request in their order (RFC 3263 §4.3): which is tried, which were, which are left. */
export class TargetList {
  #targets: readonly Target[] = []
  #next = 0
  readonly attempts: Attempt[] = []
  /** The flow that the first target is to be reached by. */
  #pinned: Flow | undefined

  /** Begins with these; the first by `pinned` where that is given. */
  begin(targets: readonly Target[], pinned?: Flow): void {
    this.#targets = targets.length > MAX_TARGETS ? targets.slice(0, MAX_TARGETS) : targets
    this.#next = 0
    this.#pinned = pinned
  }

  /** The target that is tried now. */
  get current(): Target | undefined {
    return this.#targets[this.#next - 1]
  }

  /** The flow by which it is to be reached, where that is given. */
  get pinned(): Flow | undefined {
    return this.#next === 1 ? this.#pinned : undefined
  }

  get hasMore(): boolean {
    return this.#next < this.#targets.length
  }

  /** Whether there is a target besides those of the present one's race. */
  get hasMoreThanRace(): boolean {
    return this.#next - 1 + this.race.length < this.#targets.length
  }

  get remaining(): readonly Target[] {
    return this.#targets.slice(this.#next)
  }

  /** Goes on to the next; answers it. */
  next(): Target | undefined {
    const target = this.#targets[this.#next]
    if (target !== undefined) this.#next++
    return target
  }

  /** How the present target ended; `cause` is what its connection failed of. */
  note(outcome: Attempt['outcome'], cause?: unknown): void {
    const target = this.current
    if (target) this.attempts.push(cause === undefined ? { target, outcome } : { target, outcome, cause })
  }

  /**
   * The present target and those behind it that are addresses of the same host, to be reached in the same way by a
   * stream: the first of them that a connection is made to will do (RFC 8305).
   */
  get race(): readonly Target[] {
    const { current } = this
    if (current?.host === undefined || current.protocol === 'UDP' || this.pinned !== undefined) return []
    let end = this.#next
    while (isOfHost(this.#targets[end], current)) end++
    return this.#targets.slice(this.#next - 1, end)
  }

  /** Ends a race: those that failed stand before the one that won, which is the present one now, the others behind it. */
  settle(won: number, lost: readonly number[]): void {
    const from = this.#next - 1
    const size = this.race.length
    const runners = this.#targets.slice(from, from + size)
    const at = (places: readonly number[]): readonly Target[] =>
      runners.filter((_, place) => places.includes(place))
    const left = runners.filter((_, place) => place !== won && !lost.includes(place))
    this.#targets = [
      ...this.#targets.slice(0, from),
      ...at(lost),
      ...at([won]),
      ...left,
      ...this.#targets.slice(from + size),
    ]
    this.#next = from + lost.length + 1
  }

  /** Leaves out the present target and the others of its race, none of which could be reached. */
  skip(count: number): void {
    this.#next += count - 1
  }

  /** Puts the present target back to be tried again, without the flow that failed. */
  unpin(): void {
    this.#pinned = undefined
    this.#next--
  }

  /**
   * Puts the same place over TCP before the present target, which is tried again after it (RFC 3261 §18.1.1); answers
   * false where that was done or tried before.
   */
  putTcpFirst(): boolean {
    const target = this.current
    if (target === undefined) return false
    const tcp: Target = { ...target, protocol: 'TCP' }
    const isThere = (other: Target): boolean =>
      other.protocol === 'TCP' && other.address === tcp.address && other.port === tcp.port
    if (this.attempts.some(attempt => isThere(attempt.target))) return false
    if (this.#targets.slice(0, this.#next).some(isThere)) return false
    this.#next--
    // the flow was that of a datagram
    this.#pinned = undefined
    this.#targets = [...this.#targets.slice(0, this.#next), tcp, ...this.#targets.slice(this.#next)]
    return true
  }
}

function isOfHost(other: Target | undefined, { host, protocol, port, serverName }: Target): boolean {
  return (
    other !== undefined &&
    other.host === host &&
    other.protocol === protocol &&
    other.port === port &&
    other.serverName === serverName
  )
}
