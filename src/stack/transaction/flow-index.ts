import type { Flow } from '../message/flow.ts'

/** Something that waits on a flow. */
interface Waiting {
  readonly flow: Flow
}

/**
 * Finds what waits on a flow that failed without walking over all there is: by connection, or by remote address over
 * datagrams. Most flows have one waiting on them, so that a set is made for the second only.
 */
export class FlowIndex<T extends Waiting> {
  readonly #byConnection = new Map<number, T | Set<T>>()
  readonly #byAddress = new Map<string, T | Set<T>>()

  add(item: T, flow: Flow = item.flow): void {
    if (flow.connection !== 0) enter(this.#byConnection, flow.connection, item)
    else enter(this.#byAddress, flow.address, item)
  }

  delete(item: T, flow: Flow = item.flow): void {
    if (flow.connection !== 0) leave(this.#byConnection, flow.connection, item)
    else leave(this.#byAddress, flow.address, item)
  }

  /** What waits on `flow` now: a copy, for who is told of a failure may begin something new at once. */
  waitingOn(flow: Flow): T[] {
    const found =
      flow.connection !== 0 ? this.#byConnection.get(flow.connection) : this.#byAddress.get(flow.address)
    if (found === undefined) return []
    const items = found instanceof Set ? [...found] : [found]
    return items.filter(item => isSameFlow(item.flow, flow))
  }

  clear(): void {
    this.#byConnection.clear()
    this.#byAddress.clear()
  }
}

/** The same connection, or the same remote address and port over datagrams. */
function isSameFlow(flow: Flow, other: Flow): boolean {
  if (flow.transport !== other.transport || flow.connection !== other.connection) return false
  return other.connection !== 0 || (flow.address === other.address && flow.port === other.port)
}

function enter<K, T extends Waiting>(map: Map<K, T | Set<T>>, key: K, item: T): void {
  const found = map.get(key)
  if (found === undefined) map.set(key, item)
  else if (found instanceof Set) found.add(item)
  else if (found !== item) map.set(key, new Set([found, item]))
}

function leave<K, T extends Waiting>(map: Map<K, T | Set<T>>, key: K, item: T): void {
  const found = map.get(key)
  if (found === item) map.delete(key)
  else if (found instanceof Set && found.delete(item) && found.size === 0) map.delete(key)
}
