import { sameIgnoringCase } from '../grammar/chars.ts'
import type { Params } from '../grammar/params.ts'
import type { Auth } from '../headers/auth.ts'
import { type Algorithm, algorithmNamed } from './algorithm.ts'
import type { DigestInput, Qop } from './digest.ts'
import { fromExtValue } from './ext-value.ts'

/** Credentials as a server understands them (RFC 7616 §3.4). */
export interface DigestCredentials extends DigestInput {
  readonly realm: string
  /** The user's name, or with `isHashed` its hash. */
  readonly username: string
  readonly isHashed: boolean
  readonly response: string
  readonly opaque: string | undefined
  /** `nc` as a number; 1 where there is no qop. */
  readonly count: number
}

/** Why credentials cannot be looked at: for the reason phrase of a 400. */
export type Improper = { readonly improper: string }

/**
 * Whether credentials hold nothing yet: RFC 8760 §2.7 allows an empty response from a client that was not challenged
 * before.
 */
export function areEmpty(value: Auth): boolean {
  return value.params.text('response') === '' || value.params.text('nonce') === ''
}

/**
 * Reads credentials of the Digest scheme. Improper are those that lack a parameter or have one twice, both kinds of
 * `username`, a count that is none or 0, a response of another length than its algorithm's (RFC 7616 §3.4).
 * `algorithm` may be one that the server did not offer; where it is not known at all the answer is `undefined`.
 */
export function readCredentials(value: Auth): DigestCredentials | Improper | undefined {
  let username: string | undefined
  let extUsername: string | undefined
  let realm: string | undefined
  let nonce: string | undefined
  let uri: string | undefined
  let response: string | undefined
  let algorithmName: string | undefined
  let cnonce: string | undefined
  let opaque: string | undefined
  let qop: string | undefined
  let nc: string | undefined
  let userhash: string | undefined
  // one pass over what the wire gave, however much that is; names that differ in length are told apart by it
  for (let at: Params | undefined = value.params; at !== undefined; at = at.next) {
    const { name } = at
    const text = at.value ?? ''
    switch (name.length) {
      case 2:
        if (!sameIgnoringCase(name, 'nc')) break
        if (nc !== undefined) return twice('nc')
        nc = text
        break
      case 3:
        if (sameIgnoringCase(name, 'uri')) {
          if (uri !== undefined) return twice('uri')
          uri = text
        } else if (sameIgnoringCase(name, 'qop')) {
          if (qop !== undefined) return twice('qop')
          qop = text
        }
        break
      case 5:
        if (sameIgnoringCase(name, 'realm')) {
          if (realm !== undefined) return twice('realm')
          realm = text
        } else if (sameIgnoringCase(name, 'nonce')) {
          if (nonce !== undefined) return twice('nonce')
          nonce = text
        }
        break
      case 6:
        if (sameIgnoringCase(name, 'cnonce')) {
          if (cnonce !== undefined) return twice('cnonce')
          cnonce = text
        } else if (sameIgnoringCase(name, 'opaque')) {
          if (opaque !== undefined) return twice('opaque')
          opaque = text
        }
        break
      case 8:
        if (sameIgnoringCase(name, 'username')) {
          if (username !== undefined) return twice('username')
          username = text
        } else if (sameIgnoringCase(name, 'response')) {
          if (response !== undefined) return twice('response')
          response = text
        } else if (sameIgnoringCase(name, 'userhash')) {
          if (userhash !== undefined) return twice('userhash')
          userhash = text
        }
        break
      case 9:
        if (sameIgnoringCase(name, 'algorithm')) {
          if (algorithmName !== undefined) return twice('algorithm')
          algorithmName = text
        } else if (sameIgnoringCase(name, 'username*')) {
          if (extUsername !== undefined) return twice('username*')
          extUsername = text
        }
        break
    }
  }
  const algorithm = algorithmNamed(algorithmName)
  if (algorithm === undefined) return undefined
  const isHashed = userhash !== undefined && sameIgnoringCase(userhash, 'true')
  const who = nameOf(username, extUsername, isHashed)
  if (typeof who !== 'string') return who
  if (realm === undefined) return missing('realm')
  if (nonce === undefined) return missing('nonce')
  if (uri === undefined) return missing('uri')
  if (response === undefined) return missing('response')
  if (response.length !== algorithm.digits)
    return { improper: 'response has not the length of its algorithm' }
  const protection = qopOf(qop)
  if (protection === null) return { improper: 'qop is not known' }
  const use = usageOf(algorithm, protection, nc, cnonce)
  if ('improper' in use) return use
  return {
    username: who,
    isHashed,
    realm,
    nonce,
    uri,
    response,
    algorithm,
    opaque,
    qop: protection,
    nc: use.nc,
    cnonce: use.cnonce,
    count: use.count,
  }
}

function nameOf(
  username: string | undefined,
  extended: string | undefined,
  isHashed: boolean,
): string | Improper {
  if (extended === undefined) return username ?? missing('username')
  if (username !== undefined) return { improper: 'username and username* are both there' }
  if (isHashed) return { improper: 'username* cannot be a hash' }
  return fromExtValue(extended) ?? { improper: 'username* is no text in UTF-8' }
}

/** `null` for one that is not known; `undefined` where there is none. */
function qopOf(text: string | undefined): Qop | undefined | null {
  if (text === undefined || text === 'auth' || text === 'auth-int') return text
  const lower = text.toLowerCase()
  return lower === 'auth' || lower === 'auth-int' ? lower : null
}

interface Usage {
  readonly nc: string
  readonly cnonce: string
  readonly count: number
}

function usageOf(
  algorithm: Algorithm,
  qop: Qop | undefined,
  nc: string | undefined,
  cnonce: string | undefined,
): Usage | Improper {
  if (qop === undefined) {
    // RFC 3261 §22.4, item 8
    return algorithm.isSession ? missing('qop') : { nc: '', cnonce: '', count: 1 }
  }
  if (cnonce === undefined || cnonce === '') return missing('cnonce')
  if (nc === undefined) return missing('nc')
  const count = /^[0-9a-fA-F]{8}$/.test(nc) ? Number.parseInt(nc, 16) : 0
  return count > 0 ? { nc, cnonce, count } : { improper: 'nc is no count' }
}

function twice(name: string): Improper {
  return { improper: `${name} is there twice` }
}

function missing(name: string): Improper {
  return { improper: `${name} is missing` }
}
