import { describe, expect, it } from 'vitest'
import { Pair, receivedText, register } from './pair.ts'

const TRIES = 2000

/** The median times in microseconds of checks of credentials, in turn: what disturbs one disturbs all. */
function medians(pair: Pair, ...wires: readonly string[]): number[] {
  const times = wires.map((): number[] => [])
  for (let at = 0; at < TRIES; at++) {
    // who comes first changes, so that nobody is always the one behind another
    for (let turn = 0; turn < wires.length; turn++) {
      const index = (at + turn) % wires.length
      const message = receivedText(wires[index] ?? '')
      const began = process.hrtime.bigint()
      const verdict = pair.check(message)
      times[index]?.push(Number(process.hrtime.bigint() - began) / 1000)
      if (verdict.kind !== 'refused' || verdict.why !== 'wrong') throw new Error('a wrong secret expected')
    }
  }
  return times.map(list => list.sort((a, b) => a - b)[TRIES / 2] ?? 0)
}

/** By how many microseconds an unknown user differs more than a known one measured twice; above 0 he can be told. */
function leakOf(pair: Pair, known: string, unknown: string): number {
  const [first = 0, second = 0, other = 0] = medians(pair, known, known, unknown)
  return Math.abs(other - (first + second) / 2) - Math.abs(first - second) - 0.02 * first
}

describe('RFC 7616 §5.7: who is a user cannot be told by the time it takes to refuse him', () => {
  it.each(['MD5', 'SHA-256', 'SHA-512-256-sess'] as const)(
    '%s: unknown and known differ no more than one known user measured twice',
    algorithm => {
      const pair = new Pair({ algorithms: [algorithm] })
      for (let at = 0; at < 1000; at++)
        pair.users.add({ username: `user-${at}`, realm: 'example.com', secret: 'other' })
      const wire = pair
        .authenticated(register())
        .toString()
        .replace(/response="..../, 'response="0000')
      const unknown = wire.replace('username="bob"', 'username="bab"')
      // a noisy machine may spoil a run; a leak spoils each of them
      let leak = Number.POSITIVE_INFINITY
      for (let run = 0; run < 5 && leak > 0; run++) leak = leakOf(pair, wire, unknown)
      expect(leak).toBeLessThanOrEqual(0)
    },
  )

  it('a store that answers for known users only with a secret computed would be noticed', () => {
    const pair = new Pair({ algorithms: ['SHA-256'] })
    const find = pair.users.find.bind(pair.users)
    const slow = new Pair({
      algorithms: ['SHA-256'],
      nonceKey: new Uint8Array(20),
      users: {
        find(username, realm) {
          const user = find(username, realm)
          // what a store does that hashes a password when it is asked for
          for (let at = 0; user !== undefined && at < 3; at++)
            user.ha1('SHA-256')?.normalize('NFKC').split('')
          return user
        },
      },
    })
    const wire = slow
      .authenticated(register())
      .toString()
      .replace(/response="..../, 'response="0000')
    const unknown = wire.replace('username="bob"', 'username="bab"')
    expect(leakOf(slow, wire, unknown)).toBeGreaterThan(0)
  })
})
