import type { Hop } from '../message/encode.ts'
import { formatHostPort, type Uri } from '../message/uri.ts'
import { transportParam } from '../message/uri-params.ts'
import type { Flow } from './flow.ts'
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

  /** The top Via (RFC 3261 §18.1.1), with `rport` (RFC 3581 §3). */
  get via(): string {
    const { transport } = this
    return `SIP/2.0/${transport.protocol} ${sentBy(transport)};rport;branch=${this.branch}${this.viaParams}`
  }

  localUri(uri: Uri): Uri {
    return localUri(this.transport, uri)
  }
}

/** How a transport names itself in a Via. */
export function sentBy(transport: Transport): string {
  return formatHostPort(transport.local.address, transport.local.port)
}

/** A URI at which a transport can be reached: host, port, and `transport` where it is not UDP. */
export function localUri(transport: Transport, uri: Uri): Uri {
  const { address, port } = transport.local
  const here = uri.with({ host: address, port })
  return transport.protocol === 'UDP'
    ? here
    : here.withParam(transportParam, transport.protocol.toLowerCase())
}
