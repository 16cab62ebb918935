import { familyOf, unbracketed } from '../../util/address.ts'
import { isNobodys } from '../grammar/host.ts'
import { maddrParam } from '../grammar/uri-params.ts'
import type { Via } from '../headers/via.ts'
import type { Flow, Protocol } from '../message/flow.ts'
import type { SipRequest } from '../message/message.ts'
import { isSecure } from './secure.ts'

/** How the responses to one request go back. */
export interface ResponseWay {
  readonly flow: Flow
  /** Where to connect to when the flow's connection is gone; nowhere where nobody can ({@link canConnectTo}). */
  readonly fallback: Flow | undefined
  readonly isReliable: boolean
}

/**
 * Whether who wrote a Via can be connected to when the connection its request came by is gone: a WebSocket client cannot
 * (RFC 7118 §5.3), nor one that names a host that nobody has. Datagrams need no connection.
 */
export function canConnectTo(via: Via, protocol: Protocol): boolean {
  if (protocol === 'WS' || protocol === 'WSS') return false
  return protocol === 'UDP' || !isNobodys(via.host)
}

/**
 * The way back (RFC 3261 §18.2.2, RFC 3581 §4): over a stream the connection the request came by, and when that is
 * gone a new one to the address it came from and the sent-by port; over UDP to the port it came from where the sender
 * asked for that, else to the sent-by port; to `maddr` before either where `followMaddr` says so, for it names whom the
 * sender likes.
 */
export function responseWay(request: SipRequest, source: Flow, followMaddr: boolean = false): ResponseWay {
  const { via } = request
  if (!canConnectTo(via, source.protocol)) return { flow: source, fallback: undefined, isReliable: true }
  const secure = isSecure(source.protocol)
  const port = via.port ?? (secure ? 5061 : 5060)
  const fallback: Flow = {
    protocol: source.protocol,
    transport: source.transport,
    address: source.address,
    port,
    connection: 0,
    // who is connected to must prove to be whom the request named, wherever it came from (RFC 5922 §7.3)
    serverName: secure ? unbracketed(via.host) : undefined,
  }
  if (source.protocol !== 'UDP') return { flow: source, fallback, isReliable: true }
  const maddr = followMaddr ? unbracketed(via.param(maddrParam) ?? '') : ''
  if (maddr !== '' && familyOf(maddr) === familyOf(source.address)) {
    return { flow: { ...fallback, address: maddr }, fallback, isReliable: false }
  }
  return { flow: via.wantsRport ? source : fallback, fallback, isReliable: false }
}
