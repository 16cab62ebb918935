import { describe, expect, it } from 'vitest'
import { MediaClock, type MediaClockUser, type Pace } from '../../../src/media/audio/media-clock.ts'
import { type Clock, SimulatedClock } from '../../../src/util/clock.ts'

class Recorder implements MediaClockUser {
  readonly slots: string[] = []
  readonly #clock: Clock
  constructor(clock: Clock) {
    this.#clock = clock
  }
  onSlot(slot: number, skipped: number, deadline: number): void {
    this.slots.push(
      `${this.#clock.now()} ${slot}${skipped > 0 ? ` (${skipped} skipped)` : ''} due ${deadline}`,
    )
  }
}

/** A host that wakes its alarms late by what `lateness` says, or sleeps through a while altogether. */
class LateClock implements Clock {
  readonly inner = new SimulatedClock()
  lateness: () => number = () => 0
  now(): number {
    return this.inner.now()
  }
  date(): number {
    return this.inner.date()
  }
  alarm(wake: () => void): ReturnType<Clock['alarm']> {
    const alarm = this.inner.alarm(wake)
    return { set: at => alarm.set(at + this.lateness()), clear: () => alarm.clear() }
  }
}

describe('MediaClock', () => {
  it('keeps absolute deadlines: a host that is always late adds nothing up', () => {
    const clock = new LateClock()
    clock.lateness = () => 3
    const media = new MediaClock(clock)
    const recorder = new Recorder(clock)
    media.start(recorder, 20, 0)
    clock.inner.advance(60_010)
    expect(recorder.slots).toHaveLength(3000)
    expect(recorder.slots.slice(0, 2)).toEqual(['23 0 due 20', '43 1 due 40'])
    expect(recorder.slots.at(-1)).toBe('60003 2999 due 60000')
  })

  it('skips slots that are over, and does not send them in a burst', () => {
    const clock = new LateClock()
    const media = new MediaClock(clock)
    const recorder = new Recorder(clock)
    const pace = media.start(recorder, 20, 0)
    clock.inner.advance(40)
    clock.lateness = () => 50
    clock.inner.advance(20)
    clock.lateness = () => 0
    clock.inner.advance(100)
    expect(recorder.slots).toEqual([
      '20 0 due 20',
      '40 1 due 40',
      '60 2 due 60',
      '130 5 (2 skipped) due 120',
      '140 6 due 140',
      '160 7 due 160',
    ])
    expect(pace.skipped).toBe(2)
  })

  it('serves all streams with one host alarm, spread over the interval', () => {
    const clock = new SimulatedClock()
    let alarms = 0
    const counting: Clock = {
      now: () => clock.now(),
      date: () => clock.date(),
      alarm(wake) {
        alarms++
        return clock.alarm(wake)
      },
    }
    const media = new MediaClock(counting)
    const perMillisecond = new Map<number, number>()
    for (let i = 0; i < 300; i++) {
      media.start(
        {
          onSlot(_slot, _skipped, deadline) {
            perMillisecond.set(deadline, (perMillisecond.get(deadline) ?? 0) + 1)
          },
        },
        20,
      )
    }
    clock.advance(200)
    expect(alarms).toBe(1)
    expect(media.size).toBe(300)
    expect([...perMillisecond.values()].every(count => count === 15)).toBe(true)
    expect(perMillisecond.size).toBe(200)
  })

  it('streams of one phase move together, and intervals of their own beside each other', () => {
    const clock = new SimulatedClock()
    const media = new MediaClock(clock)
    clock.advance(5)
    const [a, b, c] = [new Recorder(clock), new Recorder(clock), new Recorder(clock)]
    media.start(a, 20, 7)
    media.start(b, 20, 7)
    media.start(c, 30, 0)
    clock.advance(50)
    expect(a.slots).toEqual(['7 0 due 7', '27 1 due 27', '47 2 due 47'])
    expect(b.slots).toEqual(a.slots)
    expect(c.slots).toEqual(['30 0 due 30'])
  })

  it('may be stopped and started from within a slot; nothing is told after the stop', () => {
    const clock = new SimulatedClock()
    const media = new MediaClock(clock)
    const told: string[] = []
    const paces: Pace[] = []
    for (const name of ['a', 'b', 'c']) {
      paces.push(
        media.start(
          {
            onSlot(slot) {
              told.push(`${name}${slot}`)
              if (slot !== 1) return
              for (const pace of paces) media.stop(pace)
              if (name === 'a') media.start({ onSlot: next => void told.push(`d${next}`) }, 20, 1)
            },
          },
          20,
          0,
        ),
      )
    }
    clock.advance(70)
    expect(told).toEqual(['a0', 'b0', 'c0', 'a1', 'd0', 'd1'])
    expect(media.size).toBe(1)
  })

  it('a slot that throws or rejects takes no slot from the others, of its own phase neither, nor from itself', async () => {
    const clock = new SimulatedClock()
    const told: unknown[] = []
    const media = new MediaClock(clock, { onCallbackError: error => told.push(error) })
    const [before, same, later] = [new Recorder(clock), new Recorder(clock), new Recorder(clock)]
    let thrown = 0
    media.start(before, 20, 0)
    media.start(
      {
        onSlot() {
          throw new Error(`mine ${thrown++}`)
        },
      },
      20,
      0,
    )
    media.start({ onSlot: async slot => Promise.reject(`rejected ${slot}`) }, 20, 0)
    media.start(same, 20, 0)
    media.start(later, 30, 5)
    clock.advance(40)
    await new Promise(setImmediate)
    expect(same.slots).toEqual(['20 0 due 20', '40 1 due 40'])
    expect(before.slots).toEqual(same.slots)
    expect(later.slots).toEqual(['5 0 due 5', '35 1 due 35'])
    expect(thrown).toBe(2)
    expect(told.map(String).sort()).toEqual(['Error: mine 0', 'Error: mine 1', 'rejected 0', 'rejected 1'])
    expect(media.callbackErrors).toBe(4)
  })

  it('refuses intervals and phases that are none', () => {
    const clock = new SimulatedClock()
    const media = new MediaClock(clock)
    const recorder = new Recorder(clock)
    for (const interval of [0, 1.5, 1001])
      expect(() => media.start(recorder, interval)).toThrow(/media clock/)
    expect(() => media.start(recorder, 20, 20)).toThrow(/phase 20/)
  })
})
