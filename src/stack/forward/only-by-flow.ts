import { familyOf, sameAddress, unbracketed } from '../../util/address.ts'
import { isNobodys } from '../grammar/host.ts'
import { flagParam } from '../grammar/params.ts'
import * as h from '../headers/index.ts'
import type { Via } from '../headers/via.ts'
import type { Flow } from '../message/flow.ts'
import type { SipRequest } from '../message/message.ts'

const obParam = flagParam('ob')

/**
 * Whether who sent a request can be reached by its own flow alone, so that what a dialog sends to it later must go there:
 * a WebSocket client (RFC 7118 §5), one that names a host that nobody has (`.invalid`, RFC 7118 §5.1), a UA that asks for
 * it with `ob` in its Contact or Route (RFC 5626 §5.3.2, of the first hop only), and with `natHelp` one whose Via names
 * another address than it sends from, or over datagrams another port although it asks for `rport`. A sent-by that is a
 * name says nothing of that.
 */
export function isReachableOnlyByFlow(request: SipRequest, natHelp: boolean = false): boolean {
  const { source, via } = request
  if (source === undefined) return false
  if (source.protocol === 'WS' || source.protocol === 'WSS' || isNobodys(via.host)) return true
  if (natHelp && isBehindNat(via, source)) return true
  return asksForIt(request) && isFirstHop(request)
}

function isBehindNat(via: Via, source: Flow): boolean {
  const host = unbracketed(via.host)
  if (familyOf(host) === undefined) return false
  if (!sameAddress(host, source.address)) return true
  return source.protocol === 'UDP' && via.wantsRport && (via.port ?? 5060) !== source.port
}

function asksForIt(request: SipRequest): boolean {
  const isAsking = request.try(h.Contact).value?.uri.param(obParam)
  return isAsking ?? request.try(h.Route).value?.uri.param(obParam) ?? false
}

/** RFC 5626 §5.1: to be seen by the Via. */
function isFirstHop(request: SipRequest): boolean {
  return request.each(h.Via, 1).next().done === true
}
