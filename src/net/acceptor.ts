import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, TLSSocket, type Server as TlsServer } from 'node:tls'
import { canonicalAddress, hostPort, type TransportAddress } from '../util/address.ts'
import type { EnvironmentError } from '../util/errors.ts'
import { checkedFamily, environmentError } from './failure.ts'
import { transportAddress } from './socket-connection.ts'
import type { StreamLimits } from './stream.ts'
import type { TlsContexts } from './tls-contexts.ts'

/** Something that listens and hands over sockets that are ready for bytes. */
export interface Acceptor {
  readonly local: TransportAddress
  /** Connections closed unheard because there were too many. */
  readonly refused: number
  /** Hand-shakes under way; 0 where there are none. */
  readonly handshakes: number
  /** Stops listening, and ends the hand-shakes under way; what was handed over is its owner's to close. */
  close(): Promise<void>
}

/** Takes over a socket; of a TLS acceptor it is a TLSSocket whose hand-shake is done. */
export type Accept = (socket: Socket) => void

/** Told of what could not be accepted; the acceptor goes on. */
export type AcceptFailed = (error: EnvironmentError) => void

export interface AcceptorOptions extends StreamLimits {
  /** A numeric local address, `0.0.0.0` or `::` for all. */
  readonly address: string
  /** 0 lets the system choose. */
  readonly port: number
  /** An IPv6 listener takes no IPv4 connections. Default true. */
  readonly ipv6Only?: boolean
  /** Connections open at a time; one more is closed as soon as it comes. Default 10,000. */
  readonly maxConnections?: number
  /** Told of each connection that was closed because there were too many. */
  readonly onDropped?: () => void
}

export interface TlsAcceptorOptions extends AcceptorOptions {
  readonly contexts: TlsContexts
  /** Application protocols that are chosen where a client offers one (RFC 7301); what `contexts` says unless given. */
  readonly alpn?: readonly string[]
  /** Told of a client that was not let in: its hand-shake failed, took too long or was one too many, or its certificate was refused. */
  readonly onHandshakeFailed?: AcceptFailed
}

const MAX_CONNECTIONS = 10_000

/** Listens for TCP. Rejects with an EnvironmentError that names the port, or a UsageError for what is no address. */
export async function acceptTcp(
  options: AcceptorOptions,
  accept: Accept,
  onError: AcceptFailed,
  protocol: string = 'tcp',
): Promise<Acceptor> {
  const { address, port } = options
  const family = checkedFamily(protocol, address, port)
  const server = createTcpServer({ noDelay: true })
  server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(environmentError(error, { protocol, address, port })))
    server.listen({ host: address, port, ipv6Only: options.ipv6Only ?? true, exclusive: true }, resolve)
  })
  server.removeAllListeners('error')
  const local = { address: canonicalAddress(address) ?? address, port: boundPort(server, port), family }
  const failed = (error: Error): void => onError(environmentError(error, { protocol, ...local }))
  return new TcpAcceptor(server, local, accept, failed, options.onDropped)
}

/**
 * Listens for TLS. A client whose hand-shake fails or takes too long is told to `onHandshakeFailed`, never handed over. Rejects as
 * `acceptTcp` does, and with a UsageError where there is no certificate to show.
 */
export async function acceptTls(
  options: TlsAcceptorOptions,
  accept: Accept,
  onError: AcceptFailed,
): Promise<Acceptor> {
  const handshakes = new Handshakes(options, accept)
  const acceptor = await acceptTcp(options, socket => handshakes.begin(socket), onError, 'tls')
  handshakes.local = acceptor.local
  return {
    local: acceptor.local,
    get refused() {
      return acceptor.refused + handshakes.refused
    },
    get handshakes() {
      return handshakes.size
    },
    close() {
      handshakes.close()
      return acceptor.close()
    },
  }
}

class TcpAcceptor implements Acceptor {
  readonly local: TransportAddress
  readonly handshakes = 0
  refused: number = 0
  readonly #server: Server
  #closing: Promise<void> | undefined

  constructor(
    server: Server,
    local: TransportAddress,
    accept: Accept,
    onError: (error: Error) => void,
    onDropped?: () => void,
  ) {
    this.local = local
    this.#server = server
    server.on('connection', accept)
    server.on('drop', () => {
      this.refused++
      onDropped?.()
    })
    server.on('error', onError)
  }

  close(): Promise<void> {
    this.#closing ??= new Promise(resolve => this.#server.close(() => resolve()))
    return this.#closing
  }
}

/** Hand-shakes of accepted sockets, bounded in number. Node's TLS server does them without a port of its own. */
class Handshakes {
  local: TransportAddress | undefined
  refused = 0
  /** The sockets beneath, by the remote address that they share with the TLS socket above. */
  readonly #sockets = new Map<string, Socket>()
  readonly #options: TlsAcceptorOptions
  readonly #accept: Accept
  #server: TlsServer
  #generation: number

  constructor(options: TlsAcceptorOptions, accept: Accept) {
    this.#options = options
    this.#accept = accept
    this.#generation = options.contexts.generation
    this.#server = this.#newServer()
  }

  get size(): number {
    return this.#sockets.size
  }

  begin(socket: Socket): void {
    const { contexts, onHandshakeFailed } = this.#options
    if (this.#sockets.size >= contexts.maxHandshakes) {
      this.refused++
      onHandshakeFailed?.(handshakeError(tooMany(contexts.maxHandshakes), socket, this.local))
      socket.destroy()
      return
    }
    // after a reload new connections get a new server, those under way go on with what they began with
    if (this.#generation !== contexts.generation) {
      this.#server = this.#newServer()
      this.#generation = contexts.generation
    }
    this.#sockets.set(remoteName(socket), socket)
    socket.once('close', () => this.#done(socket))
    this.#server.emit('connection', socket)
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.destroy()
  }

  #newServer(): TlsServer {
    const { contexts, alpn, onHandshakeFailed } = this.#options
    const server = createTlsServer(contexts.serverOptions(alpn))
    server.on('secureConnection', socket => {
      this.#done(socket)
      this.#accept(socket)
    })
    server.on('tlsClientError', (error, socket) => {
      this.#done(socket)
      const failure = handshakeError(error, socket, this.local)
      // Node leaves that to us where the time is up
      socket.destroy()
      onHandshakeFailed?.(failure)
    })
    server.on('keylog', line => contexts.keyLog?.(line))
    return server
  }

  #done(socket: Socket): void {
    this.#sockets.delete(remoteName(socket))
  }
}

function handshakeError(error: Error, socket: Socket, local: TransportAddress | undefined): EnvironmentError {
  const remote = transportAddress(socket.remoteAddress, socket.remotePort)
  const { address, port } = remote ?? local ?? { address: '', port: 0 }
  // where OpenSSL found the client's certificate bad, Node says no more than that the connection is gone
  const authorizationError = socket instanceof TLSSocket ? socket.authorizationError : undefined
  const cause = authorizationError
    ? Object.assign(new Error('its certificate was refused'), { code: String(authorizationError) })
    : error
  return environmentError(cause, { protocol: 'tls', address, port })
}

function tooMany(most: number): Error {
  const error = new Error(`${most} hand-shakes are under way already`)
  return Object.assign(error, { code: 'ERR_TLS_TOO_MANY' })
}

function remoteName({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return hostPort(remoteAddress, remotePort)
}

function boundPort(server: Server, asked: number): number {
  const bound = server.address()
  return bound !== null && typeof bound === 'object' ? bound.port : asked
}
