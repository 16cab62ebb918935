import { familyOf } from '../../util/address.ts'
import type { SipRequest } from '../message/message.ts'
import { maddrParam } from '../message/uri-params.ts'
import type { Flow } from './flow.ts'

/** How the responses to one request go back. */
export interface ResponseWay {
  readonly flow: Flow
  /** Where to connect to when the flow's connection is gone. */
  readonly fallback: Flow
  readonly isReliable: boolean
}

/**
 * The way back (RFC 3261 §18.2.2, RFC 3581 §4): over a stream the connection the request came by, and when that is
 * gone a new one to the address it came from and the sent-by port; over UDP to the port it came from where the sender
 * asked for that, else to the sent-by port; `maddr` before either.
 */
export function responseWay(request: SipRequest, source: Flow): ResponseWay {
  const { via } = request
  const port = via.port ?? (source.protocol === 'TLS' || source.protocol === 'WSS' ? 5061 : 5060)
  const fallback = { ...source, port, connection: 0 }
  if (source.protocol !== 'UDP') return { flow: source, fallback, isReliable: true }
  const maddr = via.param(maddrParam)
  if (maddr !== undefined && familyOf(maddr) === familyOf(source.address)) {
    return { flow: { ...fallback, address: maddr }, fallback, isReliable: false }
  }
  return { flow: via.wantsRport ? source : fallback, fallback, isReliable: false }
}
