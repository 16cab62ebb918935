import { expect, it } from 'vitest'
import { fuzzTurn } from '../../fuzz/turn.ts'

it('100,000 mutated messages throw nothing, and some get through', () => {
  const report = fuzzTurn(100_000, 1)
  expect(report.delivered).toBeGreaterThan(1000)
  expect(report.dropped).toBeGreaterThan(10_000)
  expect(report.allocated).toBeGreaterThan(10)
})
