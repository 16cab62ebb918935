import { closeSync, fstatSync, openSync, readFileSync, type Stats, statSync } from 'node:fs'
import { EnvironmentError } from '../../../util/errors.ts'
import { type Failed, guarded } from '../../../util/guard.ts'
import { parseUsers, UserLineError } from '../user-lines.ts'
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
  readonly #timer: NodeJS.Timeout | undefined
  /** What the file was when it was looked at last: whatever changes after it was read is seen. */
  #stamp: string
  /** The one that could not be taken, and of which `failed` knows. */
  #told: string | undefined
  #users: MemoryUsers

  /**
   * Reads the file at once.
   * @throws UserLineError where a line is wrong, EnvironmentError where the file cannot be read
   */
  constructor(path: string, options: FileUsersOptions = {}) {
    this.path = path
    this.#options = options
    const { users, stamp } = readUsers(path)
    this.#users = users
    this.#stamp = stamp
    const { interval = 2_000 } = options
    this.#timer = interval > 0 ? setInterval(() => this.#look(), interval).unref() : undefined
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
    const { users, stamp } = readUsers(this.path)
    this.#users = users
    this.#stamp = stamp
    this.#told = undefined
    guarded(this.#options.failed ?? ignore, undefined, this.#options.onReload, this.size)
  }

  /** Looks at the file no more. */
  close(): void {
    clearInterval(this.#timer)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #look(): void {
    const stats = statOf(this.path)
    const stamp = stats === undefined ? 'nothing' : stampOf(stats)
    if (stamp === this.#stamp) return
    try {
      this.reload()
    } catch (error) {
      // what is wrong in it stays so until it changes; what kept it from being read may be over at the next look
      if (error instanceof UserLineError) this.#stamp = stamp
      const isTold = this.#told === stamp
      this.#told = stamp
      if (!isTold) guarded(ignore, undefined, this.#options.failed, error)
    }
  }
}

function readUsers(path: string): { readonly users: MemoryUsers; readonly stamp: string } {
  let text: string
  let stats: Stats
  try {
    const file = openSync(path, 'r')
    try {
      stats = fstatSync(file)
      if (stats.size > MAX_OCTETS) throw new Error(`it has ${stats.size} octets, more than ${MAX_OCTETS}`)
      text = readFileSync(file, 'utf8')
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new EnvironmentError('ERR_SIP_USERS', `the users in ${path} cannot be read: ${why}`, { cause })
  }
  return { users: parseUsers(text, path), stamp: stampOf(stats) }
}

/** Whatever keeps a file from being looked at is told when it is read. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

function stampOf({ mtimeMs, size, ino }: Stats): string {
  return `${mtimeMs} ${size} ${ino}`
}

function ignore(): void {}
