import type { Timer } from '../../util/timers.ts'
import { ParseError } from '../grammar/parse-error.ts'
import type { RoomTaker } from '../message/framer-room.ts'
import { frame } from '../message/head.ts'
import type { Framing, FramingContext, FramingSink, FramingStrategy } from './framing.ts'

export interface PingOptions {
  /** Milliseconds of silence after which the peer is pinged; 0 for never. */
  readonly pingInterval: number
  /** Milliseconds that it has to answer, or to say anything. */
  readonly pongTimeout: number
}

/** Pings and pongs of one peer in one second; RFC 6455 §5.5.3 allows pongs that nobody asked for. */
const MOST_CONTROLS = 100
const SECOND = 1000
/** The largest control frame (RFC 6455 §5.5), masked. */
const CONTROL_BYTES = 131
/** Below it no SIP message begins, but STUN does (RFC 7983), which has no place here (RFC 7118 §4.1). */
const FIRST_TEXT = 4
const CR = 0x0d
const LF = 0x0a
const PING_LENGTH = 4

/** One message of a WebSocket is one of SIP (RFC 7118 §5). */
export function messageFraming(options: PingOptions): FramingStrategy {
  return { isUnproven: false, make: (sink, context) => new MessageFraming(sink, context, options) }
}

/** Takes messages as they come, and pings by WebSocket's own frames, which every peer answers (RFC 6455 §5.5.2). */
class MessageFraming implements Framing, RoomTaker {
  keptBytes = 0
  readonly #sink: FramingSink
  readonly #context: FramingContext
  readonly #options: PingOptions
  readonly #timer: Timer | undefined
  /** Pings that the user asked for and that are not answered. */
  #asked = 0
  /** A ping of the interval is not answered. */
  #isAwaiting = false
  /** What had come when the timer was looked at last. */
  #bytesIn = 0
  #secondBegan = 0
  #controls = 0

  constructor(sink: FramingSink, context: FramingContext, options: PingOptions) {
    this.#sink = sink
    this.#context = context
    this.#options = options
    if (options.pingInterval > 0) this.#timer = context.timers.start(this, 'ping', options.pingInterval)
  }

  get isWaiting(): boolean {
    return this.keptBytes > 0
  }

  push(bytes: Buffer): void {
    const first = bytes[0]
    if (first === undefined || first === CR || first === LF) {
      if (this.#isBlank(bytes)) return
    } else if (first < FIRST_TEXT) {
      this.#context.counters.malformed++
      return
    }
    const { limits } = this.#context
    const head = frame(bytes, limits)
    if (head instanceof ParseError) {
      this.#sink.onUnframed(bytes)
    } else if (head.end > limits.maxHeadBytes) {
      const problem = `head of more than ${limits.maxHeadBytes} bytes`
      this.#sink.onBroken(new ParseError('message', problem, '', 0, 513), head, bytes)
    } else {
      this.#sink.onMessage(head, bytes)
    }
  }

  ping(): boolean {
    if (!this.#sink.admits(CONTROL_BYTES)) return false
    this.#asked++
    this.#sink.connection.ping?.()
    return true
  }

  onKept(bytes: number): void {
    const more = bytes - this.keptBytes
    this.keptBytes = bytes
    if (more !== 0) this.#context.room.change(this, more)
  }

  onNoRoom(): void {
    this.#sink.cutOff(
      'ERR_UNFINISHED',
      'all connections together keep too much of messages that are not whole',
    )
  }

  onPing(payload: Uint8Array): void {
    if (this.#isFlooded()) return
    if (this.#sink.admits(CONTROL_BYTES)) this.#sink.connection.pong?.(payload)
  }

  onPong(): void {
    if (this.#isFlooded() || this.#asked === 0) return
    this.#asked--
    this.#sink.onPong()
  }

  /** Anything that came since the last look is as good as a pong. */
  onTimer(): void {
    const { connection } = this.#sink
    const { pingInterval, pongTimeout } = this.#options
    const isAlive = connection.bytesIn !== this.#bytesIn || connection.local === undefined
    this.#bytesIn = connection.bytesIn
    if (isAlive) {
      this.#isAwaiting = false
      this.#restart(pingInterval)
    } else if (this.#isAwaiting) {
      this.#context.counters.lostPongs++
      this.#sink.cutOff('ERR_NO_PONG', `a ping was not answered within ${pongTimeout} ms`)
    } else {
      this.#isAwaiting = true
      if (this.#sink.admits(CONTROL_BYTES)) connection.ping?.()
      this.#restart(pongTimeout)
    }
  }

  close(): void {
    this.#context.timers.stop(this.#timer)
    this.onKept(0)
  }

  #restart(milliseconds: number): void {
    if (this.#timer !== undefined) this.#context.timers.restart(this.#timer, milliseconds)
  }

  /** Whether a message holds line ends alone: two are a ping (RFC 5626 §3.5.1, RFC 7118 §6), and all the others nothing. */
  #isBlank(bytes: Buffer): boolean {
    if (bytes.some(byte => byte !== CR && byte !== LF)) return false
    this.#context.counters.keepAlives++
    if (bytes.length === PING_LENGTH && bytes.latin1Slice() === '\r\n\r\n') this.#sink.onPing()
    return true
  }

  #isFlooded(): boolean {
    const now = this.#context.timers.now()
    if (now - this.#secondBegan >= SECOND) {
      this.#secondBegan = now
      this.#controls = 0
    }
    if (++this.#controls <= MOST_CONTROLS) return false
    this.#context.counters.controlFloods++
    this.#sink.cutOff(
      'ERR_WEBSOCKET_FLOOD',
      `more than ${MOST_CONTROLS} pings and pongs came within a second`,
    )
    return true
  }
}
