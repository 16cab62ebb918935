import type { ListenerReceiver, StreamConnection } from '../../net/stream.ts'
import { canonicalAddress, hostPort } from '../../util/address.ts'
import type { EnvironmentError } from '../../util/errors.ts'
import type { Timers } from '../../util/timers.ts'
import type { Flow, Protocol } from '../message/flow.ts'
import { defaultFramerLimits, type FramerLimits } from '../message/framer.ts'
import { FramerRoom } from '../message/framer-room.ts'
import { Counters } from '../statistics.ts'
import { type ConnectionLimits, defaultConnectionLimits, FramedConnection } from './framed-connection.ts'
import type { FlowConnection, Sent, TransportReceiver } from './transport.ts'
import { WriteQueues } from './write-queues.ts'

export interface ConnectionTableOptions {
  readonly framing?: Partial<FramerLimits> | undefined
  readonly connections?: Partial<ConnectionLimits> | undefined
  readonly counters?: Counters | undefined
  /** Shared by the tables that are bounded together; one of this table's own unless given. */
  readonly queues?: WriteQueues | undefined
  /** Shared in the same way. */
  readonly room?: FramerRoom | undefined
}

/** Makes a connection to a flow's address and server name, for a table that receives what comes of it. */
export type Connect = (flow: Flow, table: ConnectionTable) => StreamConnection

/** A made connection that moved anything within this time (64·T1) may belong to a transaction. */
const BUSY = 32_000
/** How many made connections are looked at for one that can go. */
const LOOKS = 64

/** RFC 5626 §3.5.1. */
const PING = '\r\n\r\n'

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
  readonly #queues: WriteQueues
  readonly #room: FramerRoom
  readonly #entries = new Map<number, FramedConnection>()
  readonly #made = new Map<string, FramedConnection>()
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
    this.#receiver = receiver
    this.#timers = timers
    this.#framing = { ...defaultFramerLimits, ...options.framing }
    this.#limits = { ...defaultConnectionLimits, ...options.connections }
    this.#counters = options.counters ?? new Counters()
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
   * server name before, or one that `connect` makes. Plain TCP is reused by its own flow only: what was accepted is
   * never taken for a flow without a connection.
   */
  send(wire: string, flow: Flow, connect: Connect): Sent {
    if (this.#closed) return 'closed'
    let entry = this.#entryTo(flow)
    if (entry === undefined) {
      if (flow.connection !== 0) return 'gone'
      if (!this.#hasRoom()) {
        this.#counters.refusedConnections++
        return 'full'
      }
      entry = this.#make(flow, connect)
    }
    return this.#write(wire, entry)
  }

  /** Pings a flow's connection, or the one that we made to its address; none is made for it. */
  keepAlive(flow: Flow): Sent {
    if (this.#closed) return 'closed'
    const entry = this.#entryTo(flow)
    if (entry === undefined) return 'gone'
    const sent = this.#write(PING, entry)
    if (sent === entry.flow) entry.framer.expectPong()
    return sent
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

  onClosed(connection: StreamConnection, error: EnvironmentError | undefined): void {
    const entry = this.#entries.get(connection.id)
    if (entry === undefined) return
    if (error?.code === 'ERR_SLOW_READER') this.#counters.slowReaders++
    this.#forget(entry)
    if (!this.#closed) this.#receiver.onFlowFailed(entry.flow, error)
  }

  /** The listener goes on without what it could not accept; there is no flow to tell of. */
  onListenerError(): void {
    this.#counters.listenFailures++
  }

  close(): void {
    this.#closed = true
    for (const entry of this.#entries.values()) {
      this.#forget(entry)
      entry.connection.destroy()
    }
  }

  /** The connection over which a flow's messages go; none where its framing is lost, for nobody would read them. */
  #entryTo(flow: Flow): FramedConnection | undefined {
    const entry = flow.connection === 0 ? this.#made.get(nameOf(flow)) : this.#entryOf(flow)
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
      framing: this.#framing,
      connections: this.#limits,
      counters: this.#counters,
      queues: this.#queues,
      room: this.#room,
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
  return serverName === undefined ? name : `${name} ${serverName.toLowerCase()}`
}
