import { expect, test } from 'vitest'
import { Pair } from './pair.ts'

test('RFC 6347 §4.2: a handshake gives both sides the same keys', () => {
  const pair = new Pair().run()
  expect([pair.a.error, pair.b.error]).toEqual([undefined, undefined])
  expect(pair.secured).toBe(true)
})
