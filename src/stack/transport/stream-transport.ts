import type { ListenerReceiver, StreamConnection, StreamReceiver } from '../../net/stream.ts'
import { familyOf, hostPort, type TransportAddress } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import type { Timers } from '../../util/timers.ts'
import type { Flow, Protocol } from '../message/flow.ts'
import { ConnectPorts, type PortRange } from './connect-ports.ts'
import { type Connect, ConnectionTable, type ConnectionTableOptions } from './connection-table.ts'
import { type SentBy, sentByOf } from './sent-by.ts'
import type { FlowConnection, Sent, Transport, TransportReceiver } from './transport.ts'

export interface StreamTransportOptions extends ConnectionTableOptions {
  /** A numeric local address. */
  readonly address: string
  /** 0 lets the system choose. */
  readonly port: number
  /** What is advertised; the bound address unless given. */
  readonly sentBy?: SentBy | undefined
  /** Only connects, and cannot be connected to. */
  readonly isClient?: boolean | undefined
  /** Connections accepted at a time. Default 10,000. */
  readonly maxConnections?: number
  /** Bytes that may wait for a slow reader. Default 1 MiB. */
  readonly maxBufferedBytes?: number
  /** Milliseconds until an attempt to connect is given up. Default 10,000. */
  readonly connectTimeout?: number
  /** The ports that connections are made from; the system's choice unless given. */
  readonly connectFrom?: PortRange | undefined
}

/** Where a connection that we make begins. */
export interface LocalEnd {
  readonly localAddress: string
  readonly localPort?: number
}

/** What listens, and what it accepted. */
export interface Listening {
  readonly local: TransportAddress
  close(): Promise<void>
}

/** How a protocol of streams listens and connects. */
export interface StreamEnds {
  readonly protocol: Protocol
  listen(receiver: ListenerReceiver): Promise<Listening>
  connect(flow: Flow, from: LocalEnd, receiver: StreamReceiver): StreamConnection
  /** Whether we have a certificate to show, now. */
  hasCertificate?(): boolean
}

/** SIP over streams, TCP and TLS alike: a listener, the connections it accepts and those it makes. */
export class StreamTransport implements Transport {
  readonly protocol: Protocol
  readonly isReliable = true
  readonly #ends: StreamEnds
  readonly #options: StreamTransportOptions
  readonly #timers: Timers
  readonly #ports: ConnectPorts | undefined
  #listener: Listening | undefined
  #table: ConnectionTable | undefined
  #key = ''
  #sentBy: SentBy | undefined

  constructor(ends: StreamEnds, options: StreamTransportOptions, timers: Timers) {
    this.protocol = ends.protocol
    this.#ends = ends
    this.#options = options
    this.#timers = timers
    this.#ports = options.connectFrom && new ConnectPorts(options.connectFrom)
  }

  get key(): string {
    return this.#key
  }

  get local(): TransportAddress {
    if (this.#listener === undefined) throw this.#notOpen()
    return this.#listener.local
  }

  get sentBy(): SentBy {
    if (this.#sentBy === undefined) throw this.#notOpen()
    return this.#sentBy
  }

  /** Connections that are open, accepted and made. */
  get connections(): number {
    return this.#table?.size ?? 0
  }

  async open(receiver: TransportReceiver): Promise<void> {
    const table = new ConnectionTable(this.protocol, receiver, this.#timers, this.#options)
    const { isClient, address: own } = this.#options
    this.#listener = isClient ? noListener(own) : await this.#ends.listen(table)
    const { address, port } = this.#listener.local
    this.#key = `${this.protocol.toLowerCase()}:${hostPort(address, port)}`
    this.#sentBy = this.#options.sentBy ?? sentByOf(address, port)
    table.transport = this.#key
    this.#table = table
  }

  send(wire: string, flow: Flow): Sent {
    return this.#open.send(wire, flow, this.#connect)
  }

  keepAlive(flow: Flow): Sent {
    return this.#open.keepAlive(flow)
  }

  connectionOf(flow: Flow): FlowConnection | undefined {
    return this.#open.connectionOf(flow)
  }

  connect(flow: Flow): Sent {
    return this.#open.connect(flow, this.#connect)
  }

  isUp(flow: Flow): boolean {
    return this.#open.isUp(flow)
  }

  discard(flow: Flow): void {
    this.#open.discard(flow)
  }

  get offersAlias(): boolean {
    return this.#ends.hasCertificate?.() ?? false
  }

  peerIdentity(flow: Flow): string | undefined {
    const connection = this.#table?.of(flow)
    if (connection?.accepted === false)
      return this.protocol === 'TLS' ? (flow.serverName ?? flow.address) : undefined
    return connection?.peerDomains?.[0]
  }

  peerDomains(flow: Flow): readonly string[] {
    return this.#table?.of(flow)?.peerDomains ?? []
  }

  async close(): Promise<void> {
    this.#table?.close()
    await this.#listener?.close()
  }

  readonly #connect: Connect = (flow, table) => {
    const localPort = this.#ports?.next()
    const from = { localAddress: this.local.address, ...(localPort !== undefined && { localPort }) }
    return this.#ends.connect(flow, from, table)
  }

  get #open(): ConnectionTable {
    if (this.#table === undefined) throw this.#notOpen()
    return this.#table
  }

  #notOpen(): UsageError {
    return new UsageError('ERR_SIP_TRANSPORT', `the ${this.protocol} transport is not open yet`)
  }
}

/** @throws UsageError where the address is not numeric */
function noListener(address: string): Listening {
  const family = familyOf(address)
  if (family === undefined) throw new UsageError('ERR_ADDRESS', `'${address}' is not a numeric address`)
  return { local: { address, port: 0, family }, close: () => Promise.resolve() }
}
