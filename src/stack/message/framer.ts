import { ParseError } from '../grammar/parse-error.ts'
import type { FramerRoom, RoomTaker } from './framer-room.ts'
import { ABSENT, defaultFrameLimits, type FrameLimits, frame, type Head, UNREADABLE } from './head.ts'

const CR = 0x0d
const LF = 0x0a
const noBytes = Buffer.alloc(0)

export interface FramerLimits extends FrameLimits {
  /** Bytes of a head that may arrive before its empty line does. */
  readonly maxHeadBytes: number
}

export const defaultFramerLimits: FramerLimits = {
  ...defaultFrameLimits,
  maxMessageBytes: 1_048_576,
  maxHeadBytes: 65_535,
}

/** What a framer finds in a stream. `bytes` are the framer's no more: they may be kept. */
export interface FramerSink {
  onMessage(head: Head, bytes: Buffer): void
  /** Two CR LF between messages (RFC 5626 §3.5.1): a ping that wants one CR LF back. */
  onPing(): void
  /** One CR LF between messages while a pong is expected. */
  onPong(): void
  /** Framing is lost; `head` is there where a message has begun that is too large or of unreadable length. */
  onBroken(error: ParseError, head: Head | undefined, bytes: Buffer): void
}

/** Bytes that are set aside for a message that has just begun. */
const FIRST_ROOM = 256

/**
 * Cuts a byte stream into messages by Content-Length (RFC 3261 §18.3). Bytes may arrive cut anywhere; each is looked
 * at once, and copied twice at the most. After an error framing is lost for good and the stream must be closed.
 */
export class Framer implements RoomTaker {
  readonly #sink: FramerSink
  readonly #limits: FramerLimits
  readonly #room: FramerRoom | undefined
  /** The beginning of a message, and room for more of it. */
  #kept: Buffer = noBytes
  #size = 0
  /** Bytes that must be there before looking again is of use. */
  #wanted = 1
  /** How far the search for the head's end has come in what is kept. */
  #searched = 0
  /** Blank lines that are no pongs, and not yet a ping. */
  #blanks = 0
  /** Pings of ours that are not answered yet. */
  #pings = 0
  #closed = false

  constructor(sink: FramerSink, limits: FramerLimits = defaultFramerLimits, room?: FramerRoom) {
    this.#sink = sink
    this.#limits = limits
    this.#room = room
  }

  get keptBytes(): number {
    return this.#kept.length
  }

  /** Whether a message has begun and its end has not come yet. */
  get isWaiting(): boolean {
    return this.#size > 0
  }

  /** A ping of ours has left: the next blank line between messages answers it. */
  expectPong(): void {
    this.#pings++
  }

  /** Stops delivering: nothing more of what is kept or given will reach the sink. */
  close(): void {
    this.#closed = true
    this.#size = 0
    this.#keepIn(noBytes)
  }

  onNoRoom(): void {
    const problem = 'all streams together keep too much of messages that are not whole'
    this.#break(new ParseError('message', problem, '', 0, 503), noBytes)
  }

