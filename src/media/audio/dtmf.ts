import { UsageError } from '../../util/errors.ts'
import { guarded } from '../../util/guard.ts'
import { type CallbackErrorOptions, CallbackErrors } from '../callback-errors.ts'
import { fourResonances, resonator } from './goertzel.ts'
import { levelOf } from './level.ts'
import { ToneGenerator } from './tone.ts'

/** Hertz (ITU-T Q.23). */
export const DTMF_LOW: readonly number[] = [697, 770, 852, 941]
export const DTMF_HIGH: readonly number[] = [1209, 1336, 1477, 1633]
const KEYS: readonly string[] = ['123A', '456B', '789C', '*0#D']

/** The two frequencies of a DTMF digit. Throws a `UsageError` for what is none. */
export function dtmfFrequencies(digit: string): readonly [low: number, high: number] {
  const wanted = digit.toUpperCase()
  for (const [row, keys] of KEYS.entries()) {
    const column = wanted.length === 1 ? keys.indexOf(wanted) : -1
    const low = DTMF_LOW[row]
    const high = DTMF_HIGH[column]
    if (low !== undefined && high !== undefined) return [low, high]
  }
  throw new UsageError('ERR_DTMF_DIGIT', 'a DTMF digit is one of 0–9, *, #, A–D')
}

/** A generator of one digit's tones, each of `level` dBm0 (−10 by default). */
export function dtmfTone(digit: string, sampleRate: number, level?: number): ToneGenerator {
  return new ToneGenerator({
    sampleRate,
    frequencies: dtmfFrequencies(digit),
    ...(level === undefined ? {} : { level }),
  })
}

export interface DtmfDetectorOptions extends CallbackErrorOptions {
  /** 8000 by default; blocks scale with it. */
  readonly sampleRate?: number
  /** dBm0 of the weaker tone at least; −29 by default (ITU-T Q.24, table A-1). */
  readonly minLevel?: number
}

/** Seconds a block: 102 samples at 8 kHz, near enough to 78 Hz of bandwidth; a new one begins each half block. */
const BLOCK = 0.01275
/** Half blocks with the same digit before it counts: at least 40 ms give five, 23 ms three at the most (Q.24). */
const BLOCKS_ON = 4
/** Half blocks without it before it is over: breaks of up to 10 ms give three at the most (Q.24). */
const BLOCKS_OFF = 4
const DEFAULT_MIN_LEVEL = -29
/** dB by which the high tone may be weaker and stronger than the low one (Q.24: 8 and 4 in North America). */
const TWIST = 8
const REVERSE_TWIST = 4
const TOLERANCE = 1
/** Share of the block's power in the two tones: speech and tones off frequency have less. */
const MIN_SHARE = 0.7
/** Power over the next strongest tone of the group. */
const OTHER_TONES = 4

/**
 * Detects DTMF in audio by the rules of ITU-T Q.24. `onDigit` is told once a digit has lasted, `onEnd` when it is over.
 */
export class DtmfDetector {
  readonly #onDigit: (digit: string) => unknown
  readonly #onEnd: ((digit: string) => unknown) | undefined
  readonly #errors: CallbackErrors
  readonly #low: Float64Array
  readonly #high: Float64Array
  readonly #powers: Float64Array = new Float64Array(4)
  readonly #minLevel: number
  readonly #block: Float64Array
  readonly #half: number
  #filled = 0
  #candidate: string | undefined
  #hits = 0
  #digit: string | undefined
  #misses = 0

  constructor(
    onDigit: (digit: string) => unknown,
    onEnd?: (digit: string) => unknown,
    options: DtmfDetectorOptions = {},
  ) {
    this.#onDigit = onDigit
    this.#onEnd = onEnd
    this.#errors = new CallbackErrors(options)
    const sampleRate = options.sampleRate ?? 8000
    this.#low = Float64Array.from(DTMF_LOW, frequency => resonator(frequency, sampleRate))
    this.#high = Float64Array.from(DTMF_HIGH, frequency => resonator(frequency, sampleRate))
    this.#minLevel = options.minLevel ?? DEFAULT_MIN_LEVEL
    this.#half = Math.round((BLOCK * sampleRate) / 2)
    this.#block = new Float64Array(2 * this.#half)
  }

  /** How often `onDigit` or `onEnd` threw or rejected. */
  get callbackErrors(): number {
    return this.#errors.count
  }

  /** The digit that sounds now. */
  get digit(): string | undefined {
    return this.#digit
  }

  /** The next samples of the stream, in pieces of any length. */
  write(samples: Int16Array): void {
    for (const sample of samples) {
      this.#block[this.#filled++] = sample
      if (this.#filled < this.#block.length) continue
      this.#onBlock(this.#measure())
      this.#block.copyWithin(0, this.#half)
      this.#filled = this.#half
    }
  }

  #onBlock(found: string | undefined): void {
    this.#hits = found !== undefined && found === this.#candidate ? this.#hits + 1 : 1
    this.#candidate = found
    if (this.#digit !== undefined) {
      this.#misses = found === this.#digit ? 0 : this.#misses + 1
      const replaced = found !== undefined && found !== this.#digit && this.#hits >= BLOCKS_ON
      if (this.#misses < BLOCKS_OFF && !replaced) return
      const over = this.#digit
      this.#digit = undefined
      guarded(this.#errors.failed, undefined, this.#onEnd, over)
    }
    if (found === undefined || this.#hits < BLOCKS_ON) return
    this.#digit = found
    this.#misses = 0
    guarded(this.#errors.failed, undefined, this.#onDigit, found)
  }

  #measure(): string | undefined {
    let energy = 0
    for (const sample of this.#block) energy += sample * sample
    const total = (2 * energy) / this.#block.length
    // both tones at the least level, or nothing to look at
    if (levelOf(Math.sqrt(total / 2)) < this.#minLevel - TOLERANCE) return undefined
    fourResonances(this.#block, this.#low, this.#powers)
    const low = strongest(this.#powers)
    fourResonances(this.#block, this.#high, this.#powers)
    const high = strongest(this.#powers)
    if (low === undefined || high === undefined) return undefined
    if (low.power + high.power < MIN_SHARE * total) return undefined
    if (levelOf(Math.sqrt(Math.min(low.power, high.power))) < this.#minLevel - TOLERANCE) return undefined
    const twist = 10 * Math.log10(low.power / high.power)
    if (twist > TWIST + TOLERANCE || twist < -REVERSE_TWIST - TOLERANCE) return undefined
    return KEYS[low.index]?.[high.index]
  }
}

/** The tone of a group that stands out from the others, or nothing. */
function strongest(powers: Float64Array): { index: number; power: number } | undefined {
  let index = 0
  let power = 0
  let second = 0
  for (let each = 0; each < powers.length; each++) {
    const measured = powers[each] ?? 0
    if (measured > power) {
      second = power
      power = measured
      index = each
    } else if (measured > second) second = measured
  }
  return power > OTHER_TONES * second ? { index, power } : undefined
}
