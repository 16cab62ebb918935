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
  /** Settled when it was sent for the first time; rejects where there is no way to send it. */
  readonly sent: Promise<void>
  readonly #context: RequestContext
  #wire = ''
  #flow: Flow | undefined

  /** @internal made by `SipStack.sendAck` */
  constructor(context: RequestContext, ack: RequestTemplate, options: WayOptions = {}) {
    this.#context = context
    // begun within this call, so that a BYE that is sent next comes after it
    this.sent = new Promise((resolve, reject) => this.#start(ack, options, resolve, reject))
    // whoever does not ask is told by `resend` and by the 2xx that comes again
    this.sent.catch(() => undefined)
  }

  /** The flow it went by, once it was sent. */
  get flow(): Flow | undefined {
    return this.#flow
  }

  /** Sends it again; answers false where it was not sent yet, or its way is gone. */
  resend(): boolean {
    if (this.#flow === undefined) return false
    this.#context.counters.retransmissionsOut++
    return this.#transmit(this.#flow)
  }

  #start(
    ack: RequestTemplate,
    options: WayOptions,
    resolve: () => void,
    reject: (error: unknown) => void,
  ): void {
    const { transports, line } = this.#context
    const routed = strictlyRouted(ack)
    const send = (transport: Transport | undefined, way: Flow): void => {
      if (transport === undefined) throw notSent(`its flow's transport ${way.transport} is gone`)
      this.#send(routed, transport, way, options)
      resolve()
    }
    const sendTo = (targets: readonly Target[]): void => {
      const [target] = targets
      if (target === undefined) throw notSent('there is no target')
      const transport = transports.select(target)
      if (!(transport instanceof Promise)) send(transport, flowTo(target, transport.key))
      else transport.then(chosen => send(chosen, flowTo(target, chosen.key))).catch(reject)
    }
    if (options.flow !== undefined) send(transports.byKey(options.flow.transport), options.flow)
    else if (options.targets !== undefined) sendTo(options.targets)
    else {
      line.locate(options.nextHop ?? nextHopOf(ack), false, (targets, error) => {
        try {
          if (targets === undefined) throw error
          sendTo(targets)
        } catch (failure) {
          reject(failure)
        }
      })
    }
  }

  #send(ack: RequestTemplate, transport: Transport, way: Flow, options: WayOptions): void {
    const { transports, counters, maxDatagram, newBranch } = this.#context
    const placement = new Placement(transport, way, newBranch())
    const template = decorated(ack, placement, options.decorate, this.#context.failed)
    this.#wire = encode(template, placement)
    const tcp =
      way.protocol === 'UDP' && this.#wire.length > maxDatagram ? transports.tcpBeside(transport) : undefined
    if (tcp !== undefined) {
      this.#send(ack, tcp, { ...way, protocol: 'TCP', transport: tcp.key }, options)
      return
    }
    counters.requestOut('ACK')
    if (!this.#transmit(placement.flow)) throw notSent('its way is gone')
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
