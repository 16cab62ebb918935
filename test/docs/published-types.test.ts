import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const built = fileURLToPath(new URL('../../dist/src', import.meta.url))

it('the published types change no global of the application that takes them', () => {
  const files = readdirSync(built, { recursive: true, encoding: 'utf8' }).filter(file =>
    file.endsWith('.d.ts'),
  )
  expect(files.length).toBeGreaterThan(100)
  const globals = files.filter(file =>
    /declare global|^interface Buffer/m.test(readFileSync(join(built, file), 'utf8')),
  )
  expect(globals).toEqual([])
})
