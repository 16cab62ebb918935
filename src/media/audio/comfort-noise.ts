import type { RandomSource } from '../../util/random.ts'

/** Background noise as a comfort noise packet describes it (RFC 3389 §3). */
export interface ComfortNoise {
  /** 0 to 127, in −dBov: below a square wave of the greatest value. */
  readonly level: number
  /** Reflection coefficients of its spectrum, each between −1 and 1; none for white noise. */
  readonly reflection: readonly number[]
}

/** RFC 3389 §3.1: ±8031 of µ-law's 14 bits, as 16 bits. */
const OVERLOAD = 32_124
const QUIETEST = 127
const MIDDLE = 127
const STEP = 258 / 32_768
const RESERVED = 255
/** Coefficients used at the most: more would describe speech, not noise. */
const MAX_ORDER = 32

/** The noise in a payload, or `undefined` where it is empty. Coefficients with the reserved index end the list. */
export function parseComfortNoise(payload: Uint8Array): ComfortNoise | undefined {
  const level = payload[0]
  if (level === undefined) return undefined
  const reflection: number[] = []
  for (const index of payload.subarray(1, 1 + MAX_ORDER)) {
    if (index === RESERVED) break
    reflection.push(STEP * (index - MIDDLE))
  }
  return { level: level & 0x7f, reflection }
}

export function encodeComfortNoise(noise: ComfortNoise): Buffer {
  const indexes = noise.reflection
    .slice(0, MAX_ORDER)
    .map(each => Math.max(0, Math.min(RESERVED - 1, Math.round(each / STEP) + MIDDLE)))
  return Buffer.from([Math.max(0, Math.min(QUIETEST, Math.round(noise.level))), ...indexes])
}

/** What a silence sounds like: its level, and its spectrum by a model of `order` coefficients (Levinson and Durbin). */
export function measureNoise(samples: Int16Array, order: number = 0): ComfortNoise {
  const correlation = Array.from({ length: order + 1 }, (_, lag) => {
    let sum = 0
    for (let i = lag; i < samples.length; i++) sum += (samples[i] ?? 0) * (samples[i - lag] ?? 0)
    return sum
  })
  const energy = correlation[0] ?? 0
  if (energy === 0) return { level: QUIETEST, reflection: [] }
  const level = -20 * Math.log10(Math.sqrt(energy / samples.length) / OVERLOAD)
  const reflection: number[] = []
  let model: number[] = []
  let error = energy
  for (let m = 1; m <= order && error > 0; m++) {
    let sum = correlation[m] ?? 0
    for (const [i, each] of model.entries()) sum += each * (correlation[m - 1 - i] ?? 0)
    const k = -sum / error
    model = [...model.map((each, i) => each + k * (model[m - 2 - i] ?? 0)), k]
    reflection.push(k)
    error *= 1 - k * k
  }
  return { level: Math.max(0, Math.min(QUIETEST, level)), reflection }
}

/** Makes noise like what a packet described, until the next one comes (RFC 3389 §4). */
export class ComfortNoiseGenerator {
  readonly #random: RandomSource
  #words: Uint8Array = new Uint8Array(0)
  #gain = 0
  #reflection: readonly number[] = []
  readonly #backward = new Float64Array(MAX_ORDER + 1)

  constructor(random: RandomSource) {
    this.#random = random
  }

  set(noise: ComfortNoise): void {
    this.#reflection = noise.reflection.slice(0, MAX_ORDER)
    // uniform noise has a third of its peak's power, and the filter adds the inverse of Π (1 − k²)
    let gain = OVERLOAD * 10 ** (-noise.level / 20) * Math.sqrt(3)
    for (const k of this.#reflection) gain *= Math.sqrt(1 - k * k)
    this.#gain = noise.level >= QUIETEST ? 0 : gain
    this.#backward.fill(0)
  }

  /** Fills `target` with the next samples. */
  fill(target: Int16Array): void {
    if (this.#words.length < 2 * target.length) this.#words = new Uint8Array(2 * target.length)
    const words = this.#random.fill(this.#words)
    for (let i = 0; i < target.length; i++) {
      const word = ((words[2 * i] ?? 0) << 8) | (words[2 * i + 1] ?? 0)
      const sample = this.#filter(this.#gain * (word / 32_768 - 1))
      target[i] = Math.max(-32_768, Math.min(32_767, Math.round(sample)))
    }
  }

  /** The all-pole lattice that the coefficients describe; stable, for each lies between −1 and 1. */
  #filter(input: number): number {
    const backward = this.#backward
    let forward = input
    for (let m = this.#reflection.length; m > 0; m--) {
      const k = this.#reflection[m - 1] ?? 0
      const before = backward[m - 1] ?? 0
      forward -= k * before
      backward[m] = before + k * forward
    }
    backward[0] = forward
    return forward
  }
}
