import { levelOf } from './level.ts'

/** What a detector measured in a block: the tone's level in dBm0 and its share of the block's power, 0 to 1. */
export interface ToneLevel {
  readonly level: number
  readonly ratio: number
}

/** The power of one frequency in samples, by Goertzel's recurrence: the square of the tone's amplitude. */
export function goertzelPower(samples: ArrayLike<number>, frequency: number, sampleRate: number): number {
  return resonance(Float64Array.from(samples), resonator(frequency, sampleRate))
}

/** The recurrence's coefficient for a frequency, for those who measure it often. */
export function resonator(frequency: number, sampleRate: number): number {
  return 2 * Math.cos((2 * Math.PI * frequency) / sampleRate)
}

/**
 * Four tones at once, into `powers`: each step of the recurrence waits for the one before it, and four that wait side
 * by side take little longer than one.
 */
export function fourResonances(samples: Float64Array, tones: Float64Array, powers: Float64Array): void {
  const [a = 0, b = 0, c = 0, d = 0] = tones
  let a1 = 0
  let a2 = 0
  let b1 = 0
  let b2 = 0
  let c1 = 0
  let c2 = 0
  let d1 = 0
  let d2 = 0
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i] ?? 0
    const nextA = sample + a * a1 - a2
    const nextB = sample + b * b1 - b2
    const nextC = sample + c * c1 - c2
    const nextD = sample + d * d1 - d2
    a2 = a1
    b2 = b1
    c2 = c1
    d2 = d1
    a1 = nextA
    b1 = nextB
    c1 = nextC
    d1 = nextD
  }
  powers[0] = powerOf(a1, a2, a, samples.length)
  powers[1] = powerOf(b1, b2, b, samples.length)
  powers[2] = powerOf(c1, c2, c, samples.length)
  powers[3] = powerOf(d1, d2, d, samples.length)
}

/** Measures one tone in a block of samples. Longer blocks tell nearer frequencies apart: a second, one hertz. */
export function toneLevel(samples: ArrayLike<number>, frequency: number, sampleRate: number): ToneLevel {
  const power = goertzelPower(samples, frequency, sampleRate)
  let energy = 0
  for (let i = 0; i < samples.length; i++) energy += (samples[i] ?? 0) ** 2
  const total = (2 * energy) / Math.max(1, samples.length)
  return { level: levelOf(Math.sqrt(power)), ratio: total === 0 ? 0 : Math.min(1, power / total) }
}

function powerOf(first: number, second: number, coefficient: number, length: number): number {
  return (4 * (first * first + second * second - coefficient * first * second)) / (length * length)
}

function resonance(samples: Float64Array, coefficient: number): number {
  let first = 0
  let second = 0
  for (let i = 0; i < samples.length; i++) {
    const next = (samples[i] ?? 0) + coefficient * first - second
    second = first
    first = next
  }
  return powerOf(first, second, coefficient, samples.length)
}
