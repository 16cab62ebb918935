import { EnvironmentError } from '../../util/errors.ts'
import type { Uri } from '../grammar/uri.ts'
import * as h from '../headers/index.ts'
import type { TargetOutcome } from '../locate/locate.ts'
import type { Flow } from '../message/flow.ts'
import type { SipResponse } from '../message/message.ts'
import type { Target } from '../transport/selector.ts'
import type { Transport } from '../transport/transport.ts'
import type { RequestContext, RequestOptions } from './request-options.ts'
import { TargetList } from './target-list.ts'

/** The way of one request: where its targets come from, the transport to each, and who is told what became of them. */
export class RequestWay {
  readonly targets: TargetList = new TargetList()
  readonly #context: RequestContext
  readonly #options: RequestOptions
  /** Its targets were looked up, so that who found them is told what becomes of them. */
  #isLocated = false

  constructor(context: RequestContext, options: RequestOptions) {
    this.#context = context
    this.#options = options
  }

  /** Finds the targets; `found` is called once, with the reason where there are none. */
  find(nextHop: Uri, found: (error?: unknown) => void): void {
    const { targets, flow, retryOf } = this.#options
    if (flow !== undefined) this.targets.begin([targetOf(flow)], flow)
    else if (retryOf?.target !== undefined)
      this.targets.begin([retryOf.target, ...retryOf.remaining], retryOf.flow)
    else if (targets !== undefined) this.targets.begin(targets)
    else {
      this.#context.line.locate(nextHop, false, (located, error) => {
        this.#isLocated = true
        if (located !== undefined) this.targets.begin(located)
        found(located === undefined ? error : undefined)
      })
      return
    }
    found()
  }

  /** @throws EnvironmentError where there is none, or a flow that may not be left is gone */
  transportFor(target: Target, pinned: Flow | undefined): Transport | Promise<Transport> {
    const { transports } = this.#context
    const known = pinned && transports.byKey(pinned.transport)
    if (known === undefined && this.#options.flow !== undefined) {
      throw new EnvironmentError(
        'ERR_SIP_FLOW',
        `the flow's transport ${this.#options.flow.transport} is gone`,
      )
    }
    return known ?? transports.select(target)
  }

  /** Puts TCP before a UDP target for which a request is too large, where TCP is spoken here (RFC 3261 §18.1.1). */
  putTcpFirst(target: Target, octets: number): boolean {
    if (target.protocol !== 'UDP' || octets <= this.#context.maxDatagram) return false
    for (const transport of this.#context.transports.transports)
      if (transport.protocol === 'TCP') return this.targets.putTcpFirst()
    return false
  }

  /** What an answer says of its target: it is there, or wants to be left alone for a while (RFC 3261 §21.5.4). */
  reportAnswer(response: SipResponse): void {
    if (response.status !== 503) this.report('ok')
    else this.report('unavailable', response.try(h.RetryAfter).value?.seconds)
  }

  report(outcome: TargetOutcome, retryAfter?: number): void {
    const { current } = this.targets
    if (this.#isLocated && current !== undefined) this.#context.line.report(current, outcome, retryAfter)
  }
}

function targetOf(flow: Flow): Target {
  return { protocol: flow.protocol, address: flow.address, port: flow.port, serverName: flow.serverName }
}
