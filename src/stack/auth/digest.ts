import type { Algorithm } from './algorithm.ts'
import { type HashName, hashHex } from './io/hash.ts'

/** Quality of protection: of the request line alone, or of the body too (RFC 7616 §3.4.3). */
export type Qop = 'auth' | 'auth-int'

/** What goes into a response besides the key; texts are without quotes and escapes. */
export interface DigestInput {
  readonly algorithm: Algorithm
  readonly nonce: string
  /** The digest-uri, as it stands in the credentials. */
  readonly uri: string
  /** Absent for a server that knows no qop (RFC 2069). */
  readonly qop: Qop | undefined
  /** Eight hexadecimal digits. */
  readonly nc: string
  readonly cnonce: string
}

/** H(username:realm:password): what a server needs to keep of a user, and as secret as a password in its realm. */
export function ha1(hash: HashName, username: string, realm: string, password: string): string {
  return hashHex(hash, `${username}:${realm}:${password}`)
}

/** The user's name as it is sent where the server takes it hashed (RFC 7616 §3.4.4). */
export function userHash(hash: HashName, username: string, realm: string): string {
  return hashHex(hash, `${username}:${realm}`)
}

/** The `response` of credentials (RFC 7616 §3.4.1, RFC 2617 §3.2.2.1 where there is no qop). */
export function digestResponse(key: string, method: string, body: Uint8Array, input: DigestInput): string {
  return keyed(key, method, body, input)
}

/** The `rspauth` of Authentication-Info, by which a server proves that it knows the key as well (RFC 7616 §3.5). */
export function responseAuth(key: string, body: Uint8Array, input: DigestInput): string {
  return keyed(key, '', body, input)
}

/** Compares two texts; the time it takes does not tell how much of them is the same. */
export function sameSecret(one: string, other: string): boolean {
  let difference = one.length ^ other.length
  for (let i = 0; i < one.length; i++) difference |= one.charCodeAt(i) ^ other.charCodeAt(i)
  return difference === 0
}

function keyed(key: string, method: string, body: Uint8Array, input: DigestInput): string {
  const { algorithm, nonce, uri, qop, nc, cnonce } = input
  const { hash } = algorithm
  const secret = algorithm.isSession ? hashHex(hash, `${key}:${nonce}:${cnonce}`) : key
  const a2 = qop === 'auth-int' ? `${method}:${uri}:${hashHex(hash, body)}` : `${method}:${uri}`
  const ha2 = hashHex(hash, a2)
  return hashHex(
    hash,
    qop === undefined ? `${secret}:${nonce}:${ha2}` : `${secret}:${nonce}:${nc}:${cnonce}:${qop}:${ha2}`,
  )
}
