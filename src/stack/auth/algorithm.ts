import type { HashName } from './io/hash.ts'

/** An algorithm of RFC 7616 §3.3; with `-sess` its key holds for one nonce and cnonce. */
export type DigestAlgorithm = HashName | `${HashName}-sess`

/** What an algorithm is made of. */
export interface Algorithm {
  readonly name: DigestAlgorithm
  readonly hash: HashName
  readonly isSession: boolean
  /** Hexadecimal digits of its responses. */
  readonly digits: number
  /** Greater is stronger; a `-sess` variant is as strong as its hash. */
  readonly strength: number
}

/** The algorithms without `-sess`, strongest first: the order that a realm offers them in (RFC 8760 §2.3). */
export const strongestFirst: readonly DigestAlgorithm[] = ['SHA-512-256', 'SHA-256', 'MD5']

export const hashNames: readonly HashName[] = ['SHA-512-256', 'SHA-256', 'MD5']

const table: ReadonlyMap<string, Algorithm> = new Map(
  hashNames.flatMap((hash, index) => {
    const digits = hash === 'MD5' ? 32 : 64
    const strength = hashNames.length - index
    return ([hash, `${hash}-sess`] as const).map(name => [
      name.toLowerCase(),
      { name, hash, isSession: name !== hash, digits, strength },
    ])
  }),
)

/** The algorithm that a header names, in any case, MD5 where it names none (RFC 7616 §3.3); `undefined` for one that is not known. */
export function algorithmNamed(name: string | undefined): Algorithm | undefined {
  if (name === undefined) return table.get('md5')
  return table.get(name) ?? table.get(name.toLowerCase())
}

/** The hash of a text such as `SHA-256`, as a file of users has it; `undefined` for one that is not known. */
export function hashNamed(name: string): HashName | undefined {
  const found = algorithmNamed(name)
  return found === undefined || found.isSession ? undefined : found.hash
}

/** Whether something is H(username:realm:password) of a hash as far as can be seen: hexadecimal digits, as many as it has. */
export function isHa1(hash: HashName, value: unknown): value is string {
  return (
    typeof value === 'string' && value.length === table.get(hash.toLowerCase())?.digits && HEX.test(value)
  )
}

const HEX = /^[0-9a-f]+$/i
