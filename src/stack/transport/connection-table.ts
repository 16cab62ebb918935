import type { ListenerReceiver, StreamConnection } from '../../net/stream.ts'
import { canonicalAddress, hostPort } from '../../util/address.ts'
import type { EnvironmentError } from '../../util/errors.ts'
import type { Timers } from '../../util/timers.ts'
import { canonicalHost } from '../grammar/host.ts'
import type { Flow, Protocol } from '../message/flow.ts'
import { defaultFramerLimits, type FramerLimits } from '../message/framer.ts'
import { FramerRoom } from '../message/framer-room.ts'
import { Counters } from '../statistics.ts'
import { Aliases } from './aliases.ts'
import { type ConnectionLimits, defaultConnectionLimits, FramedConnection } from './framed-connection.ts'
import { type FramingStrategy, streamFraming } from './framing.ts'
import type { FlowConnection, Sent, TransportReceiver } from './transport.ts'
import { WriteQueues } from './write-queues.ts'

export interface ConnectionTableOptions {
  readonly framing?: Partial<FramerLimits> | undefined
  readonly connections?: Partial<ConnectionLimits> | undefined
  readonly counters?: Counters | undefined
  /** Told why a TLS client was not let in: for a log. */
  readonly onRefused?: ((error: EnvironmentError) => void) | undefined
  /** Shared by the tables that are bounded together; one of this table's own unless given. */
  readonly queues?: WriteQueues | undefined
  /** Shared in the same way. */
  readonly room?: FramerRoom | undefined
  /** How messages lie on the connections; cut from a stream by Content-Length unless given. */
  readonly strategy?: FramingStrategy | undefined
}

/** Makes a connection to a flow's address and server name, for a table that receives what comes of it. */
export type Connect = (flow: Flow, table: ConnectionTable) => StreamConnection

/** A made connection that moved anything within this time (64·T1) may belong to a transaction. */
const BUSY = 32_000
/** How many made connections are looked at for one that can go. */
const LOOKS = 64

/**
 * The connections of one stream transport: each is framed, watched for idleness and slowness, and found again. An
 * application's own transport over streams is this and something that connects and listens.
 */
export class ConnectionTable implements ListenerReceiver {
  /** Key of the transport; flows carry it. */
  transport = ''
  readonly #protocol: Protocol
  readonly #receiver: TransportReceiver
  readonly #timers: Timers
  readonly #framing: FramerLimits
  readonly #limits: ConnectionLimits
  readonly #counters: Counters
  readonly #onRefused: ((error: EnvironmentError) => void) | undefined
  readonly #queues: WriteQueues
  readonly #room: FramerRoom
  readonly #strategy: FramingStrategy
  readonly #entries = new Map<number, FramedConnection>()
  readonly #made = new Map<string, FramedConnection>()
  /** Plain TCP has none: anybody can write anything into a Via. */
  readonly #aliases: Aliases | undefined
  /** Where the search for an idle one goes on: it outlives what is added and taken out meanwhile. */
  #hand = this.#made.values()
  /** Connections that we made and that are not closed yet, those among them that nobody uses any more. */
  #outbound = 0
  #closed = false

