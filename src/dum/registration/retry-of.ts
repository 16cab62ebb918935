import type { NameAddr } from '../../stack/grammar/name-addr.ts'
import * as h from '../../stack/headers/index.ts'
import * as p from '../../stack/headers/params.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import { attempt } from '../../stack/message/reader.ts'

/** What a final response to a REGISTER asks for. */
export type RegisterAnswer =
  | 'granted'
  /** Try elsewhere: the Contacts say where. */
  | 'redirected'
  /** Try again later; Retry-After says when. */
  | 'later'
  /** The way to the registrar is broken, not the registrar (RFC 5626 §5.3.1). */
  | 'flow failed'
  /** The first hop lacks outbound (RFC 5626 §4.2.1, §11.6). */
  | 'without outbound'
  | 'refused'

/** Statuses that say nothing against a later try: no answer, too many, not now (RFC 3261 §21.4, §21.5; RFC 6585 §4). */
const LATER: ReadonlySet<number> = new Set([408, 429, 480, 486, 500, 502, 503, 504, 580, 600])

/** 401, 407 and 423 that come as far as here could not be answered. */
export function answerOf(status: number): RegisterAnswer {
  if (status < 300) return 'granted'
  if (status < 400) return 'redirected'
  if (status === 430) return 'flow failed'
  if (status === 439) return 'without outbound'
  return LATER.has(status) ? 'later' : 'refused'
}

/** URIs that one REGISTER is sent to in turn at the most. */
const MOST_TARGETS = 10

/**
 * The next Request-URI of a REGISTER that was redirected (RFC 3261 §8.1.3.4): the Contact of the highest `q` that was not
 * tried; never from sips to sip. `tried` holds those that were, and gets this one.
 */
export function redirectedTo(response: SipResponse, tried: string[]): string | undefined {
  if (tried.length >= MOST_TARGETS) return undefined
  const contacts = attempt(() => response.all(h.Contact)).value ?? []
  const isSecure = tried.some(text => text.startsWith('sips:'))
  const byQ = [...contacts].sort((one, other) => qOf(other) - qOf(one))
  for (const { uri } of byQ) {
    if (!uri.isSip || (isSecure && !uri.secure)) continue
    const text = uri.with({ headers: '' }).withoutParam('method').toString()
    if (tried.includes(text)) continue
    tried.push(text)
    return text
  }
  return undefined
}

function qOf(contact: NameAddr): number {
  return contact.param(p.q) ?? 1
}
