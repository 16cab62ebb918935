import { Identifiers } from 'resip/stack'
import { describe, expect, test } from 'vitest'
import { systemRandom } from '../../src/net/random.ts'
import { hash64 } from '../../src/util/hash.ts'
import { seededRandom, Tokens } from '../../src/util/random.ts'

describe('tokens', () => {
  test('have the length asked for, of token characters only, each about as often', () => {
    const tokens = new Tokens(systemRandom)
    const counts = new Map<string, number>()
    const length = 64_000
    const text = tokens.next(length)
    expect(text).toMatch(/^[A-Za-z0-9_-]+$/)
    expect(text).toHaveLength(length)
    for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
    expect(counts.size).toBe(64)
    // 1,000 each are expected; six standard deviations are 190
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(190)
  })

  test('come from the source and never twice from the same bytes', () => {
    let filled = 0
    const tokens = new Tokens({
      fill(bytes) {
        filled++
        return bytes.fill(filled)
      },
    })
    expect(tokens.next(4096)).toBe('1'.repeat(4096))
    expect(filled).toBe(1)
    expect(tokens.next(2)).toBe('22')
    expect(filled).toBe(2)
  })

  test('below stays below, reaches both ends, and is even', () => {
    const tokens = new Tokens(seededRandom(1))
    const counts = [0, 0, 0, 0, 0]
    for (let i = 0; i < 5000; i++) {
      const value = tokens.below(5)
      counts[value] = (counts[value] ?? 0) + 1
    }
    expect(counts).toHaveLength(5)
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(180)
    expect(new Tokens({ fill: bytes => bytes.fill(255) }).below(2 ** 32)).toBe(2 ** 32 - 1)
    expect(new Tokens({ fill: bytes => bytes.fill(0) }).below(7)).toBe(0)
  })

  test('a seed is a sequence, another seed another', () => {
    const next = (seed: number): string => new Tokens(seededRandom(seed)).next(40)
    expect(next(1)).toBe(next(1))
    expect(next(1)).not.toBe(next(2))
  })
})

test('RFC 3261 §8.1.1.7, §19.3 identifiers: the cookie, enough random bits, no two alike', () => {
  const ids = new Identifiers(new Tokens(systemRandom))
  const branches = Array.from({ length: 20_000 }, () => ids.newBranch())
  expect(branches.every(branch => /^z9hG4bK[A-Za-z0-9_-]{16}$/.test(branch))).toBe(true)
  expect(new Set(branches).size).toBe(20_000)
  expect(ids.newTag()).toMatch(/^[A-Za-z0-9_-]{10}$/)
  expect(ids.newCallId()).toMatch(/^[A-Za-z0-9_-]{22}$/)
})

describe('hash64', () => {
  test('is 16 hexadecimal digits, the same for the same text and seed', () => {
    expect(hash64('')).toMatch(/^[0-9a-f]{16}$/)
    expect(hash64('z9hG4bK1 192.0.2.1')).toBe(hash64(`z9hG4bK${1} 192.0.2.1`))
    expect(hash64('a', 1)).not.toBe(hash64('a', 2))
    expect(hash64('a')).not.toBe(hash64('a\0'))
  })

  test('does not collide over 200,000 texts that differ little, in neither half much', () => {
    const all = new Set<string>()
    const halves = [new Set<string>(), new Set<string>()]
    for (let i = 0; i < 200_000; i++) {
      const hash = hash64(`z9hG4bK${i} 192.0.2.1:5060`)
      all.add(hash)
      halves[0]?.add(hash.slice(0, 8))
      halves[1]?.add(hash.slice(8))
    }
    expect(all.size).toBe(200_000)
    // of 200,000 in 2^32 some five pairs fall together by chance
    for (const half of halves) expect(half.size).toBeGreaterThan(200_000 - 30)
  })

  test('one bit of the text changes about half of the bits', () => {
    let changed = 0
    for (let i = 0; i < 1000; i++) {
      const text = `branch-${i}`
      const last = text.charCodeAt(text.length - 1)
      const other = text.slice(0, -1) + String.fromCharCode(last ^ 1)
      let difference = BigInt(`0x${hash64(text)}`) ^ BigInt(`0x${hash64(other)}`)
      for (; difference > 0n; difference &= difference - 1n) changed++
    }
    expect(changed / 1000).toBeGreaterThan(30)
    expect(changed / 1000).toBeLessThan(34)
  })
})
