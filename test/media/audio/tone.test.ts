import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DtmfDetector, dtmfFrequencies, dtmfTone } from '../../../src/media/audio/dtmf.ts'
import { toneLevel } from '../../../src/media/audio/goertzel.ts'
import { amplitudeOf, levelOf, powerLevel } from '../../../src/media/audio/level.ts'
import { ToneGenerator } from '../../../src/media/audio/tone.ts'
import { pcma, pcmu } from '../../../src/media/codec/g711.ts'
import { seededRandom, Tokens } from '../../../src/util/random.ts'

const RATE = 8000
const DIGITS = '0123456789*#ABCD'

function samples(milliseconds: number, ...tones: ToneGenerator[]): Int16Array {
  const sum = new Int16Array((milliseconds * RATE) / 1000)
  for (const tone of tones) {
    const part = new Int16Array(sum.length)
    tone.fill(part)
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (part[i] ?? 0)
  }
  return sum
}

function tone(frequency: number, level: number): ToneGenerator {
  return new ToneGenerator({ sampleRate: RATE, frequencies: [frequency], level })
}

function concat(...parts: Int16Array[]): Int16Array {
  const all = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const silence = (milliseconds: number): Int16Array => new Int16Array((milliseconds * RATE) / 1000)

/** The digits found in `audio`, given in pieces of `piece` samples. */
function detect(audio: Int16Array, piece = 160): string {
  let found = ''
  let open = 0
  const detector = new DtmfDetector(
    digit => {
      found += digit
      open++
    },
    () => open--,
  )
  for (let at = 0; at < audio.length; at += piece) detector.write(audio.subarray(at, at + piece))
  detector.write(silence(100))
  expect([open, detector.digit]).toEqual([0, undefined])
  return found
}

describe('levels', () => {
  it('ITU-T G.711 §4: a full-scale sine is 3.14 dBm0', () => {
    expect(levelOf(32_768)).toBeCloseTo(3.14, 9)
    expect(amplitudeOf(levelOf(1234))).toBeCloseTo(1234, 6)
    expect(powerLevel(samples(1000, tone(1000, -10)))).toBeCloseTo(-10, 2)
    expect([powerLevel(silence(10)), powerLevel(new Int16Array(0))]).toEqual([-Infinity, -Infinity])
  })
})

describe('ToneGenerator', () => {
  it('keeps its phase from one call to the next, in pieces of any length', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }), lengths => {
        const whole = new Int16Array(lengths.reduce((sum, each) => sum + each, 0))
        const options = { sampleRate: RATE, frequencies: [440, 480], cadence: [70, 30] }
        new ToneGenerator(options).fill(whole)
        const generator = new ToneGenerator(options)
        const pieces = lengths.map(length => {
          const piece = new Int16Array(length)
          generator.fill(piece)
          return piece
        })
        expect(concat(...pieces)).toEqual(whole)
      }),
    )
  })

  it('sounds and rests by its cadence', () => {
    const audio = samples(
      3000,
      new ToneGenerator({ sampleRate: RATE, frequencies: [425], cadence: [1000, 500] }),
    )
    const level = (from: number, to: number): number => powerLevel(audio.subarray(from * 8, to * 8))
    expect([level(0, 1000), level(1500, 2500)].map(Math.round)).toEqual([-10, -10])
    expect([level(1000, 1500), level(2500, 3000)]).toEqual([-Infinity, -Infinity])
  })

  it('makes each frequency at its level, and refuses what it cannot make', () => {
    const audio = samples(1000, new ToneGenerator({ sampleRate: RATE, frequencies: [350, 440], level: -13 }))
    expect(toneLevel(audio, 350, RATE).level).toBeCloseTo(-13, 1)
    expect(toneLevel(audio, 440, RATE).ratio).toBeCloseTo(0.5, 2)
    expect(toneLevel(audio, 600, RATE).ratio).toBeLessThan(0.001)
    expect(toneLevel(silence(20), 600, RATE)).toEqual({ level: -Infinity, ratio: 0 })
    expect(() => tone(4000, -10)).toThrow(/4000 Hz/)
    expect(() => new ToneGenerator({ sampleRate: RATE, frequencies: [] })).toThrow(/needs a frequency/)
  })
})

