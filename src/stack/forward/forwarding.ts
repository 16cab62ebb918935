import { familyOf } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import { NameAddr } from '../grammar/name-addr.ts'
import { noParams, textParam } from '../grammar/params.ts'
import { Uri } from '../grammar/uri.ts'
import { lrParam, maddrParam } from '../grammar/uri-params.ts'
import * as h from '../headers/index.ts'
import type { Via } from '../headers/via.ts'
import type { LocateLine } from '../locate/line.ts'
import { nextHopOf, strictlyRouted } from '../locate/next-hop.ts'
import { encode } from '../message/encode.ts'
import { type Flow, flowTo } from '../message/flow.ts'
import type { SipRequest, SipResponse } from '../message/message.ts'
import type { RequestTemplate, ResponseTemplate } from '../message/template.ts'
import type { Counters } from '../statistics.ts'
import type { TransportLayer } from '../transport/layer.ts'
import { localUri, Placement } from '../transport/placement.ts'
import type { Target } from '../transport/selector.ts'
import type { Transport } from '../transport/transport.ts'
import { statelessBranch } from './branch.ts'

export interface ForwardOptions {
  /** Where to send it; left out: to the first Route, or to the Request-URI. */
  readonly nextHop?: Uri
  /** Stay on the way of the dialog: one Record-Route, two where transport or family change (RFC 5658). */
  readonly recordRoute?: boolean
  /** Told when the request could not be sent, with the status to answer: 416, 503. */
  readonly onFailure?: (status: number, error: Error) => void
}

/** Our own Via says by which transport and connection the request came, so that the response finds its way back. */
const cameBy = textParam('i')

/** Forwards messages without keeping anything of them (RFC 3261 §16.11, §18.2.2). */
export class Forwarding {
  readonly #transports: TransportLayer
  readonly #line: LocateLine
  readonly #counters: Counters
  readonly #maxDatagram: number

  constructor(transports: TransportLayer, line: LocateLine, counters: Counters, maxDatagram: number) {
    this.#transports = transports
    this.#line = line
    this.#counters = counters
    this.#maxDatagram = maxDatagram
  }

