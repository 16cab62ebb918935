import type { Clock } from '../../util/clock.ts'
import { guarded } from '../../util/guard.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import { type CallbackErrorOptions, CallbackErrors } from '../callback-errors.ts'
import { composeBye, composeReport } from '../rtcp/compose.ts'
import { MemberTable } from '../rtcp/members.ts'
import { middleOf, ntpFromDate, roundTrip } from '../rtcp/ntp.ts'
import { type Bye, cnameOf, type RtcpFault, type RtcpPacket, reporterOf } from '../rtcp/packet.ts'
import { parseRtcp } from '../rtcp/parse.ts'
import { ReportTurns } from '../rtcp/report-turns.ts'
import { RtcpScheduler, type RtcpScheduleUser } from '../rtcp/scheduler.ts'
import { parseRtp, RtpFaults, type RtpPacket } from './packet.ts'
import type { RtpSender } from './sender.ts'
import type { SequenceVerdict } from './sequence.ts'
import { type ReceptionReport, RtpSource } from './source.ts'
import { SourceIdentifiers, type SourceKind } from './source-identifiers.ts'

/** What a session tells its user. */
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
}

/** A packet of a source that is to be played; `source` holds its statistics. */
export interface ReceivedRtp {
  readonly packet: RtpPacket
  readonly source: RtpSource
  readonly verdict: SequenceVerdict
}

const VOICE_RTCP_BANDWIDTH = 400
const TIMEOUT_INTERVALS = 5
const CONFLICT_INTERVALS = 10

/**
 * One RTP session (RFC 3550) without its sockets: reception, reports, members, collisions. Bytes and their source
 * addresses come in, RTCP goes out through the handler. Nothing is called after `close`.
 */
export class RtpSession {
  readonly sender: RtpSender
  readonly faults: RtpFaults = new RtpFaults()
  /** Refused RTCP by reason, and packets refused for their identifier. */
  readonly refused: Record<RtcpFault | 'identifier', number> = {
    short: 0,
    version: 0,
    length: 0,
    first: 0,
    padding: 0,
    body: 0,
    many: 0,
    identifier: 0,
  }
  readonly members: MemberTable
  /** From our reports as the other side answers them, in milliseconds. */
  roundTripTime: number | undefined
  readonly #options: RtpSessionOptions
  readonly #handler: RtpSessionHandler
  readonly #scheduler: RtcpScheduler
  readonly #identifiers: SourceIdentifiers
  readonly #sources = new Map<number, RtpSource>()
  readonly #turns = new ReportTurns()
  readonly #errors: CallbackErrors
  #weSentAt: number | undefined
  #everSent = false
  #byeReason: string | undefined
  #closed = false

