import { JitterEstimate } from './jitter.ts'
import type { RtpPacket } from './packet.ts'
import { clampLost, SequenceTracker, type SequenceVerdict } from './sequence.ts'

/** A report block's figures before they are written (RFC 3550 §6.4.1). */
export interface ReceptionReport {
  readonly ssrc: number
  /** Of 256, since the previous report. */
  readonly fractionLost: number
  /** Cumulative; below zero where duplicates outnumber losses. */
  readonly lost: number
  /** Extended highest sequence number received. */
  readonly highest: number
  /** In timestamp units. */
  readonly jitter: number
  /** Middle 32 bits of the last sender report's NTP time (LSR), 0 where none came. */
  readonly lastReport: number
  /** Time since that report in 1/65536 s (DLSR), 0 where none came. */
  readonly delay: number
}

/** Reception statistics of one synchronization source. */
export class RtpSource {
  readonly ssrc: number
  readonly sequence: SequenceTracker
  readonly jitter: JitterEstimate
  octets = 0
  /** Arrival of the last packet, in milliseconds. */
  heardAt = 0
  duplicatesAndReordered = 0
  restarts = 0
  jumps = 0
  #lastReport = 0
  #lastReportAt = 0
  #reported = 0

  constructor(first: RtpPacket, clockRate: number, minSequential?: number) {
    this.ssrc = first.ssrc
    this.sequence = new SequenceTracker(first.sequence, minSequential)
    this.jitter = new JitterEstimate(clockRate)
  }

  /** `arrival` in milliseconds. Packets in `probation` or after a `jump` are not to be played. */
  receive(packet: RtpPacket, arrival: number): SequenceVerdict {
    this.heardAt = arrival
    const verdict = this.sequence.update(packet.sequence)
    if (verdict === 'probation') return verdict
    if (verdict === 'jump') {
      this.jumps++
      return verdict
    }
    if (verdict === 'restart') {
      this.restarts++
      this.#reported = 0
      this.jitter.resume()
    } else if (verdict === 'misordered') {
      this.duplicatesAndReordered++
    }
    this.octets += packet.payloadLength
    this.jitter.update(packet.timestamp, arrival)
    return verdict
  }

  /** A sender report came: `middle` are the middle 32 bits of its NTP time, `now` milliseconds. */
  onSenderReport(middle: number, now: number): void {
    this.#lastReport = middle
    this.#lastReportAt = now
  }

  /** Whether packets came since the last report: others get no block (§6.4). */
  get heardSinceReport(): boolean {
    return this.sequence.valid && this.sequence.received > this.#reported
  }

  /** The next report block; asking begins a new interval of the fraction lost. */
  report(now: number): ReceptionReport {
    this.#reported = this.sequence.received
    return {
      ssrc: this.ssrc,
      fractionLost: this.sequence.fractionLost(),
      lost: clampLost(this.sequence.lost),
      highest: this.sequence.extendedMax >>> 0,
      jitter: Math.min(0xffffffff, Math.floor(this.jitter.units)),
      lastReport: this.#lastReport,
      delay:
        this.#lastReport === 0
          ? 0
          : Math.min(0xffffffff, Math.round(((now - this.#lastReportAt) * 65536) / 1000)),
    }
  }
}
