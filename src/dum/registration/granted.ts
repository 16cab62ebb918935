import type { NameAddr } from '../../stack/grammar/name-addr.ts'
import type { Uri } from '../../stack/grammar/uri.ts'
import { sameUri } from '../../stack/grammar/uri-equal.ts'
import * as h from '../../stack/headers/index.ts'
import * as p from '../../stack/headers/params.ts'
import { elementTexts } from '../../stack/message/elements.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import { attempt } from '../../stack/message/reader.ts'
import { flatCopy } from '../../util/bytes.ts'

/** By what a binding is known to be ours. */
export interface Ours {
  readonly instance: string | undefined
  readonly regId: number | undefined
  /** The `rinstance` of Contacts whose host the transport fills in; `''` for none. */
  readonly token: string
  readonly contacts: readonly NameAddr[]
}

/** What a 2xx to our REGISTER grants: text and numbers, none of which keeps the message alive. */
export interface Granted {
  /** Seconds. */
  readonly expires: number
  /** Our bindings as they are listed, without `expires`. */
  readonly bound: readonly string[]
  readonly publicGruu: string
  readonly temporaryGruu: string
  readonly serviceRoute: string
  readonly path: string
  readonly associated: string
  /** The registrar did it by outbound (RFC 5626 §4.2.1). */
  readonly isOutbound: boolean
  /** Seconds. */
  readonly flowTimer: number | undefined
}

/** Octets of Service-Route, Path and P-Associated-URI that are kept each; a longer one is as good as none. */
const LONGEST_LIST = 2048
/** Bindings of ours that are kept, and octets of each. */
const MOST_BOUND = 16
const LONGEST_BOUND = 1024

/**
 * Reads a 2xx (RFC 3261 §10.2.4). The time is the shortest of our bindings; where the registrar lists none that is known as
 * ours, and more than one, it is that of Expires, or what was asked for. Malformed parts count as absent.
 */
export function readGranted(response: SipResponse, ours: Ours, asked: number): Granted {
  const listed = attempt(() => response.all(h.Contact)).value ?? []
  const known = listed.filter(contact => isOurs(contact, ours)).slice(0, MOST_BOUND)
  const mine = known.length === 0 && listed.length === 1 ? listed : known
  const whole = response.try(h.Expires).value ?? asked
  const times = mine.map(contact => contact.param(p.expires) ?? whole)
  const requires = attempt(() => response.all(h.Require)).value ?? []
  return {
    expires: times.length === 0 ? whole : Math.min(...times),
    bound: mine.map(textOf).filter(text => text.length <= LONGEST_BOUND),
    publicGruu: gruuOf(mine, p.pubGruu),
    temporaryGruu: gruuOf(mine, p.tempGruu),
    serviceRoute: listOf(response, h.ServiceRoute),
    path: listOf(response, h.Path),
    associated: listOf(response, h.PAssociatedUri),
    isOutbound: requires.some(tag => tag.toLowerCase() === 'outbound'),
    flowTimer: response.try(h.FlowTimer).value,
  }
}

/** Whether the host of a Contact is left to be filled in. */
export function isOpen(uri: Uri): boolean {
  return uri.isSip && uri.host === ''
}

/** Whether a binding that a registrar lists is one of ours. */
function isOurs(contact: NameAddr, { instance, regId, token, contacts }: Ours): boolean {
  if (contact.isWildcard) return false
  if (instance !== undefined && contact.param(p.instance)?.toLowerCase() === instance.toLowerCase()) {
    if (regId === undefined || contact.param(p.regId) === regId) return true
  }
  if (token !== '' && contact.uri.param(p.rinstance) === token) return true
  return contacts.some(own => !isOpen(own.uri) && sameUri(own.uri, contact.uri))
}

/** What stands for a Contact without what is only of this response. */
function textOf(contact: NameAddr): string {
  const { params } = contact
  const kept = params.without('expires').without('pub-gruu').without('temp-gruu')
  return flatCopy(contact.with({ params: kept }).toString())
}

function gruuOf(mine: readonly NameAddr[], param: typeof p.pubGruu): string {
  for (const contact of mine) {
    const gruu = contact.param(param)
    if (gruu !== undefined && gruu.length <= LONGEST_BOUND) return flatCopy(gruu)
  }
  return ''
}

function listOf(response: SipResponse, header: typeof h.ServiceRoute): string {
  const list = elementTexts(response.head, header).join(', ')
  return list.length > LONGEST_LIST ? '' : flatCopy(list)
}
