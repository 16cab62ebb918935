import { NameAddr } from '../grammar/name-addr.ts'
import { noParams, textParam } from '../grammar/params.ts'
import { Uri } from '../grammar/uri.ts'
import { lrParam } from '../grammar/uri-params.ts'
import * as h from '../headers/index.ts'
import type { SipRequest } from '../message/message.ts'
import type { RequestTemplate } from '../message/template.ts'
import { localUri } from '../transport/placement.ts'
import type { Transport } from '../transport/transport.ts'
import type { FlowTokens } from './flow-token.ts'

/** In a Record-Route of ours: which dialog it was written for, signed. */
const dialogParam = textParam('d')

/** Puts us into the way of the dialog: the inbound side below, the outbound side on top where it is another (RFC 5658). */
export function withRecordRoute(
  template: RequestTemplate,
  inbound: Transport,
  outbound: Transport,
  token: string | undefined,
): RequestTemplate {
  const routed = template.derive()
  const own = template.requestUri.secure ? emptySips : emptySip
  routed.prepend(h.RecordRoute, recordRoute(inbound, own, token))
  return inbound === outbound ? routed : routed.prepend(h.RecordRoute, recordRoute(outbound, own, token))
}

function recordRoute(transport: Transport, own: Uri, token: string | undefined): NameAddr {
  let uri = localUri(transport, own).withParam(lrParam, true)
  if (token !== undefined) uri = uri.withParam(dialogParam, token)
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
