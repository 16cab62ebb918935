import type { Uri } from '../grammar/uri.ts'
import { transportParam } from '../grammar/uri-params.ts'
import type { Hop } from '../message/encode.ts'
import type { Flow } from '../message/flow.ts'
import { advertisedTo } from './advertised.ts'
import type { SentBy } from './sent-by.ts'
import type { Transport } from './transport.ts'

/** Where a template goes in one sending: the transport, the flow, and the branch of the Via it gets. Never changed. */
export class Placement implements Hop {
  readonly transport: Transport
  /** The flow's `connection` may be 0 until something was sent. */
  readonly flow: Flow
  readonly branch: string
  /** More parameters of the Via, each with its semicolon. */
  readonly viaParams: string

  constructor(transport: Transport, flow: Flow, branch: string, viaParams: string = '') {
    this.transport = transport
    this.flow = flow
    this.branch = branch
    this.viaParams = viaParams
  }

  /** The top Via (RFC 3261 §18.1.1), with `rport` (RFC 3581 §3), and `alias` (RFC 5923). */
  get via(): string {
    const { transport } = this
    const { text } = advertisedTo(transport, this.flow.address)
    const alias = transport.offersAlias ? ';alias' : ''
    return `SIP/2.0/${transport.protocol} ${text};rport;branch=${this.branch}${this.viaParams}${alias}`
  }

  localUri(uri: Uri): Uri {
    return localUri(this.transport, advertisedTo(this.transport, this.flow.address), uri)
  }
}

/**
 * A URI at which a transport can be reached by one of its names: host, port, and `transport` where it is neither UDP nor
 * said by the scheme: sips has no `transport=tls` (RFC 5630 §3.1.2).
 */
export function localUri(transport: Transport, { host, port }: SentBy, uri: Uri): Uri {
  const here = uri.with({ host, port })
  return transport.protocol === 'UDP' || (uri.secure && transport.protocol === 'TLS')
    ? here
    : here.withParam(transportParam, transportName(transport, uri))
}

/**
 * `ws` stands for both WebSockets in a URI (RFC 7118 §5.2), made secure by sips; a sip URI of a secure one that can be
 * reached says `wss`, which is widely read so, or who follows it would connect in the clear.
 */
function transportName({ protocol, sentBy }: Transport, uri: Uri): string {
  const isPlain = protocol === 'WSS' && (uri.secure || sentBy.host.endsWith('.invalid'))
  return isPlain ? 'ws' : protocol.toLowerCase()
}
