import { UsageError } from '../../util/errors.ts'
import type { RandomSource } from '../../util/random.ts'
import { encodeRtp, RTP_HEADER } from './packet.ts'

export interface RtpSenderOptions {
  readonly payloadType: number
  /** Timestamp units a second. */
  readonly clockRate: number
  readonly random: RandomSource
  /** Chosen at random where absent (RFC 3550 §8.1), as the first sequence number and timestamp are (§5.1). */
  readonly ssrc?: number
  /** Below 2^15 by default, so that losses at the beginning hide no roll-over from SRTP (RFC 4568 §6.4). */
  readonly sequence?: number
  readonly timestamp?: number
}

/** The sending side of one source: SSRC, sequence number, timestamp and the counts of a sender report (§6.4.1). */
export class RtpSender {
  readonly clockRate: number
  readonly #random: RandomSource
  #ssrc: number
  #payloadType: number
  #sequence: number
  #timestamp: number
  #packets = 0
  #octets = 0
  #lastTimestamp = 0
  #lastSentAt = 0

  constructor(options: RtpSenderOptions) {
    this.clockRate = options.clockRate
    this.#payloadType = options.payloadType
    this.#random = options.random
    this.#ssrc = options.ssrc ?? randomWord(options.random)
    this.#sequence = options.sequence ?? firstSequence(options.random)
    this.#timestamp = options.timestamp ?? randomWord(options.random)
    if (!(this.clockRate > 0))
      throw new UsageError('ERR_CLOCK_RATE', `a clock rate of ${options.clockRate} Hz`)
  }

  get ssrc(): number {
    return this.#ssrc
  }

  /** The sequence number that the next packet carries. */
  get sequence(): number {
    return this.#sequence
  }

  /** The timestamp of the next packet's first sample. */
  get timestamp(): number {
    return this.#timestamp
  }

  get packets(): number {
    return this.#packets
  }

  /** Payload octets, without headers and padding (§6.4.1). */
  get octets(): number {
    return this.#octets
  }

  get payloadType(): number {
    return this.#payloadType
  }

  set payloadType(payloadType: number) {
    this.#payloadType = payloadType
  }

  /**
   * Writes the next packet at `offset` of `target` and returns where it ends. `units` are the timestamp units that the
   * payload covers, `now` is milliseconds on the session's clock. Set `marker` on the first packet of a talkspurt.
   */
  write(
    target: Buffer,
    offset: number,
    payload: Uint8Array,
    units: number,
    now: number,
    marker: boolean = false,
  ): number {
    const end = this.writeAt(target, offset, payload, this.#timestamp, now, marker, this.#payloadType)
    this.advance(units)
    return end
  }

  /** As `write`, with a timestamp and payload type of its own and without moving the clock: telephone events. */
  writeAt(
    target: Buffer,
    offset: number,
    payload: Uint8Array,
    timestamp: number,
    now: number,
    marker: boolean,
    payloadType: number,
  ): number {
    const end = offset + RTP_HEADER + payload.length
    encodeRtp(
      target,
      offset,
      { payloadType, marker, sequence: this.#sequence, timestamp: timestamp >>> 0, ssrc: this.#ssrc },
      payload,
    )
    this.#sequence = (this.#sequence + 1) & 0xffff
    this.#packets++
    this.#octets += payload.length
    // where the media clock stands, which an event's timestamp lies behind
    this.#lastTimestamp = this.#timestamp
    this.#lastSentAt = now
    return end
  }

  /** Time passed in which nothing was sent: silence, a skipped slot, a telephone event. */
  advance(units: number): void {
    this.#timestamp = (this.#timestamp + units) >>> 0
  }

  /** The RTP timestamp that stands for `now`, for a sender report (§6.4.1). */
  timestampAt(now: number): number {
    if (this.#packets === 0) return this.#timestamp
    return (this.#lastTimestamp + Math.round(((now - this.#lastSentAt) * this.clockRate) / 1000)) >>> 0
  }

  /** Takes another identifier after a collision (§8.2): counts and sequence start anew, the timestamp runs on. */
  renew(taken: (ssrc: number) => boolean): number {
    let ssrc = randomWord(this.#random)
    while (taken(ssrc) || ssrc === this.#ssrc) ssrc = randomWord(this.#random)
    this.#ssrc = ssrc
    this.#sequence = firstSequence(this.#random)
    this.#packets = 0
    this.#octets = 0
    return ssrc
  }
}

function firstSequence(random: RandomSource): number {
  return randomWord(random) & 0x7fff
}

function randomWord(random: RandomSource): number {
  return Buffer.from(random.fill(new Uint8Array(4))).readUInt32BE(0)
}
