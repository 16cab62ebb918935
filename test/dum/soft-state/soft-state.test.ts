import { SimulatedClock } from 'resip/testing'
import { describe, expect, test } from 'vitest'
import { backOff, backOffTo, renewalOf } from '../../../src/dum/soft-state/back-off.ts'
import {
  SoftState,
  type SoftStateState,
  type SoftStateUser,
  softState,
} from '../../../src/dum/soft-state/soft-state.ts'
import { feed, openCells } from '../../../src/util/machine.ts'
import { Timers } from '../../../src/util/timers.ts'

class User implements SoftStateUser {
  readonly done: string[] = []
  sendRenewal = (): void => void this.done.push('renew')
  sendRemoval = (): void => void this.done.push('remove')
  onGranted = (): void => void this.done.push('granted')
  onRefused = (): void => void this.done.push('refused')
  onWaiting = (): void => void this.done.push('waiting')
  onRemoved = (): void => void this.done.push('removed')
  beginAnew = (): void => void this.done.push('anew')
  onDue = (): void => void this.done.push('due')
}

/** Written from RFC 3261 §10.2, RFC 3903 §4 and RFC 5626 §4.5: state, input, next state, what is done. */
const cells: readonly (readonly [SoftStateState, string, SoftStateState, string])[] = [
  ['adding', 'granted', 'held', 'granted'],
  ['adding', 'refused', 'ended', 'refused'],
  ['adding', 'unreachable', 'waiting', 'waiting'],
  ['adding', 'gone', 'adding', 'anew renew'],
  ['adding', 'changed', 'adding', ''],
  ['adding', 'remove', 'leaving', ''],
  ['adding', 'drop', 'leaving', ''],
  ['held', 'begin', 'renewing', 'renew'],
  ['held', 'changed', 'renewing', 'renew'],
  ['held', 'due', 'renewing', 'renew'],
  ['held', 'remind', 'held', 'due'],
  ['held', 'lost', 'waiting', 'anew'],
  ['held', 'refused', 'ended', 'refused'],
  ['held', 'remove', 'removing', 'remove'],
  ['held', 'drop', 'removing', 'remove'],
  ['renewing', 'granted', 'held', 'granted'],
  ['renewing', 'refused', 'ended', 'refused'],
  ['renewing', 'unreachable', 'waiting', 'waiting'],
  ['renewing', 'gone', 'adding', 'anew renew'],
  ['renewing', 'changed', 'renewing', ''],
  ['renewing', 'remove', 'leaving', ''],
  ['renewing', 'drop', 'leaving', ''],
  ['waiting', 'begin', 'adding', 'renew'],
  ['waiting', 'due', 'adding', 'renew'],
  ['waiting', 'remind', 'adding', 'renew'],
  ['waiting', 'changed', 'waiting', ''],
  ['waiting', 'refused', 'ended', 'refused'],
  ['waiting', 'remove', 'removing', 'remove'],
  ['waiting', 'drop', 'resting', 'removed'],
  ['leaving', 'granted', 'removing', 'remove'],
  ['leaving', 'unreachable', 'removing', 'remove'],
  ['leaving', 'refused', 'resting', 'removed'],
  ['leaving', 'gone', 'resting', 'removed'],
  ['leaving', 'begin', 'renewing', ''],
  ['leaving', 'changed', 'leaving', ''],
  ['removing', 'granted', 'resting', 'removed'],
  ['removing', 'refused', 'resting', 'removed'],
  ['removing', 'unreachable', 'resting', 'removed'],
  ['removing', 'gone', 'resting', 'removed'],
  ['removing', 'begin', 'removing', ''],
  ['removing', 'changed', 'removing', ''],
  ['resting', 'begin', 'adding', 'renew'],
  ['resting', 'changed', 'resting', ''],
  ['resting', 'end', 'ended', ''],
]

