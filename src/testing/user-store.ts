import { ha1, userHash } from '../stack/auth/digest.ts'
import type { HashName } from '../stack/auth/io/hash.ts'
import type { StoredUser, UserStore } from '../stack/auth/users.ts'

/** A user that the store holds while it is tried. */
export interface KnownToStore {
  readonly username: string
  readonly realm: string
  readonly password: string
  /** The hashes that it keeps of him. */
  readonly hashes: readonly HashName[]
}

/** One thing that a store must do; `run` rejects with a sentence where it does not. */
export interface StoreCheck {
  readonly title: string
  run(): Promise<void>
}

/**
 * What every user store must do, to be run by whatever runs an application's tests:
 * `for (const { title, run } of userStoreChecks(store, users)) test(title, run)`. The store holds `known` and nobody else.
 */
export function userStoreChecks(store: UserStore, known: readonly KnownToStore[]): StoreCheck[] {
  const checks: StoreCheck[] = known.flatMap(user => checksOf(store, user))
  for (const { username, realm } of known) {
    const strangers: readonly (readonly [string, string])[] = [
      ['', realm],
      [`${username}x`, realm],
      [` ${username}`, realm],
      [username.slice(0, -1), realm],
      [username, `${realm}x`],
      [username, ''],
      [`${username}:${realm}`, ''],
      [realm, username],
      ['__proto__', realm],
      ['constructor', 'prototype'],
      [`${username}' OR '1'='1`, realm],
      [`${username}\0`, realm],
      ['ä'.repeat(10_000), realm],
    ]
    checks.push({
      title: `knows nobody who is like ${JSON.stringify(username)} only`,
      async run() {
        for (const [name, of] of strangers) {
          if (known.some(other => other.username === name && other.realm === of)) continue
          const found = await store.find(name, of)
          demand(
            found === undefined,
            `${JSON.stringify(name.slice(0, 40))} of ${JSON.stringify(of)} was found`,
          )
        }
      },
    })
  }
  checks.push({
    title: 'answers many look-ups at a time',
    async run() {
      const found = await Promise.all(
        Array.from({ length: 200 }, async (_, at) => {
          const user = known[at % known.length]
          if (user === undefined) return true
          return (await store.find(user.username, user.realm))?.username === user.username
        }),
      )
      demand(!found.includes(false), 'a look-up among many gave another user, or none')
    },
  })
  return checks
}

/**
 * Runs all {@link userStoreChecks}.
 * @throws Error that lists what the store does not do
 */
export async function checkUserStore(store: UserStore, known: readonly KnownToStore[]): Promise<void> {
  const failures: string[] = []
  for (const { title, run } of userStoreChecks(store, known)) {
    try {
      await run()
    } catch (error) {
      failures.push(`${title}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  if (failures.length > 0) throw new Error(`the user store fails:\n${failures.join('\n')}`)
}

function checksOf(store: UserStore, user: KnownToStore): StoreCheck[] {
  const { username, realm } = user
  const who = `${JSON.stringify(username)} of ${JSON.stringify(realm)}`
  const checks: StoreCheck[] = [
    {
      title: `finds ${who} with the secrets that it keeps, and no others`,
      run: async () => demandUser(await store.find(username, realm), user),
    },
  ]
  if (store.findHashed !== undefined) {
    checks.push({
      title: `finds ${who} by the hash of his name, and by no other text (RFC 7616 §3.4.4)`,
      async run() {
        for (const hash of user.hashes) {
          const name = userHash(hash, username, realm)
          demandUser(await store.findHashed?.(name, realm, hash), user)
          for (const other of [username, name.slice(1), `${name}0`, '']) {
            demand(
              (await store.findHashed?.(other, realm, hash)) === undefined,
              `found by ${JSON.stringify(other)}`,
            )
          }
        }
      },
    })
  }
  return checks
}

const all: readonly HashName[] = ['MD5', 'SHA-256', 'SHA-512-256']

function demandUser(found: StoredUser | undefined, user: KnownToStore): void {
  demand(found !== undefined, 'the user is not found')
  demand(found?.username === user.username, `the name is ${JSON.stringify(found?.username)}`)
  for (const hash of all) {
    const expected = user.hashes.includes(hash)
      ? ha1(hash, user.username, user.realm, user.password)
      : undefined
    demand(
      found?.ha1(hash) === expected,
      `ha1 of ${hash} is not the lower-case hash of the secret, or is kept although it should not be`,
    )
  }
}

function demand(holds: boolean, problem: string): void {
  if (!holds) throw new Error(problem)
}
