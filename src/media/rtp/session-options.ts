import type { Clock } from '../../util/clock.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import type { CallbackErrorOptions } from '../callback-errors.ts'
import type { RtcpPacket } from '../rtcp/packet.ts'
import type { RtpPacket } from './packet.ts'
import type { RtpSender } from './sender.ts'
import type { SequenceVerdict } from './sequence.ts'
import type { ReceptionReport, RtpSource } from './source.ts'

/** What a session tells its user. What is thrown here, or rejected with, is counted and goes to `onCallbackError`. */
export interface RtpSessionHandler {
  /** A compound RTCP packet to send. */
  sendRtcp(bytes: Buffer): unknown
  /** A report block about what we send came from `from`; `roundTrip` in milliseconds where it can be known. */
  onReport?(from: number, report: ReceptionReport, roundTrip: number | undefined): unknown
  /** Feedback, APP, XR and unknown packets. */
  onRtcp?(packet: RtcpPacket): unknown
  /** A source said BYE, or timed out where `reason` is `undefined` and `timedOut` is true. */
  onLeave?(ssrc: number, reason: string | undefined, timedOut: boolean): unknown
  /** Our identifier collided and is now `ssrc` (§8.2). */
  onCollision?(ssrc: number): unknown
}

export interface RtpSessionOptions extends CallbackErrorOptions {
  readonly sender: RtpSender
  /**
   * Units a second of a payload type that was negotiated; `undefined` for others, whose packets are counted and dropped. The
   * static types of telephony by default.
   */
  readonly clockRateOf?: (payloadType: number) => number | undefined
  readonly cname: string
  readonly clock: Clock
  readonly timers: Timers
  readonly random: RandomSource
  /** Octets a second for the RTCP of all members; 400 by default, 5 % of a 64 kbit/s voice session. */
  readonly rtcpBandwidth?: number
  /** Milliseconds between reports at least, 5000 by default. */
  readonly rtcpMinimum?: number
  /** Takes reduced-size RTCP (RFC 5506), where it was negotiated. */
  readonly reducedSize?: boolean
  /** Sources and members known at a time, 64 by default. */
  readonly maxSources?: number
  /** Packets in order that make a source valid, 2 by default (appendix A.1). */
  readonly minSequential?: number
  /**
   * The peer may send us our own RTP back, SSRC and all, as test tools do (SIPp's `-rtp_echo`): it is taken as a source like
   * any other, and not as a collision (§8.2). Default false.
   */
  readonly allowEcho?: boolean
}

/** A packet of a source that is to be played; `source` holds its statistics. */
export interface ReceivedRtp {
  readonly packet: RtpPacket
  readonly source: RtpSource
  readonly verdict: SequenceVerdict
}