  constructor(options: RtpSessionOptions, handler: RtpSessionHandler) {
    const maxSources = options.maxSources ?? 64
    this.sender = options.sender
    this.members = new MemberTable(maxSources)
    this.#options = options
    this.#errors = new CallbackErrors(options)
    this.#handler = handler
    this.#identifiers = new SourceIdentifiers(options.sender.ssrc, maxSources)
    this.#scheduler = new RtcpScheduler(this.#scheduleUser(), {
      timers: options.timers,
      random: options.random,
      bandwidth: options.rtcpBandwidth ?? VOICE_RTCP_BANDWIDTH,
      ...(options.rtcpMinimum === undefined ? {} : { minimum: options.rtcpMinimum }),
    })
  }

  /** The session as its scheduler sees it: members and senders count ourselves. */
  #scheduleUser(): RtcpScheduleUser {
    const session = this
    return {
      get members() {
        return session.members.size + 1
      },
      get senders() {
        return session.members.senders + (session.weSent ? 1 : 0)
      },
      get weSent() {
        return session.weSent
      },
      expireMembers: () => this.#expireMembers(),
      sendReport: () => this.#sendReport(),
      sendBye: () => this.#sendBye(),
    }
  }

  /** Begins to report, and to time out who falls silent. */
  start(): void {
    this.#scheduler.start()
  }

  /** Stops without a BYE. */
  close(): void {
    this.#closed = true
    this.#scheduler.stop()
  }

  /** Says BYE (at once in a small session, §6.3.7) and is closed when it went out. */
  leave(reason?: string): void {
    if (this.#closed) return
    this.#byeReason = reason
    this.#scheduler.leave(this.#bye().length, this.#everSent)
    if (!this.#everSent) this.#closed = true
  }

  /** How often the handler threw or rejected. */
  get callbackErrors(): number {
    return this.#errors.count
  }

  get sources(): ReadonlyMap<number, RtpSource> {
    return this.#sources
  }

  get weSent(): boolean {
    return this.#weSentAt !== undefined
  }

  /**
   * A datagram from `from`. Answers what is to be played, or nothing where the packet is malformed, unproven, looped or
   * of a colliding source. `clockRate` is that of the packet's payload type.
   */
  receiveRtp(bytes: Buffer, from: string, clockRate: number, arrival: number): ReceivedRtp | undefined {
    if (this.#closed) return undefined
    const packet = parseRtp(bytes)
    if (typeof packet === 'string') {
      this.faults[packet]++
      return undefined
    }
    if (!this.#accepts(packet.ssrc, from, 'data')) return undefined
    let source = this.#sources.get(packet.ssrc)
    if (source === undefined) {
      source = new RtpSource(packet, clockRate, this.#options.minSequential)
      this.#sources.set(packet.ssrc, source)
    }
    const verdict = source.receive(packet, arrival)
    if (verdict === 'probation' || verdict === 'jump') return undefined
    const now = this.#options.clock.now()
    this.members.hear(packet.ssrc, now, true)
    for (let i = 0; i < packet.csrcCount; i++) this.members.hear(packet.csrc(i), now, false)
    return { packet, source, verdict }
  }

  /** Signalling moved the peer: its sources may come from other addresses from now on (§8.2). */
  forgetAddresses(): void {
    this.#identifiers.forgetAddresses()
  }

  /** To be called for each RTP packet that was sent. */
  onSent(): void {
    const first = this.#weSentAt === undefined
    this.#weSentAt = this.#options.clock.now()
    this.#everSent = true
    if (first) this.#scheduler.reconsider()
  }

  /** A datagram of RTCP from `from`. Malformed ones are counted in `refused`. */
  receiveRtcp(bytes: Buffer, from: string): void {
    if (this.#closed) return
    const packets = parseRtcp(bytes, { reducedSize: this.#options.reducedSize ?? false })
    if (typeof packets === 'string') {
      this.refused[packets]++
      return
    }
    let bye = false
    for (const packet of packets) {
      if (packet.type === 'bye') {
        bye = true
        this.#onBye(packet, from)
      } else this.#onPacket(packet, from)
      if (this.#closed) return
    }
    if (bye) this.#scheduler.onBye(bytes.length)
    else this.#scheduler.onReport(bytes.length)
  }

  #onPacket(packet: Exclude<RtcpPacket, Bye>, from: string): void {
    if (packet.type === 'sdes') {
      for (const chunk of packet.chunks) this.#onCname(chunk.ssrc, cnameOf(chunk), from)
      return
    }
    const ssrc = reporterOf(packet)
    if (ssrc !== undefined) {
      if (!this.#accepts(ssrc, from, 'control')) return
      this.members.hear(ssrc, this.#options.clock.now(), false)
    }
    if (packet.type !== 'sr' && packet.type !== 'rr') {
      guarded(this.#errors.failed, this.#handler, this.#handler.onRtcp, packet)
      return
    }
    if (packet.type === 'sr') {
      this.#sources.get(packet.ssrc)?.onSenderReport(middleOf(packet.ntp), this.#options.clock.now())
    }
    for (const report of packet.reports) {
      if (this.#closed) return
      if (report.ssrc === this.sender.ssrc) this.#onOwnReport(packet.ssrc, report)
    }
  }

  #onOwnReport(from: number, report: ReceptionReport): void {
    const time = roundTrip(ntpFromDate(this.#options.clock.date()), report.lastReport, report.delay)
    if (time !== undefined) this.roundTripTime = time
    guarded(this.#errors.failed, this.#handler, this.#handler.onReport, from, report, time)
  }

  #onCname(ssrc: number, cname: string | undefined, from: string): void {
    const known = this.members.get(ssrc)?.cname
    const differs = cname !== undefined && known !== undefined && known !== cname
    if (!this.#accepts(ssrc, from, 'control', differs)) return
    const member = this.members.hear(ssrc, this.#options.clock.now(), false)
    if (member !== undefined && cname !== undefined) member.cname ??= cname
  }

  /** A BYE counts only from the address where the source is known (§8.2). */
  #onBye(packet: Bye, from: string): void {
    for (const ssrc of packet.ssrcs) {
      if (this.#closed) return
      if (!this.#identifiers.has(ssrc) || !this.#accepts(ssrc, from, 'control')) continue
      this.#forget(ssrc)
      guarded(this.#errors.failed, this.#handler, this.#handler.onLeave, ssrc, packet.reason, false)
    }
  }

  #accepts(ssrc: number, from: string, kind: SourceKind, cnameDiffers = false): boolean {
    const now = this.#options.clock.now()
    const verdict = this.#identifiers.check(ssrc, from, kind, now, cnameDiffers)
    if (verdict === 'accepted') return true
    this.refused.identifier++
    if (verdict === 'own-collision') this.#changeIdentifier(from, kind)
    return false
  }

  /** §8.2: BYE for the old identifier, then go on with another. */
  #changeIdentifier(from: string, kind: SourceKind): void {
    if (this.#everSent) guarded(this.#errors.failed, this.#handler, this.#handler.sendRtcp, this.#bye())
    const ssrc = this.sender.renew(candidate => this.#identifiers.has(candidate))
    this.#identifiers.renew(ssrc, from, kind, this.#options.clock.now())
    guarded(this.#errors.failed, this.#handler, this.#handler.onCollision, ssrc)
  }

  #forget(ssrc: number): void {
    this.#identifiers.remove(ssrc)
    this.#sources.delete(ssrc)
    this.members.remove(ssrc)
  }

  #expireMembers(): void {
    const now = this.#options.clock.now()
    const senderSince = now - 2 * this.#scheduler.senderInterval()
    const silence = this.#scheduler.receiverInterval()
    const silentSince = now - TIMEOUT_INTERVALS * silence
    if (this.#weSentAt !== undefined && this.#weSentAt < senderSince) this.#weSentAt = undefined
    const gone = this.members.expire(silentSince, senderSince)
    // also those that never proved themselves and are no members: none of them may fill the tables for good
    for (const ssrc of this.#identifiers.expire(silentSince, now - CONFLICT_INTERVALS * silence)) {
      this.#sources.delete(ssrc)
    }
    for (const { ssrc } of gone) {
      this.#forget(ssrc)
      if (this.#closed) continue
      guarded(this.#errors.failed, this.#handler, this.#handler.onLeave, ssrc, undefined, true)
    }
    if (gone.length > 0) this.#scheduler.reconsider()
  }

  #sendReport(): number {
    const { cname, clock } = this.#options
    const bytes = composeReport(this.sender, this.weSent, this.#sources.values(), this.#turns, cname, clock)
    this.#everSent = true
    guarded(this.#errors.failed, this.#handler, this.#handler.sendRtcp, bytes)
    return bytes.length
  }

  #sendBye(): void {
    this.#closed = true
    guarded(this.#errors.failed, this.#handler, this.#handler.sendRtcp, this.#bye())
  }

  #bye(): Buffer {
    return composeBye(this.sender.ssrc, this.#options.cname, this.#byeReason)
  }
}
