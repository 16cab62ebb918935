import {
  MessageIntegrity,
  MessageIntegritySha256,
  Nonce,
  PasswordAlgorithm,
  type PasswordAlgorithmChoice,
  PasswordAlgorithms,
  passwordAlgorithm,
  Realm,
  Userhash,
  Username,
} from './attributes/credentials.ts'
import { ErrorCode } from './attributes/general.ts'
import type { ResponseVerdict, StunAuthentication } from './authentication.ts'
import { longTermKey, prepared, type StunCredentials, securityFeatures, userhash } from './credentials.ts'
import type { IntegrityKey, StunHash } from './hash.ts'
import { checkIntegrity, checkIntegritySha256 } from './integrity.ts'
import type { StunMessage } from './message.ts'
import { opaqueOrSasl, type Preparation, saslOrOpaque } from './prepare.ts'
import type { StunWriter } from './writer.ts'

export interface LongTermOptions {
  /** SASLprep towards servers of RFC 5389 and OpaqueString towards those of RFC 8489, unless one is named. */
  readonly prepare?: Preparation
  /** How many requests one purpose may take, challenges included. */
  readonly attempts?: number
  /**
   * What becomes of error responses that bear no integrity attribute: RFC 8489 §9.2.5 has them discarded (`discard`,
   * the default), and so whoever is on the way cannot end a transaction; but coturn sends 437 and others unsigned, and
   * a discarded refusal costs the whole time-out. `accept` hands them on.
   */
  readonly unsignedErrors?: 'discard' | 'accept'
}

/** What a challenge told, and what was made of it. */
interface Session {
  readonly realm: string
  readonly nonce: string
  readonly algorithms: readonly PasswordAlgorithmChoice[] | undefined
  readonly algorithm: PasswordAlgorithmChoice | undefined
  readonly username: string
  readonly userhash: Uint8Array | undefined
  readonly key: IntegrityKey
}

/**
 * The client's side of the long-term credential mechanism (RFC 8489 §9.2): nothing is sent until a 401 gives realm
 * and nonce; from then on requests are signed, and a 438 gives a new nonce. One for each server; credentials may be
 * those of SIP digest.
 */
export class LongTermAuthentication implements StunAuthentication {
  readonly #credentials: StunCredentials
  readonly #hash: StunHash
  readonly #prepare: Preparation | undefined
  readonly #attempts: number
  readonly #acceptsUnsignedErrors: boolean
  #session: Session | undefined
  #sha256 = false

  constructor(credentials: StunCredentials, hash: StunHash, options: LongTermOptions = {}) {
    this.#credentials = credentials
    this.#hash = hash
    this.#prepare = options.prepare
    this.#attempts = options.attempts ?? 4
    this.#acceptsUnsignedErrors = options.unsignedErrors === 'accept'
    // what can never be sent is the caller's mistake: told now, not when the server asks
    longTermKey(credentials, '', hash, 'md5', options.prepare ?? opaqueOrSasl)
  }

  /** The realm of the server, once it has challenged. */
  get realm(): string | undefined {
    return this.#session?.realm
  }

  /** The key that requests are signed with, once the server has challenged. */
  get key(): IntegrityKey | undefined {
    return this.#session?.key
  }

  /** Forgets realm and nonce: the next request goes out unsigned, as to a new server (§9.2.3.1). */
  reset(): void {
    this.#session = undefined
    this.#sha256 = false
  }

  sign(writer: StunWriter): void {
    const session = this.#session
    if (session === undefined) return
    if (session.userhash !== undefined) writer.add(Userhash, session.userhash)
    else writer.add(Username, session.username)
    writer.add(Realm, session.realm).add(Nonce, session.nonce)
    if (session.algorithms !== undefined) writer.add(PasswordAlgorithms, session.algorithms)
    if (session.algorithm !== undefined) writer.add(PasswordAlgorithm, session.algorithm)
    if (this.#sha256) writer.integritySha256(session.key)
    else writer.integrity(session.key)
  }

  judge(response: StunMessage, attempt: number): ResponseVerdict {
    const code = response.class === 'error' ? response.get(ErrorCode)?.code : undefined
    if (code === 401 || code === 438) return this.#challenge(response, code, attempt)
    const session = this.#session
    if (session === undefined) return 'accept'
    const nonce = response.get(Nonce)
    if (nonce !== undefined && lacksAlgorithms(response, nonce)) return 'discard'
    if (this.#acceptsUnsignedErrors && code !== undefined && !isSigned(response)) return 'accept'
    return this.vouchesFor(response) ? 'accept' : 'discard'
  }

  vouchesFor(response: StunMessage): boolean {
    const key = this.#session?.key
    if (key === undefined) return false
    const sha256 = checkIntegritySha256(response, key)
    if (sha256 === 'valid') this.#sha256 = true
    if (sha256 !== 'absent') return sha256 === 'valid'
    return !this.#sha256 && checkIntegrity(response, key) === 'valid'
  }

  #challenge(response: StunMessage, code: 401 | 438, attempt: number): ResponseVerdict {
    const before = this.#session
    const nonce = response.get(Nonce)
    const realm = response.get(Realm) ?? (code === 438 ? before?.realm : undefined)
    if (nonce === undefined || realm === undefined || attempt >= this.#attempts) return 'accept'
    if (lacksAlgorithms(response, nonce)) return 'accept'
    // the same user in the same realm would be refused again (§9.2.5)
    if (code === 401 && before?.realm === realm) return 'accept'
    if (code === 438 && before?.nonce === nonce) return 'accept'
    const offered = response.get(PasswordAlgorithms)
    if (response.has(PasswordAlgorithms) && offered === undefined) return 'accept'
    const algorithm = offered?.find(isSupported)
    if (offered !== undefined && algorithm === undefined) return 'accept'
    const session = this.#answer(realm, nonce, offered, algorithm)
    if (session === undefined) return 'accept'
    this.#session = session
    if (offered !== undefined) this.#sha256 = true
    return 'retry'
  }

  #answer(
    realm: string,
    nonce: string,
    algorithms: readonly PasswordAlgorithmChoice[] | undefined,
    algorithm: PasswordAlgorithmChoice | undefined,
  ): Session | undefined {
    const features = securityFeatures(nonce)
    const prepare = this.#prepare ?? (features === undefined ? saslOrOpaque : opaqueOrSasl)
    if (prepare(realm) === undefined) return undefined
    const digest = algorithm?.algorithm === passwordAlgorithm.SHA256 ? 'sha256' : 'md5'
    const { username } = this.#credentials
    return {
      realm,
      nonce,
      algorithms,
      algorithm,
      username: prepared(username, prepare),
      userhash: features?.usernameAnonymity ? userhash(username, realm, this.#hash, prepare) : undefined,
      key: longTermKey(this.#credentials, realm, this.#hash, digest, prepare),
    }
  }
}

/** A bid-down: the nonce says that algorithms are offered, and somebody has taken the offer away (§9.2.1). */
function lacksAlgorithms(response: StunMessage, nonce: string): boolean {
  return securityFeatures(nonce)?.passwordAlgorithms === true && !response.has(PasswordAlgorithms)
}

function isSigned(response: StunMessage): boolean {
  return response.has(MessageIntegrity) || response.has(MessageIntegritySha256)
}

function isSupported({ algorithm, parameters }: PasswordAlgorithmChoice): boolean {
  return (
    (algorithm === passwordAlgorithm.MD5 || algorithm === passwordAlgorithm.SHA256) && parameters.length === 0
  )
}
