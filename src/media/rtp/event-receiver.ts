import { guarded } from '../../util/guard.ts'
import type { Timer, Timers } from '../../util/timers.ts'
import { type CallbackErrorOptions, CallbackErrors } from '../callback-errors.ts'
import type { RtpPacket } from './packet.ts'
import { MAX_SEGMENT, parseTelephoneEvents, type TelephoneEvent } from './telephone-event.ts'

/** How an event ended: its end packet came, the next event began, or nothing more was heard. */
export type EventEnd = 'end' | 'next' | 'timeout'

export interface EventHandler {
  /** `timestamp` is where the event begins on the audio's time line. */
  onEvent(event: number, volume: number, timestamp: number): unknown
  /** `duration` in timestamp units, all segments together. */
  onEventEnd(event: number, duration: number, how: EventEnd): unknown
}

export interface EventReceiverOptions extends CallbackErrorOptions {
  readonly timers: Timers
  /** Milliseconds without a report after which an event is over; 150 by default: three of 50 ms (§2.5.2.2). */
  readonly timeout?: number
}

interface Current {
  readonly event: number
  timestamp: number
  duration: number
  /** Durations of the segments before this one. */
  earlier: number
}

const DEFAULT_TIMEOUT = 150

/**
 * Receives telephone events (RFC 4733 §2.5.2): each is told once at its beginning and once at its end, whichever of
 * its packets were lost, doubled or late.
 */
export class TelephoneEventReceiver {
  readonly #handler: EventHandler
  readonly #timers: Timers
  readonly #timeout: number
  readonly #errors: CallbackErrors
  #current: Current | undefined
  /** Where the last event or segment that is over began: nothing at or before it is news. */
  #past: number | undefined
  #timer: Timer | undefined
  malformed = 0
  /** Reports of events that are over. */
  stale = 0

  constructor(handler: EventHandler, options: EventReceiverOptions) {
    this.#handler = handler
    this.#timers = options.timers
    this.#errors = new CallbackErrors(options)
    this.#timeout = options.timeout ?? DEFAULT_TIMEOUT
  }

  /** How often the handler threw or rejected. */
  get callbackErrors(): number {
    return this.#errors.count
  }

  receive(packet: Pick<RtpPacket, 'timestamp' | 'marker' | 'payload'>): void {
    const reports = parseTelephoneEvents(packet.payload)
    if (reports === undefined) {
      this.malformed++
      return
    }
    let timestamp = packet.timestamp
    for (const report of reports) {
      this.#onReport(report, timestamp, packet.marker)
      timestamp = (timestamp + report.duration) >>> 0
    }
  }

  /** The source restarted or changed: its timestamps mean nothing to the ones before. */
  reset(): void {
    this.#end('next')
    this.#past = undefined
  }

  close(): void {
    this.#timers.stop(this.#timer)
    this.#current = undefined
  }

  onTimer(): void {
    this.#end('timeout')
  }

  #onReport(report: TelephoneEvent, timestamp: number, marker: boolean): void {
    const current = this.#current
    if (current !== undefined && current.event === report.event && timestamp === current.timestamp) {
      current.duration = Math.max(current.duration, report.duration)
    } else if (current !== undefined && !marker && continues(current, report, timestamp)) {
      current.earlier += (timestamp - current.timestamp) >>> 0
      current.timestamp = timestamp
      current.duration = report.duration
    } else if (this.#isOver(timestamp)) {
      this.stale++
      return
    } else {
      this.#end('next')
      this.#current = { event: report.event, timestamp, duration: report.duration, earlier: 0 }
      guarded(
        this.#errors.failed,
        this.#handler,
        this.#handler.onEvent,
        report.event,
        report.volume,
        timestamp,
      )
    }
    if (report.end) this.#end('end')
    else this.#wait()
  }

  #isOver(timestamp: number): boolean {
    const past = this.#current?.timestamp ?? this.#past
    return past !== undefined && ((timestamp - past) | 0) <= 0
  }

  #end(how: EventEnd): void {
    const current = this.#current
    if (current === undefined) return
    this.#current = undefined
    this.#past = current.timestamp
    this.#timers.stop(this.#timer)
    guarded(
      this.#errors.failed,
      this.#handler,
      this.#handler.onEventEnd,
      current.event,
      current.earlier + current.duration,
      how,
    )
  }

  #wait(): void {
    // the handler may have closed or reset the receiver
    if (this.#current === undefined) return
    if (this.#timer === undefined) this.#timer = this.#timers.start(this, 'telephone-event', this.#timeout)
    else this.#timers.restart(this.#timer, this.#timeout)
  }
}

/** §2.5.2.3: the same event without a gap is the next segment, also where the last report of the segment was lost. */
function continues(current: Current, report: TelephoneEvent, timestamp: number): boolean {
  if (current.event !== report.event) return false
  const distance = (timestamp - current.timestamp) >>> 0
  return distance !== 0 && (distance === current.duration || distance === MAX_SEGMENT)
}
