import type { Timers } from '../../util/timers.ts'

/** Addresses that are kept in mind; the one learnt first goes. */
const MOST = 256
/** Milliseconds after which a larger datagram is tried again: a way may have changed (RFC 1191 §6.3). */
const KEPT = 600_000

interface Narrow {
  readonly tooLarge: number
  readonly until: number
}

/**
 * Remote addresses to which the system refused a datagram for its size (EMSGSIZE). That is told after `send`, and not of
 * which message; so what is as large again is refused at once, and its transaction told, when its timer sends it again.
 */
export class NarrowPaths {
  readonly #timers: Timers
  readonly #byAddress = new Map<string, Narrow>()

  constructor(timers: Timers) {
    this.#timers = timers
  }

  note(address: string, size: number): void {
    const known = this.#byAddress.get(address)
    this.#byAddress.delete(address)
    const tooLarge = Math.min(size, known?.tooLarge ?? size)
    this.#byAddress.set(address, { tooLarge, until: this.#timers.now() + KEPT })
    if (this.#byAddress.size <= MOST) return
    const [first] = this.#byAddress.keys()
    if (first !== undefined) this.#byAddress.delete(first)
  }

  isTooLarge(address: string, size: number): boolean {
    if (this.#byAddress.size === 0) return false
    const known = this.#byAddress.get(address)
    if (known === undefined) return false
    if (this.#timers.now() < known.until) return size >= known.tooLarge
    this.#byAddress.delete(address)
    return false
  }
}
