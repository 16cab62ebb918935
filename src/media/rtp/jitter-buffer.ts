import { UsageError } from '../../util/errors.ts'
import { DelayEstimate } from './delay-estimate.ts'
import type { RtpPacket } from './packet.ts'
import { PacketRing } from './packet-ring.ts'

export interface JitterBufferOptions {
  /** Timestamp units a second. */
  readonly clockRate: number
  /** Timestamp units of one packet: 160 for 20 ms at 8 kHz. */
  readonly frame: number
  /** Milliseconds; the delay adapts between them. 0, 200 and 60 by default. */
  readonly minDelay?: number
  readonly maxDelay?: number
  readonly initialDelay?: number
  /** Share of packets that may come too late, 0.01 by default. */
  readonly lateTarget?: number
  /** Packets held at the most, rounded up to a power of two; 64 by default. */
  readonly capacity?: number
}

/**
 * What to play where there is no packet: `waiting` before the first one is due, `concealed` where one is missing,
 * `silence` where the sender is silent (DTX) or nothing came for a while.
 */
export type PlayoutGap = 'waiting' | 'concealed' | 'silence'

const DEFAULT_CAPACITY = 64
/** Frames concealed in a row before silence is played instead: concealment does not hold longer. */
const MAX_CONCEALED = 3
/** Milliseconds by which media time may jump before it is another time line. */
const TIME_JUMP = 2000
const HOPELESS = 3
/** Calls of `take` between two packets dropped to shorten the delay: by how much it is too long. */
const SHRINK_SLOWLY = 50
const SHRINK_FAST = 10
const GROW_EVERY = 4

/**
 * An adaptive jitter buffer. `put` what arrives; `take` once for each frame that is played, by the media clock. It is
 * bounded, keeps no copy of a packet and makes no object of its own for one.
 */
export class JitterBuffer {
  played = 0
  /** Packets that came after their time. */
  late = 0
  /** Packets that never came; one that comes after all becomes `late`. */
  lost = 0
  /** Frames played as `concealed`. */
  concealed = 0
  duplicates = 0
  /** Packets that came after a later one. */
  reordered = 0
  /** Packets dropped to shorten the delay, or because the buffer was full. */
  discarded = 0
  /** Frames inserted to lengthen the delay. */
  inserted = 0
  /** Times the sender's time line jumped and playing began anew. */
  resyncs = 0
  readonly #unitsPerMs: number
  readonly #frame: number
  readonly #maxDelay: number
  readonly #estimate: DelayEstimate
  readonly #ring: PacketRing
  #started = false
  #playing = false
  /** The next sequence number and media time to play, both without roll-over. */
  #sequence = 0
  #time = 0
  /** Where playing began. */
  #first = 0
  #highest = 0
  #lastTime = 0
  #lastTimestamp = 0
  #concealing = 0
  #hopeless = 0
  #sinceAdjusted = 0
  #waited = 0

  constructor(options: JitterBufferOptions) {
    const { clockRate, frame, minDelay = 0, maxDelay = 200, initialDelay = 60, lateTarget = 0.01 } = options
    if (!(clockRate > 0 && frame > 0 && minDelay >= 0 && maxDelay >= minDelay)) {
      throw new UsageError(
        'ERR_JITTER_BUFFER',
        'a jitter buffer needs a clock rate, a frame and minDelay ≤ maxDelay',
      )
    }
    this.#unitsPerMs = clockRate / 1000
    this.#frame = frame
    this.#maxDelay = maxDelay
    this.#estimate = new DelayEstimate({ minDelay, maxDelay, initialDelay, lateTarget })
    this.#ring = new PacketRing(options.capacity ?? DEFAULT_CAPACITY)
  }

  /** Milliseconds that packets should wait beyond the fastest one's. */
  get targetDelay(): number {
    return this.#estimate.target
  }

  /** Mean of what played packets waited, in milliseconds; 0 before the first. */
  get averageDelay(): number {
    return this.played === 0 ? 0 : this.#waited / this.played
  }

