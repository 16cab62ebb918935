import { UsageError } from '../../util/errors.ts'
import { encodeTelephoneEvent, MAX_SEGMENT } from './telephone-event.ts'

/** A report to send as one RTP packet, with the timestamp of its event's or segment's beginning. */
export interface EventPacket {
  readonly timestamp: number
  readonly marker: boolean
  readonly payload: Buffer
}

export interface EventSenderOptions {
  /** Timestamp units a second. */
  readonly clockRate: number
  /** −dBm0, 0 to 63; 10 by default. */
  readonly volume?: number
  /** Milliseconds of silence between two events at least; 60 by default (ITU-T Q.24 asks for 40). */
  readonly pause?: number
  /** Events that may wait, 128 by default. */
  readonly maxWaiting?: number
}

interface Running {
  readonly event: number
  /** Where the current segment begins. */
  segment: number
  /** What the segments before it lasted. */
  earlier: number
  /** Total length, or `undefined` until `stop`. */
  length: number | undefined
  first: boolean
}

interface Repeat {
  readonly packet: EventPacket
  left: number
}

/** RFC 4733 §2.5.1.4: the last packet of an event or segment is sent three times in all. */
const REPEATS = 2
const DEFAULT_VOLUME = 10
const DEFAULT_PAUSE = 60
const DEFAULT_MAX_WAITING = 128

/**
 * Sends telephone events (RFC 4733 §2.5.1). Call `tick` once for each slot of the media clock: while it answers
 * packets, they are sent instead of audio.
 */
export class TelephoneEventSender {
  readonly #clockRate: number
  readonly #volume: number
  readonly #pause: number
  readonly #maxWaiting: number
  readonly #waiting: { event: number; length: number | undefined }[] = []
  #running: Running | undefined
  #repeats: Repeat[] = []
  #notBefore: number | undefined

  constructor(options: EventSenderOptions) {
    this.#clockRate = options.clockRate
    this.#volume = options.volume ?? DEFAULT_VOLUME
    this.#pause = Math.round(((options.pause ?? DEFAULT_PAUSE) * options.clockRate) / 1000)
    this.#maxWaiting = options.maxWaiting ?? DEFAULT_MAX_WAITING
  }

  /** Whether an event is on the line, being repeated, or waits. */
  get active(): boolean {
    return this.#running !== undefined || this.#repeats.length > 0 || this.#waiting.length > 0
  }

  /** Sends `event` for `milliseconds`, or until `stop`; events wait for those before them. */
  start(event: number, milliseconds?: number): void {
    if (!(Number.isInteger(event) && event >= 0 && event <= 255)) {
      throw new UsageError(
        'ERR_TELEPHONE_EVENT',
        `telephone event ${event} is not a whole number from 0 to 255`,
      )
    }
    if (milliseconds !== undefined && !(milliseconds > 0)) {
      throw new UsageError('ERR_TELEPHONE_EVENT', `an event cannot last ${milliseconds} ms`)
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new UsageError('ERR_TELEPHONE_EVENT', `${this.#maxWaiting} events wait already`)
    }
    const length =
      milliseconds === undefined
        ? undefined
        : Math.max(1, Math.round((milliseconds * this.#clockRate) / 1000))
    this.#waiting.push({ event, length })
  }

  /** Ends the event that runs without a length, at the next tick. */
  stop(): void {
    const open = this.#running ?? this.#waiting.at(0)
    if (open !== undefined && open.length === undefined) open.length = 0
  }

  /** The packets of the slot that begins at `timestamp` and lasts `units`. */
  tick(timestamp: number, units: number): EventPacket[] {
    const packets = this.#repeats.map(repeat => repeat.packet)
    this.#repeats = this.#repeats.filter(repeat => --repeat.left > 0)
    this.#running ??= this.#next(timestamp)
    if (this.#running !== undefined) this.#report(this.#running, timestamp + units, packets)
    return packets
  }

  #next(timestamp: number): Running | undefined {
    if (this.#notBefore !== undefined && ((timestamp - this.#notBefore) | 0) < 0) return undefined
    this.#notBefore = undefined
    const next = this.#waiting.shift()
    return next && { ...next, segment: timestamp, earlier: 0, first: true }
  }

  #report(running: Running, until: number, packets: EventPacket[]): void {
    let duration = (until - running.segment) >>> 0
    const left = running.length === undefined ? undefined : Math.max(0, running.length - running.earlier)
    // stopped before its first report: it lasts one slot, for a duration of zero is reserved for states
    const end = left !== undefined && left <= duration
    if (end && left > 0) duration = left
    while (duration > MAX_SEGMENT) {
      const last = this.#packet(running, MAX_SEGMENT, false)
      packets.push(last)
      this.#repeats.push({ packet: last, left: REPEATS })
      running.segment = (running.segment + MAX_SEGMENT) >>> 0
      running.earlier += MAX_SEGMENT
      duration -= MAX_SEGMENT
    }
    const packet = this.#packet(running, duration, end)
    packets.push(packet)
    if (!end) return
    this.#repeats.push({ packet: { ...packet, marker: false }, left: REPEATS })
    this.#notBefore = (running.segment + duration + this.#pause) >>> 0
    this.#running = undefined
  }

  #packet(running: Running, duration: number, end: boolean): EventPacket {
    const marker = running.first
    running.first = false
    return {
      timestamp: running.segment,
      marker,
      payload: encodeTelephoneEvent({ event: running.event, end, volume: this.#volume, duration }),
    }
  }
}
