import { connect, createServer, type Server, type Socket } from 'node:net'
import { canonicalAddress, type TransportAddress } from '../util/address.ts'
import { checkedFamily, environmentError } from './failure.ts'
import { SocketConnection, transportAddress } from './socket-connection.ts'
import {
  type ListenerReceiver,
  MAX_BUFFERED_BYTES,
  type StreamConnection,
  type StreamLimits,
  type StreamReceiver,
} from './stream.ts'

export interface TcpListenerOptions extends StreamLimits {
  /** A numeric local address, `0.0.0.0` or `::` for all. */
  readonly address: string
  /** 0 lets the system choose. */
  readonly port: number
  /** An IPv6 listener takes no IPv4 connections. Default true. */
  readonly ipv6Only?: boolean
  /** Connections open at a time; one more is closed as soon as it comes. Default 10,000. */
  readonly maxConnections?: number
}

export interface TcpConnectOptions extends StreamLimits {
  /** A numeric address. */
  readonly address: string
  readonly port: number
  /** The numeric local address to connect from; the system's choice when absent. */
  readonly localAddress?: string
  /** The local port to connect from; the system's choice when absent. */
  readonly localPort?: number
  /** Milliseconds until the attempt is given up. Default 10,000. */
  readonly connectTimeout?: number
}

const MAX_CONNECTIONS = 10_000
const CONNECT_TIMEOUT = 10_000

export class TcpListener {
  readonly local: TransportAddress
  /** Connections closed unheard because `maxConnections` were open. */
  refused: number = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #closing: Promise<void> | undefined

  /**
   * Listens. Rejects with a UsageError for an address that is not numeric or a port out of range, and with an
   * EnvironmentError where the system refuses (EADDRINUSE, EACCES, EADDRNOTAVAIL …).
   */
  static async listen(options: TcpListenerOptions, receiver: ListenerReceiver): Promise<TcpListener> {
    const { address, port } = options
    const family = checkedFamily('tcp', address, port)
    const server = createServer({ noDelay: true })
    server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS
    await new Promise<void>((resolve, reject) => {
      server.once('error', error => reject(environmentError(error, { protocol: 'tcp', address, port })))
      server.listen({ host: address, port, ipv6Only: options.ipv6Only ?? true, exclusive: true }, resolve)
    })
    server.removeAllListeners('error')
    const local = { address: canonicalAddress(address) ?? address, port: boundPort(server, port), family }
    return new TcpListener(server, local, options.maxBufferedBytes ?? MAX_BUFFERED_BYTES, receiver)
  }

  private constructor(server: Server, local: TransportAddress, limit: number, receiver: ListenerReceiver) {
    this.local = local
    this.#server = server
    server.on('connection', socket => this.#accept(socket, receiver, limit))
    server.on('drop', () => {
      this.refused++
    })
    server.on('error', error => {
      receiver.onListenerError(environmentError(error, { protocol: 'tcp', ...local }))
    })
  }

  /** Accepted connections that are open. */
  get connections(): number {
    return this.#sockets.size
  }

  /**
   * Stops listening and destroys the connections it accepted; each of them is told by `onClosed` before the promise
   * resolves, and nothing is after. May be called again.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const ends = [...this.#sockets].map(socket => new Promise(resolve => socket.once('close', resolve)))
    ends.push(new Promise(resolve => this.#server.close(resolve)))
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(ends)
  }

  #accept(socket: Socket, receiver: ListenerReceiver, maxBufferedBytes: number): void {
    const remote = transportAddress(socket.remoteAddress, socket.remotePort)
    if (remote === undefined || this.#closing) {
      // gone before it could be looked at
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    new SocketConnection(socket, receiver, {
      protocol: 'tcp',
      accepted: true,
      remote,
      maxBufferedBytes,
    }).opened()
  }
}

/**
 * Connects. Answers at once; whether it comes up is told to `receiver`: `onConnected`, or `onClosed` with ECONNREFUSED,
 * ETIMEDOUT … What is written before waits. A UsageError for an address that is not numeric or a port out of range.
 */
export function connectTcp(options: TcpConnectOptions, receiver: StreamReceiver): StreamConnection {
  const { address, port, localAddress, localPort, connectTimeout = CONNECT_TIMEOUT } = options
  const family = checkedFamily('tcp', address, port)
  if (localAddress !== undefined) checkedFamily('tcp', localAddress, localPort ?? 0)
  const from = { ...(localAddress && { localAddress }), ...(localPort && { localPort }) }
  const socket = connect({ host: address, port, noDelay: true, ...from })
  const connection = new SocketConnection(socket, receiver, {
    protocol: 'tcp',
    accepted: false,
    remote: { address: canonicalAddress(address) ?? address, port, family },
    maxBufferedBytes: options.maxBufferedBytes ?? MAX_BUFFERED_BYTES,
  })
  const onTimeout = (): void => {
    const cause = Object.assign(new Error(`no answer within ${connectTimeout} ms`), { code: 'ETIMEDOUT' })
    connection.destroy(environmentError(cause, { protocol: 'tcp', address, port }))
  }
  socket.setTimeout(connectTimeout, onTimeout)
  socket.once('connect', () => {
    socket.setTimeout(0, onTimeout)
    connection.opened()
  })
  return connection
}

function boundPort(server: Server, asked: number): number {
  const bound = server.address()
  return bound !== null && typeof bound === 'object' ? bound.port : asked
}
