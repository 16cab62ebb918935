import type { NameAddr } from '../../stack/grammar/name-addr.ts'
import { type Uri, unescapeUri } from '../../stack/grammar/uri.ts'
import * as h from '../../stack/headers/index.ts'
import * as p from '../../stack/headers/params.ts'
import { elementTexts } from '../../stack/message/elements.ts'
import type { SipRequest } from '../../stack/message/message.ts'
import { hostPort } from '../../util/address.ts'
import { flatCopy } from '../../util/bytes.ts'

/** A REGISTER that changes nothing, and why. */
export interface Refusal {
  readonly status: number
  readonly reason: string
  /** Min-Expires of a 423. */
  readonly minExpires?: number
}

/** One Contact of a REGISTER. */
export interface WishedContact {
  readonly uri: Uri
  /** As it is kept: without `expires`, and what only a registrar says. */
  readonly text: string
  /** What it asks for in seconds; `undefined` for the registrar's own. */
  readonly expires: number | undefined
  readonly q: number
  readonly instance: string | undefined
  /** Where outbound applies (RFC 5626 §6). */
  readonly regId: number | undefined
}

/** What a REGISTER asks for, read once. */
export interface RegisterWish {
  readonly aor: string
  readonly callId: string
  readonly cseq: number
  /** `*`: everything goes. */
  readonly isWildcard: boolean
  readonly contacts: readonly WishedContact[]
  readonly path: string
  readonly source: string
  readonly userAgent: string
  /** The client has its flow with us: no proxy is between. */
  readonly isDirect: boolean
  readonly supports: { readonly outbound: boolean; readonly path: boolean; readonly gruu: boolean }
}

/** Octets of a Contact, a Path and a User-Agent that are stored; more of the first two is refused. */
const LONGEST = 2048
const LONGEST_AGENT = 128

/**
 * The address of record in canonical form (RFC 3261 §10.3 step 5): no parameters, escapes undone, the host in lower case. It
 * is an index into a store, and no URI: what was escaped may be any character. `sips` counts as `sip`.
 */
export function canonicalAor(uri: Uri): string {
  if (!uri.isSip) return flatCopy(uri.withoutParam('phone-context').toString().toLowerCase())
  const user = uri.rawUser === undefined ? '' : `${unescapeUri(uri.rawUser)}@`
  return flatCopy(`sip:${user}${uri.hostPort.toLowerCase()}`)
}

/** Reads what a REGISTER asks for; a refusal where it is improper (RFC 3261 §10.3 step 6, RFC 5626 §6). */
export function readWish(request: SipRequest): RegisterWish | Refusal {
  const contacts = request.all(h.Contact)
  const isWildcard = contacts.some(contact => contact.isWildcard)
  const whole = request.get(h.Expires)
  if (isWildcard && (contacts.length > 1 || whole !== 0))
    return { status: 400, reason: 'Contact: * stands alone, with Expires: 0' }
  const supports = supportedBy(request)
  const isDirect = request.all(h.Via).length === 1
  const path = elementTexts(request.head, h.Path).join(', ')
  if (path.length > LONGEST) return { status: 400, reason: 'Path is too long' }
  const hasOb = isDirect || request.all(h.Path)[0]?.uri.param(p.ob) === true
  const flows = isWildcard ? [] : contacts.filter(hasFlow)
  if (flows.length > 0 && supports.outbound && !hasOb)
    return { status: 439, reason: 'First Hop Lacks Outbound Support' }
  const wished = isWildcard ? [] : contacts.map(contact => wishOf(contact, whole, hasOb))
  if (wished.some(({ text }) => text.length > LONGEST)) return { status: 400, reason: 'Contact is too long' }
  const lasting = wished.filter(({ expires }) => expires !== 0)
  if (lasting.length > 1 && lasting.some(({ regId }) => regId !== undefined))
    return { status: 400, reason: 'reg-id binds one Contact' }
  const { source } = request
  return {
    aor: canonicalAor(request.to.uri),
    callId: flatCopy(request.callId),
    cseq: request.cseq.number,
    isWildcard,
    contacts: wished,
    path: flatCopy(path),
    source:
      source === undefined ? '' : `${source.protocol.toLowerCase()} ${hostPort(source.address, source.port)}`,
    userAgent: flatCopy((request.try(h.UserAgent).value ?? '').slice(0, LONGEST_AGENT)),
    isDirect,
    supports,
  }
}

function hasFlow(contact: NameAddr): boolean {
  return contact.param(p.regId) !== undefined && contact.param(p.instance) !== undefined
}

function wishOf(contact: NameAddr, whole: number | undefined, hasOb: boolean): WishedContact {
  const { params, uri } = contact
  const kept = params.without('expires').without('pub-gruu').without('temp-gruu')
  const instance = contact.param(p.instance)
  return {
    uri,
    text: flatCopy(contact.with({ params: kept }).toString()),
    // one that cannot be read counts as absent (RFC 3261 §10.2.1.1)
    expires: contact.param(p.expires) ?? whole,
    q: contact.param(p.q) ?? 1,
    instance: instance === undefined ? undefined : flatCopy(instance),
    regId: instance === undefined || !hasOb ? undefined : contact.param(p.regId),
  }
}

function supportedBy(request: SipRequest): RegisterWish['supports'] {
  const tags = new Set(request.all(h.Supported).map(tag => tag.toLowerCase()))
  return { outbound: tags.has('outbound'), path: tags.has('path'), gruu: tags.has('gruu') }
}
