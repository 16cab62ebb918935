import { UsageError } from '../../util/errors.ts'
import { hashNames, isHa1 } from './algorithm.ts'
import { ha1, userHash } from './digest.ts'
import type { HashName } from './io/hash.ts'

/** A user as a realm knows him: his name, and H(username:realm:password) for each hash that was kept. */
export interface StoredUser {
  readonly username: string
  /** `undefined` where none was kept for this hash: then he cannot be authenticated by it. */
  ha1(hash: HashName): string | undefined
}

/** What a look-up gives, at once or later. */
export type Found = StoredUser | undefined | Promise<StoredUser | undefined>

/**
 * Where a realm finds its users: a table, a file, a data base. Whether he is known or not, a look-up takes as long, or
 * its time tells who is. `checkUserStore` of `resip/testing` tries an application's own.
 */
export interface UserStore {
  /** Names and realms are compared character by character. */
  find(username: string, realm: string): Found
  /** By H(username:realm), for clients that hash the name (RFC 7616 §3.4.4); left out: the realm offers no `userhash`. */
  findHashed?(userhash: string, realm: string, hash: HashName): Found
}

/** One user that is put into a table. */
export interface UserEntry {
  readonly username: string
  readonly realm: string
  /** In plain text, or H(username:realm:password) of one hash or several; of a password all hashes are kept. */
  readonly secret: string | Partial<Record<HashName, string>>
}

/** Users in a table: what a file or a program's own list becomes. */
export class MemoryUsers implements UserStore {
  readonly #byName = new Map<string, KnownUser>()
  /** By H(username:realm), from the first time that one is asked for. */
  #byHash: Map<string, KnownUser> | undefined

  constructor(entries: Iterable<UserEntry> = []) {
    for (const entry of entries) this.add(entry)
  }

  get size(): number {
    return this.#byName.size
  }

  /**
   * Adds a user, or gives one another secret.
   * @throws UsageError where a name is no text, or a secret neither a text nor hashes; nothing is added then
   */
  add({ username, realm, secret }: UserEntry): this {
    if (typeof username !== 'string' || typeof realm !== 'string') throw wrong('a name or a realm is no text')
    if (typeof secret !== 'string' && (typeof secret !== 'object' || secret === null))
      throw wrong('the secret of a user is neither a text nor hashes')
    const hashes = new Map<HashName, string>()
    for (const hash of hashNames) {
      const key = typeof secret === 'string' ? ha1(hash, username, realm, secret) : secret[hash]
      if (key === undefined) continue
      if (!isHa1(hash, key)) throw wrong(`a hash for ${hash} is none; make it with ha1('${hash}', …)`)
      hashes.set(hash, key.toLowerCase())
    }
    const user = new KnownUser(username, realm, hashes)
    this.#byName.set(nameKey(username, realm), user)
    for (const hash of this.#byHash === undefined ? [] : hashNames)
      this.#byHash?.set(userHash(hash, username, realm), user)
    return this
  }

  /** Whether there was one. */
  remove(username: string, realm: string): boolean {
    for (const hash of this.#byHash === undefined ? [] : hashNames)
      this.#byHash?.delete(userHash(hash, username, realm))
    return this.#byName.delete(nameKey(username, realm))
  }

  find(username: string, realm: string): StoredUser | undefined {
    return this.#byName.get(nameKey(username, realm))
  }

  /** Realm and hash are in the text that is looked for. */
  findHashed(userhash: string, _realm: string, _hash: HashName): StoredUser | undefined {
    if (this.#byHash === undefined) {
      this.#byHash = new Map()
      for (const user of this.#byName.values())
        for (const hash of hashNames) this.#byHash.set(userHash(hash, user.username, user.realm), user)
    }
    return this.#byHash.get(userhash.toLowerCase())
  }
}

/** @internal hashes of one user in one realm */
export class KnownUser implements StoredUser {
  readonly username: string
  readonly realm: string
  readonly #hashes: ReadonlyMap<HashName, string>

  constructor(username: string, realm: string, hashes: ReadonlyMap<HashName, string>) {
    this.username = username
    this.realm = realm
    this.#hashes = hashes
  }

  ha1(hash: HashName): string | undefined {
    return this.#hashes.get(hash)
  }
}

function wrong(message: string): UsageError {
  return new UsageError('ERR_SIP_USERS', message)
}

/** No name and no realm can be put together otherwise: the length tells where one ends. */
function nameKey(username: string, realm: string): string {
  return `${realm.length} ${realm} ${username}`
}
