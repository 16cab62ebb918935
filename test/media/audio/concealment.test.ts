import { describe, expect, it } from 'vitest'
import {
  type ComfortNoise,
  ComfortNoiseGenerator,
  encodeComfortNoise,
  measureNoise,
  parseComfortNoise,
} from '../../../src/media/audio/comfort-noise.ts'
import { Concealment } from '../../../src/media/audio/concealment.ts'
import { goertzelPower } from '../../../src/media/audio/goertzel.ts'
import { powerLevel } from '../../../src/media/audio/level.ts'
import { ToneGenerator } from '../../../src/media/audio/tone.ts'
import { seededRandom } from '../../../src/util/random.ts'

const FRAME = 160

/** A voice-like sound: 130 Hz and its overtones. */
function voice(frames: number): Int16Array {
  const samples = new Int16Array(frames * FRAME)
  new ToneGenerator({ sampleRate: 8000, frequencies: [130, 260, 390, 520, 650], level: -18 }).fill(samples)
  return samples
}

/** Loses the frames named, concealed or left silent. */
function transmit(samples: Int16Array, lost: readonly number[], conceals: boolean): Int16Array {
  const concealment = new Concealment()
  const heard = samples.slice()
  for (let n = 0; n * FRAME < heard.length; n++) {
    const frame = heard.subarray(n * FRAME, (n + 1) * FRAME)
    if (!lost.includes(n)) {
      if (conceals) concealment.received(frame)
    } else if (conceals) concealment.conceal(frame)
    else frame.fill(0)
  }
  return heard
}

/** Decibels of the signal over what differs from it. */
function signalToNoise(signal: Int16Array, heard: Int16Array): number {
  let energy = 0
  let noise = 0
  for (const [i, sample] of signal.entries()) {
    energy += sample * sample
    noise += (sample - (heard[i] ?? 0)) ** 2
  }
  return 10 * Math.log10(energy / noise)
}

function greatestStep(samples: Int16Array): number {
  let greatest = 0
  for (let i = 1; i < samples.length; i++) {
    greatest = Math.max(greatest, Math.abs((samples[i] ?? 0) - (samples[i - 1] ?? 0)))
  }
  return greatest
}

describe('packet-loss concealment', () => {
  const sound = voice(50)
  const lost = [10, 17, 18, 30]

  it('ITU-T G.711 appendix I: a voiced sound goes on through single and double losses', () => {
    const silent = signalToNoise(sound, transmit(sound, lost, false))
    const concealed = signalToNoise(sound, transmit(sound, lost, true))
    expect(silent).toBeLessThan(12)
    expect(concealed).toBeGreaterThan(silent + 6)
  })

  it('ITU-T G.711 appendix I: no click where a loss begins and where it ends', () => {
    const tone = new Int16Array(50 * FRAME)
    new ToneGenerator({ sampleRate: 8000, frequencies: [210] }).fill(tone)
    // where the sine is near its peak at both ends of the loss
    const natural = greatestStep(tone)
    expect(greatestStep(transmit(tone, [11, 23], false))).toBeGreaterThan(5 * natural)
    expect(greatestStep(transmit(tone, [11, 23], true))).toBeLessThan(1.5 * natural)
  })

  it('ITU-T G.711 appendix I: a long loss fades to silence within 60 ms', () => {
    const heard = transmit(sound, [10, 11, 12, 13, 14, 15], true)
    const frame = (n: number): number => powerLevel(heard.subarray(n * FRAME, (n + 1) * FRAME))
    expect(frame(10)).toBeGreaterThan(powerLevel(sound) - 3)
    expect(frame(11)).toBeLessThan(frame(10))
    expect(frame(12)).toBeLessThan(frame(11))
    expect(frame(13)).toBe(-Infinity)
    expect(heard.subarray(17 * FRAME)).toEqual(sound.subarray(17 * FRAME))
  })

  it('is silent after silence, and before anything came', () => {
    const concealment = new Concealment()
    const frame = new Int16Array(FRAME).fill(5)
    concealment.conceal(frame)
    expect(frame.every(sample => sample === 0)).toBe(true)
  })
})

describe('comfort noise', () => {
  function make(noise: ComfortNoise): Int16Array {
    const generator = new ComfortNoiseGenerator(seededRandom(3389))
    generator.set(noise)
    const samples = new Int16Array(16_000)
    // in frames, as a player asks for them
    for (let at = 0; at < samples.length; at += FRAME) generator.fill(samples.subarray(at, at + FRAME))
    return samples
  }

  it('RFC 3389 §3: the payload, its coefficients quantized to eight bits', () => {
    expect(parseComfortNoise(Buffer.from('', 'hex'))).toBeUndefined()
    expect(parseComfortNoise(Buffer.from('c0', 'hex'))).toEqual({ level: 64, reflection: [] })
    expect(parseComfortNoise(Buffer.from('287f00fe', 'hex'))).toEqual({
      level: 40,
      reflection: [0, (-258 * 127) / 32_768, (258 * 127) / 32_768],
    })
    expect(parseComfortNoise(Buffer.from('28ff00', 'hex'))?.reflection).toEqual([])
    expect(encodeComfortNoise({ level: 300, reflection: [0, -1, 1] }).toString('hex')).toBe('7f7f00fe')
    const payload = Buffer.from('3a10f37f', 'hex')
    const noise = parseComfortNoise(payload)
    if (noise === undefined) throw new Error('no noise')
    expect(encodeComfortNoise(noise).equals(payload)).toBe(true)
  })

  it('RFC 3389 §3.1: noise is made at its level in dBov, 6.18 dBm0 at 0', () => {
    for (const level of [30, 50, 65]) {
      expect(powerLevel(make({ level, reflection: [] }))).toBeCloseTo(6.18 - level, 0)
      expect(powerLevel(make({ level, reflection: [-0.8, 0.3] }))).toBeCloseTo(6.18 - level, 0)
    }
    expect(powerLevel(make({ level: 127, reflection: [] }))).toBe(-Infinity)
  })

  it('RFC 3389 §3.2: the spectrum of what was measured is the spectrum of what is made', () => {
    const original = make({ level: 30, reflection: [-0.9, 0.5] })
    const measured = measureNoise(original, 4)
    expect(measured.level).toBeCloseTo(30, 0)
    expect(measured.reflection[0]).toBeCloseTo(-0.9, 1)
    expect(measured.reflection[1]).toBeCloseTo(0.5, 1)
    expect(Math.abs(measured.reflection[2] ?? 1)).toBeLessThan(0.05)
    const again = make(measured)
    const band = (samples: Int16Array, from: number): number => {
      let power = 0
      for (let hertz = from; hertz < from + 200; hertz += 1) power += goertzelPower(samples, hertz, 8000)
      return 10 * Math.log10(power)
    }
    for (const from of [300, 1000, 2000, 3000]) {
      expect(Math.abs(band(again, from) - band(original, from))).toBeLessThan(1.5)
    }
    expect(band(original, 300) - band(original, 3000)).toBeGreaterThan(15)
  })

  it('measures silence as the quietest', () => {
    expect(measureNoise(new Int16Array(160), 4)).toEqual({ level: 127, reflection: [] })
  })
})
