import { hostPort } from '../../util/address.ts'
import type { EnvironmentError } from '../../util/errors.ts'
import type { Flow } from '../message/flow.ts'

/** Milliseconds (64·T1): as long as whoever sends a request again does so. */
const LIFETIME = 32_000
const MOST = 1024

/** The system's words for a reset, and for a host that does not speak TCP. */
const refusals: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOPROTOOPT'])

/**
 * Places that refused TCP lately: what is too large for UDP goes there over UDP all the same (RFC 3261 §18.1.1), also
 * where nothing is kept of a request that could be sent again.
 */
export class TcpRefusals {
  readonly #now: () => number
  readonly #until = new Map<string, number>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** Takes note of a flow that failed, if it was TCP and refused. */
  note(flow: Flow, error: EnvironmentError | undefined): void {
    if (flow.protocol !== 'TCP' || error === undefined || !refusals.has(error.code)) return
    const place = hostPort(flow.address, flow.port)
    this.#until.delete(place)
    // insertion order is age: the oldest goes first
    for (const oldest of this.#until.keys()) {
      if (this.#until.size < MOST) break
      this.#until.delete(oldest)
    }
    this.#until.set(place, this.#now() + LIFETIME)
  }

  has({ address, port }: Flow): boolean {
    if (this.#until.size === 0) return false
    const until = this.#until.get(hostPort(address, port))
    return until !== undefined && until > this.#now()
  }
}
