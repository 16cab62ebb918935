import { UsageError } from '../../util/errors.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timer, Timers } from '../../util/timers.ts'
import { deterministicInterval, type IntervalState, transmissionInterval } from './interval.ts'

/** Whom the scheduler asks and tells. */
export interface RtcpScheduleUser {
  readonly members: number
  readonly senders: number
  readonly weSent: boolean
  /** Time-outs of §6.3.5, done before each decision. */
  expireMembers(): void
  /** Sends a report and answers its length in octets. */
  sendReport(): number
  sendBye(): void
}

export interface RtcpScheduleOptions {
  readonly timers: Timers
  readonly random: RandomSource
  /** Octets a second for the RTCP of all members: 5 % of the session bandwidth by rule (§6.2). */
  readonly bandwidth: number
  /** Likely length of the first packet, in octets. */
  readonly firstSize?: number
  /** Milliseconds, 5000 by default. */
  readonly minimum?: number
  /** Octets of UDP and IP headers a packet, 28 by default (IPv4). */
  readonly overhead?: number
}

/** A BYE waits its turn where the session has more members than this (§6.3.7). */
const BYE_BACKOFF_MEMBERS = 50
const IPV4_UDP = 28
const PROBABLE_FIRST_SIZE = 80

/** When to send RTCP: the rules of RFC 3550 §6.3 as appendix A.7 codes them, over injected time and randomness. */
export class RtcpScheduler {
  readonly #user: RtcpScheduleUser
  readonly #timers: Timers
  readonly #random: RandomSource
  readonly #bandwidth: number
  readonly #minimum: number | undefined
  readonly #overhead: number
  readonly #word = new Uint8Array(4)
  #event: 'none' | 'report' | 'bye' | 'done' = 'none'
  #timer: Timer | undefined
  #averageSize: number
  #initial = true
  /** tp: the last transmission. */
  #last = 0
  /** tn: the next one. */
  #next = 0
  #pmembers = 1
  /** While a BYE waits, members are counted by their BYEs (§6.3.7). */
  #byes = 0

  constructor(user: RtcpScheduleUser, options: RtcpScheduleOptions) {
    if (!(options.bandwidth > 0)) {
      throw new UsageError('ERR_RTCP_BANDWIDTH', `RTCP cannot run on ${options.bandwidth} octets a second`)
    }
    this.#user = user
    this.#timers = options.timers
    this.#random = options.random
    this.#bandwidth = options.bandwidth
    this.#minimum = options.minimum
    this.#overhead = options.overhead ?? IPV4_UDP
    this.#averageSize = (options.firstSize ?? PROBABLE_FIRST_SIZE) + this.#overhead
  }

  /** When the next packet is due, on the timers' scale; for tests and for showing. */
  get next(): number {
    return this.#next
  }

  get averageSize(): number {
    return this.#averageSize
  }

  /** §6.3.2: joins the session; the first report waits half the minimum, at random. */
  start(): void {
    if (this.#event !== 'none') return
    this.#event = 'report'
    this.#last = this.#timers.now()
    this.#schedule(this.#last + this.#interval())
  }

  /** §6.3.3: a compound packet without a BYE came, of `size` octets. */
  onReport(size: number): void {
    if (this.#event === 'report') this.#average(size)
  }

  /** §6.3.4: a packet with a BYE came, and members are removed already. */
  onBye(size: number): void {
    this.#average(size)
    if (this.#event === 'bye') this.#byes++
    else this.reconsider()
  }

  /** Reverse reconsideration (§6.3.4): fewer members than reckoned with means sooner. Also when we begin to send (§6.3.8). */
  reconsider(): void {
    const members = this.#user.members
    if (this.#event !== 'report' || members >= this.#pmembers) return
    const now = this.#timers.now()
    const share = members / this.#pmembers
    this.#last = now - share * (now - this.#last)
    this.#pmembers = members
    this.#schedule(now + share * (this.#next - now))
  }

  /** §6.3.7: leaves with a BYE of `size` octets, at once in a small session. A member never heard of sends none. */
  leave(size: number, everSent: boolean): void {
    if (this.#event === 'bye' || this.#event === 'done') return
    if (!everSent) {
      this.stop()
      return
    }
    if (this.#user.members <= BYE_BACKOFF_MEMBERS) {
      this.stop()
      this.#user.sendBye()
      return
    }
    this.#event = 'bye'
    this.#last = this.#timers.now()
    this.#byes = 1
    this.#pmembers = 1
    this.#initial = true
    this.#averageSize = size + this.#overhead
    this.#schedule(this.#last + this.#interval())
  }

  stop(): void {
    this.#event = 'done'
    this.#timers.stop(this.#timer)
  }

  /** Td for a receiver, in milliseconds: five of them without a sign of life time a member out (§6.3.5). */
  receiverInterval(): number {
    return deterministicInterval({ ...this.#state(), weSent: false })
  }

  /** T without its randomness, in milliseconds: two of them without RTP make a sender a receiver (§6.3.5). */
  senderInterval(): number {
    return deterministicInterval(this.#state())
  }

  onTimer(): void {
    if (this.#event === 'report') {
      this.#user.expireMembers()
      this.#onReportDue()
    } else if (this.#event === 'bye') {
      const due = this.#last + this.#interval()
      if (due > this.#timers.now()) {
        this.#schedule(due)
        return
      }
      this.stop()
      this.#user.sendBye()
    }
  }

  /** Timer reconsideration (§6.3.6). */
  #onReportDue(): void {
    const now = this.#timers.now()
    const due = this.#last + this.#interval()
    if (due > now) this.#schedule(due)
    else {
      let size = 0
      try {
        size = this.#user.sendReport()
      } finally {
        this.#onReportSent(now, size)
      }
    }
    this.#pmembers = this.#user.members
  }

  /** Also where sending failed: the session goes on. */
  #onReportSent(now: number, size: number): void {
    if (this.#event !== 'report') return
    this.#average(size)
    this.#last = now
    this.#schedule(now + this.#interval())
    this.#initial = false
  }

  #schedule(at: number): void {
    this.#next = at
    const delay = Math.max(0, at - this.#timers.now())
    if (this.#timer === undefined) this.#timer = this.#timers.start(this, 'rtcp', delay)
    else this.#timers.restart(this.#timer, delay)
  }

  #average(size: number): void {
    this.#averageSize += (size + this.#overhead - this.#averageSize) / 16
  }

  #interval(): number {
    const word = Buffer.from(this.#random.fill(this.#word)).readUInt32BE(0)
    return transmissionInterval(this.#state(), word / 2 ** 32)
  }

  #state(): IntervalState {
    const leaving = this.#event === 'bye'
    return {
      members: leaving ? this.#byes : this.#user.members,
      senders: leaving ? 0 : this.#user.senders,
      weSent: !leaving && this.#user.weSent,
      bandwidth: this.#bandwidth,
      averageSize: this.#averageSize,
      initial: this.#initial,
      ...(this.#minimum === undefined ? {} : { minimum: this.#minimum }),
    }
  }
}
