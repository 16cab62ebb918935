import { ABSENT, defaultFrameLimits, type FrameLimits, frame, type Head, UNREADABLE } from './head.ts'
import { ParseError } from './parse-error.ts'

const CR = 0x0d
const LF = 0x0a

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
  /** Two CR LF between messages (RFC 5626 §4.4.1): a ping that wants one CR LF back. */
  onPing(): void
  /** One CR LF between messages: a pong, or a blank line before a message. */
  onPong(): void
}

/**
 * Cuts a byte stream into messages by Content-Length (RFC 3261 §18.3). Bytes may arrive cut anywhere; each is looked
 * at once. After an error framing is lost for good and the stream must be closed.
 */
export class Framer {
  readonly #sink: FramerSink
  readonly #limits: FramerLimits
  #chunks: Buffer[] = []
  #size = 0
  /** Bytes that must be there before looking again is of use. */
  #wanted = 1
  /** How far the search for the head's end has come in what is kept. */
  #searched = 0
  #blanks = 0
  #closed = false

  constructor(sink: FramerSink, limits: FramerLimits = defaultFramerLimits) {
    this.#sink = sink
    this.#limits = limits
  }

  /** Whether a message has begun and its end has not come yet. */
  get isWaiting(): boolean {
    return this.#size > 0
  }

  /** Stops delivering: nothing more of what is kept or given will reach the sink. */
  close(): void {
    this.#closed = true
    this.#chunks = []
    this.#size = 0
  }

  /** Takes bytes of the stream; answers the error by which framing is lost. */
  push(bytes: Buffer): ParseError | undefined {
    this.#chunks.push(bytes)
    this.#size += bytes.length
    if (this.#size < this.#wanted || this.#closed) return undefined
    let all = this.#chunks.length === 1 ? bytes : Buffer.concat(this.#chunks, this.#size)
    for (;;) {
      const start = this.#skipBlanks(all)
      if (start > 0) {
        all = all.subarray(start)
        this.#searched = 0
      }
      const used = this.#take(all)
      if (used instanceof ParseError) {
        this.close()
        return used
      }
      if (this.#closed) return undefined
      if (used === 0) break
      all = all.subarray(used)
      this.#searched = 0
    }
    this.#chunks = all.length === 0 ? [] : [all]
    this.#size = all.length
    this.#wanted = Math.max(this.#wanted, this.#size + 1)
    return undefined
  }

  /** Counts the blank lines between messages: two are a ping, one is a pong. */
  #skipBlanks(bytes: Buffer): number {
    let at = 0
    for (; at < bytes.length; at++) {
      if (bytes[at] === CR) continue
      if (bytes[at] !== LF) break
      this.#blanks++
      if (this.#blanks === 2) {
        this.#blanks = 0
        this.#sink.onPing()
      }
    }
    const ended = at < bytes.length || at > 0
    if (ended && this.#blanks === 1) {
      this.#blanks = at < bytes.length ? 0 : this.#blanks
      if (at === bytes.length) this.#sink.onPong()
    }
    return at
  }

  /** Takes one message off the front; answers how many bytes it had, 0 where more must come. */
  #take(bytes: Buffer): number | ParseError {
    if (bytes.length === 0) {
      this.#wanted = 1
      return 0
    }
    const blank = bytes.indexOf('\r\n\r\n', Math.max(0, this.#searched - 3), 'latin1')
    if (blank < 0) {
      this.#searched = bytes.length
      this.#wanted = bytes.length + 1
      return bytes.length > this.#limits.maxHeadBytes
        ? new ParseError('message', `head of more than ${this.#limits.maxHeadBytes} bytes`, '', 0, 513)
        : 0
    }
    const headEnd = blank + 4
    if (headEnd > this.#limits.maxHeadBytes) {
      return new ParseError('message', `head of more than ${this.#limits.maxHeadBytes} bytes`, '', 0, 513)
    }
    const head = frame(bytes.subarray(0, headEnd), this.#limits)
    if (head instanceof ParseError) return head
    if (head.contentLength === UNREADABLE)
      return new ParseError('Content-Length', 'one decimal number expected')
    const length = headEnd + (head.contentLength === ABSENT ? 0 : head.contentLength)
    if (length > this.#limits.maxMessageBytes) {
      return new ParseError(
        'message',
        `${length} bytes, above the limit of ${this.#limits.maxMessageBytes}`,
        '',
        0,
        513,
      )
    }
    if (bytes.length < length) {
      this.#searched = blank
      this.#wanted = length
      return 0
    }
    this.#sink.onMessage(head, bytes.subarray(0, length))
    return length
  }
}
