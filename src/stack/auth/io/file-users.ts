import { readFileSync, type Stats, statSync, unwatchFile, watchFile } from 'node:fs'
import { EnvironmentError } from '../../../util/errors.ts'
import { type Failed, guarded } from '../../../util/guard.ts'
import { parseUsers } from '../user-lines.ts'
import type { MemoryUsers, StoredUser, UserStore } from '../users.ts'
import type { HashName } from './hash.ts'

export interface FileUsersOptions {
  /** Milliseconds between two looks at the file; 0 for none. Default 2,000. */
  readonly interval?: number
  /** Told why a changed file was not taken: the users stay those that were read before. */
  readonly failed?: Failed
  /** Told of the number of users each time the file was read anew. */
  readonly onReload?: (users: number) => unknown
}

/** Octets of a file that is read: some 500,000 users. */
const MAX_OCTETS = 64 * 1024 * 1024

/**
 * Users in a file, see {@link parseUsers}, read anew when it changes: as a whole or, where a line is wrong, not at all.
 * Write it by a rename, so that nobody reads half of it.
 */
export class FileUsers implements UserStore {
  readonly path: string
  readonly #options: FileUsersOptions
  readonly #onStat = (now: Stats, before: Stats): void => {
    if (now.mtimeMs !== before.mtimeMs || now.size !== before.size || now.ino !== before.ino) this.#reload()
  }
  #users: MemoryUsers

  /**
   * Reads the file at once.
   * @throws UserLineError where a line is wrong, EnvironmentError where the file cannot be read
   */
  constructor(path: string, options: FileUsersOptions = {}) {
    this.path = path
    this.#options = options
    this.#users = usersIn(path)
    const { interval = 2_000 } = options
    if (interval > 0) watchFile(path, { interval, persistent: false }, this.#onStat)
  }

  get size(): number {
    return this.#users.size
  }

  find(username: string, realm: string): StoredUser | undefined {
    return this.#users.find(username, realm)
  }

  findHashed(userhash: string, realm: string, hash: HashName): StoredUser | undefined {
    return this.#users.findHashed(userhash, realm, hash)
  }

  /**
   * Reads the file now.
   * @throws as the constructor does; the users stay then
   */
  reload(): void {
    this.#users = usersIn(this.path)
    guarded(this.#options.failed ?? ignore, undefined, this.#options.onReload, this.size)
  }

  /** Looks at the file no more. */
  close(): void {
    unwatchFile(this.path, this.#onStat)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #reload(): void {
    try {
      this.reload()
    } catch (error) {
      guarded(ignore, undefined, this.#options.failed, error)
    }
  }
}

function usersIn(path: string): MemoryUsers {
  let text: string
  try {
    const { size } = statSync(path)
    if (size > MAX_OCTETS) throw new Error(`it has ${size} octets, more than ${MAX_OCTETS}`)
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new EnvironmentError('ERR_SIP_USERS', `the users in ${path} cannot be read: ${why}`, { cause })
  }
  return parseUsers(text, path)
}

function ignore(): void {}
