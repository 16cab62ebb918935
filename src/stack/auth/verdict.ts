import { sameIgnoringCase } from '../grammar/chars.ts'
import type { Header } from '../grammar/header.ts'
import type { Params } from '../grammar/params.ts'
import type { Auth } from '../headers/auth.ts'
import * as h from '../headers/index.ts'
import type { ResponseTemplate } from '../message/template.ts'
import type { DigestAlgorithm } from './algorithm.ts'
import { paramsOf } from './challenge.ts'
import type { DigestCredentials } from './credentials.ts'
import { type Qop, responseAuth } from './digest.ts'

/** The headers of a UAS, a registrar or a redirect server, or those of a proxy (RFC 3261 §22.2, §22.3). */
export interface AuthHeaders {
  readonly status: 401 | 407
  readonly challenge: Header<Auth>
  readonly credentials: Header<Auth>
  readonly info: Header<Params>
}

export const wwwHeaders: AuthHeaders = {
  status: 401,
  challenge: h.WWWAuthenticate,
  credentials: h.Authorization,
  info: h.AuthenticationInfo,
}

/** Proxy-Authentication-Info is RFC 7615's; RFC 3261 has none for a proxy. */
export const proxyHeaders: AuthHeaders = {
  status: 407,
  challenge: h.ProxyAuthenticate,
  credentials: h.ProxyAuthorization,
  info: h.ProxyAuthenticationInfo,
}

/** What a realm says of a request. */
export type Verdict = Authenticated | Refused | Exempt

/** ACK and CANCEL, which may not be challenged (RFC 3261 §22.1): whoever took the INVITE takes them. */
export class Exempt {
  readonly kind = 'exempt'
}

export const exempt: Exempt = new Exempt()

/** Why a request is refused: for counters and logs, never for the peer. */
export type Refusal =
  | 'no credentials'
  | 'stale'
  | 'replay'
  | 'wrong'
  | 'weak'
  | 'improper'
  | 'forbidden'
  | 'failed'

/** A request whose sender is not known: the response that says so. */
export class Refused {
  readonly kind = 'refused'
  readonly why: Refusal
  readonly status: 400 | 401 | 403 | 407 | 500
  /** A reason phrase, where there is more to say than the status does. */
  readonly reason: string | undefined
  readonly #headers: AuthHeaders
  readonly #challenges: readonly Auth[]

  constructor(
    why: Refusal,
    status: 400 | 401 | 403 | 407 | 500,
    headers: AuthHeaders,
    challenges: readonly Auth[] = [],
    reason?: string,
  ) {
    this.why = why
    this.status = status
    this.reason = reason
    this.#headers = headers
    this.#challenges = challenges
  }

  /** Puts the challenges, strongest or most wanted first (RFC 8760 §2.3), into a response of this status. */
  fill(response: ResponseTemplate): ResponseTemplate {
    for (const challenge of this.#challenges) response.append(this.#headers.challenge, challenge)
    return response
  }
}

/** A request whose sender proved that he knows a user's secret. */
export class Authenticated {
  readonly kind = 'authenticated'
  readonly username: string
  readonly realm: string
  readonly algorithm: DigestAlgorithm
  /** What the proof covers: with `auth-int` the body too. */
  readonly qop: Qop | undefined
  readonly #key: string
  readonly #credentials: DigestCredentials
  readonly #headers: AuthHeaders
  readonly #nextNonce: string | undefined

  /** @internal made by a realm */
  constructor(
    username: string,
    credentials: DigestCredentials,
    key: string,
    headers: AuthHeaders,
    nextNonce: string | undefined,
  ) {
    this.username = username
    this.realm = credentials.realm
    this.algorithm = credentials.algorithm.name
    this.qop = credentials.qop
    this.#key = key
    this.#credentials = credentials
    this.#headers = headers
    this.#nextNonce = nextNonce
  }

  /**
   * Proves to the client that the server knows the secret as well, and gives it its next nonce when the present one is
   * old (RFC 7616 §3.5). Under `auth-int` the proof covers the body: call it when that is set.
   */
  addInfo(response: ResponseTemplate): ResponseTemplate {
    const { qop, cnonce, nc } = this.#credentials
    const isCounted = qop !== undefined
    const info = paramsOf([
      ['nextnonce', this.#nextNonce === undefined ? undefined : { quoted: this.#nextNonce }],
      ['qop', qop],
      ['rspauth', { quoted: responseAuth(this.#key, response.body, this.#credentials) }],
      ['cnonce', isCounted ? { quoted: cnonce } : undefined],
      ['nc', isCounted ? nc : undefined],
    ])
    return response.set(this.#headers.info, info)
  }
}

/** Whether credentials are for a realm; the realm is compared as it is written. */
export function isFor(value: Auth, realm: string): boolean {
  if (!value.isDigest) return false
  for (let at: Params | undefined = value.params; at !== undefined; at = at.next) {
    if (at.name.length === 5 && sameIgnoringCase(at.name, 'realm')) return at.value === realm
  }
  return false
}
