import { expect, it } from 'vitest'
import type { Measurement } from '../../bench/measurement.ts'
import { compared } from '../../scripts/comparison.ts'

const runs = (unit: string, what: string, ...values: number[]): Measurement[] =>
  values.map(value => ({ bench: 'b', case: what, unit, value }))

it('benches are compared by their medians, above 1 being better whichever way the unit counts', () => {
  const before = [
    ...runs('µs', 'time', 10, 30, 20),
    ...runs('packets/CPU s', 'rate', 100),
    ...runs('packets', 'loss', 0),
    ...runs('µs', 'gone', 1),
  ]
  const now = [
    ...runs('µs', 'time', 10, 90, 10),
    ...runs('packets/CPU s', 'rate', 50),
    ...runs('packets', 'loss', 0),
    ...runs('µs', 'new', 1),
  ]
  expect(
    compared(before, now).map(({ case: what, before, now, ratio }) => [what, before, now, ratio]),
  ).toEqual([
    ['time', 20, 10, 2],
    ['rate', 100, 50, 0.5],
    ['loss', 0, 0, 1],
  ])
})
