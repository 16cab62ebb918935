import { UsageError } from '../../util/errors.ts'
import { amplitudeOf } from './level.ts'

/** Sounding and silent times in turn, in milliseconds: `[1000, 4000]` is the ringing tone of most of Europe. */
export type Cadence = readonly number[]

export interface ToneOptions {
  /** Samples a second. */
  readonly sampleRate: number
  /** Hertz; all sound at once. */
  readonly frequencies: readonly number[]
  /** Of each frequency, in dBm0; −10 by default. */
  readonly level?: number
  /** Sounds without end where absent. */
  readonly cadence?: Cadence
}

const DEFAULT_LEVEL = -10

/** Makes tones of one or more frequencies. The phase runs on from one call to the next and through the cadence. */
export class ToneGenerator {
  readonly #steps: readonly number[]
  readonly #amplitude: number
  readonly #cadence: readonly number[]
  /** Samples since the beginning: the phase is made from it afresh, so that no error adds up. */
  #position = 0
  #part = 0
  #left: number

  constructor(options: ToneOptions) {
    const { sampleRate, frequencies, cadence = [], level = DEFAULT_LEVEL } = options
    for (const frequency of frequencies) {
      if (!(frequency > 0 && frequency < sampleRate / 2)) {
        throw new UsageError(
          'ERR_TONE',
          `a tone of ${frequency} Hz cannot be made at ${sampleRate} samples a second`,
        )
      }
    }
    if (frequencies.length === 0 || !cadence.every(part => part > 0)) {
      throw new UsageError('ERR_TONE', 'a tone needs a frequency, and a cadence times above zero')
    }
    this.#steps = frequencies.map(frequency => (2 * Math.PI * frequency) / sampleRate)
    this.#amplitude = amplitudeOf(level)
    this.#cadence = cadence.map(part => Math.round((part * sampleRate) / 1000))
    this.#left = this.#cadence[0] ?? Number.POSITIVE_INFINITY
  }

  /** Fills `target` with the next samples (16-bit linear). */
  fill(target: Int16Array): void {
    for (let i = 0; i < target.length; i++) {
      target[i] = this.#part % 2 === 0 ? this.#sample() : 0
      this.#position++
      this.#left--
      if (this.#left <= 0) this.#nextPart()
    }
  }

  #sample(): number {
    let sum = 0
    for (const step of this.#steps) sum += Math.sin(step * this.#position)
    return Math.max(-32768, Math.min(32767, Math.round(this.#amplitude * sum)))
  }

  #nextPart(): void {
    // a cadence of an odd number of parts ends in sound and begins in sound: its parity must not flip
    this.#part = (this.#part + 1) % this.#cadence.length
    this.#left = this.#cadence[this.#part] ?? Number.POSITIVE_INFINITY
  }
}
