import { unbracketed } from '../../util/address.ts'
import { EnvironmentError, PeerError } from '../../util/errors.ts'
import { type Failed, guarded } from '../../util/guard.ts'
import { isHost } from '../grammar/host.ts'
import type { Uri } from '../grammar/uri.ts'
import { maddrParam } from '../grammar/uri-params.ts'
import * as h from '../headers/index.ts'
import type { Via } from '../headers/via.ts'
import type { LocateLine } from '../locate/line.ts'
import { nextHopOf, strictlyRouted } from '../locate/next-hop.ts'
import { encode } from '../message/encode.ts'
import { type Flow, flowTo } from '../message/flow.ts'
import type { SipRequest } from '../message/message.ts'
import type { RequestTemplate } from '../message/template.ts'
import type { Counters } from '../statistics.ts'
import { type Decorate, decorated } from '../transport/decorate.ts'
import type { TransportLayer } from '../transport/layer.ts'
import { Placement } from '../transport/placement.ts'
import type { Target } from '../transport/selector.ts'
import { sendError } from '../transport/send-error.ts'
import type { Transport } from '../transport/transport.ts'
import { statelessBranch } from './branch.ts'
import { connectionOf, type FlowTokens } from './flow-token.ts'
import { isReachableOnlyByFlow } from './only-by-flow.ts'
import { type Side, withRecordRoute } from './record-route.ts'
import { tokenOf } from './route-flow.ts'
import { chooseTarget } from './target.ts'

export interface ForwardOptions {
  /** Where to send it; left out: to the first Route, or to the Request-URI. */
  readonly nextHop?: Uri | undefined
  /** Targets that were found already; nothing is looked up then, and one of them is chosen by the branch. */
  readonly targets?: readonly Target[]
  /** The transport to send it from, by its key or by the interface that it is bound to, whatever the routes say. */
  readonly transport?: string
  /** Send it over this flow or not at all: how a client is reached that registered over a connection of its own (RFC 5626 §5.3). */
  readonly flow?: Flow
  /**
   * Stay on the way of the dialog: one Record-Route, two where transport or family change (RFC 5658). A `signed` one
   * lets `isOfDialog` tell later that a request follows it by right. Towards a client that only its flow reaches, the
   * sender's or the one given as `flow`, it has a token of that flow, which `SipStack.flowOf` reads again.
   */
  readonly recordRoute?: boolean | 'signed'
  /** Take who sends from another address than its Via names for one that only its flow reaches. Default false. */
  readonly natHelp?: boolean
  /**
   * Asked for the request as it is to be sent when its way is known: transport, flow, branch. It may be asked again for
   * the same request, with another placement.
   */
  readonly decorate?: Decorate
  /**
   * Told when the request could not be sent, with the status to answer: 400 for a next hop that cannot be read, 416 for
   * a scheme that cannot be sent to, 430 for a flow that is gone, 480 for a transport that is not spoken here, 513 for
   * what no datagram carries, 500 for a mistake of the program's, else 503.
   */
  readonly onFailure?: (status: number, error: Error) => void
}

/** What forwarding needs of the stack. */
export interface ForwardingContext {
  readonly transports: TransportLayer
  readonly line: LocateLine
  readonly counters: Counters
  readonly tokens: FlowTokens
  readonly maxDatagram: number
  /** Told what an application's callback threw. */
  readonly failed: Failed
}

const noOptions: ForwardOptions = {}

/** Sends requests on without keeping anything of them (RFC 3261 §16.6, §16.11). */
export class Forwarding {
  readonly #context: ForwardingContext

  constructor(context: ForwardingContext) {
    this.#context = context
  }

  /** Sends `out`, made from `request`, on to its next hop; its branch comes from `request` alone. */
  forward(request: SipRequest, out: RequestTemplate, options: ForwardOptions = noOptions): void {
    try {
      const branch = statelessBranch(request)
      this.#send(new Forwarded(this.#context, request, strictlyRouted(out), branch, options), out)
    } catch (error) {
      this.#fail(options, error, 500)
    }
  }

