import { sameIgnoringCase } from '../grammar/chars.ts'
import { noParams, Params, type ParamValue } from '../grammar/params.ts'
import { Auth } from '../headers/auth.ts'
import { type Algorithm, algorithmNamed } from './algorithm.ts'
import type { Qop } from './digest.ts'

/** A challenge as a client understands it (RFC 7616 §3.3). */
export interface Challenge {
  readonly realm: string
  readonly nonce: string
  readonly opaque: string | undefined
  readonly algorithm: Algorithm
  /** What the server offers of what is known; empty where it offers none (RFC 2069). */
  readonly qop: readonly Qop[]
  readonly stale: boolean
  readonly userhash: boolean
}

/** The challenges of one response that are looked at; a server that sends more does not mean to be answered. */
export const MAX_CHALLENGES = 32

/** The parameters that a challenge may have once. */
const once = ['realm', 'nonce', 'opaque', 'algorithm', 'qop', 'stale', 'userhash', 'charset', 'domain']

/**
 * What a challenge says, `undefined` for one that is to be ignored (RFC 8760 §2.4): another scheme, an algorithm that is
 * not known, a qop of which nothing is known, a parameter that is missing or there twice, a charset other than UTF-8.
 */
export function readChallenge(value: Auth): Challenge | undefined {
  if (!value.isDigest) return undefined
  const texts = new Map<string, string>()
  for (let at: Params | undefined = value.params; at !== undefined; at = at.next) {
    const name = once.find(known => sameIgnoringCase(known, at?.name ?? ''))
    if (name === undefined) continue
    if (texts.has(name)) return undefined
    texts.set(name, at.value ?? '')
  }
  const realm = texts.get('realm')
  const nonce = texts.get('nonce')
  const algorithm = algorithmNamed(texts.get('algorithm'))
  const charset = texts.get('charset')
  if (realm === undefined || nonce === undefined || nonce === '' || algorithm === undefined) return undefined
  if (charset !== undefined && !sameIgnoringCase(charset, 'utf-8')) return undefined
  const offered = texts.get('qop')
  const qop = offered === undefined ? [] : qopOptions(offered)
  // a server that offers what nobody knows does not take what is left out (RFC 2617 §3.2.1)
  if (offered !== undefined && offered.trim() !== '' && qop.length === 0) return undefined
  // a session's key needs a cnonce, which may not be sent without qop (RFC 3261 §22.4, item 8)
  if (algorithm.isSession && qop.length === 0) return undefined
  return {
    realm,
    nonce,
    algorithm,
    qop,
    opaque: texts.get('opaque'),
    stale: sameIgnoringCase(texts.get('stale') ?? '', 'true'),
    userhash: sameIgnoringCase(texts.get('userhash') ?? '', 'true'),
  }
}

/** What a server writes into a challenge. */
export interface ChallengeParts {
  readonly realm: string
  readonly nonce: string
  readonly algorithm: Algorithm
  readonly qop: readonly Qop[]
  readonly opaque: string | undefined
  readonly domain: string | undefined
  readonly stale: boolean
  readonly userhash: boolean
}

/** A challenge; what must stand in quotes and what must not is RFC 7616 §3.3's. */
export function challengeOf(parts: ChallengeParts): Auth {
  const { realm, nonce, algorithm, qop, opaque, domain, stale, userhash } = parts
  return digest([
    ['realm', { quoted: realm }],
    ['domain', domain === undefined ? undefined : { quoted: domain }],
    ['nonce', { quoted: nonce }],
    ['opaque', opaque === undefined ? undefined : { quoted: opaque }],
    ['stale', stale ? 'true' : undefined],
    ['algorithm', algorithm.name],
    ['qop', { quoted: qop.join(',') }],
    ['charset', 'UTF-8'],
    ['userhash', userhash ? 'true' : undefined],
  ])
}

/** A value of the Digest scheme with these parameters, those left out that are `undefined`. */
export function digest(params: readonly (readonly [name: string, value: ParamValue])[]): Auth {
  return new Auth('Digest', paramsOf(params))
}

/** Parameters in their order, those left out that are `undefined`. */
export function paramsOf(params: readonly (readonly [name: string, value: ParamValue])[]): Params {
  let first: Params | undefined
  let last: Params | undefined
  for (const [name, value] of params) {
    if (value === undefined) continue
    const param = typeof value === 'string' ? new Params(name, value) : new Params(name, value.quoted, true)
    if (last === undefined) first = param
    else last.next = param
    last = param
  }
  return first ?? noParams
}

function qopOptions(text: string): Qop[] {
  const options = text.split(',', 16).map(option => option.trim().toLowerCase())
  return (['auth', 'auth-int'] as const).filter(known => options.includes(known))
}
