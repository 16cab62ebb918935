import { describe, expect, it } from 'vitest'
import { pcma, pcmu, type SampleCodec, SILENCE } from '../../../src/media/codec/g711.ts'

interface Interval {
  readonly lower: number
  readonly upper: number
  readonly output: number
}

/**
 * The 128 intervals of ITU-T G.711 tables 1a and 2a as 16-bit values, made from the tables' columns: decision values
 * 0, 2, 4 … 64, 68 … (A-law, 13 bits) and 0, 1, 3, 5 … 31, 35 … (µ-law, 14 bits), sixteen of one step in a row.
 */
function intervals(law: 'PCMU' | 'PCMA'): Interval[] {
  const decisions = law === 'PCMU' ? [0, 1] : [0]
  const steps = law === 'PCMU' ? [2, 4, 8, 16, 32, 64, 128, 256] : [2, 2, 4, 8, 16, 32, 64, 128]
  const scale = law === 'PCMU' ? 4 : 8
  for (const step of steps) {
    const count = law === 'PCMU' && step === 2 ? 15 : 16
    for (let i = 0; i < count; i++) decisions.push((decisions.at(-1) ?? 0) + step)
  }
  return Array.from({ length: 128 }, (_, n) => {
    const [lower = 0, upper = 0] = decisions.slice(n, n + 2)
    // µ-law's first output is zero, all others lie halfway
    const output = law === 'PCMU' && n === 0 ? 0 : (lower + upper) / 2
    return { lower: lower * scale, upper: upper * scale, output: output * scale }
  })
}

describe.each([
  { codec: pcmu, unit: 4, invert: 0xff },
  { codec: pcma, unit: 16, invert: 0xd5 },
])('ITU-T G.711 $codec.name', ({ codec, invert }: { codec: SampleCodec; invert: number }) => {
  it('table 1 and 2: all 256 octets decode to the output values', () => {
    const positive = intervals(codec.name).map(({ output }) => output)
    for (let code = 0; code < 128; code++) {
      expect(codec.decodeSample(code ^ invert)).toBe(positive[code])
      expect(codec.decodeSample((code | 0x80) ^ invert)).toBe(-(positive[code] ?? 0) | 0)
    }
  })

  it('table 1 and 2: every one of the 65,536 samples is coded by the decision values', () => {
    const table = intervals(codec.name)
    let n = 0
    for (let magnitude = 0; magnitude < 32_768; magnitude++) {
      while (n < 127 && magnitude >= (table[n]?.upper ?? 0)) n++
      if (codec.encodeSample(magnitude) !== (n ^ invert)) expect(magnitude).toBe(`in interval ${n}`)
    }
    n = 0
    for (let magnitude = 1; magnitude <= 32_768; magnitude++) {
      while (n < 127 && magnitude > (table[n]?.upper ?? 0)) n++
      if (codec.encodeSample(-magnitude) !== ((n | 0x80) ^ invert))
        expect(-magnitude).toBe(`in interval ${n}`)
    }
    expect(n).toBe(127)
  })

  it('§3.3: the sign of every sample is kept, and codes rise with the samples', () => {
    let last = -40_000
    for (let sample = -32768; sample < 32768; sample++) {
      const octet = codec.encodeSample(sample)
      if (((octet & 0x80) === 0) !== sample < 0) expect(sample).toBe('its sign')
      const decoded = codec.decodeSample(octet)
      if (decoded < last) expect(sample).toBe('monotonic')
      last = decoded
    }
    expect(last).toBeGreaterThan(32_000)
  })

  it('§3: what was decoded is coded as it was', () => {
    for (let octet = 0; octet < 256; octet++) {
      const again = codec.encodeSample(codec.decodeSample(octet))
      // µ-law has two codes for zero, of which the positive one is sent
      const expected = codec.decodeSample(octet) === 0 ? SILENCE[codec.name] : octet
      expect(again).toBe(codec.name === 'PCMU' ? expected : octet)
    }
  })

  it('codes blocks as it codes samples, into the middle of a target, and no further than its end', () => {
    const samples = Int16Array.from({ length: 300 }, (_, i) => i * 200 - 30_000)
    const octets = new Uint8Array(400)
    expect(codec.encode(samples, octets, 50)).toBe(300)
    expect([...octets.subarray(50, 350)]).toEqual([...samples].map(sample => codec.encodeSample(sample)))
    const back = new Int16Array(100)
    expect(codec.decode(octets.subarray(50), back, 90)).toBe(10)
    expect(back[90]).toBe(codec.decodeSample(octets[50] ?? 0))
  })
})

describe('ITU-T G.711, known values', () => {
  it('§3.2, §3.3: silence, the greatest and the least', () => {
    expect([0, 32767, -32768].map(pcmu.encodeSample)).toEqual([0xff, 0x80, 0x00])
    expect([0, 32767, -32768].map(pcma.encodeSample)).toEqual([0xd5, 0xaa, 0x2a])
    expect([pcmu.decodeSample(0x80), pcma.decodeSample(0xaa)]).toEqual([32_124, 32_256])
    expect(SILENCE).toEqual({ PCMU: 0xff, PCMA: 0xd5 })
  })

  it('table 5 and 6: the digital milliwatt is a sine of 0 dBm0 at 1 kHz', async () => {
    const { toneLevel } = await import('../../../src/media/audio/goertzel.ts')
    const periods = {
      PCMU: [0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e],
      PCMA: [0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4],
    }
    for (const codec of [pcmu, pcma]) {
      const samples = new Int16Array(800)
      codec.decode(
        Uint8Array.from({ length: 800 }, (_, i) => periods[codec.name][i % 8] ?? 0),
        samples,
      )
      // the two laws’ overload points, 3.14 and 3.17 dBm0, are 0.065 dB apart on one linear scale
      expect(Math.abs(toneLevel(samples, 1000, 8000).level)).toBeLessThan(0.07)
    }
  })
})