  /** Takes bytes of the stream. */
  push(bytes: Buffer): void {
    if (this.#closed) return
    if (this.#size > 0) {
      this.#keep(bytes)
      if (this.#closed || this.#size < this.#wanted) return
    }
    const whole = this.#size > 0 ? this.#kept.subarray(0, this.#size) : bytes
    const left = this.#consume(whole)
    if (this.#closed || (this.#size > 0 && left.length === this.#size)) return
    // messages may have been cut from the buffer: what is left gets one of its own
    this.#size = 0
    if (left.length > 0) this.#keep(left)
    else this.#keepIn(noBytes)
  }

  /** Takes all messages off bytes; answers what is left, the beginning of one. */
  #consume(bytes: Buffer): Buffer {
    let left = bytes
    for (;;) {
      const start = this.#skipBlanks(left)
      if (start > 0) {
        left = left.subarray(start)
        this.#searched = 0
      }
      // the sink may have closed us at a ping
      if (this.#closed) return left
      const used = this.#take(left)
      if (used === 0 || this.#closed) return left
      left = left.subarray(used)
      this.#searched = 0
    }
  }

  /**
   * Adds bytes to what is kept, in a buffer of our own that doubles: a chunk of the stream can be a large part of memory
   * for one byte, and a small one costs more than what it holds.
   */
  #keep(bytes: Buffer): void {
    const size = this.#size + bytes.length
    if (this.#size === 0 || size > this.#kept.length) {
      const most = this.#wanted > size ? this.#wanted : Number.POSITIVE_INFINITY
      const room = Buffer.allocUnsafeSlow(Math.min(Math.max(FIRST_ROOM, 2 * size), most))
      this.#kept.copy(room, 0, 0, this.#size)
      bytes.copy(room, this.#size)
      this.#size = size
      this.#keepIn(room)
      return
    }
    bytes.copy(this.#kept, this.#size)
    this.#size = size
  }

  #keepIn(buffer: Buffer): void {
    const more = buffer.length - this.#kept.length
    this.#kept = buffer
    if (more !== 0) this.#room?.change(this, more)
  }

  /**
   * Reads the blank lines between messages: each that is expected is a pong, two others are a ping. A single one before
   * a message means nothing (RFC 3261 §7.5).
   */
  #skipBlanks(bytes: Buffer): number {
    let at = 0
    for (; at < bytes.length; at++) {
      if (bytes[at] === CR) continue
      if (bytes[at] !== LF) break
      if (this.#pings > 0) {
        this.#pings--
        this.#sink.onPong()
      } else if (++this.#blanks === 2) {
        this.#blanks = 0
        this.#sink.onPing()
      }
    }
    if (at < bytes.length) this.#blanks = 0
    return at
  }

  /** Takes one message off the front; answers how many bytes it had, 0 where more must come or none will. */
  #take(bytes: Buffer): number {
    const { maxHeadBytes, maxMessageBytes } = this.#limits
    if (bytes.length === 0) {
      this.#wanted = 1
      return 0
    }
    const blank = bytes.indexOf('\r\n\r\n', Math.max(0, this.#searched - 3), 'latin1')
    if (blank < 0 && bytes.length <= maxHeadBytes) {
      this.#searched = bytes.length
      this.#wanted = bytes.length + 1
      return 0
    }
    const headEnd = blank + 4
    if (blank < 0 || headEnd > maxHeadBytes) {
      return this.#break(
        new ParseError('message', `head of more than ${maxHeadBytes} bytes`, '', 0, 513),
        bytes,
      )
    }
    const head = frame(bytes.subarray(0, headEnd), this.#limits)
    if (head instanceof ParseError) return this.#break(head, bytes)
    if (head.contentLength === UNREADABLE) {
      return this.#break(new ParseError('Content-Length', 'one decimal number expected'), bytes, head)
    }
    const length = headEnd + (head.contentLength === ABSENT ? 0 : head.contentLength)
    if (length > maxMessageBytes) {
      const problem = `${length} bytes, above the limit of ${maxMessageBytes}`
      return this.#break(new ParseError('message', problem, '', 0, 513), bytes, head)
    }
    if (bytes.length < length) {
      this.#searched = blank
      this.#wanted = length
      return 0
    }
    this.#deliver(head, bytes, length)
    return length
  }

  /** A message that is a small part of a chunk is copied, so that it does not keep the chunk alive. */
  #deliver(head: Head, bytes: Buffer, length: number): void {
    if (2 * length >= bytes.buffer.byteLength) {
      this.#sink.onMessage(head, bytes.subarray(0, length))
      return
    }
    const own = Buffer.allocUnsafeSlow(length)
    bytes.copy(own, 0, 0, length)
    this.#sink.onMessage(head.over(own), own)
  }

  #break(error: ParseError, bytes: Buffer, head?: Head): number {
    this.close()
    this.#sink.onBroken(error, head, bytes)
    return 0
  }
}
