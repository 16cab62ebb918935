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
  /** @internal nothing may be told any more */
  isStopped = false
  readonly #owner: Watches

  /** @internal made by {@link Watches.add} */
  constructor(flow: Flow, watcher: FlowWatcher, owner: Watches) {
    this.flow = flow
    this.watcher = watcher
    this.#owner = owner
  }

  /** Ends it without a word. */
  stop(): void {
    this.isStopped = true
    this.#owner.remove(this)
  }
}

interface Watched {
  readonly flow: Flow
  readonly watches: Set<FlowWatch>
}

/** Who wants to know of the end of which flow: found by the flow, so that others cost nothing. */
export class Watches {
  readonly #byFlow: ByFlow<Watched>
  readonly #room: FlowRoom
  readonly #failed: Failed
  #isClosed = false

  constructor(room: FlowRoom, failed: Failed) {
    this.#byFlow = new ByFlow(room)
    this.#room = room
    this.#failed = failed
  }

  /** Whether there is room is asked before. */
  add(flow: Flow, watcher: FlowWatcher): FlowWatch {
    const watch = new FlowWatch(flow, watcher, this)
    const watched = this.#byFlow.of(flow)
    if (watched === undefined) this.#byFlow.add({ flow, watches: new Set([watch]) })
    else {
      watched.watches.add(watch)
      this.#room.used++
    }
    return watch
  }

  /** @internal */
  remove(watch: FlowWatch): void {
    const watched = this.#byFlow.of(watch.flow)
    if (watched === undefined || !watched.watches.delete(watch)) return
    if (watched.watches.size === 0) this.#byFlow.delete(watched)
    else this.#room.used--
  }

  /** Takes out those of a flow that has ended, who are still to be told. */
  take(flow: Flow): readonly FlowWatch[] {
    const watched = this.#byFlow.of(flow)
    return watched === undefined ? [] : this.#taken(watched)
  }

  /** The same for all flows of a transport. */
  takeBy(transport: string): readonly FlowWatch[] {
    return this.#byFlow.by(transport).flatMap(watched => this.#taken(watched))
  }

  /** Tells those that were taken out; one of them may stop another, or close the stack, meanwhile. */
  tell(watches: readonly FlowWatch[], error: EnvironmentError | undefined): void {
    for (const { isStopped, flow, watcher } of watches) {
      if (this.#isClosed) return
      if (!isStopped) guarded(this.#failed, watcher, watcher.onFlowEnded, flow, error)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#byFlow.clear()
  }

  #taken(watched: Watched): FlowWatch[] {
    const watches = [...watched.watches]
    watched.watches.clear()
    this.#byFlow.delete(watched)
    this.#room.used -= watches.length - 1
    return watches
  }
}
