import { UsageError } from '../../util/errors.ts'
import { algorithmNamed, type DigestAlgorithm, hashNames, isHa1 } from './algorithm.ts'
import { ha1, type Qop } from './digest.ts'
import type { HashName } from './io/hash.ts'

/** Who a client is to the servers of some realms. */
export interface AccountOptions {
  readonly username: string
  /** The realms that are answered, and no others: whoever asks in another learns nothing. */
  readonly realms: string | readonly string[]
  /** In plain text; or `ha1`. */
  readonly password?: string
  /** H(username:realm:password) in hexadecimal, by hash, for the one realm. */
  readonly ha1?: Partial<Record<HashName, string>>
  /** The weakest algorithm that is answered. Default `'MD5'`. */
  readonly weakest?: HashName
  /** What is used where the server offers it. Default `'auth'`; the other one where that is all there is. */
  readonly qop?: Qop
  /** Whether challenges without qop are answered, as servers of RFC 2069 make them. Default true. */
  readonly withoutQop?: boolean
  /**
   * Whether a realm's credentials go along with every request after the first challenge, and not with those of the same
   * Call-ID or To alone: for the realm of one's own outbound proxy (RFC 3261 §22.3).
   */
  readonly everywhere?: boolean
}

/** An account, whose secret nobody can read: not as JSON, not in a log, not by `inspect`. */
export class DigestAccount {
  readonly username: string
  readonly realms: readonly string[]
  readonly qop: Qop
  readonly withoutQop: boolean
  readonly everywhere: boolean
  readonly #password: string | undefined
  readonly #ha1: ReadonlyMap<HashName, string>
  readonly #weakest: number
  /** By hash and realm, when it was first needed. */
  readonly #keys = new Map<string, string>()

  /** @throws UsageError where secret and realms do not fit together */
  constructor(options: AccountOptions) {
    const { username, realms, password, ha1: hashed, weakest = 'MD5' } = options
    if (!isText(username)) throw wrong('username is no text, or empty')
    this.username = username
    this.realms = Array.isArray(realms) ? [...realms] : [realms]
    this.qop = options.qop ?? 'auth'
    this.withoutQop = options.withoutQop ?? true
    this.everywhere = options.everywhere ?? false
    this.#password = password
    this.#ha1 = checkedHashes(hashed ?? {})
    this.#weakest = strengthOf(weakest)
    if (this.realms.length === 0 || !this.realms.every(isText))
      throw wrong('name the realms that are to be answered, each a text')
    if (this.qop !== 'auth' && this.qop !== 'auth-int')
      throw wrong(`qop is ${JSON.stringify(this.qop)}; give 'auth' or 'auth-int'`)
    if (password !== undefined && typeof password !== 'string') throw wrong('password is no text')
    if ((password === undefined) === (hashed === undefined)) throw wrong('give either password or ha1')
    if (hashed !== undefined && this.realms.length > 1)
      throw wrong('ha1 holds for one realm; make an account for each')
    if (hashed !== undefined && this.#ha1.size === 0) throw wrong('ha1 has no hash')
  }

  /** H(A1) for a realm, `undefined` where this account does not answer it by this hash. */
  key(hash: HashName, realm: string): string | undefined {
    if (!this.realms.includes(realm) || strengthOf(hash) < this.#weakest) return undefined
    if (this.#password === undefined) return this.#ha1.get(hash)
    const name = `${hash} ${realm}`
    let key = this.#keys.get(name)
    if (key === undefined) {
      key = ha1(hash, this.username, realm, this.#password)
      this.#keys.set(name, key)
    }
    return key
  }

  toJSON(): object {
    return { username: this.username, realms: this.realms }
  }
}

function strengthOf(name: DigestAlgorithm): number {
  const algorithm = algorithmNamed(name)
  if (algorithm === undefined) throw wrong(`there is no algorithm ${JSON.stringify(name)}`)
  return algorithm.strength
}

function checkedHashes(given: Partial<Record<HashName, string>>): Map<HashName, string> {
  const hashes = new Map<HashName, string>()
  for (const [name, hex] of Object.entries(given)) {
    const hash = hashNames.find(known => known === name)
    if (hash === undefined)
      throw wrong(`ha1 has ${JSON.stringify(name)}; the hashes are ${hashNames.join(', ')}`)
    if (!isHa1(hash, hex))
      throw wrong(`ha1 for ${hash} is no ${algorithmNamed(hash)?.digits} hexadecimal digits`)
    hashes.set(hash, hex.toLowerCase())
  }
  return hashes
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function wrong(message: string): UsageError {
  return new UsageError('ERR_SIP_ACCOUNT', message)
}
