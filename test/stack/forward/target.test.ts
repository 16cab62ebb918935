import { describe, expect, test } from 'vitest'
import { chooseTarget } from '../../../src/stack/forward/target.ts'
import type { Target } from '../../../src/stack/transport/selector.ts'

const target = (address: string, share?: number): Target => ({ protocol: 'UDP', address, port: 5060, share })
const branch = (at: number): string => `z9hG4bK${at.toString(36)}`

function counted(targets: readonly Target[], times: number): Map<string | undefined, number> {
  const seen = new Map<string | undefined, number>()
  for (let at = 0; at < times; at++) {
    const address = chooseTarget(targets, branch(at))?.address
    seen.set(address, (seen.get(address) ?? 0) + 1)
  }
  return seen
}

describe('RFC 3263 §4.4: the one target of a stateless proxy', () => {
  const TIMES = 20_000

  test('each gets its share of the branches', () => {
    const seen = counted([target('192.0.2.1', 10), target('192.0.2.2', 30), target('192.0.2.3', 60)], TIMES)
    // four standard deviations of a share of a half are 283
    expect(Math.abs((seen.get('192.0.2.1') ?? 0) - 0.1 * TIMES)).toBeLessThan(283)
    expect(Math.abs((seen.get('192.0.2.2') ?? 0) - 0.3 * TIMES)).toBeLessThan(283)
    expect(Math.abs((seen.get('192.0.2.3') ?? 0) - 0.6 * TIMES)).toBeLessThan(283)
  })

  test('all the same where none has a share', () => {
    const seen = counted([target('192.0.2.1'), target('192.0.2.2')], TIMES)
    expect(Math.abs((seen.get('192.0.2.1') ?? 0) - 0.5 * TIMES)).toBeLessThan(283)
  })

  test('the order does not matter, and one that goes moves its own alone', () => {
    const all = [target('192.0.2.1', 1), target('192.0.2.2', 2), target('192.0.2.3', 3)]
    for (let at = 0; at < 500; at++) {
      const chosen = chooseTarget(all, branch(at))
      expect(chooseTarget([...all].reverse(), branch(at))).toBe(chosen)
      if (chosen !== all[1])
        expect(
          chooseTarget(
            all.filter(one => one !== all[1]),
            branch(at),
          ),
        ).toBe(chosen)
    }
  })
})
