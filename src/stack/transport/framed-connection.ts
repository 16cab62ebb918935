import type { StreamConnection } from '../../net/stream.ts'
import { hostPort } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import type { Timer, Timers } from '../../util/timers.ts'
import type { ParseError } from '../grammar/parse-error.ts'
import type { Flow } from '../message/flow.ts'
import { Framer, type FramerLimits, type FramerSink } from '../message/framer.ts'
import type { FramerRoom } from '../message/framer-room.ts'
import type { Head } from '../message/head.ts'
import type { Counters } from '../statistics.ts'
import { StreamOpening } from './stream-opening.ts'
import type { FlowConnection, TransportReceiver } from './transport.ts'
import type { WriteQueues } from './write-queues.ts'

export interface ConnectionLimits {
  /**
   * Milliseconds without a byte in or out after which a connection is closed. It is looked at no oftener, so that a
   * connection may be idle for up to twice as long.
   */
  readonly idleTimeout: number
  /**
   * Milliseconds that a message may take from its first byte to its last, and an accepted connection until its first
   * message is whole.
   */
  readonly messageTimeout: number
  /** Connections that we make, of each transport; beyond that one that is idle goes, or nothing is sent. */
  readonly maxOutboundConnections: number
  /** Bytes that may wait to be written on all connections together. */
  readonly maxQueuedBytes: number
  /** Bytes that may be kept of messages that have begun and are not whole, on all connections together. */
  readonly maxUnfinishedBytes: number
}

export const defaultConnectionLimits: ConnectionLimits = {
  idleTimeout: 600_000,
  messageTimeout: 32_000,
  maxOutboundConnections: 10_000,
  maxQueuedBytes: 67_108_864,
  maxUnfinishedBytes: 67_108_864,
}

interface FramedOptions {
  readonly framing: FramerLimits
  readonly connections: ConnectionLimits
  readonly counters: Counters
  readonly queues: WriteQueues
  readonly room: FramerRoom
}

/** One connection with its framer and its two time-outs, which share one timer that is looked at when it fires. */
export class FramedConnection implements FramerSink, FlowConnection {
  readonly connection: StreamConnection
  readonly flow: Flow
  readonly framer: Framer
  /** When bytes last came, or were given to be written. */
  usedAt: number
  heardAt: number
  readonly #receiver: TransportReceiver
  readonly #timers: Timers
  readonly #options: FramedOptions
  readonly #timer: Timer
  /** Until it is known that the peer speaks SIP. */
  #opening: StreamOpening | undefined = new StreamOpening()
  /** Pings that were heard and are not answered yet. */
  #pings = 0
  /** Framing is lost: what was written leaves, and nothing more is heard or said. */
  #isOver = false
  #moved = 0
  #activeAt: number
  /** When the message that is coming began; -1 between messages. */
  #beganAt: number
  /** Its peer has yet to send a whole message; one that we made may have nothing to say. */
  #isUnproven: boolean

