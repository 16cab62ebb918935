import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileUsers, ha1, MemoryUsers, parseUsers, type UserStore, userLine } from 'resip/stack'
import { checkUserStore, type KnownToStore, userStoreChecks } from 'resip/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { UsageError } from '../../../src/util/errors.ts'

const known: readonly KnownToStore[] = [
  { username: 'bob', realm: 'example.com', password: 'zanzibar', hashes: ['MD5', 'SHA-256', 'SHA-512-256'] },
  { username: 'b:o\\b', realm: 'ex: "ample"', password: ':', hashes: ['SHA-256'] },
  { username: '#Jäsøn Doe', realm: 'example.com', password: 'Secret, or not?', hashes: ['MD5'] },
]
const folder = mkdtempSync(join(tmpdir(), 'resip-users-'))
afterAll(() => rmSync(folder, { recursive: true }))

function lines(users: readonly KnownToStore[] = known): string {
  return users
    .flatMap(({ username, realm, password, hashes }) =>
      hashes.map(hash => userLine(username, realm, hash, ha1(hash, username, realm, password))),
    )
    .join('\n')
}

function table(): MemoryUsers {
  return new MemoryUsers(
    known.map(({ username, realm, password, hashes }) => ({
      username,
      realm,
      secret: Object.fromEntries(hashes.map(hash => [hash, ha1(hash, username, realm, password)])),
    })),
  )
}

const path = join(folder, 'users')
writeFileSync(path, lines())
const stores: readonly (readonly [string, UserStore])[] = [
  ['in memory', table()],
  ['in a file', new FileUsers(path, { interval: 0 })],
  ['that answers later', { find: async (name, realm) => table().find(name, realm) }],
]

for (const [which, store] of stores) {
  describe(`a store ${which}`, () => {
    for (const { title, run } of userStoreChecks(store, known)) it(title, run)
  })
}

describe('the checks of a store', () => {
  it.each([
    ['finds everybody', { find: () => table().find('bob', 'example.com') }],
    ['finds nobody', { find: () => undefined }],
    ['does not look at case', { find: (name: string, realm: string) => table().find(name.trim(), realm) }],
    [
      'throws',
      {
        find: () => {
          throw new Error('no')
        },
      },
    ],
    [
      'gives capital letters',
      {
        find: (name: string, realm: string) => {
          const user = table().find(name, realm)
          return user && { username: name, ha1: (hash: 'MD5') => user.ha1(hash)?.toUpperCase() }
        },
      },
    ],
  ])('fail for one that %s', async (_what, store) => {
    await expect(checkUserStore(store, known)).rejects.toThrow('the user store fails')
  })
})

describe('users in lines', () => {
  it('user:realm:algorithm:ha1, or what htdigest writes', () => {
    const text = `# a comment\r\n\r\nbob:example.com:${ha1('MD5', 'bob', 'example.com', 'x').toUpperCase()}\r\n`
    expect(parseUsers(text).find('bob', 'example.com')?.ha1('MD5')).toBe(
      ha1('MD5', 'bob', 'example.com', 'x'),
    )
  })

  it.each([
    ['bob', 'user:realm:algorithm:ha1 is needed'],
    ['a:b:c:d:e', 'user:realm:algorithm:ha1 is needed'],
    [':b:MD5:00', 'the user or the realm is empty'],
    ['a:b:SHA-1:00', 'the algorithm is none'],
    ['a:b:MD5-sess:00', 'the algorithm is none'],
    ['a:b:SHA-256:00', 'ha1 is no 64 hexadecimal digits'],
    [`a:b:MD5:${'z'.repeat(32)}`, 'ha1 is no 32 hexadecimal digits'],
    [`a:b:MD5:${'0'.repeat(32)}\na:b:${'0'.repeat(32)}`, 'has a line for this algorithm before'],
  ])('%s: the line is named, and no secret told', (wrong, problem) => {
    const number = 2 + (wrong.split('\n').length - 1)
    expect(() => parseUsers(`# first\n${wrong}`, 'f')).toThrow(`f:${number}: `)
    expect(() => parseUsers(`# first\n${wrong}`, 'f')).toThrow(problem)
    expect(() => parseUsers(`# first\n${wrong}`, 'f')).not.toThrow(/0000|zzzz/)
  })

  it('a line break cannot stand in a name', () => {
    expect(() => userLine('a\nb', 'c', 'MD5', '')).toThrow('line break')
  })
})

describe('a file of users', () => {
  /** Writes as it should be written: as a whole. */
  const write = (file: string, text: string): void => {
    writeFileSync(`${file}.new`, text)
    renameSync(`${file}.new`, file)
  }

  it('is read anew when it changes; one that is wrong is told and not taken', async () => {
    const file = join(folder, 'changing')
    write(file, lines(known.slice(0, 1)))
    let heard: (what: string) => void = () => {}
    const next = (): Promise<string> =>
      new Promise(resolve => {
        heard = resolve
      })
    const users = new FileUsers(file, {
      interval: 20,
      failed: error => heard(error instanceof Error ? error.message : ''),
      onReload: size => heard(`${size} users`),
    })
    try {
      let said = next()
      write(file, lines())
      expect(await said).toBe('3 users')
      said = next()
      write(file, `${lines()}\nbroken`)
      expect(await said).toBe(`${file}:6: user:realm:algorithm:ha1 is needed`)
      expect(users.size).toBe(3)
      expect(() => users.reload()).toThrow(':6:')
      said = next()
      rmSync(file)
      expect(await said).toContain('cannot be read')
      expect(users.find('bob', 'example.com')?.username).toBe('bob')
    } finally {
      users.close()
    }
  })

  it('that is not there is told at once', () => {
    expect(() => new FileUsers(join(folder, 'nowhere'))).toThrow(
      /the users in .*nowhere cannot be read: ENOENT/,
    )
  })
})

it.each<[string, object]>([
  ['no name', { realm: 'example.com', secret: 'x' }],
  ['no secret', { username: 'bob', realm: 'example.com' }],
  ['a hash that is too short', { username: 'bob', realm: 'example.com', secret: { MD5: 'abc' } }],
  ['a number as hash', { username: 'bob', realm: 'example.com', secret: { 'SHA-256': 5 } }],
])('a table is told at once that it is given %s', (_, entry) => {
  expect(() => Reflect.construct(MemoryUsers, [[entry]])).toThrow(UsageError)
})
