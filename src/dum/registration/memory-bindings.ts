import { EnvironmentError } from '../../util/errors.ts'
import type { Failed } from '../../util/guard.ts'
import { guarded } from '../../util/guard.ts'
import type { Binding, BindingStore, StoredBindings } from '../handlers/registration.ts'

const nothing: StoredBindings = { bindings: [], version: 0 }

/** Looked at with each write, so that what has expired goes without a timer. */
const SWEPT = 4

export interface MemoryBindingsOptions {
  /** Addresses of record at a time; a write of one more throws. Default 1,000,000. */
  readonly maxAors?: number
  /** Unix time in ms. Default the system's. */
  readonly now?: () => number
  /** Told what a listener threw. */
  readonly failed?: Failed
}

type Listener = (aor: string, bindings: readonly Binding[]) => unknown

/** Bindings in a table. */
export class MemoryBindings implements BindingStore {
  readonly #stored = new Map<string, StoredBindings>()
  readonly #listeners = new Set<Listener>()
  readonly #maxAors: number
  readonly #now: () => number
  readonly #failed: Failed
  #version = 0
  #sweep: Iterator<[string, StoredBindings]> | undefined

  constructor({ maxAors = 1_000_000, now = Date.now, failed = () => {} }: MemoryBindingsOptions = {}) {
    this.#maxAors = maxAors
    this.#now = now
    this.#failed = failed
  }

  /** Addresses of record that have bindings, some of which may just have expired. */
  get size(): number {
    return this.#stored.size
  }

  read(aor: string): StoredBindings {
    return this.#stored.get(aor) ?? nothing
  }

  /** @throws EnvironmentError where `maxAors` are kept */
  write(aor: string, bindings: readonly Binding[], version: number): boolean {
    const known = this.#stored.get(aor)
    if ((known?.version ?? 0) !== version) return false
    this.#forgetExpired()
    if (bindings.length === 0) this.#stored.delete(aor)
    else {
      if (known === undefined && this.#stored.size >= this.#maxAors)
        throw new EnvironmentError(
          'ERR_SIP_STORE',
          `${this.#maxAors} addresses of record are kept; raise maxAors`,
        )
      this.#stored.set(aor, { bindings: [...bindings], version: ++this.#version })
    }
    for (const listener of this.#listeners) guarded(this.#failed, undefined, listener, aor, bindings)
    return true
  }

  watch(listener: Listener): () => void {
    // each call is a watch of its own, also of the same function
    const own: Listener = (aor, bindings) => listener(aor, bindings)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  #forgetExpired(): void {
    const now = this.#now()
    for (let count = 0; count < SWEPT; count++) {
      this.#sweep ??= this.#stored.entries()
      const { value, done } = this.#sweep.next()
      if (done === true) {
        this.#sweep = undefined
        return
      }
      const [aor, { bindings }] = value
      if (bindings.every(({ expiresAt }) => expiresAt <= now)) this.#stored.delete(aor)
    }
  }
}