  constructor(
    connection: StreamConnection,
    flow: Flow,
    receiver: TransportReceiver,
    timers: Timers,
    options: FramedOptions,
  ) {
    this.connection = connection
    this.flow = flow
    this.framer = new Framer(this, options.framing, options.room)
    this.#receiver = receiver
    this.#timers = timers
    this.#options = options
    this.#activeAt = timers.now()
    this.usedAt = this.#activeAt
    this.heardAt = this.#activeAt
    this.#isUnproven = connection.accepted
    this.#beganAt = connection.accepted ? this.#activeAt : -1
    const { idleTimeout, messageTimeout } = options.connections
    this.#timer = timers.start(
      this,
      'idle',
      connection.accepted ? Math.min(idleTimeout, messageTimeout) : idleTimeout,
    )
  }

  get isOver(): boolean {
    return this.#isOver
  }

  get isReceiving(): boolean {
    return this.framer.isWaiting
  }

  write(wire: string): void {
    this.usedAt = this.#timers.now()
    this.connection.write(wire)
  }

  receive(bytes: Buffer): void {
    if (this.#isOver) return
    this.usedAt = this.#timers.now()
    this.heardAt = this.usedAt
    if (this.#opening !== undefined) {
      const isSip = this.#opening.look(bytes)
      if (isSip === false) {
        this.#options.counters.foreignStreams++
        this.cutOff('ERR_NOT_SIP', 'what came cannot begin a SIP message')
        return
      }
      if (isSip) this.#opening = undefined
    }
    this.framer.push(bytes)
    if (this.#pings > 0) this.#answerPings()
    this.#watch()
  }

  /** Whether nothing has moved for `time`, nothing waits and no message is on its way in. */
  isIdle(now: number, time: number): boolean {
    return now - this.usedAt >= time && this.connection.bufferedBytes === 0 && !this.framer.isWaiting
  }

  onMessage(head: Head, bytes: Buffer): void {
    this.#beganAt = -1
    this.#isUnproven = false
    this.#receiver.onFramed(head, bytes, this.flow)
  }

  onPing(): void {
    this.#pings++
  }

  onPong(): void {
    this.#receiver.onPong(this.flow)
  }

  /**
   * RFC 3261 §18.3: after the answer, if there is one, the connection is closed; a peer that leaves its half of it open
   * has the time of a message for that.
   */
  onBroken(error: ParseError, head: Head | undefined, bytes: Buffer): void {
    this.#receiver.onBrokenStream(error, this.flow, head, bytes)
    this.#isOver = true
    this.#timers.restart(this.#timer, this.#options.connections.messageTimeout)
    this.connection.end()
  }

  onTimer(): void {
    if (this.#isOver) {
      this.connection.destroy()
      return
    }
    const { idleTimeout, messageTimeout } = this.#options.connections
    const now = this.#timers.now()
    const moved = this.connection.bytesIn + this.connection.bytesOut
    if (moved !== this.#moved) {
      this.#moved = moved
      this.#activeAt = now
    }
    if (this.#beganAt >= 0 && now - this.#beganAt >= messageTimeout) {
      this.#options.counters.slowSenders++
      this.cutOff('ERR_SLOW_SENDER', `a message was not complete within ${messageTimeout} ms`)
    } else if (now - this.#activeAt >= idleTimeout) {
      this.cutOff('ERR_IDLE', `nothing was sent or received for ${idleTimeout} ms`)
    } else {
      this.#restart()
    }
  }

  stop(): void {
    this.#timers.stop(this.#timer)
    this.framer.close()
  }

  /** Closes the connection for a reason of ours; from now on nothing is heard of it, and nothing goes over it. */
  cutOff(code: string, what: string): void {
    this.#isOver = true
    this.framer.close()
    const { protocol, address, port } = this.flow
    const where = `${protocol.toLowerCase()} ${hostPort(address, port)}`
    this.connection.destroy(new EnvironmentError(code, `${where}: ${what}; the connection was closed`))
  }

  /** RFC 5626 §4.4.1: each is answered with one CR LF, and those of one chunk in one write. */
  #answerPings(): void {
    const pongs = '\r\n'.repeat(this.#pings)
    this.#pings = 0
    if (this.#isOver) return
    if (this.#options.queues.admit(pongs.length)) this.connection.write(pongs)
    else this.#options.counters.refusedWrites++
  }

  /** Called when bytes have come: begins or ends the time a message may take. */
  #watch(): void {
    if (this.#isUnproven || this.#isOver) return
    if (!this.framer.isWaiting) {
      this.#beganAt = -1
    } else if (this.#beganAt < 0) {
      this.#beganAt = this.#timers.now()
      this.#restart()
    }
  }

  #restart(): void {
    const { idleTimeout, messageTimeout } = this.#options.connections
    const now = this.#timers.now()
    const idle = this.#activeAt + idleTimeout
    const slow = this.#beganAt < 0 ? idle : this.#beganAt + messageTimeout
    this.#timers.restart(this.#timer, Math.max(1, Math.min(idle, slow) - now))
  }
}
