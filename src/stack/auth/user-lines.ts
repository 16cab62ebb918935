import { UsageError } from '../../util/errors.ts'
import { algorithmNamed, hashNamed, isHa1 } from './algorithm.ts'
import type { HashName } from './io/hash.ts'
import { MemoryUsers, type UserEntry } from './users.ts'

/** Something wrong with a file of users, with the number of its line, from 1; no secret is in it. */
export class UserLineError extends UsageError {
  readonly line: number

  constructor(name: string, line: number, problem: string) {
    super('ERR_SIP_USERS', `${name}:${line}: ${problem}`)
    this.line = line
  }
}

/**
 * Users from lines `user:realm:algorithm:ha1`, or `user:realm:ha1` for MD5 as `htdigest` writes them; a user has a line
 * for each algorithm. Empty lines, and those that begin with `#`, are skipped. A colon or backslash in a name or a realm
 * has a backslash in front of it.
 * @throws UserLineError for the first line that is wrong
 */
export function parseUsers(text: string, name: string = 'users'): MemoryUsers {
  const secrets = new Map<string, { entry: UserEntry; secret: Partial<Record<HashName, string>> }>()
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    if (line.trim() === '' || line.startsWith('#')) continue
    const fail = (problem: string): never => {
      throw new UserLineError(name, index + 1, problem)
    }
    const fields = fieldsOf(line)
    if (fields.length === 3) fields.splice(2, 0, 'MD5')
    const [username = '', realm = '', algorithm = '', hex = ''] = fields
    if (fields.length !== 4) fail('user:realm:algorithm:ha1 is needed')
    if (username === '' || realm === '') fail('the user or the realm is empty')
    const hash = hashNamed(algorithm) ?? fail('the algorithm is none of MD5, SHA-256, SHA-512-256')
    if (!isHa1(hash, hex)) fail(`ha1 is no ${algorithmNamed(hash)?.digits} hexadecimal digits`)
    const key = `${realm.length} ${realm} ${username}`
    const known = secrets.get(key) ?? { entry: { username, realm, secret: '' }, secret: {} }
    if (known.secret[hash] !== undefined) fail('this user has a line for this algorithm before')
    known.secret[hash] = hex
    secrets.set(key, known)
  }
  return new MemoryUsers([...secrets.values()].map(({ entry, secret }) => ({ ...entry, secret })))
}

/**
 * A line for a file of users: `userLine('bob', 'example.com', 'SHA-256', ha1('SHA-256', 'bob', 'example.com', secret))`.
 * @throws UsageError where user or realm hold a line break
 */
export function userLine(username: string, realm: string, hash: HashName, hex: string): string {
  if (/[\r\n]/.test(username + realm))
    throw new UsageError(
      'ERR_SIP_USERS',
      'the user or the realm holds a line break; it cannot stand on a line',
    )
  return `${escaped(username)}:${escaped(realm)}:${hash}:${hex}`
}

function escaped(text: string): string {
  return text.replace(/[:\\]/g, '\\$&').replace(/^#/, '\\#')
}

function fieldsOf(line: string): string[] {
  if (!line.includes('\\')) return line.split(':')
  const fields = ['']
  for (let at = 0; at < line.length; at++) {
    const character = line[at] ?? ''
    if (character === ':') fields.push('')
    else fields[fields.length - 1] += character === '\\' ? (line[++at] ?? '') : character
  }
  return fields
}
