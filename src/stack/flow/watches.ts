import type { EnvironmentError } from '../../util/errors.ts'
import { type Failed, guarded } from '../../util/guard.ts'
import type { Flow } from '../message/flow.ts'
import { ByFlow, type FlowRoom } from './by-flow.ts'

/** Who wants to know of the end of one flow. */
export interface FlowWatcher {
  /**
   * Once and last: the connection is closed, a datagram to the address was refused, or its keep-alive failed. The
   * transactions on it have been told before.
   */
  onFlowEnded(flow: Flow, error: EnvironmentError | undefined): unknown
}

/** A watcher's place; it holds nothing but these. */
export class FlowWatch {
  readonly flow: Flow
  /** @internal */
  readonly watcher: FlowWatcher
  readonly #owner: Watches

  /** @internal made by {@link Watches.add} */
  constructor(flow: Flow, watcher: FlowWatcher, owner: Watches) {
    this.flow = flow
    this.watcher = watcher
    this.#owner = owner
  }

  /** Ends it without a word. */
  stop(): void {
    this.#owner.remove(this)
  }
}

interface Watched {
  readonly flow: Flow
  readonly watches: FlowWatch[]
}

/** Who wants to know of the end of which flow: found by the flow, so that others cost nothing. */
export class Watches {
  readonly #byFlow: ByFlow<Watched>
  readonly #room: FlowRoom
  readonly #failed: Failed

  constructor(room: FlowRoom, failed: Failed) {
    this.#byFlow = new ByFlow(room)
    this.#room = room
    this.#failed = failed
  }

  /** Whether there is room is asked before. */
  add(flow: Flow, watcher: FlowWatcher): FlowWatch {
    const watch = new FlowWatch(flow, watcher, this)
    const watched = this.#byFlow.of(flow)
    if (watched === undefined) this.#byFlow.add({ flow, watches: [watch] })
    else {
      watched.watches.push(watch)
      this.#room.used++
    }
    return watch
  }

  /** @internal */
  remove(watch: FlowWatch): void {
    const watched = this.#byFlow.of(watch.flow)
    const at = watched?.watches.indexOf(watch) ?? -1
    if (watched === undefined || at < 0) return
    watched.watches.splice(at, 1)
    if (watched.watches.length === 0) this.#byFlow.delete(watched)
    else this.#room.used--
  }

  onFlowFailed(flow: Flow, error: EnvironmentError | undefined): void {
    const watched = this.#byFlow.of(flow)
    if (watched === undefined) return
    this.#byFlow.delete(watched)
    const watches = watched.watches.splice(0)
    this.#room.used -= watches.length - 1
    for (const { watcher } of watches) guarded(this.#failed, watcher, watcher.onFlowEnded, flow, error)
  }

  clear(): void {
    this.#byFlow.clear()
  }
}
