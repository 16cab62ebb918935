import type { StreamConnection } from '../../net/stream.ts'
import { hostPort } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import type { Timer, Timers } from '../../util/timers.ts'
import type { ParseError } from '../grammar/parse-error.ts'
import type { Flow } from '../message/flow.ts'
import type { FramerLimits } from '../message/framer.ts'
import type { FramerRoom } from '../message/framer-room.ts'
import type { Head } from '../message/head.ts'
import { messageOf, SipRequest } from '../message/message.ts'
import type { Counters } from '../statistics.ts'
import type { Framing, FramingSink, FramingStrategy } from './framing.ts'
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
  /**
   * Milliseconds in which a peer must take something of what waits for it, or its connection is closed. It is looked at no
   * oftener, so that it may take up to twice as long.
   */
  readonly writeTimeout: number
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
  writeTimeout: 32_000,
  maxOutboundConnections: 10_000,
  maxQueuedBytes: 67_108_864,
  maxUnfinishedBytes: 67_108_864,
}

/** Who is told of a request on a connection that its sender may let us use as well (RFC 5923). */
interface AliasLearner {
  learn(request: SipRequest, connection: FramedConnection): void
}

interface FramedOptions {
  readonly strategy: FramingStrategy
  readonly framing: FramerLimits
  readonly connections: ConnectionLimits
  readonly counters: Counters
  readonly queues: WriteQueues
  readonly room: FramerRoom
  /** Who is told of a message before the receiver, over TLS (RFC 5923). */
  readonly aliases: AliasLearner | undefined
}

