import { LRUCache } from 'lru-cache'
import { type Entry, weightOf } from './entry.ts'

export interface CacheLimits {
  readonly maxEntries: number
  readonly maxBytes: number
}

/** Answers until they expire, the least used forgotten first; expiry is by our clock and needs no timer. */
export class DnsCache {
  readonly #entries: LRUCache<string, Entry>

  constructor({ maxEntries, maxBytes }: CacheLimits) {
    this.#entries = new LRUCache({
      max: maxEntries,
      maxSize: maxBytes,
      sizeCalculation: (entry, key) => weightOf(key, entry),
    })
  }

  get size(): number {
    return this.#entries.size
  }

  /** Octets, as estimated. */
  get bytes(): number {
    return this.#entries.calculatedSize
  }

  fresh(key: string, now: number): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.expires > now) return entry
    this.#entries.delete(key)
    return undefined
  }

  /** Keeps an answer that has a future; what merely came along never takes the place of what was asked for. */
  put(key: string, entry: Entry, now: number): void {
    if (entry.additional && this.#entries.peek(key)?.additional === false && this.fresh(key, now)) return
    if (entry.expires > now) this.#entries.set(key, entry)
    else this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }
}
