import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JitterEstimate } from '../../../src/media/rtp/jitter.ts'
import { clampLost, SequenceTracker } from '../../../src/media/rtp/sequence.ts'

function tracker(first: number, ...then: number[]): SequenceTracker {
  const made = new SequenceTracker(first)
  for (const sequence of [first, ...then]) made.update(sequence)
  return made
}

describe('RTP sequence numbers', () => {
  it('RFC 3550 appendix A.1: a source is valid after MIN_SEQUENTIAL packets in order', () => {
    const source = new SequenceTracker(7)
    const verdicts = [7, 9, 11, 12, 13].map(sequence => source.update(sequence))
    expect(verdicts).toEqual(['probation', 'probation', 'probation', 'valid', 'valid'])
    expect(source.expected).toBe(2)
    expect(source.received).toBe(2)
  })

  it('RFC 3550 appendix A.1: one packet is enough where the caller says so', () => {
    expect(new SequenceTracker(7, 1).update(7)).toBe('valid')
  })

  it('RFC 3550 appendix A.1: numbers roll over and are extended', () => {
    const source = tracker(65_533, 65_534, 65_535, 0, 1)
    expect(source.extendedMax).toBe(65_537)
    expect(source.extend(65_535)).toBe(65_535)
    expect(source.extend(3)).toBe(65_539)
    expect(source.lost).toBe(0)
  })

  it('RFC 3550 appendix A.1: a packet that comes late over the roll-over does not count another cycle', () => {
    const source = tracker(65_533, 65_534, 0)
    expect(source.update(65_535)).toBe('misordered')
    expect(source.extendedMax).toBe(65_536)
    expect(source.lost).toBe(0)
  })

  it('RFC 3550 appendix A.1: after a jump two packets in order mean a restart', () => {
    const source = tracker(100, 101, 102)
    expect(source.update(30_000)).toBe('jump')
    expect(source.update(20_000)).toBe('jump')
    expect(source.update(20_001)).toBe('restart')
    expect(source.received).toBe(1)
    expect(source.update(20_002)).toBe('valid')
    expect(source.extendedMax).toBe(20_002)
  })

  it('RFC 3550 appendix A.3: the fraction lost is of the interval, the count of all', () => {
    const source = tracker(0, 1, 2, 3)
    expect(source.fractionLost()).toBe(0)
    for (const sequence of [4, 6, 8, 10]) source.update(sequence)
    expect(source.lost).toBe(3)
    expect(source.fractionLost()).toBe(Math.floor((3 * 256) / 7))
    source.update(11)
    expect(source.fractionLost()).toBe(0)
    expect(source.lost).toBe(3)
  })

  it('RFC 3550 appendix A.3: duplicates make the loss negative, the fraction stays zero', () => {
    const source = tracker(0, 1, 2, 2, 2, 2)
    expect(source.lost).toBe(-3)
    expect(source.fractionLost()).toBe(0)
    expect(clampLost(-(2 ** 30))).toBe(-0x800000)
    expect(clampLost(2 ** 30)).toBe(0x7fffff)
  })

  it('RFC 3550 appendix A.3: losses of any pattern are counted over roll-overs', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 65_535 }),
        fc.array(fc.boolean(), { minLength: 1 }),
        (first, kept) => {
          // two to be believed, the pattern many times over, and one more to bound it
          const pattern = Array.from({ length: 70_000 }, (_, i) => i < 2 || kept[i % kept.length] !== false)
          if (!kept.some(Boolean)) return
          const source = new SequenceTracker(first)
          let received = 0
          let last = 0
          for (const [i, keep] of pattern.entries()) {
            if (!keep) continue
            source.update((first + i) & 0xffff)
            received++
            last = i
          }
          // the first packet only proved the source (appendix A.1 counts from the last of MIN_SEQUENTIAL)
          expect(source.received).toBe(received - 1)
          expect(source.lost).toBe(last - (received - 1))
        },
      ),
      { numRuns: 10 },
    )
  })
})

describe('interarrival jitter', () => {
  it('RFC 3550 appendix A.8: the running estimate, step by step', () => {
    const jitter = new JitterEstimate(8000)
    jitter.update(0, 1000)
    jitter.update(160, 1020)
    expect(jitter.units).toBe(0)
    jitter.update(320, 1050)
    expect(jitter.units).toBe(80 / 16)
    jitter.update(480, 1060)
    expect(jitter.units).toBe(5 + (80 - 5) / 16)
    expect(jitter.milliseconds).toBeCloseTo((5 + 75 / 16) / 8)
  })

  it('RFC 3550 appendix A.8: timestamps roll over without a trace', () => {
    const jitter = new JitterEstimate(8000)
    for (let i = 0; i < 100; i++) jitter.update((0xffffff00 + i * 160) >>> 0, 5000 + i * 20)
    expect(jitter.units).toBe(0)
  })

  it('RFC 3550 appendix A.8: a steady alternation converges to its mean difference', () => {
    const jitter = new JitterEstimate(8000)
    for (let i = 0; i < 400; i++) jitter.update(i * 160, i * 20 + (i % 2) * 5)
    expect(jitter.units).toBeCloseTo(40, 3)
  })
})
