import type { ListenerReceiver, StreamConnection } from '../../net/stream.ts'
import { hostPort } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import type { Timer, Timers } from '../../util/timers.ts'
import type { ParseError } from '../grammar/parse-error.ts'
import type { Flow, Protocol } from '../message/flow.ts'
import { Framer, type FramerLimits, type FramerSink } from '../message/framer.ts'
import type { Head } from '../message/head.ts'
import type { TransportReceiver } from './transport.ts'

export interface ConnectionLimits {
  /**
   * Milliseconds without a byte in or out after which a connection is closed. It is looked at no oftener, so that a
   * connection may be idle for up to twice as long.
   */
  readonly idleTimeout: number
  /** Milliseconds that a message may take from its first byte to its last. */
  readonly messageTimeout: number
}

export const defaultConnectionLimits: ConnectionLimits = { idleTimeout: 600_000, messageTimeout: 32_000 }

interface TableOptions {
  readonly framing: FramerLimits
  readonly connections: ConnectionLimits
}

/** The connections of one stream transport: each is framed, watched for idleness and slowness, and found again. */
export class ConnectionTable implements ListenerReceiver {
  /** Key of the transport; flows carry it. */
  transport = ''
  readonly #protocol: Protocol
  readonly #receiver: TransportReceiver
  readonly #timers: Timers
  readonly #options: TableOptions
  readonly #entries = new Map<number, Entry>()
  readonly #made = new Map<string, StreamConnection>()
  #closed = false

  constructor(protocol: Protocol, receiver: TransportReceiver, timers: Timers, options: TableOptions) {
    this.#protocol = protocol
    this.#receiver = receiver
    this.#timers = timers
    this.#options = options
  }

  get size(): number {
    return this.#entries.size
  }

  /**
   * The connection of a flow, while it is open and leads to the flow's address: a number alone may have come back from
   * a peer, who could have changed it (the `i` of our Vias).
   */
  of(flow: Flow): StreamConnection | undefined {
    const connection = this.#entries.get(flow.connection)?.connection
    return connection?.remote.address === flow.address ? connection : undefined
  }

  /** The flow of a connection, one object for as long as it is open. */
  flowOf(connection: StreamConnection): Flow | undefined {
    return this.#entries.get(connection.id)?.flow
  }

  /** A connection that we made to this address before, up or still coming up. */
  madeTo(address: string, port: number): StreamConnection | undefined {
    return this.#made.get(hostPort(address, port))
  }

  /** Takes a connection in that we are making. */
  add(connection: StreamConnection): void {
    this.#made.set(hostPort(connection.remote.address, connection.remote.port), connection)
    this.#enter(connection)
  }

  onConnected(connection: StreamConnection): void {
    if (this.#closed) connection.destroy()
    else if (connection.accepted) this.#enter(connection)
  }

  onBytes(connection: StreamConnection, bytes: Buffer): void {
    const entry = this.#entries.get(connection.id)
    if (entry === undefined || this.#closed) return
    entry.framer.push(bytes)
    entry.watch()
  }

  onClosed(connection: StreamConnection, error: EnvironmentError | undefined): void {
    const entry = this.#entries.get(connection.id)
    if (entry === undefined) return
    entry.stop()
    this.#entries.delete(connection.id)
    const name = hostPort(connection.remote.address, connection.remote.port)
    if (this.#made.get(name) === connection) this.#made.delete(name)
    if (!this.#closed) this.#receiver.onFlowFailed(entry.flow, error)
  }

  /** The listener goes on without what it could not accept; there is no flow to tell of. */
  onListenerError(): void {}

  close(): void {
    this.#closed = true
    for (const entry of this.#entries.values()) {
      entry.stop()
      entry.connection.destroy()
    }
    this.#entries.clear()
    this.#made.clear()
  }

  #enter(connection: StreamConnection): void {
    const { address, port } = connection.remote
    const flow = {
      protocol: this.#protocol,
      transport: this.transport,
      address,
      port,
      connection: connection.id,
      serverName: undefined,
    }
    this.#entries.set(connection.id, new Entry(connection, flow, this.#receiver, this.#timers, this.#options))
  }
}

/** One connection with its framer and its two time-outs, which share one timer that is looked at when it fires. */
class Entry implements FramerSink {
  readonly connection: StreamConnection
  readonly flow: Flow
  readonly framer: Framer
  readonly #receiver: TransportReceiver
  readonly #timers: Timers
  readonly #limits: ConnectionLimits
  readonly #timer: Timer
  #moved = 0
  #activeAt: number
  /** When the message that is coming began; -1 between messages. */
  #beganAt = -1

  constructor(
    connection: StreamConnection,
    flow: Flow,
    receiver: TransportReceiver,
    timers: Timers,
    options: TableOptions,
  ) {
    this.connection = connection
    this.flow = flow
    this.framer = new Framer(this, options.framing)
    this.#receiver = receiver
    this.#timers = timers
    this.#limits = options.connections
    this.#activeAt = timers.now()
    this.#timer = timers.start(this, 'idle', options.connections.idleTimeout)
  }

  onMessage(head: Head, bytes: Buffer): void {
    this.#beganAt = -1
    this.#receiver.onFramed(head, bytes, this.flow)
  }

  /** RFC 5626 §4.4.1: a ping is answered with one CR LF. */
  onPing(): void {
    this.connection.write('\r\n')
  }

  onPong(): void {}

  /** RFC 3261 §18.3: after the answer, if there is one, the connection is closed. */
  onBroken(error: ParseError, head: Head | undefined, bytes: Buffer): void {
    this.#receiver.onBrokenStream(error, this.flow, head, bytes)
    this.connection.end()
  }

  /** Called when bytes have come: begins or ends the time a message may take. */
  watch(): void {
    if (!this.framer.isWaiting) {
      this.#beganAt = -1
    } else if (this.#beganAt < 0) {
      this.#beganAt = this.#timers.now()
      this.#restart()
    }
  }

  onTimer(): void {
    const now = this.#timers.now()
    const moved = this.connection.bytesIn + this.connection.bytesOut
    if (moved !== this.#moved) {
      this.#moved = moved
      this.#activeAt = now
    }
    if (this.#beganAt >= 0 && now - this.#beganAt >= this.#limits.messageTimeout) {
      this.#cutOff('ERR_SLOW_SENDER', `a message was not complete within ${this.#limits.messageTimeout} ms`)
    } else if (now - this.#activeAt >= this.#limits.idleTimeout) {
      this.#cutOff('ERR_IDLE', `nothing was sent or received for ${this.#limits.idleTimeout} ms`)
    } else {
      this.#restart()
    }
  }

  stop(): void {
    this.#timers.stop(this.#timer)
    this.framer.close()
  }

  #restart(): void {
    const now = this.#timers.now()
    const idle = this.#activeAt + this.#limits.idleTimeout
    const slow = this.#beganAt < 0 ? idle : this.#beganAt + this.#limits.messageTimeout
    this.#timers.restart(this.#timer, Math.max(1, Math.min(idle, slow) - now))
  }

  #cutOff(code: string, what: string): void {
    const { protocol, address, port } = this.flow
    const where = `${protocol.toLowerCase()} ${hostPort(address, port)}`
    this.connection.destroy(new EnvironmentError(code, `${where}: ${what}; the connection was closed`))
  }
}
