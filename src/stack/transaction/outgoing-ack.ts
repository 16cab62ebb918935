import { EnvironmentError } from '../../util/errors.ts'
import { nextHopOf, strictlyRouted } from '../locate/next-hop.ts'
import { encode } from '../message/encode.ts'
import { type Flow, flowTo } from '../message/flow.ts'
import type { RequestTemplate } from '../message/template.ts'
import { decorated } from '../transport/decorate.ts'
import { Placement } from '../transport/placement.ts'
import type { Target } from '../transport/selector.ts'
import type { Transport } from '../transport/transport.ts'
import type { RequestContext, WayOptions } from './request-options.ts'

/**
 * The ACK to a 2xx (RFC 3261 §13.2.2.4): sent once, in no transaction, and again with the very same octets for each 2xx
 * that comes again. It keeps its text and its way, and nothing else.
 */
export class OutgoingAck {
  readonly #context: RequestContext
  readonly #options: WayOptions
  #wire = ''
  #flow: Flow | undefined
  #failure: { readonly error: unknown } | undefined
  /** Who waits for the end of a look-up. */
  #asked: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = []

  /** @internal made by `SipStack.sendAck` */
  constructor(context: RequestContext, ack: RequestTemplate, options: WayOptions = {}) {
    this.#context = context
    this.#options = options
    // begun within this call, so that a BYE that is sent next comes after it
    try {
      this.#start(ack)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** The flow it went by, once it was sent. */
  get flow(): Flow | undefined {
    return this.#flow
  }

  /** Settled when it was sent for the first time; rejects where there is no way to send it. Made for who asks. */
  get sent(): Promise<void> {
    if (this.#flow !== undefined) return Promise.resolve()
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error)
    return new Promise((resolve, reject) => this.#asked.push({ resolve, reject }))
  }

  /** Sends it again; answers false where it was not sent yet, or its way is gone. */
  resend(): boolean {
    if (this.#flow === undefined) return false
    this.#context.counters.retransmissionsOut++
    return this.#transmit(this.#flow)
  }

  #start(ack: RequestTemplate): void {
    const { flow, targets, nextHop, transport: forced } = this.#options
    if (forced !== undefined) this.#context.transports.check(forced)
    const routed = strictlyRouted(ack)
    if (flow !== undefined) {
      const transport = this.#context.transports.byKey(flow.transport)
      if (transport === undefined) throw notSent(`its flow's transport ${flow.transport} is gone`)
      this.#send(routed, transport, flow)
    } else if (targets !== undefined) this.#sendTo(routed, targets)
    else {
      this.#context.line.locate(nextHop ?? nextHopOf(ack), false, (found, error) => {
        try {
          if (found === undefined) throw error
          this.#sendTo(routed, found)
        } catch (failure) {
          this.#fail(failure)
        }
      })
    }
  }

  #sendTo(ack: RequestTemplate, targets: readonly Target[]): void {
    const [target] = targets
    if (target === undefined) throw notSent('there is no target')
    const transport = this.#context.transports.select(target, this.#options.transport)
    if (transport instanceof Promise) {
      transport
        .then(chosen => this.#send(ack, chosen, flowTo(target, chosen)))
        .catch(error => this.#fail(error))
    } else this.#send(ack, transport, flowTo(target, transport))
  }

  #fail(error: unknown): void {
    this.#failure = { error }
    for (const { reject } of this.#asked.splice(0)) reject(error)
  }

  #send(ack: RequestTemplate, transport: Transport, way: Flow): void {
    const { transports, counters, maxDatagram, newBranch, failed } = this.#context
    const placement = new Placement(transport, way, newBranch())
    this.#wire = encode(decorated(ack, placement, this.#options.decorate, failed), placement)
    const { flow, transport: forced } = this.#options
    const wider =
      flow === undefined ? transports.widerWay(way, this.#wire.length, maxDatagram, forced) : undefined
    if (wider !== undefined) {
      this.#send(ack, wider.transport, wider.flow)
      return
    }
    counters.requestOut('ACK')
    if (!this.#transmit(placement.flow)) throw notSent('its way is gone')
    for (const { resolve } of this.#asked.splice(0)) resolve()
  }

  #transmit(flow: Flow): boolean {
    const sent = this.#context.transports.send(this.#wire, flow)
    if (typeof sent === 'string') return false
    this.#flow = sent
    return true
  }
}

function notSent(why: string): EnvironmentError {
  return new EnvironmentError('ERR_SIP_ACK', `the ACK was not sent: ${why}`)
}