  constructor(
    protocol: Protocol,
    receiver: TransportReceiver,
    timers: Timers,
    options: ConnectionTableOptions = {},
  ) {
    this.#protocol = protocol
    this.#aliases = protocol === 'TLS' ? new Aliases() : undefined
    this.#receiver = receiver
    this.#timers = timers
    this.#framing = { ...defaultFramerLimits, ...options.framing }
    this.#limits = { ...defaultConnectionLimits, ...options.connections }
    this.#counters = options.counters ?? new Counters()
    this.#strategy = options.strategy ?? streamFraming
    this.#onRefused = options.onRefused
    this.#queues = options.queues ?? new WriteQueues(this.#limits.maxQueuedBytes)
    this.#room =
      options.room ??
      new FramerRoom(this.#limits.maxUnfinishedBytes, () => {
        this.#counters.crowdedStreams++
      })
  }

  get size(): number {
    return this.#entries.size
  }

  /**
   * Sends wire text over a flow's own connection; where the flow has none, over the one we made to its address and
   * server name before, or one that `connect` makes. What was accepted is taken for a flow without a connection only
   * over TLS, where the peer asked for that and proved its name (RFC 5923); plain TCP never.
   */
  send(wire: string, flow: Flow, connect: Connect): Sent {
    if (this.#closed) return 'closed'
    const entry = this.#entryFor(flow, connect)
    return typeof entry === 'string' ? entry : this.#write(wire, entry)
  }

  /** See `Transport.connect`. */
  connect(flow: Flow, connect: Connect): Sent {
    if (this.#closed) return 'closed'
    const entry = this.#entryFor(flow, connect)
    return typeof entry === 'string' ? entry : entry.flow
  }

  /** See `Transport.isUp`: a connection knows its own address as soon as it is up. */
  isUp(flow: Flow): boolean {
    return this.#entryTo(flow)?.connection.local !== undefined
  }

  /** See `Transport.discard`. */
  discard(flow: Flow): void {
    const connection = this.#entryOf(flow)?.connection
    if (connection !== undefined && !connection.accepted && connection.bytesOut === 0) connection.destroy()
  }

  /** Pings a flow's connection, or the one that we made to its address; none is made for it. */
  keepAlive(flow: Flow): Sent {
    if (this.#closed) return 'closed'
    const entry = this.#entryTo(flow)
    if (entry === undefined) return 'gone'
    return entry.framer.ping() ? entry.flow : 'full'
  }

  /** The connection of a flow, while it is open. */
  of(flow: Flow): StreamConnection | undefined {
    return this.#entryOf(flow)?.connection
  }

  /** What others may know of it and do to it; see `Transport.connectionOf`. */
  connectionOf(flow: Flow): FlowConnection | undefined {
    return this.#entryTo(flow)
  }

  onConnected(connection: StreamConnection): void {
    if (this.#closed) {
      connection.destroy()
      return
    }
    if (connection.accepted) this.#enter(connection, this.#flow(connection, undefined))
    const entry = this.#entries.get(connection.id)
    if (entry !== undefined) this.#receiver.onFlowOpened(entry.flow)
  }

  onBytes(connection: StreamConnection, bytes: Buffer): void {
    if (!this.#closed) this.#entries.get(connection.id)?.receive(bytes)
  }

  onKept(connection: StreamConnection, bytes: number): void {
    if (!this.#closed) this.#entries.get(connection.id)?.onKept(bytes)
  }

  onPing(connection: StreamConnection, payload: Uint8Array): void {
    if (!this.#closed) this.#entries.get(connection.id)?.receiveControl(payload)
  }

  onPong(connection: StreamConnection): void {
    if (!this.#closed) this.#entries.get(connection.id)?.receiveControl(undefined)
  }

  onClosed(connection: StreamConnection, error: EnvironmentError | undefined): void {
    const entry = this.#entries.get(connection.id)
    if (entry === undefined) return
    if (error?.code === 'ERR_SLOW_READER') this.#counters.slowReaders++
    else if (error?.code.startsWith('WS_ERR_')) this.#counters.brokenWebSockets++
    this.#forget(entry)
    if (!this.#closed) this.#receiver.onFlowFailed(entry.flow, error)
  }

  /** The listener goes on without what it could not accept; there is no flow to tell of. */
  onListenerError(): void {
    this.#counters.listenFailures++
  }

  /** It was closed unheard. */
  onDropped(): void {
    this.#counters.droppedConnections++
  }

  /** Who was not let in is nobody's flow. */
  onHandshakeFailed(error: EnvironmentError): void {
    this.#counters.failedHandshakes++
    this.#onRefused?.(error)
  }

  close(): void {
    this.#closed = true
    for (const entry of this.#entries.values()) {
      this.#forget(entry)
      entry.connection.destroy()
    }
  }

  #entryFor(flow: Flow, connect: Connect): FramedConnection | 'gone' | 'full' {
    const entry = this.#entryTo(flow)
    if (entry !== undefined) return entry
    if (flow.connection !== 0) return 'gone'
    if (this.#hasRoom()) return this.#make(flow, connect)
    this.#counters.refusedConnections++
    return 'full'
  }

  /** The connection over which a flow's messages go; none where its framing is lost, for nobody would read them. */
  #entryTo(flow: Flow): FramedConnection | undefined {
    const entry =
      flow.connection === 0
        ? (this.#made.get(nameOf(flow)) ?? this.#aliases?.find(flow))
        : this.#entryOf(flow)
    return entry?.isOver ? undefined : entry
  }

  /**
   * A number alone may have come back from a peer, who could have changed it (the `i` of our Vias): the connection must
   * lead to the flow's address.
   */
  #entryOf(flow: Flow): FramedConnection | undefined {
    const entry = this.#entries.get(flow.connection)
    return entry?.flow.address === flow.address ? entry : undefined
  }

  #make(flow: Flow, connect: Connect): FramedConnection {
    const connection = connect(flow, this)
    const entry = this.#enter(connection, this.#flow(connection, flow.serverName))
    this.#made.set(nameOf(entry.flow), entry)
    this.#outbound++
    return entry
  }

  #write(wire: string, entry: FramedConnection): Sent {
    if (!this.#queues.admit(wire.length)) {
      this.#counters.refusedWrites++
      return 'full'
    }
    entry.write(wire)
    return entry.flow
  }

  /** Whether one more connection may be made: else the one that is idle longest, of those looked at, makes room for it. */
  #hasRoom(): boolean {
    if (this.#outbound < this.#limits.maxOutboundConnections) return true
    const idle = this.#longestIdle()
    if (idle === undefined) return false
    this.#counters.evictedConnections++
    this.#made.delete(nameOf(idle.flow))
    idle.cutOff('ERR_EVICTED', 'it was idle, and others were needed')
    return true
  }

  #longestIdle(): FramedConnection | undefined {
    const now = this.#timers.now()
    let longest: FramedConnection | undefined
    for (let looks = Math.min(LOOKS, this.#made.size); looks > 0; looks--) {
      let next = this.#hand.next()
      if (next.done) {
        this.#hand = this.#made.values()
        next = this.#hand.next()
      }
      const entry = next.value
      if (entry?.isIdle(now, BUSY) && entry.usedAt < (longest?.usedAt ?? now)) longest = entry
    }
    return longest
  }

  #enter(connection: StreamConnection, flow: Flow): FramedConnection {
    const options = {
      strategy: this.#strategy,
      framing: this.#framing,
      connections: this.#limits,
      counters: this.#counters,
      queues: this.#queues,
      room: this.#room,
      aliases: this.#aliases,
    }
    const entry = new FramedConnection(connection, flow, this.#receiver, this.#timers, options)
    this.#entries.set(connection.id, entry)
    this.#queues.add(connection)
    return entry
  }

  #forget(entry: FramedConnection): void {
    entry.stop()
    if (this.#entries.delete(entry.connection.id) && !entry.connection.accepted) this.#outbound--
    this.#queues.delete(entry.connection)
    this.#aliases?.forget(entry)
    const name = nameOf(entry.flow)
    if (this.#made.get(name) === entry) this.#made.delete(name)
  }

  #flow({ id, remote }: StreamConnection, serverName: string | undefined): Flow {
    return {
      protocol: this.#protocol,
      transport: this.transport,
      address: remote.address,
      port: remote.port,
      connection: id,
      serverName,
    }
  }
}

/** Address, port and the name that the peer must prove: what two flows must share to share a connection. */
function nameOf({ address, port, serverName }: Flow): string {
  const name = hostPort(address.includes(':') ? (canonicalAddress(address) ?? address) : address, port)
  return serverName === undefined ? name : `${name} ${canonicalHost(serverName)}`
}
