import type { StreamConnection } from '../../net/stream.ts'
import type { Timers } from '../../util/timers.ts'
import { Framer, type FramerLimits, type FramerSink } from '../message/framer.ts'
import type { FramerRoom } from '../message/framer-room.ts'
import type { Counters } from '../statistics.ts'

/** What finds the messages in what one connection delivers. */
export interface Framing {
  /** Whether a message has begun and its end has not come yet. */
  readonly isWaiting: boolean
  push(bytes: Buffer): void
  /** Pings the connection's peer, `onPong` of the sink tells of the answer; false where there is no room for it. */
  ping(): boolean
  /** The connection itself keeps so many bytes of a message that is not whole. */
  onKept?(bytes: number): void
  /** A ping or an answer to one came beside the messages. */
  onPing?(payload: Uint8Array): void
  onPong?(): void
  /** Stops delivering, and all timers. */
  close(): void
}

/** Who gets the messages, and does what a framing asks for. */
export interface FramingSink extends FramerSink {
  readonly connection: StreamConnection
  /** Bytes that are no message by themselves, to be answered as a datagram would be. */
  onUnframed(bytes: Buffer): void
  /** Writes what is no message; answers whether there was room for it. */
  writeBeside(bytes: string): boolean
  /** Whether so many bytes more may wait to be written; counts them where they may. */
  admits(bytes: number): boolean
  /** Closes the connection for a reason of ours. */
  cutOff(code: string, what: string): void
}

/** What is the same for all connections of a table. */
export interface FramingContext {
  readonly timers: Timers
  readonly limits: FramerLimits
  readonly counters: Counters
  readonly room: FramerRoom
}

/** How messages lie on the connections of one transport. */
export interface FramingStrategy {
  /** Whether an accepted connection has yet to show that it speaks SIP: a WebSocket's hand-shake has said so. */
  readonly isUnproven: boolean
  make(sink: FramingSink, context: FramingContext): Framing
}

/** RFC 5626 §3.5.1. */
const PING = '\r\n\r\n'

/** A stream, cut by Content-Length (RFC 3261 §18.3). */
export const streamFraming: FramingStrategy = {
  isUnproven: true,
  make: (sink, { limits, room }) => new StreamFraming(sink, limits, room),
}

class StreamFraming extends Framer implements Framing {
  readonly #sink: FramingSink

  constructor(sink: FramingSink, limits: FramerLimits, room: FramerRoom) {
    super(sink, limits, room)
    this.#sink = sink
  }

  ping(): boolean {
    const isSent = this.#sink.writeBeside(PING)
    if (isSent) this.expectPong()
    return isSent
  }
}