function make(state: SoftStateState = 'adding'): { clock: SimulatedClock; user: User; soft: SoftState } {
  const clock = new SimulatedClock()
  const user = new User()
  const soft = new SoftState(new Timers(clock), user)
  soft.state = state
  return { clock, user, soft }
}

describe('soft state: RFC 3261 §10.2, RFC 3903 §4, RFC 5626 §4.5', () => {
  test.each(cells)('%s × %s → %s (%s)', (state, input, next, done) => {
    const { user, soft } = make(state)
    feed(softState, soft, input as (typeof softState.inputs)[number], undefined)
    expect([soft.state, user.done.join(' ')]).toEqual([next, done])
  })

  test('every other cell is absorbed, and nothing is done', () => {
    expect(openCells(softState)).toEqual([])
    const known = new Set(cells.map(([state, input]) => `${state} × ${input}`))
    for (const state of Object.keys(softState.rows) as SoftStateState[])
      for (const input of softState.inputs) {
        if (known.has(`${state} × ${input}`)) continue
        const { user, soft } = make(state)
        feed(softState, soft, input, undefined)
        expect([soft.state, user.done]).toEqual([state, []])
      }
  })

  test('what changed while a request was under way goes next, once', () => {
    const { user, soft } = make()
    soft.change()
    soft.change()
    soft.grant(60_000, 50_000)
    expect([soft.state, user.done]).toEqual(['renewing', ['granted', 'renew']])
    soft.grant(60_000, 50_000)
    expect(soft.state).toBe('held')
  })

  test('it is held until it expires, also while a renewal fails', () => {
    const { clock, soft } = make()
    soft.grant(60_000, 50_000)
    clock.advance(50_000)
    expect(soft.state).toBe('renewing')
    soft.retryAfter(30_000)
    expect(soft.isHeld).toBe(true)
    clock.advance(10_000)
    expect(soft.isHeld).toBe(false)
    clock.advance(20_000)
    expect(soft.state).toBe('adding')
  })

  test('wanted again while it is removed: removed first, then asked for', () => {
    const { user, soft } = make()
    soft.grant(60_000, 50_000)
    soft.withdraw()
    soft.begin()
    expect(soft.state).toBe('removing')
    soft.grant(0, 0)
    expect([soft.state, user.done]).toEqual(['adding', ['granted', 'remove', 'removed', 'renew']])
  })

  test('removed for good it is not asked for again, and leaves no timer', () => {
    const { user, soft } = make()
    soft.remove()
    soft.begin()
    soft.retryAfter(1000)
    expect(soft.state).toBe('removing')
    soft.refuse()
    soft.begin()
    expect([soft.state, user.done]).toEqual(['ended', ['remove', 'removed']])
    expect(soft.timers.size).toBe(0)
  })
})

describe('RFC 5626 §4.5: back-off', () => {
  test('30 to 60 s after the first failure, doubled with each, 15 to 30 min at the most', () => {
    const range = (failures: number, othersStand = false): number[] =>
      [0, 1].map(fraction => backOff({ failures, othersStand }, fraction) / 1000)
    expect(range(1)).toEqual([30, 60])
    expect(range(3)).toEqual([120, 240])
    expect(range(6)).toEqual([900, 1800])
    expect(range(10_000)).toEqual([900, 1800])
    expect(range(1, true)).toEqual([90, 180])
  })

  test('Retry-After counts as it stands the first time, and never makes the back-off shorter afterwards', () => {
    const first = { failures: 1, othersStand: false }
    expect(backOffTo(0, first, 0.5)).toBe(0)
    expect([backOffTo(20, first, 0), backOffTo(20, first, 1)]).toEqual([20_000, 22_000])
    expect(backOffTo(0, { failures: 2, othersStand: false }, 0)).toBe(60_000)
    expect(backOffTo(4_294_967_295, first, 0)).toBe(86_400_000)
  })

  test('renewed at 80 to 90 % of what was granted', () => {
    expect([renewalOf(300_000, 0), renewalOf(300_000, 1)]).toEqual([240_000, 270_000])
  })
})
