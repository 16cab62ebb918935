import { NameAddr } from '../grammar/name-addr.ts'
import { noParams, textParam } from '../grammar/params.ts'
import { Uri } from '../grammar/uri.ts'
import { lrParam } from '../grammar/uri-params.ts'
import * as h from '../headers/index.ts'
import type { SipRequest } from '../message/message.ts'
import type { RequestTemplate } from '../message/template.ts'
import { advertisedTo } from '../transport/advertised.ts'
import { localUri } from '../transport/placement.ts'
import type { SentBy } from '../transport/sent-by.ts'
import type { Transport } from '../transport/transport.ts'
import type { FlowTokens } from './flow-token.ts'

/** In a Record-Route of ours: which dialog it was written for, signed. */
const dialogParam = textParam('d')

/** One side of a request that passes: the transport, the address of the next hop on it, and the flow of who is reached by that alone. */
export interface Side {
  readonly transport: Transport
  readonly remote: string
  readonly flowToken: string | undefined
}

/**
 * Puts us into the way of the dialog: the inbound side below, the outbound side on top where it is another transport,
 * or knows us by another name (RFC 5658 §4). Where a side has a flow token there are always two, so that their order
 * tells who sends a request: the last of our Routes is that of the side it goes to, also when the sender's own address
 * has changed meanwhile.
 */
export function withRecordRoute(
  template: RequestTemplate,
  inbound: Side,
  outbound: Side,
  dialog: string | undefined,
): RequestTemplate {
  const [below, above] = [nameOf(inbound), nameOf(outbound)]
  const own = template.requestUri.secure ? emptySips : emptySip
  const routed = template.derive()
  routed.prepend(h.RecordRoute, recordRoute(inbound, below, own, dialog))
  const isSame = inbound.transport === outbound.transport && below === above
  const isOne = isSame && !inbound.flowToken && !outbound.flowToken
  return isOne ? routed : routed.prepend(h.RecordRoute, recordRoute(outbound, above, own, dialog))
}

function nameOf({ transport, remote }: Side): SentBy {
  return advertisedTo(transport, remote)
}

function recordRoute(
  { transport, flowToken }: Side,
  name: SentBy,
  own: Uri,
  dialog: string | undefined,
): NameAddr {
  let uri = localUri(transport, name, own).withParam(lrParam, true)
  if (flowToken !== undefined) uri = uri.with({ user: flowToken })
  if (dialog !== undefined) uri = uri.withParam(dialogParam, dialog)
  return new NameAddr('', uri, noParams)
}

/**
 * Whether a request follows the signed Record-Route of its own dialog: its first Route, or a Request-URI that a strict
 * router put it into. The dialog's tag is that of the one who began it: From in one direction, To in the other.
 */
export function isOfDialog(request: SipRequest, tokens: FlowTokens): boolean {
  const { callId, from, to } = request
  const route = request.try(h.Route).value?.uri ?? request.requestUri
  const token = route.param(dialogParam) ?? request.requestUri.param(dialogParam)
  if (token === undefined) return false
  const isOf = (tag: string | undefined): boolean =>
    tag !== undefined && tokens.isOfDialog(token, callId, tag)
  return isOf(from.tag) || isOf(to.tag)
}

const emptySip = new Uri('sip', undefined, undefined, '', undefined, noParams, '', '')
/** RFC 3261 §16.6 step 4: a sips request is record-routed with sips. */
const emptySips = emptySip.with({ scheme: 'sips' })
