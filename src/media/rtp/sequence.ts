/** RFC 3550 appendix A.1. */
const MAX_DROPOUT = 3000
const MAX_MISORDER = 100
const MIN_SEQUENTIAL = 2
const SEQUENCE_MOD = 0x10000

/** What a packet's sequence number says about it: `probation` and `jump` packets are not to be played. */
export type SequenceVerdict = 'probation' | 'valid' | 'restart' | 'jump' | 'misordered'

/** Sequence validation, roll-over and the counts behind the loss figures, as RFC 3550 appendix A.1 and A.3. */
export class SequenceTracker {
  readonly #minSequential: number
  #probation: number
  #max: number
  #cycles = 0
  #base: number
  #bad = SEQUENCE_MOD + 1
  #received = 0
  #expectedPrior = 0
  #receivedPrior = 0

  /** `minSequential` packets in order make a source valid; 1 trusts the first. */
  constructor(first: number, minSequential: number = MIN_SEQUENTIAL) {
    this.#minSequential = minSequential
    this.#probation = minSequential
    this.#base = first
    this.#max = (first - 1) & 0xffff
  }

  /** To be called once for each packet of the source, the first one included. */
  update(sequence: number): SequenceVerdict {
    const delta = (sequence - this.#max) & 0xffff
    if (this.#probation > 0) return this.#prove(sequence, delta)
    if (delta < MAX_DROPOUT) {
      if (sequence < this.#max) this.#cycles += SEQUENCE_MOD
      this.#max = sequence
    } else if (delta <= SEQUENCE_MOD - MAX_MISORDER) {
      if (sequence !== this.#bad) {
        this.#bad = (sequence + 1) & 0xffff
        return 'jump'
      }
      // two in a row: the other side restarted without telling us
      this.#initialize(sequence)
      this.#received++
      return 'restart'
    } else {
      this.#received++
      return 'misordered'
    }
    this.#received++
    return 'valid'
  }

  #prove(sequence: number, delta: number): SequenceVerdict {
    if (delta === 1) {
      this.#probation--
      this.#max = sequence
      if (this.#probation > 0) return 'probation'
      this.#initialize(sequence)
      this.#received++
      return 'valid'
    }
    this.#probation = this.#minSequential - 1
    this.#max = sequence
    return 'probation'
  }

  #initialize(sequence: number): void {
    this.#base = sequence
    this.#max = sequence
    this.#bad = SEQUENCE_MOD + 1
    this.#cycles = 0
    this.#received = 0
    this.#receivedPrior = 0
    this.#expectedPrior = 0
    this.#probation = 0
  }

  get valid(): boolean {
    return this.#probation === 0
  }

  /** The 32-bit "extended highest sequence number received" (§6.4.1). */
  get extendedMax(): number {
    return this.#cycles + this.#max
  }

  get received(): number {
    return this.#received
  }

  get expected(): number {
    return this.valid ? this.extendedMax - this.#base + 1 : 0
  }

  /** Packets expected less packets received; below zero where duplicates outnumber losses. */
  get lost(): number {
    return this.expected - this.#received
  }

  /** A sequence number near the highest seen, as an extended one; it may lie a little before or after it. */
  extend(sequence: number): number {
    const delta = ((sequence - this.#max) << 16) >> 16
    return this.extendedMax + delta
  }

  /** The 8-bit fraction lost since the last call (appendix A.3): a report block's, and for nothing else. */
  fractionLost(): number {
    const expected = this.expected - this.#expectedPrior
    const lost = expected - (this.#received - this.#receivedPrior)
    this.#expectedPrior = this.expected
    this.#receivedPrior = this.#received
    return expected === 0 || lost <= 0 ? 0 : Math.min(255, Math.floor((lost * 256) / expected))
  }
}

/** Cumulative loss as the signed 24 bits that a report block carries (appendix A.3). */
export function clampLost(lost: number): number {
  return Math.max(-0x800000, Math.min(0x7fffff, lost))
}
