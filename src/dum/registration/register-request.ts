import { type NameAddr, nameAddr, wildcardContact } from '../../stack/grammar/name-addr.ts'
import * as h from '../../stack/headers/index.ts'
import * as p from '../../stack/headers/params.ts'
import { HeaderBlock } from '../../stack/message/block.ts'
import { headerLines } from '../../stack/message/encode.ts'
import { RequestTemplate } from '../../stack/message/template.ts'
import type { Profile } from '../profile/profile.ts'

/** What a REGISTER is for. */
export type RegisterPurpose =
  | { readonly kind: 'bind'; readonly contacts: readonly NameAddr[]; readonly dropping: readonly string[] }
  | { readonly kind: 'remove'; readonly contacts: readonly (NameAddr | string)[] }
  | { readonly kind: 'remove all' }
  | { readonly kind: 'query' }

/** Who registers, and where, as text. */
export interface RegisterHead {
  readonly profile: Profile
  /** The address of record without a tag: `"Alice" <sip:alice@example.com>`. */
  readonly aor: string
  /** Request-URI: the domain of the address of record (RFC 3261 §10.2). */
  readonly registrar: string
  readonly route: readonly NameAddr[]
  readonly callId: string
  readonly tag: string
  readonly seq: number
  /** Whether `reg-id` is used (RFC 5626 §4.2.1), and a device named (RFC 5627 §4.1). */
  readonly isOutbound: boolean
  readonly hasInstance: boolean
}

/** A REGISTER (RFC 3261 §10.2) that asks for so many seconds. */
export function registerRequest(
  head: RegisterHead,
  purpose: RegisterPurpose,
  expires: number,
): RequestTemplate {
  const { profile, aor, registrar, route, callId, tag, seq } = head
  const lines = `Max-Forwards: 70\r\n${route.length > 0 ? headerLines(h.Route, ...route) : ''}From: ${aor};tag=${tag}\r\nTo: ${aor}\r\nCall-ID: ${callId}\r\nCSeq: ${seq} REGISTER\r\n`
  const template = RequestTemplate.toText('REGISTER', registrar)
    .appendBlock(new HeaderBlock(lines))
    .appendBlock(profile.block)
  template.set(h.Supported, ...supportedOf(head))
  switch (purpose.kind) {
    case 'bind':
      return template
        .set(h.Contact, ...purpose.contacts, ...purpose.dropping.map(text => removed(text)))
        .set(h.Expires, expires)
    case 'remove':
      return template.set(h.Contact, ...purpose.contacts.map(removed)).set(h.Expires, 0)
    case 'remove all':
      return template.set(h.Contact, wildcardContact).set(h.Expires, 0)
    case 'query':
      return template
  }
}

function supportedOf({ profile, isOutbound, hasInstance }: RegisterHead): string[] {
  const own = profile.values.supported
  const more = ['path', ...(isOutbound ? ['outbound'] : []), ...(hasInstance ? ['gruu'] : [])]
  return [...own, ...more.filter(tag => !own.includes(tag))]
}

function removed(contact: NameAddr | string): NameAddr {
  return (typeof contact === 'string' ? nameAddr(contact) : contact).withParam(p.expires, 0)
}
