import { familyOf, unbracketed } from '../../util/address.ts'
import { asksToKeep, grantKeep, mayGrantKeep } from '../flow/keep.ts'
import { textParam } from '../grammar/params.ts'
import { ParseError } from '../grammar/parse-error.ts'
import { maddrParam } from '../grammar/uri-params.ts'
import * as h from '../headers/index.ts'
import type { Via } from '../headers/via.ts'
import type { LocateLine } from '../locate/line.ts'
import { protocolNamed } from '../locate/services.ts'
import { elementEnd } from '../message/elements.ts'
import { encode } from '../message/encode.ts'
import { type Flow, flowTo, onLinkOf } from '../message/flow.ts'
import type { SipResponse } from '../message/message.ts'
import type { ResponseTemplate } from '../message/template.ts'
import type { Counters } from '../statistics.ts'
import type { TransportLayer } from '../transport/layer.ts'
import { canConnectTo } from '../transport/response-way.ts'
import type { Target } from '../transport/selector.ts'
import type { Transport } from '../transport/transport.ts'
import type { FlowTokens, Way } from './flow-token.ts'

/** Our own Via says by which transport and connection the request came, so that the response finds its way back. */
const cameBy = textParam('i')

/** What forwarding responses needs of the stack. */
export interface ResponseForwardingContext {
  readonly transports: TransportLayer
  readonly line: LocateLine
  readonly counters: Counters
  readonly tokens: FlowTokens
  /** Whether `maddr` in the Via of a request is where its responses go (RFC 3261 §18.2.2). */
  readonly followMaddr: boolean
  /** What the `keep` of the Via below ours is answered with (RFC 6223), in seconds. */
  readonly keep: number | undefined
}

/** Sends responses back the way their requests came, without having kept anything of them (RFC 3261 §16.7, §16.11). */
export class ResponseForwarding {
  readonly #context: ResponseForwardingContext

  constructor(context: ResponseForwardingContext) {
    this.#context = context
  }

  /** Whether a response answers a request that was forwarded here, by what our Via says, signed, of the Via below it. */
  isAnswer(response: SipResponse): boolean {
    try {
      return this.#way(response, viaBelow(response)) !== undefined
    } catch (error) {
      if (error instanceof ParseError) return false
      throw error
    }
  }

  /**
   * Sends a response on by the Via below ours (RFC 3261 §16.7 step 3, §18.2.2): over the connection the request came
   * by where it still is, else to `received` and `rport`, else to sent-by. What has no other Via is dropped, and so is
   * what is no answer to a request that was forwarded here: anybody may write a Via that names us, and others below.
   */
  forward(response: SipResponse, changed?: ResponseTemplate): void {
    const { counters } = this.#context
    counters.responseIn(response.status)
    try {
      this.#forward(response, changed)
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      counters.malformed++
    }
  }

  #forward(response: SipResponse, given: ResponseTemplate | undefined): void {
    const { transports, counters, keep } = this.#context
    const below = viaBelow(response)
    const grants =
      keep !== undefined && below !== undefined && mayGrantKeep(response.status) && asksToKeep(below)
    const changed = given ?? (grants ? response.forward() : undefined)
    if (below === undefined && changed === undefined) {
      counters.strayResponses++
      return
    }
    const way = this.#way(response, below)
    if (way === undefined) {
      counters.unsignedResponses++
      return
    }
    changed?.removeFirst(h.Via)
    if (grants && changed !== undefined) grantKeep(changed, keep)
    const via = changed === undefined ? below : changed.get(h.Via)
    if (via === undefined) {
      counters.strayResponses++
      return
    }
    const wire = changed === undefined ? withoutTopVia(response) : encode(changed)
    counters.responseOut(response.status)
    const flow = this.#flowBack(way, via)
    const sent = flow === undefined ? 'gone' : transports.send(wire, flow)
    if (typeof sent !== 'string') return
    if (sent === 'gone' || sent === 'closed') this.#sendAnew(wire, via, way)
    else counters.flowFailures++
  }

  #way(response: SipResponse, below: Via | undefined): Way | undefined {
    const { via } = response
    const token = via.param(cameBy)
    return token === undefined ? undefined : this.#context.tokens.wayOf(token, via.branch, below)
  }

  /** The flow a response goes back by; `undefined` where sent-by has to be looked up. */
  #flowBack(way: Way, via: Via): Flow | undefined {
    const transport = this.#context.transports.byOrdinal(way.place)
    if (transport === undefined) return undefined
    const maddr = this.#context.followMaddr && !transport.isReliable ? via.param(maddrParam) : undefined
    const address = unbracketed(maddr ?? via.received ?? via.host)
    if (familyOf(address) === undefined) return undefined
    return {
      protocol: transport.protocol,
      transport: transport.key,
      address: address.includes(':') ? onLinkOf(transport.local.address, address) : address,
      port: portBack(via, transport),
      connection: way.connection,
      serverName: undefined,
    }
  }

  /**
   * The way it came is gone: to `received`, else to sent-by, which may be a name (RFC 3261 §18.2.2, RFC 3263 §5); nowhere
   * where nobody can connect to, whatever protocol the Via tells of.
   */
  #sendAnew(wire: string, via: Via, way: Way): void {
    const { line, counters, transports } = this.#context
    const cameBy = transports.byOrdinal(way.place)?.protocol ?? protocolNamed(via.transport)
    if (cameBy === undefined || !canConnectTo(via, cameBy)) {
      counters.flowFailures++
      return
    }
    line.locateResponse(via, targets => {
      const target = targets?.[0]
      if (target !== undefined) this.#sendTo(wire, target)
      else counters.flowFailures++
    })
  }

  #sendTo(wire: string, target: Target): void {
    const { transports, counters } = this.#context
    const send = (transport: Transport): void => {
      if (typeof transports.send(wire, flowTo(target, transport)) === 'string') counters.flowFailures++
    }
    try {
      const transport = transports.select(target)
      if (transport instanceof Promise) transport.then(send).catch(() => counters.flowFailures++)
      else send(transport)
    } catch {
      counters.flowFailures++
    }
  }
}

/** Datagrams go back to the port they came from (RFC 3581 §4); a connection made anew goes to that of sent-by (§18.2.2). */
function portBack(via: Via, { isReliable, protocol }: Transport): number {
  const port = via.port ?? (protocol === 'TLS' || protocol === 'WSS' ? 5061 : 5060)
  return isReliable ? port : (via.rport ?? port)
}

/** The second Via: what stands below that is for others, and may be malformed. */
function viaBelow(response: SipResponse): Via | undefined {
  return response.each(h.Via, 1).next().value
}

/** The response as it came but for its top Via; mostly that has a line of its own, which is left out of the text. */
function withoutTopVia(response: SipResponse): string {
  const { head, body } = response
  const { text } = head
  const line = head.find(h.Via.id, h.Via.name)
  const end = head.lineEnd(line)
  if (!response.hasContentLength || elementEnd(text, head.valueStart(line), end, true) < end) {
    return encode(response.forward().removeFirst(h.Via))
  }
  const kept = text.slice(head.startLineStart, head.lineStart(line)) + text.slice(end + 2, head.end)
  return body.length === 0 ? kept : kept + body.latin1Slice()
}
