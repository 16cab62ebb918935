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
} from '../../stun/attributes/credentials.ts'
import { ErrorCode } from '../../stun/attributes/general.ts'
import type { IntegrityKey, StunHash } from '../../stun/hash.ts'
import { checkIntegrity, checkIntegritySha256 } from '../../stun/integrity.ts'
import type { StunMessage } from '../../stun/message.ts'
import { octets } from '../../stun/octets.ts'
import type { StunWriter } from '../../stun/writer.ts'
import type { ResponseVerdict, StunAuthentication, StunSignature } from './authentication.ts'
import { longTermKey, prepared, type StunCredentials, securityFeatures, userhash } from './credentials.ts'
import { opaqueOrSasl, type Preparation, saslOrOpaque } from './prepare.ts'

export interface LongTermOptions {
  /** SASLprep towards servers of RFC 5389 and OpaqueString towards those of RFC 8489, unless one is named. */
  readonly prepare?: Preparation
  /** How many requests one purpose may take, challenges included. */
  readonly attempts?: number
  /**
   * What becomes of error responses that bear no integrity attribute: RFC 8489 §9.2.5 has them discarded (`discard`,
   * the default), and so whoever is on the way cannot end a transaction; but coturn sends 437 and others unsigned, and
   * a discarded refusal costs the whole time-out. `accept` hands them on, but for a 300.
   */
  readonly unsignedErrors?: 'discard' | 'accept'
}

/** What a challenge told, and what was made of it. What is echoed is kept as the octets it came in. */
interface Session extends StunSignature {
  readonly realm: string
  readonly nonce: string
  readonly echoed: readonly { readonly type: number; readonly octets: Uint8Array }[]
  readonly algorithm: PasswordAlgorithmChoice | undefined
  readonly username: string
  readonly userhash: Uint8Array | undefined
}

/** Octets of PASSWORD-ALGORITHMS that are echoed: some dozens of algorithms, where two are known. */
const MOST_ALGORITHMS = 256

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

  sign(writer: StunWriter): StunSignature | undefined {
    const session = this.#session
    if (session === undefined) return undefined
    if (session.userhash !== undefined) writer.add(Userhash, session.userhash)
    else writer.add(Username, session.username)
    for (const { type, octets } of session.echoed) writer.addOctets(type, octets)
    if (session.algorithm !== undefined) writer.add(PasswordAlgorithm, session.algorithm)
    if (this.#sha256) writer.integritySha256(session.key)
    else writer.integrity(session.key)
    return session
  }

  judge(response: StunMessage, signature: StunSignature | undefined, attempt: number): ResponseVerdict {
    const code = response.class === 'error' ? response.get(ErrorCode)?.code : undefined
    if (code === 401 || code === 438) return this.#challenge(response, code, signature, attempt)
    if (signature === undefined) return 'accept'
    const nonce = response.get(Nonce)
    if (nonce !== undefined && lacksAlgorithms(response, nonce)) return 'discard'
    // a 300 sends us elsewhere: whoever forges one gains more than a failed request (RFC 8489 §14.8)
    const accepted = this.#acceptsUnsignedErrors && code !== undefined && code !== 300
    if (accepted && !isSigned(response)) return 'accept'
    return this.vouchesFor(response, signature) ? 'accept' : 'discard'
  }

  vouchesFor(response: StunMessage, signature: StunSignature | undefined): boolean {
    if (signature === undefined) return false
    const sha256 = checkIntegritySha256(response, signature.key)
    if (sha256 === 'valid') this.#sha256 = true
    if (sha256 !== 'absent') return sha256 === 'valid'
    return !this.#sha256 && checkIntegrity(response, signature.key) === 'valid'
  }

  /** `accept` hands the challenge on as the refusal it is, where another try would bring nothing (§9.2.5). */
  #challenge(
    response: StunMessage,
    code: 401 | 438,
    signature: StunSignature | undefined,
    attempt: number,
  ): ResponseVerdict {
    const nonce = response.get(Nonce)
    const realm = response.get(Realm) ?? (code === 438 ? signature?.realm : undefined)
    if (nonce === undefined || realm === undefined || attempt >= this.#attempts) return 'accept'
    if (lacksAlgorithms(response, nonce)) return 'accept'
    // the same user in the same realm, or the same nonce, would be refused again
    if (code === 401 ? signature?.realm === realm : signature?.nonce === nonce) return 'accept'
    const session = this.#answer(response, realm, nonce)
    if (session === undefined) return 'accept'
    this.#session = session
    if (session.algorithm !== undefined) this.#sha256 = true
    return 'retry'
  }

  #answer(response: StunMessage, realm: string, nonce: string): Session | undefined {
    const offered = response.get(PasswordAlgorithms)
    const algorithm = offered?.find(isSupported)
    if (response.has(PasswordAlgorithms) && algorithm === undefined) return undefined
    const echoed: { type: number; octets: Uint8Array }[] = []
    for (const { type } of [Realm, Nonce, PasswordAlgorithms]) {
      const offset = response.find(type)
      if (offset >= 0)
        echoed.push({ type, octets: octets(response.bytes, offset, response.lengthAt(offset)) })
      else if (type === Realm.type) echoed.push({ type, octets: Buffer.from(realm) })
    }
    if (echoed.some(one => one.type === PasswordAlgorithms.type && one.octets.length > MOST_ALGORITHMS))
      return undefined
    const features = securityFeatures(nonce)
    const prepare = this.#prepare ?? (features === undefined ? saslOrOpaque : opaqueOrSasl)
    if (prepare(realm) === undefined) return undefined
    const digest = algorithm?.algorithm === passwordAlgorithm.SHA256 ? 'sha256' : 'md5'
    const { username } = this.#credentials
    return {
      realm,
      nonce,
      echoed,
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
