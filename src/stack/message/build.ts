import { PeerError, UsageError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'
import { consistsOf, TOKEN } from '../grammar/chars.ts'
import type { Method } from '../grammar/method.ts'
import { NameAddr, nameAddr } from '../grammar/name-addr.ts'
import { ID_COUNT } from '../grammar/names.ts'
import { noParams } from '../grammar/params.ts'
import { Uri, uri } from '../grammar/uri.ts'
import { CSeq } from '../headers/cseq.ts'
import * as h from '../headers/index.ts'
import { HeaderBlock } from './block.ts'
import { elementTexts } from './elements.ts'
import { headLines, linesOf } from './encode.ts'
import { type Identifiers, systemIdentifiers } from './identifiers.ts'
import type { SipRequest, SipResponse } from './message.ts'
import { RequestTemplate, ResponseTemplate } from './template.ts'

/** Headers that a response takes over from its request (RFC 3261 §8.2.6.2), by id. */
const answered = headerSet(h.Via, h.From, h.To, h.CallId, h.CSeq)
/** The same and Record-Route, for responses that may make a dialog (§12.1.1). */
const answeredInDialog = headerSet(h.Via, h.From, h.To, h.CallId, h.CSeq, h.RecordRoute)
/** The same and Timestamp, for 100 (§8.2.6.1). */
const answeredTrying = headerSet(h.Via, h.From, h.To, h.CallId, h.CSeq, h.Timestamp)

/** Methods whose 1xx and 2xx may make a dialog, so that Record-Route goes back in them. */
const dialogMethods = new Set<Method>(['INVITE', 'SUBSCRIBE', 'REFER', 'NOTIFY', 'UPDATE'])

/** Marks a Contact whose host, port and transport the transport layer is to fill in. */
const emptyContact = new NameAddr(
  '',
  new Uri('sip', undefined, undefined, '', undefined, noParams, '', ''),
  noParams,
)

export interface RequestParts {
  readonly from: NameAddr | string
  readonly to?: NameAddr | string
  readonly callId?: string
  /** 1 unless said. */
  readonly cseq?: number
  readonly maxForwards?: number
  /** A Contact; its host may be left empty to be filled in when the request is sent. */
  readonly contact?: NameAddr
}

/**
 * A request outside any dialog (RFC 3261 §8.1.1). From gets a tag and Call-ID is made where the parts have none.
 * @throws ParseError where a text is no address, UsageError where the method is no token or a number out of its range
 */
export function request(
  method: Method,
  target: Uri | string,
  parts: RequestParts,
  ids: Identifiers = systemIdentifiers,
): RequestTemplate {
  if (!consistsOf(TOKEN, method))
    throw new UsageError('ERR_SIP_TEMPLATE', `"${printable(method)}" is no method; a token is needed`)
  const cseq = within('CSeq', parts.cseq ?? 1, 0x7fffffff)
  const maxForwards = within('Max-Forwards', parts.maxForwards ?? 70, 255)
  const requestUri = typeof target === 'string' ? uri(target) : target
  const from = typeof parts.from === 'string' ? nameAddr(parts.from) : parts.from
  const to = parts.to === undefined ? new NameAddr('', requestUri, noParams) : parts.to
  const template = new RequestTemplate(method, requestUri)
    .set(h.MaxForwards, maxForwards)
    .set(h.From, from.tag === undefined ? from.with({ tag: ids.newTag() }) : from)
    .set(h.To, typeof to === 'string' ? nameAddr(to) : to)
    .set(h.CallId, parts.callId ?? ids.newCallId())
    .set(h.CSeq, new CSeq(cseq, method))
  return parts.contact === undefined
    ? template
    : template.set(h.Contact, securedContact(parts.contact, requestUri))
}

/** The Contact of a sips request is sips (RFC 5630 §5.1.1), where it is left to us to fill it in. */
function securedContact(contact: NameAddr, { secure }: Uri): NameAddr {
  const { uri: address } = contact
  if (!secure || address.host !== '' || address.scheme !== 'sip') return contact
  return contact.with({ uri: address.with({ scheme: 'sips' }) })
}

/**
 * A REGISTER that binds the sending address to `to`'s address of record (RFC 3261 §10.2): the registrar is the
 * domain of `to`, and Contact is filled in when it is sent.
 */
export function register(to: NameAddr, from: NameAddr = to, ids?: Identifiers): RequestTemplate {
  const registrar = to.uri.with({ user: undefined, password: undefined, headers: '', params: noParams })
  const contact = emptyContact.with({ uri: emptyContact.uri.with({ user: to.uri.user }) })
  return request('REGISTER', registrar, { from, to: to.with({ tag: undefined }), contact }, ids)
}

/**
 * The response to a request (RFC 3261 §8.2.6): Via, From, To, Call-ID and CSeq go back byte for byte; `toTag` is put
 * behind a To that has none. 100 takes no tag and brings Timestamp back.
 */
export function response(
  request: SipRequest,
  status: number,
  toTag?: string,
  reason?: string,
): ResponseTemplate {
  const inDialog = status > 100 && status < 300 && dialogMethods.has(request.method)
  const taken = inDialog ? answeredInDialog : status === 100 ? answeredTrying : answered
  const template = new ResponseTemplate(status, reason, request, taken)
  if (status > 100 && toTag !== undefined && request.to.tag === undefined)
    template.extendLine(h.To, `;tag=${toTag}`)
  return template
}

/**
 * ACK to a final response other than 2xx (RFC 3261 §17.1.1.3): the INVITE's Request-URI, Call-ID, From, Route and
 * CSeq number, and the response's To, byte for byte. It is sent with the INVITE's own top Via. Nothing that came from the
 * wire can make it fail.
 */
export function ackNon2xx(invite: RequestTemplate, final: SipResponse): RequestTemplate {
  const route = linesOf(invite, h.Route)
  return following(invite, 'ACK', invite.requestUriText, headLines(final.head, h.To), route)
}

/**
 * ACK to a 2xx (RFC 3261 §13.2.2.4): a request of its own to the dialog's remote target along its route set, with
 * the INVITE's CSeq number and credentials. It gets a branch of its own when it is sent.
 * @throws PeerError where the 2xx has no Contact, or none that can be read: there is nowhere to send the ACK
 */
export function ack2xx(invite: RequestTemplate, ok: SipResponse): RequestTemplate {
  const contact = ok.get(h.Contact)
  if (contact === undefined || contact.isWildcard) {
    throw new PeerError(
      'ERR_SIP_ACK',
      'the 2xx has no Contact: there is nowhere to send the ACK; end the call',
    )
  }
  let route = ''
  for (const value of elementTexts(ok.head, h.RecordRoute)) route = `Route: ${value}\r\n${route}`
  for (const credentials of [h.Authorization, h.ProxyAuthorization]) route += linesOf(invite, credentials)
  const target = contact.uri.with({ headers: '' }).toString()
  return following(invite, 'ACK', target, headLines(ok.head, h.To), route)
}

/**
 * CANCEL of a request (RFC 3261 §9.1): its Request-URI, Call-ID, To, From, Route and CSeq number, byte for byte. It is
 * sent with the request's own top Via. Nothing that came from the wire can make it fail.
 */
export function cancel(cancelledRequest: RequestTemplate): RequestTemplate {
  const { requestUriText } = cancelledRequest
  const route = linesOf(cancelledRequest, h.Route)
  return following(cancelledRequest, 'CANCEL', requestUriText, linesOf(cancelledRequest, h.To), route)
}

/** A request that belongs to an earlier one: the same From, Call-ID and CSeq number. */
function following(
  earlier: RequestTemplate,
  method: 'ACK' | 'CANCEL',
  requestUri: string,
  to: string,
  more: string,
): RequestTemplate {
  const [cseq = ''] = /\d+/.exec(linesOf(earlier, h.CSeq)) ?? []
  const own = `Max-Forwards: 70\r\n${linesOf(earlier, h.From)}${to}${linesOf(earlier, h.CallId)}CSeq: ${cseq} ${method}\r\n`
  return RequestTemplate.toText(method, requestUri).appendBlock(new HeaderBlock(own + more))
}

function within(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= most) return value
  throw new UsageError('ERR_SIP_TEMPLATE', `${name}: ${value} is no whole number of 0 to ${most}`)
}

function headerSet(...headers: readonly { readonly id: number }[]): Uint8Array {
  const set = new Uint8Array(ID_COUNT)
  for (const header of headers) set[header.id] = 1
  return set
}
