/** One figure of a bench, beside those of its peers where they were measured the same way. */
export interface Measurement {
  bench: string
  case: string
  value: number
  unit: string
  peers?: Record<string, number>
  note?: string
}