describe('DTMF detection', () => {
  it('ITU-T Q.23: all digits, through both laws of G.711, at levels from −3 to −24 dBm0', () => {
    for (const codec of [pcmu, pcma]) {
      for (const level of [-3, -10, -24]) {
        const audio = concat(
          ...[...DIGITS].flatMap(digit => [samples(60, dtmfTone(digit, RATE, level)), silence(60)]),
        )
        const octets = new Uint8Array(audio.length)
        codec.encode(audio, octets)
        codec.decode(octets, audio)
        expect(detect(audio)).toBe(DIGITS)
      }
    }
  })

  it('ITU-T Q.24 §2.1: frequencies 1.5 % off are taken, 3.5 % off are not', () => {
    for (const digit of DIGITS) {
      const [low, high] = dtmfFrequencies(digit)
      for (const [a, b] of [
        [1, 1],
        [1, -1],
        [-1, 1],
        [-1, -1],
      ] as const) {
        const off = (share: number): Int16Array =>
          samples(80, tone(low * (1 + a * share), -10), tone(high * (1 + b * share), -10))
        expect([digit, detect(off(0.015))]).toEqual([digit, digit])
        expect([digit, detect(off(0.035))]).toEqual([digit, ''])
      }
    }
  })

  it('ITU-T Q.24 §2.3: a signal of 40 ms is taken wherever it begins, one of 23 ms is not', () => {
    for (let start = 0; start < 110; start += 3) {
      for (const digit of '1D#') {
        const lead = new Int16Array(start)
        expect(detect(concat(lead, samples(40, dtmfTone(digit, RATE)), silence(60)))).toBe(digit)
        expect(detect(concat(lead, samples(23, dtmfTone(digit, RATE)), silence(60)))).toBe('')
      }
    }
  })

  it('ITU-T Q.24 §2.3, §2.4: a pause of 40 ms parts two digits, a break of 10 ms does not', () => {
    for (let start = 0; start < 110; start += 3) {
      const twice = (pause: number): Int16Array =>
        concat(
          new Int16Array(start),
          samples(60, dtmfTone('5', RATE)),
          silence(pause),
          samples(60, dtmfTone('5', RATE)),
        )
      expect(detect(twice(40))).toBe('55')
      expect(detect(twice(10))).toBe('5')
    }
  })

  it('ITU-T Q.24 §2.2: twist of 8 dB one way and 4 dB the other is taken, more is not', () => {
    const twisted = (lowLevel: number, highLevel: number): string =>
      detect(samples(80, tone(770, lowLevel), tone(1336, highLevel)))
    expect(twisted(-10, -18)).toBe('5')
    expect(twisted(-14, -10)).toBe('5')
    expect(twisted(-10, -21)).toBe('')
    expect(twisted(-17, -10)).toBe('')
  })

  it('ITU-T Q.24 table A-1: −29 dBm0 is taken, −40 dBm0 is not', () => {
    expect(detect(samples(80, dtmfTone('5', RATE, -29)))).toBe('5')
    expect(detect(samples(80, dtmfTone('5', RATE, -40)))).toBe('')
  })

  it('digits that follow without a pause are parted, and pieces of any length do not matter', () => {
    const audio = concat(samples(80, dtmfTone('1', RATE)), samples(80, dtmfTone('9', RATE)), silence(50))
    for (const piece of [1, 7, 51, 160, 5000]) expect(detect(audio, piece)).toBe('19')
  })

  it('a single tone, a dial tone and noise are no digits, at 15 dB signal to noise a digit is one', () => {
    expect(detect(samples(500, tone(770, -10)))).toBe('')
    expect(detect(samples(500, new ToneGenerator({ sampleRate: RATE, frequencies: [350, 440] })))).toBe('')
    const tokens = new Tokens(seededRandom(24))
    const noise = (level: number, milliseconds: number): Int16Array => {
      // uniform noise: its power is a third of its greatest squared
      const greatest = amplitudeOf(level) * Math.sqrt(1.5)
      return Int16Array.from(
        { length: milliseconds * 8 },
        () => (tokens.below(20_001) / 10_000 - 1) * greatest,
      )
    }
    expect(detect(noise(-10, 30_000))).toBe('')
    for (const digit of DIGITS) {
      const audio = samples(60, dtmfTone(digit, RATE, -10))
      const hiss = noise(-22, 60)
      for (let i = 0; i < audio.length; i++) audio[i] = (audio[i] ?? 0) + (hiss[i] ?? 0)
      expect([digit, detect(audio)]).toEqual([digit, digit])
    }
  })

  it('names what is no digit', () => {
    expect(dtmfFrequencies('d')).toEqual([941, 1633])
    for (const wrong of ['', 'E', '11']) expect(() => dtmfFrequencies(wrong)).toThrow(/DTMF/)
  })

  it('works at 16 kHz', () => {
    let found = ''
    const detector = new DtmfDetector(digit => (found += digit), undefined, { sampleRate: 16_000 })
    const audio = new Int16Array(1600)
    dtmfTone('7', 16_000).fill(audio)
    detector.write(audio)
    expect(found).toBe('7')
  })
})
