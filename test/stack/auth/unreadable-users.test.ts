import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileUsers, ha1, userLine } from 'resip/stack'
import { afterAll, expect, it, vi } from 'vitest'

const system = vi.hoisted(() => ({ opened: 0, refusing: 0 }))

vi.mock('node:fs', async original => {
  const fs = await original<typeof import('node:fs')>()
  return {
    ...fs,
    openSync(...args: Parameters<typeof fs.openSync>) {
      system.opened++
      if (system.refusing > 0 && system.refusing-- > 0)
        throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
      return fs.openSync(...args)
    },
  }
})

const folder = mkdtempSync(join(tmpdir(), 'resip-users-'))
afterAll(() => rmSync(folder, { recursive: true }))

const lines = (...names: string[]): string =>
  names
    .map(name => userLine(name, 'example.com', 'MD5', ha1('MD5', name, 'example.com', 'secret')))
    .join('\n')

it('a changed file that cannot be read for a moment is told once, and read when it can be', async () => {
  const path = join(folder, 'users')
  writeFileSync(path, lines('bob'))
  const told: string[] = []
  const read = new Promise<number>(resolve => {
    const users = new FileUsers(path, {
      interval: 10,
      failed: error => told.push(String(error)),
      onReload: size => {
        users.close()
        resolve(size)
      },
    })
  })
  system.refusing = 3
  writeFileSync(`${path}.new`, lines('bob', 'alice'))
  renameSync(`${path}.new`, path)
  expect(await read).toBe(2)
  expect(told).toEqual([expect.stringContaining('EMFILE')])
  expect(system.opened).toBe(5)
})
