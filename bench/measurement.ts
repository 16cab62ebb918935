/** One figure of a bench. */
export interface Measurement {
  bench: string
  case: string
  value: number
  unit: string
  /** The same figure of others, from the same run. */
  peers?: Record<string, number>
  note?: string
}

/** The middle of an odd number of values, the upper middle of an even one. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}
