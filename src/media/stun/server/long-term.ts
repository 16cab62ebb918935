import { valued } from '../../../stun/attribute.ts'
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
} from '../../../stun/attributes/credentials.ts'
import type { HashKey, IntegrityKey, StunHash } from '../../../stun/hash.ts'
import { checkIntegrity, checkIntegritySha256 } from '../../../stun/integrity.ts'
import { addressText, type TransportAddress } from '../../../stun/ip.ts'
import type { StunMessage } from '../../../stun/message.ts'
import { longTermKey, nonceWith, userhash } from '../credentials.ts'
import { type RequestVerdict, refuse, type StunServerAuthentication } from './authentication.ts'

export interface LongTermServerOptions {
  readonly realm: string
  /** User name to password; it may change, but where a user is replaced by another he is not known by USERHASH. */
  readonly users: ReadonlyMap<string, string>
  readonly hash: StunHash
  /** Octets that nobody else knows: nonces are made of them. */
  readonly secret: Uint8Array
  /** Milliseconds on any one scale. */
  readonly now: () => number
  /** Milliseconds that a nonce is good for. */
  readonly nonceLifetime?: number
  /** Offers PASSWORD-ALGORITHMS and user name anonymity; without, the server speaks RFC 5389. */
  readonly passwordAlgorithms?: boolean
}

const NONCE_LIFETIME = 600_000
const none = new Uint8Array(0)
const offered: readonly PasswordAlgorithmChoice[] = [
  { algorithm: passwordAlgorithm.SHA256, parameters: none },
  { algorithm: passwordAlgorithm.MD5, parameters: none },
]

/** The server's side of the long-term credential mechanism (RFC 8489 §9.2.4). Nonces are bound to the source. */
export class LongTermServerAuthentication implements StunServerAuthentication {
  readonly #options: LongTermServerOptions
  readonly #secret: HashKey
  /** By digest and user name: one for each user that has asked. */
  readonly #keys = new Map<string, IntegrityKey>()
  /** User names by their hash: no request has all of them hashed. */
  readonly #byHash = new Map<string, string>()
  /** How many users there were then. */
  #indexed = 0

  constructor(options: LongTermServerOptions) {
    this.#options = options
    this.#secret = options.hash.key(options.secret)
    // what can never be prepared is the caller's mistake: told now, not when somebody asks
    for (const [username, password] of options.users) {
      longTermKey({ username, password }, options.realm, options.hash)
    }
    this.#index()
  }

  check(request: StunMessage, source: TransportAddress): RequestVerdict {
    const { passwordAlgorithms } = this.#options
    const sha256 = request.has(MessageIntegritySha256)
    if (!sha256 && !request.has(MessageIntegrity)) return this.#challenge(401, source)
    const nonce = request.get(Nonce)
    if (!(request.has(Username) || request.has(Userhash)) || !request.has(Realm) || nonce === undefined) {
      return refuse(400)
    }
    const choice = request.get(PasswordAlgorithm)
    const asked = request.has(PasswordAlgorithm) || request.has(PasswordAlgorithms)
    if (passwordAlgorithms && asked && !isOffered(choice, request.get(PasswordAlgorithms))) return refuse(400)
    const username = this.#username(request)
    const password = username === undefined ? undefined : this.#options.users.get(username)
    if (username === undefined || password === undefined) return this.#challenge(401, source)
    const digest = choice?.algorithm === passwordAlgorithm.SHA256 ? 'sha256' : 'md5'
    const key = this.#key(username, password, digest)
    const verdict = sha256 ? checkIntegritySha256(request, key) : checkIntegrity(request, key)
    if (verdict !== 'valid') return this.#challenge(401, source)
    if (!this.#isFresh(nonce, source)) return this.#challenge(438, source)
    const plain = !asked
    return {
      accepted: true,
      username,
      sign: response => (plain && !sha256 ? response.integrity(key) : response.integritySha256(key)),
    }
  }

  #key(username: string, password: string, digest: 'md5' | 'sha256'): IntegrityKey {
    const { realm, hash } = this.#options
    const name = `${digest} ${username} ${password}`
    const present = this.#keys.get(name)
    if (present !== undefined) return present
    const key = longTermKey({ username, password }, realm, hash, digest)
    this.#keys.set(name, key)
    return key
  }

  #username(request: StunMessage): string | undefined {
    const name = request.get(Username)
    if (name !== undefined) return name
    const wanted = request.get(Userhash)
    if (wanted === undefined) return undefined
    if (this.#indexed !== this.#options.users.size) this.#index()
    return this.#byHash.get(hex(wanted))
  }

  #index(): void {
    const { users, realm, hash } = this.#options
    this.#byHash.clear()
    for (const username of users.keys()) this.#byHash.set(hex(userhash(username, realm, hash)), username)
    this.#indexed = users.size
  }

  #challenge(code: 401 | 438, source: TransportAddress): RequestVerdict {
    const { realm, passwordAlgorithms } = this.#options
    const attributes = [valued(Realm, realm), valued(Nonce, this.#nonce(this.#options.now(), source))]
    if (passwordAlgorithms) attributes.push(valued(PasswordAlgorithms, offered))
    return refuse(code, ...attributes)
  }

  #nonce(madeAt: number, source: TransportAddress): string {
    const { hash, passwordAlgorithms } = this.#options
    const made = madeAt.toString(36)
    const text = Buffer.from(`${made} ${addressText(source)}`)
    const tag = hash.hmac('sha256', this.#secret, [text]).subarray(0, 12).toString('base64url')
    const nonce = `${made}.${tag}`
    return passwordAlgorithms
      ? nonceWith({ passwordAlgorithms: true, usernameAnonymity: true }, nonce)
      : nonce
  }

  #isFresh(nonce: string, source: TransportAddress): boolean {
    const madeAt = Number.parseInt(nonce.replace(/^obMatJos2.{4}/, ''), 36)
    const age = this.#options.now() - madeAt
    if (!(age >= 0 && age <= (this.#options.nonceLifetime ?? NONCE_LIFETIME))) return false
    return this.#options.hash.equal(Buffer.from(this.#nonce(madeAt, source)), Buffer.from(nonce))
  }
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex')
}

/** Both attributes are there, the list is the one we sent, and the choice is in it (§9.2.4). */
function isOffered(
  choice: PasswordAlgorithmChoice | undefined,
  list: readonly PasswordAlgorithmChoice[] | undefined,
): boolean {
  return (
    choice !== undefined &&
    choice.parameters.length === 0 &&
    list?.length === offered.length &&
    offered.every(
      ({ algorithm }, i) => list[i]?.algorithm === algorithm && list[i]?.parameters.length === 0,
    ) &&
    offered.some(({ algorithm }) => algorithm === choice.algorithm)
  )
}