  /** `arrival` in milliseconds. Packets of one source only, validated by its `SequenceTracker`. */
  put(packet: RtpPacket, arrival: number): void {
    if (!this.#started) this.#begin(packet)
    let sequence = this.#extend(packet)
    let time = this.#lastTime + ((packet.timestamp - this.#lastTimestamp) | 0)
    let transit = arrival - time / this.#unitsPerMs
    if (this.#jumped(transit, sequence)) {
      this.resyncs++
      this.reset()
      this.#begin(packet)
      sequence = this.#highest
      time = this.#lastTime
      transit = arrival - time / this.#unitsPerMs
    }
    this.#estimate.update(transit, arrival)
    this.#lastTime = time
    this.#lastTimestamp = packet.timestamp
    if (this.#ring.knows(sequence)) {
      this.duplicates++
      return
    }
    if (this.#isLate(sequence, time)) {
      this.#onLate(packet, sequence, transit)
      return
    }
    this.#hopeless = 0
    if (sequence < this.#highest) this.reordered++
    else this.#highest = sequence
    while (sequence - this.#sequence > this.#ring.span) this.#skip()
    this.#ring.store(sequence, packet, time, arrival)
  }

  /**
   * A packet of the same source that carries no audio of its own, as telephone events and comfort noise do: its number
   * is not lost, and where it lies in time is silence.
   */
  pass(packet: RtpPacket): void {
    if (this.#started) this.#settle(this.#extend(packet))
  }

  /** The packet to play at `now` (milliseconds), or what to play instead. Call it once a frame. */
  take(now: number): RtpPacket | PlayoutGap {
    if (!this.#started) return 'waiting'
    if (!this.#playing) {
      this.#advanceToFirst()
      if (this.#delay(now) < this.#estimate.target) return 'waiting'
      this.#playing = true
      this.#first = this.#sequence
    }
    this.#passSettled()
    this.#sinceAdjusted++
    const excess = this.#delay(now) - this.#estimate.target
    const frame = this.#frame / this.#unitsPerMs
    this.#shorten(excess, frame, now)
    const next = this.#ring.next(this.#sequence, this.#highest)
    const missing = next !== this.#sequence
    if (excess < -frame / 4 && (missing || this.#sinceAdjusted >= GROW_EVERY)) {
      this.#sinceAdjusted = 0
      this.inserted++
      return this.#gap()
    }
    if (next < 0) {
      this.#time += this.#frame
      return this.#gap()
    }
    const ahead = this.#ring.time(next) - this.#time
    if (ahead < this.#frame / 2) return this.#play(next, now)
    // a hole in time: lost where numbers are missing too, else the sender's silence, which may be cut or stretched
    if (missing ? excess > frame : excess - ahead / this.#unitsPerMs > -frame / 2)
      return this.#play(next, now)
    this.#time += Math.min(this.#frame, ahead)
    if (missing) return this.#gap()
    this.#concealing = 0
    return 'silence'
  }

  /** Forgets all that is held and where the stream was; counters stay. */
  reset(): void {
    this.#started = false
    this.#playing = false
    this.#ring.clear()
    this.#estimate.reset()
    this.#concealing = 0
    this.#hopeless = 0
  }

  #extend(packet: RtpPacket): number {
    return this.#highest + (((packet.sequence - this.#highest) << 16) >> 16)
  }

  #begin(packet: RtpPacket): void {
    this.#started = true
    // a cycle up, so that packets from before the first have numbers above zero too
    this.#sequence = packet.sequence + 0x10000
    this.#highest = this.#sequence
    this.#lastTimestamp = packet.timestamp
    this.#lastTime = packet.timestamp
    this.#time = packet.timestamp
    this.#sinceAdjusted = 0
  }

  /** Whether the sender's time line is another: media time ran ahead, or numbers did, or all comes hopelessly late. */
  #jumped(transit: number, sequence: number): boolean {
    if (!this.#estimate.started) return false
    const beyond = transit - this.#estimate.base
    return (
      beyond < -TIME_JUMP ||
      Math.abs(sequence - this.#highest) > 0x4000 ||
      (this.#hopeless >= HOPELESS && beyond > this.#maxDelay)
    )
  }

  #isLate(sequence: number, time: number): boolean {
    if (sequence + this.#ring.span < this.#highest) return true
    if (!this.#playing) return false
    return sequence < this.#sequence || time + this.#frame <= this.#time
  }

  #onLate(packet: RtpPacket, sequence: number, transit: number): void {
    this.late++
    this.#settle(sequence)
    if (transit - this.#estimate.base > this.#maxDelay) this.#hopeless += packet.marker ? HOPELESS : 1
  }

  /** A number that holds nothing to play is accounted for: not lost when it is passed, nor any more if it was. */
  #settle(sequence: number): void {
    const missed = sequence >= this.#first && sequence < this.#sequence
    if (this.#ring.settle(sequence) && missed) this.lost--
    this.#highest = Math.max(this.#highest, sequence)
  }

  /** Before playing begins, a packet that overtook the first may still become the first. */
  #advanceToFirst(): void {
    const first = this.#ring.next(this.#sequence - this.#ring.span, this.#sequence - 1)
    if (first < 0) return
    this.#sequence = first
    this.#time = this.#ring.time(first)
  }

  /** How long after the fastest packet's arrival the next frame is played. */
  #delay(now: number): number {
    return now - this.#time / this.#unitsPerMs - this.#estimate.base
  }

  /** Drops packets while the delay is too long: one at a time, seldom, unless it is longer than allowed. */
  #shorten(excess: number, frame: number, now: number): void {
    if (excess <= frame) return
    if (this.#delay(now) > this.#maxDelay + frame) {
      while (this.#delay(now) > this.#maxDelay && this.#ring.next(this.#sequence, this.#highest) >= 0)
        this.#drop()
    } else if (this.#sinceAdjusted >= (excess > 3 * frame ? SHRINK_FAST : SHRINK_SLOWLY)) {
      if (this.#ring.holds(this.#sequence)) this.#drop()
    }
  }

  #drop(): void {
    this.#sinceAdjusted = 0
    if (this.#ring.holds(this.#sequence)) {
      this.#time = Math.max(this.#time, this.#ring.time(this.#sequence) + this.#frame)
    }
    this.#skip()
  }

  /** Passes one sequence number without playing it. */
  #skip(): void {
    if (this.#ring.holds(this.#sequence)) this.discarded++
    else if (!this.#ring.knows(this.#sequence)) this.lost++
    this.#ring.release(this.#sequence++)
  }

  /** Passes numbers that are accounted for and hold nothing to play. */
  #passSettled(): void {
    while (this.#ring.knows(this.#sequence) && !this.#ring.holds(this.#sequence)) this.#sequence++
  }

  #play(sequence: number, now: number): RtpPacket | PlayoutGap {
    while (this.#sequence < sequence) this.#skip()
    const packet = this.#ring.release(sequence)
    if (packet === undefined) return this.#gap()
    this.#sequence = sequence + 1
    this.#time = this.#ring.time(sequence) + this.#frame
    this.#concealing = 0
    this.played++
    this.#waited += now - this.#ring.arrival(sequence)
    return packet
  }

  #gap(): PlayoutGap {
    if (this.#concealing >= MAX_CONCEALED) return 'silence'
    this.#concealing++
    this.concealed++
    return 'concealed'
  }
}
