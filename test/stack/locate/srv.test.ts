import { describe, expect, test } from 'vitest'
import type { SrvRecord } from '../../../src/net/resolver/resolver.ts'
import { chosenSrv, settledSrv } from '../../../src/stack/locate/srv.ts'
import { seededRandom, Tokens } from '../../../src/util/random.ts'

const tokens = new Tokens(seededRandom(7))
const below = (limit: number): number => tokens.below(limit)

const record = (target: string, weight: number, priority: number = 0): SrvRecord => ({
  priority,
  weight,
  port: 5060,
  target,
})

/** How often each order came out. */
function orders(records: readonly SrvRecord[], times: number): Map<string, number> {
  const counted = new Map<string, number>()
  for (let time = 0; time < times; time++) {
    const order = chosenSrv(records, below, 64)
      .map(({ target }) => target)
      .join('')
    counted.set(order, (counted.get(order) ?? 0) + 1)
  }
  return counted
}

/** Σ (seen - expected)² / expected. */
function chiSquare(
  seen: ReadonlyMap<string, number>,
  shares: Readonly<Record<string, number>>,
  times: number,
): number {
  let sum = 0
  for (const [order, share] of Object.entries(shares))
    sum += ((seen.get(order) ?? 0) - share * times) ** 2 / (share * times)
  return sum
}

describe('RFC 2782 weight', () => {
  const TIMES = 60_000

  test('each order of three members comes as often as their weights say (χ² with 5 degrees, 0.1 %)', () => {
    const seen = orders([record('a', 10), record('b', 30), record('c', 60)], TIMES)
    // the number drawn is 0 to the sum, both included, so that the first in the list has one chance more
    const shares: Record<string, number> = {}
    const weights: Record<string, number> = { a: 10, b: 30, c: 60 }
    const chance = (list: readonly string[], pick: string): number => {
      const sum = list.reduce((all, name) => all + (weights[name] ?? 0), 0)
      return ((weights[pick] ?? 0) + (list[0] === pick ? 1 : 0)) / (sum + 1)
    }
    for (const first of ['a', 'b', 'c']) {
      const left = ['a', 'b', 'c'].filter(name => name !== first)
      for (const second of left) {
        const [third = ''] = left.filter(name => name !== second)
        shares[first + second + third] = chance(['a', 'b', 'c'], first) * chance(left, second)
      }
    }
    expect(Object.values(shares).reduce((sum, share) => sum + share)).toBeCloseTo(1)
    expect(chiSquare(seen, shares, TIMES)).toBeLessThan(20.5)
    // and the test can tell: equal shares are far off
    const equal = Object.fromEntries(Object.keys(shares).map(order => [order, 1 / 6]))
    expect(chiSquare(seen, equal, TIMES)).toBeGreaterThan(1000)
  })

  test('a weight of 0 is hardly ever first beside others, yet sometimes', () => {
    const seen = orders([record('a', 99), record('z', 0)], TIMES)
    expect(seen.get('za')).toBeGreaterThan(TIMES / 200)
    expect(seen.get('za')).toBeLessThan(TIMES / 50)
  })

  test('all of weight 0 share alike', () => {
    const seen = orders([record('a', 0), record('b', 0)], TIMES)
    expect(chiSquare(seen, { ab: 0.5, ba: 0.5 }, TIMES)).toBeLessThan(10.8)
  })

  test('weights choose within a priority only', () => {
    const seen = orders([record('d', 65_535, 2), record('a', 1, 1), record('b', 1, 1)], 1000)
    expect([...seen.keys()].sort()).toEqual(['abd', 'bad'])
  })

  test('no more than asked for, of thousands of records, and of those the best', () => {
    const many = Array.from({ length: 3000 }, (_, at) => record(`h${at}`, 1, 3000 - at))
    const chosen = chosenSrv(many, below, 64)
    expect(chosen).toHaveLength(64)
    expect(chosen[0]?.target).toBe('h2999')
  })
})

test('RFC 3263 §4.4: heavier ones first, then by name, and no backup', () => {
  const records = [record('c', 1), record('b', 1), record('x', 9, 1), record('a', 1), record('d', 2)]
  const expected = ['d', 'a', 'b', 'c']
  expect(settledSrv(records, 64).map(({ target }) => target)).toEqual(expected)
  expect(settledSrv([...records].reverse(), 64).map(({ target }) => target)).toEqual(expected)
})
