import { nameAddr } from '../../stack/grammar/name-addr.ts'
import { sameUri } from '../../stack/grammar/uri-equal.ts'
import type { Flow } from '../../stack/message/flow.ts'
import type { Binding, RegisterKind } from '../handlers/registration.ts'
import { gruusOf } from './gruu.ts'
import type { Refusal, RegisterWish, WishedContact } from './register-wish.ts'

/** What a registrar allows. Times are in seconds. */
export interface BindingLimits {
  /** Below it 423 is answered, if it is also below an hour (RFC 3261 §10.3 step 7). Default 60. */
  readonly minExpires: number
  /** More is granted as this. Default 3600. */
  readonly maxExpires: number
  /** Granted where nothing is asked. Default 3600. */
  readonly defaultExpires: number
  /** Bindings of one address of record; one more is answered 403. Default 10. */
  readonly maxContacts: number
}

export const bindingLimits: BindingLimits = {
  minExpires: 60,
  maxExpires: 3600,
  defaultExpires: 3600,
  maxContacts: 10,
}

/** What the rules need besides the request. */
export interface Circumstances {
  /** Unix time in ms. */
  readonly now: number
  readonly limits: BindingLimits
  /** The flow that the request came by, where the client has it with us. */
  readonly flow: Flow | undefined
  /** Makes what is unguessable, for temporary GRUUs. */
  readonly newToken: () => string
}

/** What becomes of the bindings of an address of record. */
export interface BindingChange {
  readonly kind: RegisterKind
  readonly before: readonly Binding[]
  readonly after: readonly Binding[]
}

/** RFC 3261 §10.3 step 7: only an interval below an hour may be called too brief. */
const HOUR = 3600

/**
 * The rules of a registrar (RFC 3261 §10.3 steps 6 and 7; RFC 5626 §6), all or nothing: the bindings after a REGISTER, or why
 * it changes none. What has expired counts as gone.
 */
export function changeOf(
  stored: readonly Binding[],
  wish: RegisterWish,
  circumstances: Circumstances,
): BindingChange | Refusal {
  const { now, limits } = circumstances
  const before = stored.filter(({ expiresAt }) => expiresAt > now)
  if (wish.isWildcard) {
    if (before.some(binding => isLate(binding, wish))) return outOfOrder
    return { kind: 'remove all', before, after: [] }
  }
  if (wish.contacts.length === 0) return { kind: 'query', before, after: before }
  let after: readonly Binding[] = before
  let kind: RegisterKind = 'remove'
  for (const contact of wish.contacts) {
    const seconds = secondsOf(contact, limits)
    if (typeof seconds !== 'number') return seconds
    const known = after.find(binding => isSame(binding, contact))
    if (known !== undefined && isLate(known, wish)) return outOfOrder
    const others = after.filter(binding => binding !== known)
    if (seconds === 0) after = others
    else {
      after = [...others, bindingOf(contact, seconds, wish, circumstances, known)]
      if (known === undefined) kind = 'add'
      else if (kind === 'remove') kind = 'refresh'
    }
  }
  if (after.length > Math.max(limits.maxContacts, before.length))
    return { status: 403, reason: 'Too many Contacts' }
  return { kind, before, after }
}

const outOfOrder: Refusal = { status: 500, reason: 'CSeq is out of order' }

/** A request of the same Call-ID that is not newer changes nothing. */
function isLate({ callId, cseq }: Binding, wish: RegisterWish): boolean {
  return callId === wish.callId && cseq >= wish.cseq
}

function secondsOf({ expires }: WishedContact, limits: BindingLimits): number | Refusal {
  const asked = expires ?? limits.defaultExpires
  if (asked > 0 && asked < limits.minExpires && asked < HOUR)
    return { status: 423, reason: 'Interval Too Brief', minExpires: limits.minExpires }
  return Math.min(asked, limits.maxExpires)
}

/** With outbound a device and its flow are compared, else the URI (RFC 5626 §6, RFC 3261 §19.1.4). */
function isSame(binding: Binding, { uri, text, instance, regId }: WishedContact): boolean {
  if (regId !== undefined && instance !== undefined)
    return binding.regId === regId && sameInstance(binding.instance, instance)
  if (binding.regId !== undefined) return false
  return binding.contact === text || sameUri(nameAddr(binding.contact).uri, uri)
}

/** URNs of devices (RFC 5626 §4.1): UUIDs, whose letters have no case. */
function sameInstance(one: string | undefined, other: string): boolean {
  return one?.toLowerCase() === other.toLowerCase()
}

function bindingOf(
  contact: WishedContact,
  seconds: number,
  wish: RegisterWish,
  { now, flow, newToken }: Circumstances,
  known: Binding | undefined,
): Binding {
  const { instance, regId } = contact
  const gruus =
    instance !== undefined && wish.supports.gruu ? gruusOf(wish, instance, known, newToken) : noGruus
  return {
    contact: contact.text,
    expiresAt: now + seconds * 1000,
    updatedAt: now,
    callId: wish.callId,
    cseq: wish.cseq,
    q: contact.q,
    path: wish.path,
    ...(instance !== undefined && { instance }),
    ...(regId !== undefined && { regId }),
    source: wish.source,
    ...(flow !== undefined && { flow }),
    userAgent: wish.userAgent,
    ...gruus,
  }
}

const noGruus = { publicGruu: '', temporaryGruus: [] }
