import type { Flows } from '../../stack/flow/flows.ts'
import type { KeepAlive } from '../../stack/flow/keep-alives.ts'
import { flowKey } from '../../stack/flow/key.ts'
import type { FlowWatch } from '../../stack/flow/watches.ts'
import type { Flow } from '../../stack/message/flow.ts'

const noUser = {}

/** The flow that a registration stands on: kept alive where that is wanted, and watched. */
export class HeldFlow {
  readonly #flows: Flows
  readonly #onEnded: (flow: Flow) => void
  #keepAlive: KeepAlive | undefined
  #watch: FlowWatch | undefined

  constructor(flows: Flows, onEnded: (flow: Flow) => void) {
    this.#flows = flows
    this.#onEnded = onEnded
  }

  /** Keep-alives that were answered; `undefined` where the flow is not kept alive. */
  get answered(): number | undefined {
    return this.#keepAlive?.answered
  }

  /** A registration was granted over `flow`. `seconds`: its Flow-Timer. */
  keepUp(flow: Flow, keepsAlive: boolean, seconds: number | undefined): void {
    if (keepsAlive) this.#keep(flow, seconds)
    // the end of a flow of datagrams is noticed by keep-alives alone
    if (flow.protocol === 'UDP' && this.#keepAlive === undefined) return
    if (this.#watch !== undefined && flowKey(this.#watch.flow) === flowKey(flow)) return
    this.#watch?.stop()
    const watch = this.#flows.watch(flow, this)
    this.#watch = typeof watch === 'string' ? undefined : watch
  }

  letGo(): void {
    this.#keepAlive?.stop()
    this.#watch?.stop()
    this.#keepAlive = undefined
    this.#watch = undefined
  }

  /** @internal the next hop agreed by `keep` (RFC 6223 §4) */
  onKeepAlive(keepAlive: KeepAlive): void {
    if (this.#keepAlive !== keepAlive) this.#keepAlive?.stop()
    this.#keepAlive = keepAlive
  }

  /** @internal */
  onFlowEnded(flow: Flow): void {
    this.#watch = undefined
    this.#onEnded(flow)
  }

  #keep(flow: Flow, seconds: number | undefined): void {
    const known = this.#keepAlive
    if (known !== undefined && !known.isEnded && flowKey(known.flow) === flowKey(flow))
      known.askedFor(seconds)
    else {
      known?.stop()
      const started = this.#flows.keepAlive(flow, noUser, seconds)
      this.#keepAlive = typeof started === 'string' ? undefined : started
    }
  }
}
