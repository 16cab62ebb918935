import { familyOf, unbracketed } from '../../util/address.ts'
import { maddrParam } from '../grammar/uri-params.ts'
import type { Flow } from '../message/flow.ts'
import type { SipRequest } from '../message/message.ts'
import { isSecure } from './secure.ts'

/** How the responses to one request go back. */
export interface ResponseWay {
  readonly flow: Flow
  /** Where to connect to when the flow's connection is gone; nowhere where a WebSocket client is (RFC 7118 §5.3). */
  readonly fallback: Flow | undefined
  readonly isReliable: boolean
}

/**
 * The way back (RFC 3261 §18.2.2, RFC 3581 §4): over a stream the connection the request came by, and when that is
 * gone a new one to the address it came from and the sent-by port; over UDP to the port it came from where the sender
 * asked for that, else to the sent-by port; to `maddr` before either where `followMaddr` says so, for it names whom the
 * sender likes.
 */
export function responseWay(request: SipRequest, source: Flow, followMaddr: boolean = false): ResponseWay {
  if (source.protocol === 'WS' || source.protocol === 'WSS')
    return { flow: source, fallback: undefined, isReliable: true }
  const { via } = request
  const secure = isSecure(source.protocol)
  const port = via.port ?? (secure ? 5061 : 5060)
  const fallback: Flow = {
    protocol: source.protocol,
    transport: source.transport,
    address: source.address,
    port,
    connection: 0,
    // who is connected to must prove to be whom the request named, wherever it came from (RFC 5922 §7.3)
    serverName: secure ? via.host : undefined,
  }
  if (source.protocol !== 'UDP') return { flow: source, fallback, isReliable: true }
  const maddr = followMaddr ? unbracketed(via.param(maddrParam) ?? '') : ''
  if (maddr !== '' && familyOf(maddr) === familyOf(source.address)) {
    return { flow: { ...fallback, address: maddr }, fallback, isReliable: false }
  }
  return { flow: via.wantsRport ? source : fallback, fallback, isReliable: false }
}
