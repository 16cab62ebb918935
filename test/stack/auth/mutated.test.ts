import { describe, expect, it } from 'vitest'
import { fuzzDigest } from '../../fuzz/digest.ts'

describe('mutated challenges, credentials and Authentication-Info', () => {
  it.each([1, 2, 3, 4])('seed %i: nothing throws, and both sides of the checks are reached', seed => {
    const report = fuzzDigest(1000, seed)
    for (const times of Object.values(report)) expect(times).toBeGreaterThan(10)
  })
})
