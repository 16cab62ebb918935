import type { Flow } from '../../stack/message/flow.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import { attempt } from '../../stack/message/reader.ts'
import { canonicalAddress, hostPort, unbracketed } from '../../util/address.ts'

/**
 * The address that a response tells us we are seen at, `203.0.113.7:40000`, by `received` and `rport` of our Via (RFC 3581 §4):
 * `undefined` where it is the one that we named ourselves. Over a stream the port is that of the connection, which differs
 * from ours without any NAT, so that only the address tells.
 */
export function learnedAddress(response: SipResponse, flow: Flow | undefined): string | undefined {
  const via = attempt(() => response.via).value
  if (via === undefined) return undefined
  const named = canonicalAddress(unbracketed(via.host))
  const received = canonicalAddress(unbracketed(via.received ?? via.host))
  const port = via.port ?? 5060
  const seen = typeof via.rport === 'number' ? via.rport : port
  // who names himself by a host name wants to be found by that
  if (received === undefined || named === undefined) return undefined
  const isMoved = received !== named || (flow?.protocol === 'UDP' && seen !== port)
  return isMoved ? hostPort(received, seen) : undefined
}
