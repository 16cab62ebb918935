import type { Flow } from '../message/flow.ts'
import { flowKey } from './key.ts'

/** How much may be kept of all flows together. */
export class FlowRoom {
  used = 0
  readonly limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  get isFull(): boolean {
    return this.used >= this.limit
  }
}

/** What is kept of flows, one thing each, bounded together with what others keep of them. */
export class ByFlow<T extends { readonly flow: Flow }> {
  readonly #entries = new Map<string, T>()
  readonly #room: FlowRoom

  constructor(room: FlowRoom) {
    this.#room = room
  }

  get size(): number {
    return this.#entries.size
  }

  of(flow: Flow): T | undefined {
    return this.#entries.size === 0 ? undefined : this.#entries.get(flowKey(flow))
  }

  /** What is kept of the flows of one transport. */
  by(transport: string): T[] {
    return [...this.#entries.values()].filter(({ flow }) => flow.transport === transport)
  }

  /** Enters what is not there yet; whether there is room is asked before. */
  add(entry: T): void {
    this.#entries.set(flowKey(entry.flow), entry)
    this.#room.used++
  }

  delete(entry: T): void {
    const key = flowKey(entry.flow)
    if (this.#entries.get(key) !== entry) return
    this.#entries.delete(key)
    this.#room.used--
  }

  clear(): void {
    this.#room.used -= this.#entries.size
    this.#entries.clear()
  }
}