  #send(sent: Forwarded, out: RequestTemplate): void {
    const { flow, targets, nextHop = nextHopOf(out), transport: forced } = sent.options
    if (flow !== undefined) {
      const transport = this.#context.transports.byKey(flow.transport)
      if (transport === undefined) this.#fail(sent.options, sendError('gone', flow), 503)
      else this.#place(sent, transport, flow)
      return
    }
    if (forced !== undefined) this.#context.transports.check(forced)
    if (targets !== undefined) {
      this.#sendTo(sent, chooseTarget(targets, sent.branch), nextHop)
      return
    }
    checkHost(nextHop)
    this.#context.line.locate(nextHop, true, (found, error) => {
      this.#sendTo(sent, found && chooseTarget(found, sent.branch), nextHop, error)
    })
  }

  #sendTo(sent: Forwarded, target: Target | undefined, nextHop: Uri, error?: unknown): void {
    if (target === undefined) {
      this.#fail(sent.options, error ?? noTarget(nextHop), 503)
      return
    }
    try {
      const transport = this.#context.transports.select(target, sent.options.transport)
      if (transport instanceof Promise) {
        transport.then(
          chosen => this.#place(sent, chosen, flowTo(target, chosen)),
          (cause: unknown) => this.#fail(sent.options, cause, 503),
        )
      } else this.#place(sent, transport, flowTo(target, transport))
    } catch (cause) {
      this.#fail(sent.options, cause, 503)
    }
  }

  /** The way is known: writes the request for it and sends it, over TCP where UDP is too narrow (RFC 3261 §18.1.1). */
  #place(sent: Forwarded, transport: Transport, flow: Flow): void {
    const { transports, counters, maxDatagram } = this.#context
    try {
      let wire = sent.encode(transport, flow)
      const { flow: given, transport: forced } = sent.options
      const wider =
        given === undefined ? transports.widerWay(flow, wire.length, maxDatagram, forced) : undefined
      if (wider !== undefined) wire = sent.encode(wider.transport, wider.flow)
      const placed = wider?.flow ?? flow
      const answer = transports.send(wire, placed)
      if (typeof answer === 'string') {
        this.#fail(sent.options, sendError(answer, placed), 503)
        return
      }
      counters.requestOut(sent.method)
    } catch (error) {
      this.#fail(sent.options, error, 500)
      return
    }
  }

  #fail(options: ForwardOptions, error: unknown, otherwise: number): void {
    // a look-up may end after the stack was closed
    if (this.#context.transports.isClosed) return
    const reason = error instanceof Error ? error : new Error(String(error))
    const status = statusOf(reason) ?? otherwise
    guarded(this.#context.failed, options, options.onFailure, status, reason)
  }
}

/** A request on its way out: what does not change with the transport it leaves by. */
class Forwarded {
  readonly options: ForwardOptions
  readonly branch: string
  readonly #context: ForwardingContext
  readonly #request: SipRequest
  readonly #template: RequestTemplate
  readonly #inbound: Transport | undefined
  /** What our Via says of the way back. */
  readonly #viaParams: string

  constructor(
    context: ForwardingContext,
    request: SipRequest,
    template: RequestTemplate,
    branch: string,
    options: ForwardOptions,
  ) {
    const { transports, tokens } = context
    this.options = options
    this.branch = branch
    this.#context = context
    this.#request = request
    this.#template = template
    this.#inbound = transports.byKey(request.source?.transport ?? '')
    const place = this.#inbound === undefined ? -1 : transports.ordinalOf(this.#inbound)
    const connection = connectionOf(request.source)
    this.#viaParams =
      place < 0 ? '' : `;i=${tokens.ofWay(place, connection, branch, template.get<Via>(h.Via))}`
  }

  get method(): string {
    return this.#template.method
  }

  encode(transport: Transport, flow: Flow): string {
    const { recordRoute, decorate } = this.options
    let template = this.#template
    if (recordRoute && this.#inbound !== undefined) {
      const token =
        recordRoute === 'signed'
          ? this.#context.tokens.ofDialog(this.#request.callId, this.#request.from.tag ?? '')
          : undefined
      template = withRecordRoute(
        template,
        this.#inboundSide(this.#inbound),
        this.#outboundSide(transport, flow),
        token,
      )
    }
    const placement = new Placement(transport, flow, this.branch, this.#viaParams)
    return encode(decorated(template, placement, decorate, this.#context.failed), placement)
  }

  #inboundSide(transport: Transport): Side {
    const { source } = this.#request
    const flowToken =
      source !== undefined && isReachableOnlyByFlow(this.#request, this.options.natHelp)
        ? tokenOf(this.#context.tokens, transport, source)
        : undefined
    return { transport, remote: source?.address ?? '', flowToken }
  }

  #outboundSide(transport: Transport, to: Flow): Side {
    const { flow } = this.options
    const flowToken = flow && tokenOf(this.#context.tokens, transport, flow)
    return { transport, remote: to.address, flowToken }
  }
}

/** What the error itself says of the status to answer. */
function statusOf(error: Error): number | undefined {
  if (error instanceof PeerError) return error.status ?? 400
  return error instanceof EnvironmentError ? statuses.get(error.code) : undefined
}

const statuses: ReadonlyMap<string, number> = new Map([
  ['ERR_SIP_SCHEME', 416],
  ['ERR_SIP_NO_TRANSPORT', 480],
  ['ERR_SIP_INSECURE', 480],
  ['ERR_SIP_FLOW', 430],
  ['ERR_SIP_TOO_LARGE', 513],
])

/** A next hop whose address is none would be looked up as a name, and be our failure then (RFC 5954 §4.1). */
function checkHost(nextHop: Uri): void {
  if (!nextHop.isSip) return
  const maddr = nextHop.param(maddrParam)
  const isReadable = maddr !== undefined || !nextHop.params.has('maddr')
  if (!isReadable || !isHost(unbracketed(maddr ?? nextHop.host)))
    throw new PeerError('ERR_SIP_HOST', 'the next hop is neither a name nor an address', 400)
  if (nextHop.port === 0) throw new PeerError('ERR_SIP_HOST', 'the next hop has port 0', 400)
}

function noTarget(nextHop: Uri): EnvironmentError {
  return new EnvironmentError('ENOTFOUND', `no target for ${nextHop.hostPort}`)
}
