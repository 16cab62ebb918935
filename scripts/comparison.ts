import type { Measurement } from '../bench/measurement.ts'
import { median } from '../bench/median.ts'

/** One figure before and now; `ratio` above 1 is better, whichever way its unit counts. */
export interface Comparison {
  readonly bench: string
  readonly case: string
  readonly unit: string
  readonly before: number
  readonly now: number
  readonly ratio: number
}

/** The medians of what the runs of both sides measured; a figure that only one of them has is left out. */
export function compared(before: readonly Measurement[], now: readonly Measurement[]): Comparison[] {
  const old = valuesByCase(before)
  const found: Comparison[] = []
  for (const [key, { bench, case: what, unit, values }] of valuesByCase(now)) {
    const earlier = old.get(key)
    if (earlier === undefined) continue
    const [then, today] = [median(earlier.values), median(values)]
    const ratio = then === today ? 1 : moreIsBetter(unit) ? today / then : then / today
    found.push({ bench, case: what, unit, before: then, now: today, ratio })
  }
  return found
}

/** Rates are better when they grow; times, octets, losses and percents of CPU when they shrink. */
function moreIsBetter(unit: string): boolean {
  return unit.endsWith('/s') || unit.endsWith('/CPU s')
}

interface Figure extends Pick<Measurement, 'bench' | 'case' | 'unit'> {
  readonly values: number[]
}

function valuesByCase(measurements: readonly Measurement[]): Map<string, Figure> {
  const found = new Map<string, Figure>()
  for (const { bench, case: what, unit, value } of measurements) {
    const key = JSON.stringify([bench, what, unit])
    const figure = found.get(key)
    if (figure) figure.values.push(value)
    else found.set(key, { bench, case: what, unit, values: [value] })
  }
  return found
}