/** One connection with its framing and its two time-outs, which share one timer that is looked at when it fires. */
export class FramedConnection implements FramingSink, FlowConnection {
  readonly connection: StreamConnection
  readonly flow: Flow
  readonly framer: Framing
  /** When bytes last came, or were given to be written. */
  usedAt: number
  heardAt: number
  /** By what it is found as an alias (RFC 5923). */
  aliasName: string | undefined = undefined
  readonly #receiver: TransportReceiver
  readonly #timers: Timers
  readonly #options: FramedOptions
  readonly #timer: Timer
  /** Until it is known that the peer speaks SIP. */
  #opening: StreamOpening | undefined
  /** Pings that were heard and are not answered yet. */
  #pings = 0
  /** Framing is lost: what was written leaves, and nothing more is heard or said. */
  #isOver = false
  #moved = 0
  #activeAt: number
  /** When it was seen that something waits to be taken; -1 where it was not looked for. */
  #waitsSince = -1
  /** Bytes taken until then. */
  #taken = 0
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
    const { strategy, framing, counters, room } = options
    this.framer = strategy.make(this, { timers, limits: framing, counters, room })
    this.#receiver = receiver
    this.#timers = timers
    this.#options = options
    const isUnproven = connection.accepted && strategy.isUnproven
    if (strategy.isUnproven) this.#opening = new StreamOpening()
    this.#activeAt = timers.now()
    this.usedAt = this.#activeAt
    this.heardAt = this.#activeAt
    this.#isUnproven = isUnproven
    this.#beganAt = isUnproven ? this.#activeAt : -1
    const { idleTimeout, messageTimeout } = options.connections
    this.#timer = timers.start(this, 'idle', isUnproven ? Math.min(idleTimeout, messageTimeout) : idleTimeout)
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
    if (this.#waitsSince < 0) this.#watchWrites()
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

  /** The connection puts messages together itself, and keeps so much of one that is not whole. */
  onKept(bytes: number): void {
    if (this.#isOver) return
    this.framer.onKept?.(bytes)
    this.#watch()
  }

  /** A frame of the connection's own came beside the messages: a WebSocket's ping, or the answer to ours (RFC 7118 §6). */
  receiveControl(ping: Uint8Array | undefined): void {
    if (this.#isOver) return
    this.usedAt = this.#timers.now()
    this.heardAt = this.usedAt
    if (ping !== undefined) this.framer.onPing?.(ping)
    else this.framer.onPong?.()
  }

  /** Whether nothing has moved for `time`, nothing waits and no message is on its way in. */
  isIdle(now: number, time: number): boolean {
    return now - this.usedAt >= time && this.connection.bufferedBytes === 0 && !this.framer.isWaiting
  }

  onMessage(head: Head, bytes: Buffer): void {
    this.#beganAt = -1
    this.#isUnproven = false
    if (this.#options.aliases !== undefined) this.#learnAlias(head, bytes, this.#options.aliases)
    this.#receiver.onFramed(head, bytes, this.flow)
  }

  /** Nothing is read of a message before it is known that its sender proved anything, and that it says the word. */
  #learnAlias(head: Head, bytes: Buffer, aliases: AliasLearner): void {
    const { accepted, peerDomains = [] } = this.connection
    if (!accepted || this.aliasName !== undefined || peerDomains.length === 0 || !saysAlias(head)) return
    const request = messageOf(head, bytes, this.flow)
    if (request instanceof SipRequest) aliases.learn(request, this)
  }

  onPing(): void {
    this.#pings++
  }

  onPong(): void {
    this.#receiver.onPong(this.flow)
  }

  onUnframed(bytes: Buffer): void {
    this.#receiver.onDatagram(bytes, this.flow)
  }

  writeBeside(bytes: string): boolean {
    if (!this.admits(bytes.length)) return false
    this.write(bytes)
    return true
  }

  admits(bytes: number): boolean {
    const { queues, counters } = this.#options
    if (queues.admit(bytes)) return true
    counters.refusedWrites++
    return false
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
    const { idleTimeout, messageTimeout, writeTimeout } = this.#options.connections
    const now = this.#timers.now()
    const moved = this.connection.bytesIn + this.connection.bytesOut
    if (moved !== this.#moved) {
      this.#moved = moved
      this.#activeAt = now
    }
    if (this.#beganAt >= 0 && now - this.#beganAt >= messageTimeout) {
      this.#options.counters.slowSenders++
      this.cutOff('ERR_SLOW_SENDER', `a message was not complete within ${messageTimeout} ms`)
    } else if (this.#isStuck(now)) {
      this.#options.counters.stuckWriters++
      this.cutOff('ERR_STUCK', `nothing of what waits for it was taken for ${writeTimeout} ms`)
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
    if (!this.#isOver) this.writeBeside(pongs)
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
    const { idleTimeout, messageTimeout, writeTimeout } = this.#options.connections
    const now = this.#timers.now()
    const idle = this.#activeAt + idleTimeout
    const slow = this.#beganAt < 0 ? idle : this.#beganAt + messageTimeout
    const stuck = this.#waitsSince < 0 ? idle : this.#waitsSince + writeTimeout
    this.#timers.restart(this.#timer, Math.max(1, Math.min(idle, slow, stuck) - now))
  }

  /** Begins to look whether what was written is taken; a look a time-out, however much is written meanwhile. */
  #watchWrites(): void {
    this.#waitsSince = this.#timers.now()
    this.#taken = this.connection.bytesOut - this.connection.bufferedBytes
    this.#restart()
  }

  /** Whether nothing was taken since it was looked at last; ends the watch where nothing waits any more. */
  #isStuck(now: number): boolean {
    if (this.#waitsSince < 0 || now - this.#waitsSince < this.#options.connections.writeTimeout) return false
    const { bufferedBytes, bytesOut } = this.connection
    const taken = bytesOut - bufferedBytes
    if (bufferedBytes > 0 && taken === this.#taken) return true
    this.#waitsSince = bufferedBytes === 0 ? -1 : now
    this.#taken = taken
    return false
  }
}

/** Whether a request may say `alias`; what it says for certain is read when it does. */
function saysAlias({ status, text }: Head): boolean {
  return status === 0 && ALIAS.test(text)
}

const ALIAS = /;\s*alias/i
