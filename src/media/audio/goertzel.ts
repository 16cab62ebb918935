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

/** As `goertzelPower`, with the coefficient that `resonator` gave. */
export function resonance(samples: Float64Array, coefficient: number): number {
  let first = 0
  let second = 0
  for (const sample of samples) {
    const next = sample + coefficient * first - second
    second = first
    first = next
  }
  const power = first * first + second * second - coefficient * first * second
  return (4 * power) / (samples.length * samples.length)
}

/** Measures one tone in a block of samples. Longer blocks tell nearer frequencies apart: a second, one hertz. */
export function toneLevel(samples: ArrayLike<number>, frequency: number, sampleRate: number): ToneLevel {
  const power = goertzelPower(samples, frequency, sampleRate)
  let energy = 0
  for (let i = 0; i < samples.length; i++) energy += (samples[i] ?? 0) ** 2
  const total = (2 * energy) / Math.max(1, samples.length)
  return { level: levelOf(Math.sqrt(power)), ratio: total === 0 ? 0 : Math.min(1, power / total) }
}
