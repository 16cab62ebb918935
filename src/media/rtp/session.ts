import type { Remote } from '../../util/address.ts'
import { answered, guarded } from '../../util/guard.ts'
import { CallbackErrors } from '../callback-errors.ts'
import { composeBye, composeReport } from '../rtcp/compose.ts'
import { MemberTable } from '../rtcp/members.ts'
import { middleOf, ntpFromDate, roundTrip } from '../rtcp/ntp.ts'
import { type Bye, cnameOf, type RtcpFault, type RtcpPacket, reporterOf } from '../rtcp/packet.ts'
import { parseRtcp } from '../rtcp/parse.ts'
import { ReportTurns } from '../rtcp/report-turns.ts'
import { RtcpScheduler, type RtcpScheduleUser } from '../rtcp/scheduler.ts'
import { parseRtp, RtpFaults } from './packet.ts'
import { staticClockRate } from './payload-types.ts'
import type { RtpSender } from './sender.ts'
import type { ReceivedRtp, RtpSessionHandler, RtpSessionOptions } from './session-options.ts'
import { type ReceptionReport, RtpSource } from './source.ts'
import { SourceIdentifiers, type SourceKind } from './source-identifiers.ts'

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
  /** Refused RTCP by reason, and packets refused for their identifier or for a payload type that was not negotiated. */
  readonly refused: Record<RtcpFault | 'identifier' | 'payloadType', number> = {
    short: 0,
    version: 0,
    length: 0,
    first: 0,
    padding: 0,
    body: 0,
    many: 0,
    identifier: 0,
    payloadType: 0,
  }
  readonly members: MemberTable
  /** From our reports as the other side answers them, in milliseconds. */
  roundTripTime: number | undefined
  readonly #options: RtpSessionOptions
  readonly #handler: RtpSessionHandler
  readonly #scheduler: RtcpScheduler
  readonly #identifiers: SourceIdentifiers
  readonly #errors: CallbackErrors
  readonly #sources = new Map<number, RtpSource>()
  readonly #turns = new ReportTurns()
  readonly #maxSources: number
  #weSentAt: number | undefined
  #everSent = false
  #byeReason: string | undefined
  #closed = false

  constructor(options: RtpSessionOptions, handler: RtpSessionHandler) {
    const maxSources = options.maxSources ?? 64
    this.sender = options.sender
    this.#maxSources = maxSources
    this.members = new MemberTable(maxSources)
    this.#options = options
    this.#handler = handler
    this.#errors = new CallbackErrors(options)
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

  /** How often a callback of the application threw or rejected. */
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
   * A packet of `bytes`, up to `end`, from `from`. Answers what is to be played, or nothing where the packet is malformed, of
   * no negotiated type, unproven, looped or of a colliding source. `arrival` is in milliseconds of the session's clock.
   */
  receiveRtp(bytes: Buffer, end: number, from: Remote, arrival: number): ReceivedRtp | undefined {
    if (this.#closed) return undefined
    const packet = parseRtp(bytes, end)
    if (typeof packet === 'string') {
      this.faults[packet]++
      return undefined
    }
    const clockRate = this.#clockRateOf(packet.payloadType)
    if (clockRate === undefined) {
      this.refused.payloadType++
      return undefined
    }
    const { ssrc } = packet
    const echo = ssrc === this.sender.ssrc && this.#options.allowEcho === true
    if (!echo && !this.#accepts(ssrc, from, 'data')) return undefined
    let source = this.#sources.get(ssrc)
    if (source === undefined) {
      // identifiers may have been forgotten since, and sources not
      if (this.#sources.size >= this.#maxSources) {
        this.refused.identifier++
        return undefined
      }
      source = new RtpSource(packet, clockRate, this.#options.minSequential)
      this.#sources.set(ssrc, source)
    }
    const verdict = source.receive(packet, arrival)
    if (verdict === 'probation' || verdict === 'jump') return undefined
    const now = this.#options.clock.now()
    if (!echo) this.members.hear(ssrc, now, true)
    for (let i = 0; i < packet.csrcCount; i++) this.members.hear(packet.csrc(i), now, false)
    return { packet, source, verdict }
  }

  /** Signalling moved the peer: its sources may come from other addresses from now on (§8.2). */
  forgetAddresses(): void {
    this.#identifiers.forgetAddresses()
  }

  /** Takes another SSRC, and says BYE for the old one: a new key past the first roll-over wants one (RFC 4568 §6.4). */
  renewSource(): void {
    if (this.#closed) return
    const bye = this.#everSent ? this.#bye() : undefined
    this.#identifiers.rename(this.sender.renew(candidate => this.#identifiers.has(candidate)))
    if (bye !== undefined) this.#sendRtcp(bye)
  }

  /** To be called for each RTP packet that was sent. */
  onSent(): void {
    const first = this.#weSentAt === undefined
    this.#weSentAt = this.#options.clock.now()
    this.#everSent = true
    if (first) this.#scheduler.reconsider()
  }

  /** A datagram of RTCP from `from`. Malformed ones are counted in `refused`. */
  receiveRtcp(bytes: Buffer, from: Remote): void {
    if (this.#closed) return
    const packets = parseRtcp(bytes, { reducedSize: this.#options.reducedSize ?? false })
    if (typeof packets === 'string') {
      this.refused[packets]++
      return
    }
    let bye = false
    let mixer = false
    for (const packet of packets) {
      if (packet.type === 'bye') {
        bye = true
        this.#onBye(packet, from, mixer)
      } else if (this.#onPacket(packet, from) && this.#isSource(reporterOf(packet))) mixer = true
      if (this.#closed) return
    }
    if (bye) this.#scheduler.onBye(bytes.length)
    else this.#scheduler.onReport(bytes.length)
  }

  /** False where it was refused. */
  #onPacket(packet: Exclude<RtcpPacket, Bye>, from: Remote): boolean {
    if (packet.type === 'sdes') {
      for (const chunk of packet.chunks) this.#onCname(chunk.ssrc, cnameOf(chunk), from)
      return true
    }
    const ssrc = reporterOf(packet)
    if (ssrc !== undefined) {
      if (!this.#accepts(ssrc, from, 'control')) return false
      this.members.hear(ssrc, this.#options.clock.now(), false)
    }
    if (packet.type !== 'sr' && packet.type !== 'rr') {
      guarded(this.#errors.failed, this.#handler, this.#handler.onRtcp, packet)
      return true
    }
    if (packet.type === 'sr') {
      this.#sources.get(packet.ssrc)?.onSenderReport(middleOf(packet.ntp), this.#options.clock.now())
    }
    for (const report of packet.reports) {
      if (this.#closed) return true
      if (report.ssrc === this.sender.ssrc) this.#onOwnReport(packet.ssrc, report)
    }
    return true
  }

  #onOwnReport(from: number, report: ReceptionReport): void {
    const time = roundTrip(ntpFromDate(this.#options.clock.date()), report.lastReport, report.delay)
    if (time !== undefined) this.roundTripTime = time
    guarded(this.#errors.failed, this.#handler, this.#handler.onReport, from, report, time)
  }

  #onCname(ssrc: number, cname: string | undefined, from: Remote): void {
    const known = this.members.get(ssrc)?.cname
    const differs = cname !== undefined && known !== undefined && known !== cname
    if (!this.#accepts(ssrc, from, 'control', differs)) return
    const member = this.members.hear(ssrc, this.#options.clock.now(), false)
    if (member !== undefined && cname !== undefined) member.cname ??= cname
  }

  /**
   * A BYE counts only from the address where the source is known (§8.2); for a contributing source, which has none, it is the
   * mixer's to say (§6.6).
   */
  #onBye(packet: Bye, from: Remote, mixer: boolean): void {
    for (const ssrc of packet.ssrcs) {
      if (this.#closed) return
      const contributor = mixer && !this.#identifiers.has(ssrc) && this.members.get(ssrc) !== undefined
      const known = this.#identifiers.has(ssrc) && this.#accepts(ssrc, from, 'control')
      if (!known && !contributor) continue
      this.#forget(ssrc)
      guarded(this.#errors.failed, this.#handler, this.#handler.onLeave, ssrc, packet.reason, false)
    }
  }

  /** Whether RTP of this source is being received. */
  #isSource(ssrc: number | undefined): boolean {
    return ssrc !== undefined && this.#sources.get(ssrc)?.sequence.valid === true
  }

  /** What throws knows no such type. */
  #clockRateOf(payloadType: number): number | undefined {
    return answered(this.#errors.failed, this.#options.clockRateOf ?? staticClockRate, payloadType)
  }

  #sendRtcp(bytes: Buffer): void {
    guarded(this.#errors.failed, this.#handler, this.#handler.sendRtcp, bytes)
  }

  #accepts(ssrc: number, from: Remote, kind: SourceKind, cnameDiffers = false): boolean {
    const now = this.#options.clock.now()
    const verdict = this.#identifiers.check(ssrc, from, kind, now, cnameDiffers)
    if (verdict === 'accepted') return true
    this.refused.identifier++
    if (verdict === 'own-collision') this.#changeIdentifier(from, kind)
    return false
  }

  /** §8.2: BYE for the old identifier, then go on with another. */
  #changeIdentifier(from: Remote, kind: SourceKind): void {
    const bye = this.#everSent ? this.#bye() : undefined
    const ssrc = this.sender.renew(candidate => this.#identifiers.has(candidate))
    this.#identifiers.renew(ssrc, from, kind, this.#options.clock.now())
    if (bye !== undefined) this.#sendRtcp(bye)
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
    this.#identifiers.expire(silentSince, now - CONFLICT_INTERVALS * silence)
    for (const { ssrc } of gone) this.#forget(ssrc)
    // who never proved itself is no member, and who is one as a contributing source only is none as a source
    for (const { ssrc, heardAt } of this.#sources.values()) {
      if (heardAt < silentSince) this.#sources.delete(ssrc)
    }
    if (gone.length > 0) this.#scheduler.reconsider()
    for (const { ssrc } of gone) {
      if (this.#closed) return
      guarded(this.#errors.failed, this.#handler, this.#handler.onLeave, ssrc, undefined, true)
    }
  }

  #sendReport(): number {
    const { cname, clock } = this.#options
    const bytes = composeReport(this.sender, this.weSent, this.#sources.values(), this.#turns, cname, clock)
    this.#everSent = true
    this.#sendRtcp(bytes)
    return bytes.length
  }

  #sendBye(): void {
    this.#closed = true
    this.#sendRtcp(this.#bye())
  }

  #bye(): Buffer {
    return composeBye(this.sender.ssrc, this.#options.cname, this.#byeReason)
  }
}
