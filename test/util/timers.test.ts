import { describe, expect, it } from 'vitest'
import { SimulatedClock } from '../../src/util/clock.ts'
import { seededRandom, Tokens } from '../../src/util/random.ts'
import { Timers } from '../../src/util/timers.ts'

class Recorder {
  readonly fired: string[] = []
  readonly #clock: SimulatedClock
  constructor(clock: SimulatedClock) {
    this.#clock = clock
  }
  onTimer(name: string): void {
    this.fired.push(`${this.#clock.now()} ${name}`)
  }
}

describe('Timers', () => {
  it('fire at their exact millisecond, in order', () => {
    const clock = new SimulatedClock()
    const timers = new Timers(clock)
    const recorder = new Recorder(clock)
    for (const delay of [32_000, 500, 1, 0, 31, 32, 33, 1023, 1024, 1025]) {
      timers.start(recorder, `${delay}`, delay)
    }
    clock.advance(40_000)
    expect(recorder.fired).toEqual(
      [0, 1, 31, 32, 33, 500, 1023, 1024, 1025, 32_000].map(delay => `${delay} ${delay}`),
    )
    expect(timers.size).toBe(0)
  })

  it('of the same millisecond fire in the order they were started', () => {
    const clock = new SimulatedClock()
    const timers = new Timers(clock)
    const recorder = new Recorder(clock)
    timers.start(recorder, 'first', 5000)
    clock.advance(4000)
    timers.start(recorder, 'second', 1000)
    clock.advance(990)
    timers.start(recorder, 'third', 10)
    clock.advance(10)
    expect(recorder.fired).toEqual(['5000 first', '5000 second', '5000 third'])
  })

  it('agree with a sorted list over 20,000 random starts, stops and restarts', () => {
    const clock = new SimulatedClock()
    const timers = new Timers(clock)
    const tokens = new Tokens(seededRandom(7))
    const fired: string[] = []
    const expected: { at: number; order: number; name: string }[] = []
    const owner = { onTimer: (name: string) => void fired.push(`${clock.now()} ${name}`) }
    let order = 0
    for (let i = 0; i < 20_000; i++) {
      const delay = tokens.below(tokens.below(2) ? 2_000 : 200_000)
      const timer = timers.start(owner, `${i}`, delay)
      const entry = { at: clock.now() + delay, order: order++, name: `${i}` }
      const choice = tokens.below(10)
      if (choice === 0) {
        timers.stop(timer)
      } else {
        if (choice === 1) {
          const again = tokens.below(50_000)
          timers.restart(timer, again)
          entry.at = clock.now() + again
        }
        expected.push(entry)
      }
      if (choice < 4) clock.advance(tokens.below(100))
    }
    clock.advance(300_000)
    expected.sort((a, b) => a.at - b.at || a.order - b.order)
    expect(fired).toEqual(expected.map(entry => `${entry.at} ${entry.name}`))
  })

  it('reach beyond the span of the wheel (2^30 ms)', () => {
    const clock = new SimulatedClock()
    const timers = new Timers(clock)
    const recorder = new Recorder(clock)
    const far = 2 ** 30 * 2 + 17
    timers.start(recorder, 'far', far)
    timers.start(recorder, 'near', 2 ** 30 - 1)
    clock.advance(far + 1)
    expect(recorder.fired).toEqual([`${2 ** 30 - 1} near`, `${far} far`])
  })

  it('may be started and stopped from within a timer', () => {
    const clock = new SimulatedClock()
    const timers = new Timers(clock)
    const fired: string[] = []
    const victim = timers.after(10, () => fired.push('victim'))
    timers.after(10 - 1, () => {
      timers.stop(victim)
      timers.after(0, () => fired.push(`now ${clock.now()}`))
      timers.after(5, () => fired.push(`later ${clock.now()}`))
    })
    clock.advance(100)
    expect(fired).toEqual(['now 9', 'later 14'])
  })

  it('keep one host alarm, and none when nothing runs', () => {
    let armed = 0
    const clock = new SimulatedClock()
    const counting = {
      now: () => clock.now(),
      date: () => clock.date(),
      alarm: (wake: () => void) => {
        const alarm = clock.alarm(wake)
        return {
          set: (at: number) => {
            armed++
            alarm.set(at)
          },
          clear: () => {
            armed = 0
            alarm.clear()
          },
        }
      },
    }
    const timers = new Timers(counting)
    const started = Array.from({ length: 100 }, (_, i) => timers.after(1000 + i, () => {}))
    expect(armed).toBe(1)
    for (const timer of started) timers.stop(timer)
    expect(armed).toBe(0)
  })

  it('refuse a delay that is not a number of milliseconds', () => {
    const timers = new Timers(new SimulatedClock())
    expect(() => timers.after(-1, () => {})).toThrow(RangeError)
    expect(() => timers.after(Number.NaN, () => {})).toThrow(/NaN/)
  })
})

it('closed timers never fire, near or far, and none can be started, from within a timer either', () => {
  const clock = new SimulatedClock()
  const timers = new Timers(clock)
  const fired: string[] = []
  for (const delay of [1, 40, 2000, 100_000, 2 ** 31]) timers.after(delay, () => void fired.push(`${delay}`))
  timers.after(40, () => {
    timers.close()
    timers.after(1, () => void fired.push('late'))
  })
  timers.after(40, () => void fired.push('same time'))
  clock.advance(2 ** 32)
  expect(fired).toEqual(['1', '40'])
  expect(timers.size).toBe(0)
})
