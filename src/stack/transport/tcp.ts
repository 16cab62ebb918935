import type { StreamConnection } from '../../net/stream.ts'
import { connectTcp, TcpListener, type TcpListenerOptions } from '../../net/tcp.ts'
import { hostPort, type TransportAddress } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import type { Timers } from '../../util/timers.ts'
import type { Flow } from '../message/flow.ts'
import { defaultFramerLimits, type FramerLimits } from '../message/framer.ts'
import { type ConnectionLimits, ConnectionTable, defaultConnectionLimits } from './connection-table.ts'
import { type SentBy, sentByOf } from './sent-by.ts'
import type { Sent, Transport, TransportReceiver } from './transport.ts'

export interface TcpTransportOptions extends TcpListenerOptions {
  readonly framing?: Partial<FramerLimits>
  readonly connections?: Partial<ConnectionLimits>
  /** Milliseconds until an attempt to connect is given up. Default 10,000. */
  readonly connectTimeout?: number
}

/** SIP over TCP: a listener, the connections it accepts and those it makes. */
export class TcpTransport implements Transport {
  readonly protocol = 'TCP'
  readonly isReliable = true
  readonly #options: TcpTransportOptions
  readonly #timers: Timers
  #listener: TcpListener | undefined
  #table: ConnectionTable | undefined
  #key = ''
  #sentBy: SentBy | undefined

  constructor(options: TcpTransportOptions, timers: Timers) {
    this.#options = options
    this.#timers = timers
  }

  get key(): string {
    return this.#key
  }

  get local(): TransportAddress {
    if (this.#listener === undefined) throw notOpen()
    return this.#listener.local
  }

  get sentBy(): SentBy {
    if (this.#sentBy === undefined) throw notOpen()
    return this.#sentBy
  }

  /** Connections that are open, accepted and made. */
  get connections(): number {
    return this.#table?.size ?? 0
  }

  async open(receiver: TransportReceiver): Promise<void> {
    const { framing, connections } = this.#options
    const table = new ConnectionTable('TCP', receiver, this.#timers, {
      framing: { ...defaultFramerLimits, ...framing },
      connections: { ...defaultConnectionLimits, ...connections },
    })
    this.#listener = await TcpListener.listen(this.#options, table)
    const { address, port } = this.#listener.local
    this.#key = `tcp:${hostPort(address, port)}`
    this.#sentBy = sentByOf(address, port)
    table.transport = this.#key
    this.#table = table
  }

  send(wire: string, flow: Flow): Sent {
    const table = this.#table
    if (table === undefined) throw notOpen()
    const connection = flow.connection === 0 ? this.#connectionTo(table, flow) : table.of(flow)
    if (connection === undefined) return 'gone'
    connection.write(wire)
    return table.flowOf(connection) ?? 'gone'
  }

  async close(): Promise<void> {
    this.#table?.close()
    await this.#listener?.close()
  }

  /** Plain TCP is reused by its own flow only: a connection that we made to that address, never one we accepted. */
  #connectionTo(table: ConnectionTable, flow: Flow): StreamConnection {
    const known = table.madeTo(flow.address, flow.port)
    if (known !== undefined) return known
    const { connectTimeout, maxBufferedBytes } = this.#options
    const limits = {
      ...(connectTimeout !== undefined && { connectTimeout }),
      ...(maxBufferedBytes !== undefined && { maxBufferedBytes }),
    }
    const localAddress = this.local.address
    const connection = connectTcp({ address: flow.address, port: flow.port, localAddress, ...limits }, table)
    table.add(connection)
    return connection
  }
}

function notOpen(): UsageError {
  return new UsageError('ERR_SIP_TRANSPORT', 'the TCP transport is not open yet')
}