  /** Sends `out`, made from `request`, on to its next hop; its branch comes from `request` alone. */
  forward(request: SipRequest, out: RequestTemplate, options: ForwardOptions = {}): void {
    const nextHop = options.nextHop ?? nextHopOf(out)
    const routed = strictlyRouted(out)
    const inbound = this.#transports.byKey(request.source?.transport ?? '')
    const came = inbound === undefined ? '' : this.#cameBy(inbound, request.source)
    this.#locate(
      nextHop,
      (transport, target) => {
        const sent = options.recordRoute && inbound ? withRecordRoute(routed, inbound, transport) : routed
        this.#sendRequest(sent, transport, target, statelessBranch(request), came)
      },
      error =>
        options.onFailure?.(
          error instanceof EnvironmentError && error.code === 'ERR_SIP_SCHEME' ? 416 : 503,
          error,
        ),
    )
  }

  /** Sends a request once, in no transaction: the ACK to a 2xx. Rejects where there is no way to send it. */
  send(template: RequestTemplate, branch: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#locate(
        nextHopOf(template),
        (transport, target) => {
          this.#sendRequest(strictlyRouted(template), transport, target, branch, '')
          resolve()
        },
        reject,
      )
    })
  }

  /**
   * Sends a response on by the Via below ours (RFC 3261 §16.7 step 3, §18.2.2): over the connection the request came
   * by where it still is, else to `received` and `rport`, else to sent-by. A response that has no other Via is dropped.
   */
  forwardResponse(response: SipResponse, out: ResponseTemplate = response.forward()): void {
    out.removeFirst(h.Via)
    const via = out.get(h.Via)
    this.#counters.responseIn(response.status)
    if (via === undefined) {
      this.#counters.strayResponses++
      return
    }
    const wire = encode(out)
    const flow = this.#flowBack(response.via, via)
    this.#counters.responseOut(response.status)
    if (flow !== undefined && typeof this.#transports.send(wire, flow) !== 'string') return
    this.#line.locate(uriOf(via), targets => {
      const target = targets?.[0]
      if (target !== undefined) this.#sendTo(wire, { ...target, protocol: protocolOf(via, target) })
      else this.#counters.flowFailures++
    })
  }

  /** The flow a response goes back by; `undefined` where sent-by has to be looked up. */
  #flowBack(own: Via, via: Via): Flow | undefined {
    const address = via.param(maddrParam) ?? via.received ?? via.host
    if (familyOf(address) === undefined) return undefined
    const port = via.rport ?? via.port ?? 5060
    const [place, connection] = (own.param(cameBy) ?? '').split('-')
    const transport = this.#transports.byOrdinal(Number(place))
    if (transport === undefined || transport.protocol !== via.transport) return undefined
    return {
      protocol: transport.protocol,
      transport: transport.key,
      address,
      port,
      connection: Number(connection ?? 0),
    }
  }

  #cameBy(inbound: Transport, source: Flow | undefined): string {
    const place = this.#transports.ordinalOf(inbound)
    return `;i=${place}${source !== undefined && source.connection > 0 ? `-${source.connection}` : ''}`
  }

  #sendTo(wire: string, target: Target): void {
    const send = (transport: Transport): void => {
      this.#transports.send(wire, flowTo(target, transport.key))
    }
    try {
      const transport = this.#transports.select(target)
      if (transport instanceof Promise) transport.then(send, () => this.#counters.flowFailures++)
      else send(transport)
    } catch {
      this.#counters.flowFailures++
    }
  }

  #locate(
    nextHop: Uri,
    found: (transport: Transport, target: Target) => void,
    failed: (error: Error) => void,
  ): void {
    this.#line.locate(nextHop, (targets, error) => {
      const target = targets?.[0]
      if (target === undefined) {
        failed(
          error instanceof Error
            ? error
            : new EnvironmentError('ENOTFOUND', `no target for ${nextHop.hostPort}`),
        )
        return
      }
      try {
        const transport = this.#transports.select(target)
        if (transport instanceof Promise) transport.then(chosen => found(chosen, target)).catch(failed)
        else found(transport, target)
      } catch (cause) {
        failed(cause instanceof Error ? cause : new Error(String(cause)))
      }
    })
  }

  #sendRequest(
    template: RequestTemplate,
    transport: Transport,
    target: Target,
    branch: string,
    came: string,
  ): void {
    const flow = flowTo(target, transport.key)
    const placement = new Placement(transport, flow, branch, came)
    const wire = encode(template, placement)
    if (target.protocol === 'UDP' && wire.length > this.#maxDatagram) {
      const tcp = { ...target, protocol: 'TCP' as const }
      const other = this.#transports.tcpBeside(transport)
      if (other !== undefined) {
        this.#sendRequest(template, other, tcp, branch, came)
        return
      }
    }
    this.#counters.requestOut(template.method)
    this.#transports.send(wire, flow)
  }
}

/** Puts us into the way of the dialog: the inbound side below, the outbound side on top where it is another. */
function withRecordRoute(
  template: RequestTemplate,
  inbound: Transport,
  outbound: Transport,
): RequestTemplate {
  const routed = template.derive()
  routed.prepend(h.RecordRoute, recordRoute(inbound))
  return inbound === outbound ? routed : routed.prepend(h.RecordRoute, recordRoute(outbound))
}

function recordRoute(transport: Transport): NameAddr {
  return new NameAddr('', localUri(transport, emptyUri).withParam(lrParam, true), noParams)
}

const emptyUri = new Uri('sip', undefined, undefined, '', undefined, noParams, '', '')

/** Where a new way back leads: `received` and the sent-by port (RFC 3261 §18.2.2), else sent-by, to be looked up. */
function uriOf(via: Via): Uri {
  return emptyUri.with({ host: via.received ?? via.host, port: via.port })
}

function protocolOf(via: Via, target: Target): Target['protocol'] {
  switch (via.transport) {
    case 'TCP':
    case 'TLS':
    case 'WS':
    case 'WSS':
      return via.transport
    default:
      return target.protocol
  }
}
