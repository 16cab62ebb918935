import { type IntegrityKey, integrityKey, type StunHash } from '../../stun/hash.ts'
import { UsageError } from '../../util/errors.ts'
import { type Preparation, saslPrep } from './prepare.ts'

export interface StunCredentials {
  readonly username: string
  readonly password: string
}

/** The key of the short-term mechanism (RFC 8489 §9.1.1): the prepared password itself. */
export function shortTermKey(
  password: string,
  hash: StunHash,
  prepare: Preparation = saslPrep,
): IntegrityKey {
  return integrityKey(Buffer.from(prepared(password, prepare)), hash)
}

/**
 * The key of the long-term mechanism (RFC 8489 §9.2.2, §18.5.1): MD5 or SHA-256 of `username:realm:password`. With
 * MD5 this is the H(A1) of SIP digest.
 */
export function longTermKey(
  credentials: StunCredentials,
  realm: string,
  hash: StunHash,
  algorithm: 'md5' | 'sha256' = 'md5',
  prepare: Preparation = saslPrep,
): IntegrityKey {
  const text = [
    unquoted(prepared(credentials.username, prepare)),
    unquoted(prepared(realm, prepare)),
    withoutNulls(prepared(credentials.password, prepare)),
  ].join(':')
  return integrityKey(hash.digest(algorithm, Buffer.from(text)), hash)
}

/** USERHASH (RFC 8489 §14.4): hides the user name from who listens. */
export function userhash(
  username: string,
  realm: string,
  hash: StunHash,
  prepare: Preparation = saslPrep,
): Uint8Array {
  return hash.digest('sha256', Buffer.from(`${prepared(username, prepare)}:${prepared(realm, prepare)}`))
}

/** What a server of RFC 8489 says in its nonce, so that nobody on the way can take it away (§9.2.1, §18.1). */
export interface SecurityFeatures {
  readonly passwordAlgorithms: boolean
  readonly usernameAnonymity: boolean
}

const COOKIE = 'obMatJos2'

/** The features of a nonce; `undefined` without the nonce cookie: a server of RFC 5389. */
export function securityFeatures(nonce: string): SecurityFeatures | undefined {
  const match = /^obMatJos2([A-Za-z0-9+/]{4})/.exec(nonce)
  if (match === null) return undefined
  const first = Buffer.from(match[1] ?? '', 'base64')[0] ?? 0
  return { passwordAlgorithms: (first & 0x80) !== 0, usernameAnonymity: (first & 0x40) !== 0 }
}

/** `nonce` with the nonce cookie before it, as a server of RFC 8489 sends it. */
export function nonceWith(features: SecurityFeatures, nonce: string): string {
  const first = (features.passwordAlgorithms ? 0x80 : 0) | (features.usernameAnonymity ? 0x40 : 0)
  return COOKIE + Buffer.from([first, 0, 0]).toString('base64') + nonce
}

/** `text` prepared; throws a `UsageError` where the preparation refuses it. */
export function prepared(text: string, prepare: Preparation): string {
  const result = prepare(text)
  if (result !== undefined) return result
  throw new UsageError(
    'ERR_STUN_CREDENTIALS',
    'a user name, realm or password has characters that SASLprep or OpaqueString refuse (RFC 4013 §2.3, RFC 8265 §4.2)',
  )
}

function unquoted(text: string): string {
  return withoutNulls(text.replace(/^"(.*)"$/s, '$1'))
}

function withoutNulls(text: string): string {
  return text.replace(/\0+$/, '')
}
