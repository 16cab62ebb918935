import { expect, it } from 'vitest'
import { inSrvOrder } from '../../../src/net/resolver/srv-order.ts'
import { seededRandom, Tokens } from '../../../src/util/random.ts'

const record = (target: string, priority: number, weight: number) => ({ target, priority, weight, port: 1 })
const dice = new Tokens(seededRandom(3))
const below = (limit: number): number => dice.below(limit)

it('priorities are tried in order, each record once (RFC 2782)', () => {
  const records = [record('c', 20, 9), record('a', 10, 0), record('d', 30, 0), record('b', 10, 5)]
  for (let i = 0; i < 50; i++) {
    const order = inSrvOrder(Object.freeze(records), below).map(({ target }) => target)
    expect(order.slice(0, 2).toSorted()).toEqual(['a', 'b'])
    expect(order.slice(2)).toEqual(['c', 'd'])
  }
  expect(inSrvOrder([], below)).toEqual([])
})

it('within a priority the first is drawn by weight (RFC 2782)', () => {
  const records = [record('heavy', 1, 60), record('light', 1, 20), record('middle', 1, 40)]
  const first = new Map<string, number>()
  const RUNS = 12_000
  for (let i = 0; i < RUNS; i++) {
    const target = inSrvOrder(records, below)[0]?.target ?? ''
    first.set(target, (first.get(target) ?? 0) + 1)
  }
  // 121 marks of which 61, 40 and 20 fall on them in the order of the list; four standard deviations are 220
  expect(Math.abs((first.get('heavy') ?? 0) - (RUNS * 61) / 121)).toBeLessThan(220)
  expect(Math.abs((first.get('middle') ?? 0) - (RUNS * 40) / 121)).toBeLessThan(220)
  expect(Math.abs((first.get('light') ?? 0) - (RUNS * 20) / 121)).toBeLessThan(220)
})

it('the weightless among themselves have equal chances, beside others a small one (RFC 2782)', () => {
  const none = [record('a', 1, 0), record('b', 1, 0)]
  const few = [record('a', 1, 0), record('b', 1, 9)]
  let among = 0
  let beside = 0
  for (let i = 0; i < 5000; i++) {
    if (inSrvOrder(none, below)[0]?.target === 'a') among++
    if (inSrvOrder(few, below)[0]?.target === 'a') beside++
  }
  expect(Math.abs(among - 2500)).toBeLessThan(150)
  expect(Math.abs(beside - 500)).toBeLessThan(90)
})
