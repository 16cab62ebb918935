import { connectTcp, TcpListener, type TcpListenerOptions } from '../../net/tcp.ts'
import { hostPort, type TransportAddress } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import type { Timers } from '../../util/timers.ts'
import type { Flow } from '../message/flow.ts'
import { type Connect, ConnectionTable, type ConnectionTableOptions } from './connection-table.ts'
import { type SentBy, sentByOf } from './sent-by.ts'
import type { FlowConnection, Sent, Transport, TransportReceiver } from './transport.ts'

export interface TcpTransportOptions extends TcpListenerOptions, ConnectionTableOptions {
  /** What is advertised; the bound address unless given. */
  readonly sentBy?: SentBy | undefined
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
    const table = new ConnectionTable('TCP', receiver, this.#timers, this.#options)
    this.#listener = await TcpListener.listen(this.#options, table)
    const { address, port } = this.#listener.local
    this.#key = `tcp:${hostPort(address, port)}`
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

  async close(): Promise<void> {
    this.#table?.close()
    await this.#listener?.close()
  }

  readonly #connect: Connect = ({ address, port }, table) => {
    const { connectTimeout, maxBufferedBytes } = this.#options
    const limits = {
      ...(connectTimeout !== undefined && { connectTimeout }),
      ...(maxBufferedBytes !== undefined && { maxBufferedBytes }),
    }
    return connectTcp({ address, port, localAddress: this.local.address, ...limits }, table)
  }

  get #open(): ConnectionTable {
    if (this.#table === undefined) throw notOpen()
    return this.#table
  }
}

function notOpen(): UsageError {
  return new UsageError('ERR_SIP_TRANSPORT', 'the TCP transport is not open yet')
}
