import { describe, expect, it } from 'vitest'
import { fuzzMessages } from '../../fuzz/message.ts'

describe('mutated messages', () => {
  it('throw nothing but ParseErrors, and what is read of them survives being written', () => {
    const { framed, read } = fuzzMessages(50_000, 1)
    expect(framed).toBeGreaterThan(35_000)
    expect(read).toBeGreaterThan(5_000)
  }, 120_000)
})
