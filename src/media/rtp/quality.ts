/** What the E-model is told about a call; delays in milliseconds. */
export interface QualityInput {
  /** Mouth to ear, one way: network, jitter buffer, packets. */
  readonly oneWayDelay: number
  /** Half of it twice over where absent. */
  readonly roundTripDelay?: number
  /** 0 to 1, late packets included. */
  readonly loss: number
  /** Average length of a loss burst over that of random loss; 1 by default. */
  readonly burstRatio?: number
}

/** A codec's equipment impairment and its robustness to loss (ITU-T G.113 appendix I). */
export interface CodecImpairment {
  readonly ie: number
  readonly bpl: number
}

/** ITU-T G.113 table I.4: G.711 with G.711 appendix I concealment, and without any. */
export const G711_WITH_PLC: CodecImpairment = { ie: 0, bpl: 25.1 }
export const G711_WITHOUT_PLC: CodecImpairment = { ie: 0, bpl: 4.3 }

// ITU-T G.107 table 2: the default values
const SLR = 8
const RLR = 2
const TELR = 65
const WEPL = 110
/** No of equation 7-3 with the default noise parameters, dBm0p. */
const NOISE = -61.18
/** Ro of equation 7-2: 15 − 1.5 (SLR + No). */
const RO = 15 - 1.5 * (SLR + NOISE)
/** Is of equation 7-8 with default values. */
const SIMULTANEOUS_IMPAIRMENT = 1.415
/** Idd begins above this absolute delay (equation 7-27). */
const NOTICEABLE_DELAY = 100
const MAX_IE = 95

/** The transmission rating factor R of ITU-T G.107, for default values but delay, codec and loss; 93.2 without any. */
export function rFactor(input: QualityInput, codec: CodecImpairment): number {
  return RO - SIMULTANEOUS_IMPAIRMENT - delayImpairment(input) - equipmentImpairment(input, codec)
}

/** R as a mean opinion score, 1 to 4.5 (ITU-T G.107 annex B). */
export function mosFromR(r: number): number {
  if (r <= 0) return 1
  if (r >= 100) return 4.5
  // the polynomial dips below 1 for R under 6.5
  return Math.max(1, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)
}

/** Id = Idte + Idle + Idd (G.107 §7.4), with T = Ta. */
export function delayImpairment(input: QualityInput): number {
  const { oneWayDelay } = input
  const roundTrip = input.roundTripDelay ?? 2 * oneWayDelay
  return talkerEcho(oneWayDelay) + listenerEcho(roundTrip) + absoluteDelay(oneWayDelay)
}

/** Ie,eff (G.107 equation 7-29). */
export function equipmentImpairment(input: QualityInput, codec: CodecImpairment): number {
  const percent = 100 * input.loss
  if (percent <= 0) return codec.ie
  return codec.ie + ((MAX_IE - codec.ie) * percent) / (percent / (input.burstRatio ?? 1) + codec.bpl)
}

/** Collects what the E-model needs; `mos` is `null` until both delay and reception were measured. */
export class QualityEstimate {
  readonly #codec: CodecImpairment
  #delay: number | undefined
  #loss: number | undefined
  #burstRatio = 1

  constructor(codec: CodecImpairment) {
    this.#codec = codec
  }

  /** One way, milliseconds: half the round-trip time and what the jitter buffer adds. */
  measuredDelay(oneWayDelay: number): void {
    this.#delay = oneWayDelay
  }

  /** `loss` from 0 to 1, late packets included. */
  measuredLoss(loss: number, burstRatio: number = 1): void {
    this.#loss = loss
    this.#burstRatio = burstRatio
  }

  get r(): number | null {
    if (this.#delay === undefined || this.#loss === undefined) return null
    return rFactor({ oneWayDelay: this.#delay, loss: this.#loss, burstRatio: this.#burstRatio }, this.#codec)
  }

  get mos(): number | null {
    const r = this.r
    return r === null ? null : mosFromR(r)
  }
}

function talkerEcho(delay: number): number {
  const terv =
    TELR - 40 * Math.log10((1 + delay / 10) / (1 + delay / 150)) + 6 * Math.exp(-0.3 * delay * delay)
  const roe = -1.5 * (NOISE - RLR)
  const re = 80 + 2.5 * (terv - 14)
  const difference = (roe - re) / 2
  return (difference + Math.sqrt(difference * difference + 100) - 1) * (1 - Math.exp(-delay))
}

function listenerEcho(roundTrip: number): number {
  const rle = 10.5 * (WEPL + 7) * (roundTrip + 1) ** -0.25
  const difference = (RO - rle) / 2
  return difference + Math.sqrt(difference * difference + 169)
}

function absoluteDelay(delay: number): number {
  if (delay <= NOTICEABLE_DELAY) return 0
  const x = Math.log10(delay / NOTICEABLE_DELAY) / Math.log10(2)
  return 25 * ((1 + x ** 6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2)
}
