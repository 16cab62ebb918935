import { createServer, type IncomingMessage, type Server } from 'node:http'
import { Socket } from 'node:net'
import { type Server as LibraryServer, WebSocketServer } from 'ws'
import type { TransportAddress } from '../util/address.ts'
import type { Acceptor } from './acceptor.ts'
import { refuseUpgrade } from './refuse-upgrade.ts'
import { transportAddress } from './socket-connection.ts'
import type { ListenerReceiver } from './stream.ts'
import type { StartAccepting } from './stream-listener.ts'
import { type CheckUpgrade, type UpgradeAnswer, UpgradeRequest } from './upgrade-request.ts'
import { ChannelSocket, libraryOptions, WebSocketChannel, type WebSocketLimits } from './websocket-channel.ts'

export interface WebSocketListenOptions extends WebSocketLimits {
  /** The sub-protocol that a client must offer (RFC 6455 §1.9). */
  readonly subprotocol: string
  /** Whether a request may have its WebSocket; all may unless given. */
  readonly check?: CheckUpgrade | undefined
  /** Milliseconds from the connection to its WebSocket, the check with it. */
  readonly handshakeTimeout: number
  /** Hand-shakes under way; one connection more is closed unheard. */
  readonly maxHandshakes: number
  /** Bytes of a request. */
  readonly maxHeaderBytes: number
  /** A hand-shake was refused with this status, or was cut off: 0 where nothing could be said. */
  readonly onRefused: (status: number) => void
  /** Told of what `check` threw, or rejected with. */
  readonly onCheckFailed: (error: unknown) => void
}

interface Handshake {
  readonly remote: TransportAddress
  readonly timer: NodeJS.Timeout
  /** The request is whole, and `check` is asked. */
  isAsked: boolean
}

const MAX_HEADERS = 100

/**
 * WebSockets on the sockets of an acceptor, plain or TLS. An HTTP server without a port of its own reads the requests;
 * what asks for no WebSocket of the sub-protocol is refused in words.
 */
export class WebSocketListener {
  readonly #acceptor: Acceptor
  readonly #upgrades: Upgrades
  #closing: Promise<void> | undefined

  /** Rejects as the acceptor does. */
  static async listen(
    protocol: 'ws' | 'wss',
    start: StartAccepting,
    options: WebSocketListenOptions,
    receiver: ListenerReceiver,
  ): Promise<WebSocketListener> {
    const upgrades = new Upgrades(protocol, options, receiver)
    const acceptor = await start(
      socket => upgrades.begin(socket),
      error => receiver.onListenerError(error),
    )
    return new WebSocketListener(acceptor, upgrades)
  }

  private constructor(acceptor: Acceptor, upgrades: Upgrades) {
    this.#acceptor = acceptor
    this.#upgrades = upgrades
  }

  get local(): TransportAddress {
    return this.#acceptor.local
  }

  /** Connections closed unheard because too many were open, or too many hand-shakes under way. */
  get refused(): number {
    return this.#acceptor.refused + this.#upgrades.refused
  }

  /** Hand-shakes under way, those of TLS with them. */
  get handshakes(): number {
    return this.#acceptor.handshakes + this.#upgrades.size
  }

  /** Accepted connections that are open, hand-shakes with them. */
  get connections(): number {
    return this.#upgrades.sockets.size
  }

  /** Stops listening and destroys what it accepted; nothing is told after the promise has resolved. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { sockets } = this.#upgrades
    this.#upgrades.close()
    const ends = [...sockets].map(socket => new Promise<unknown>(resolve => socket.once('close', resolve)))
    ends.push(this.#acceptor.close())
    for (const socket of sockets) socket.destroy()
    await Promise.all(ends)
  }
}

/** The hand-shakes of one listener, and the sockets that came of them. Sockets may be given that no acceptor accepted. */
export class Upgrades {
  readonly sockets: Set<Socket> = new Set()
  refused: number = 0
  readonly #protocol: 'ws' | 'wss'
  readonly #options: WebSocketListenOptions
  readonly #receiver: ListenerReceiver
  readonly #http: Server
  readonly #library: LibraryServer<typeof ChannelSocket>
  readonly #pending = new Map<Socket, Handshake>()
  readonly #forget: (this: Socket) => void
  #closed = false

  constructor(protocol: 'ws' | 'wss', options: WebSocketListenOptions, receiver: ListenerReceiver) {
    this.#protocol = protocol
    this.#options = options
    this.#receiver = receiver
    this.#http = createServer({ maxHeaderSize: options.maxHeaderBytes })
    this.#http.maxHeadersCount = MAX_HEADERS
    this.#http.on('upgrade', (request, socket, head) => void this.#onUpgrade(request, socket, head))
    this.#http.on('request', (request, response) => {
      this.#options.onRefused(426)
      response.writeHead(426, { Upgrade: 'websocket', Connection: 'close', 'Content-Type': 'text/plain' })
      response.end('A WebSocket is here, and nothing else.\n')
      response.once('finish', () => request.socket.destroySoon())
    })
    this.#http.on('clientError', (error: Error & { code?: string }, socket) => {
      const isLarge = error.code === 'HPE_HEADER_OVERFLOW'
      if (socket instanceof Socket)
        this.#refuse(socket, isLarge ? 431 : 400, 'This is no request of HTTP/1.1.')
    })
    const { subprotocol, maxMessageBytes } = options
    const settings = {
      ...libraryOptions(maxMessageBytes),
      noServer: true,
      clientTracking: false,
      handleProtocols: () => subprotocol,
      WebSocket: ChannelSocket,
    }
    this.#library = new WebSocketServer(settings)
    this.#library.on('wsClientError', (error, socket) => {
      if (socket instanceof Socket) this.#refuse(socket, 400, `${error.message}.`)
    })
    const { sockets } = this
    const end = (socket: Socket): void => this.#end(socket)
    this.#forget = function (this: Socket): void {
      sockets.delete(this)
      end(this)
    }
  }

  /** Hand-shakes under way. */
  get size(): number {
    return this.#pending.size
  }

  begin(socket: Socket, from: TransportAddress | undefined = undefined): void {
    const remote = from ?? transportAddress(socket.remoteAddress, socket.remotePort)
    socket.on('error', ignore)
    if (remote === undefined || this.#closed) {
      // gone before it could be looked at
      socket.destroy()
      return
    }
    if (this.#pending.size >= this.#options.maxHandshakes) {
      this.refused++
      this.#options.onRefused(0)
      socket.destroy()
      return
    }
    this.sockets.add(socket)
    socket.once('close', this.#forget)
    const timer = setTimeout(() => this.#onTimeout(socket), this.#options.handshakeTimeout)
    this.#pending.set(socket, { remote, timer, isAsked: false })
    this.#http.emit('connection', socket)
  }

  /** Nothing is upgraded any more. */
  close(): void {
    this.#closed = true
    for (const { timer } of this.#pending.values()) clearTimeout(timer)
    this.#pending.clear()
  }

  /** The hand-shake of a socket is over, one way or the other. */
  #end(socket: Socket): void {
    const handshake = this.#pending.get(socket)
    if (handshake === undefined) return
    clearTimeout(handshake.timer)
    this.#pending.delete(socket)
  }

  #onTimeout(socket: Socket): void {
    if (this.#pending.get(socket)?.isAsked) {
      this.#refuse(socket, 503, 'It took too long to decide.')
      return
    }
    this.#end(socket)
    this.#options.onRefused(0)
    socket.destroy()
  }

  async #onUpgrade(request: IncomingMessage, socket: unknown, head: Buffer): Promise<void> {
    if (!(socket instanceof Socket)) return
    const handshake = this.#pending.get(socket)
    if (handshake === undefined) return
    const { subprotocol, check } = this.#options
    const { headers } = request
    if (headers['sec-websocket-version'] !== '13') {
      this.#refuse(socket, 426, 'Version 13 of WebSocket is spoken here.', 'Sec-WebSocket-Version: 13\r\n')
      return
    }
    const offered = (headers['sec-websocket-protocol'] ?? '').split(',')
    if (!offered.some(name => name.trim() === subprotocol)) {
      this.#refuse(socket, 400, `Sec-WebSocket-Protocol: ${subprotocol} is needed.`)
      return
    }
    if (check !== undefined) {
      handshake.isAsked = true
      const answer = await this.#ask(check, new UpgradeRequest(request, this.#protocol, handshake.remote))
      // meanwhile its time may have run out, or the peer be gone
      if (this.#pending.get(socket) !== handshake) return
      if (answer !== true) {
        this.#refuseAs(socket, answer)
        return
      }
    }
    this.#library.handleUpgrade(request, socket, head, websocket =>
      this.#accept(socket, handshake.remote, websocket),
    )
  }

  async #ask(check: CheckUpgrade, request: UpgradeRequest): Promise<UpgradeAnswer> {
    try {
      return await check(request)
    } catch (error) {
      this.#options.onCheckFailed(error)
      return { status: 500 }
    }
  }

  #accept(socket: Socket, remote: TransportAddress, websocket: ChannelSocket): void {
    this.#end(socket)
    new WebSocketChannel(websocket, this.#receiver, {
      protocol: this.#protocol,
      accepted: true,
      remote,
      maxBufferedBytes: this.#options.maxBufferedBytes,
    }).opened(socket)
  }

  /** What an application answered may be anything. */
  #refuseAs(socket: Socket, answer: UpgradeAnswer): void {
    const { status = 403, challenge } = typeof answer === 'object' && answer !== null ? answer : {}
    const isStatus = Number.isInteger(status) && status >= 400 && status <= 599
    const isValue = typeof challenge === 'string' && /^[\x20-\x7e]+$/.test(challenge)
    const header = isValue ? `WWW-Authenticate: ${challenge}\r\n` : ''
    this.#refuse(socket, isStatus ? status : 403, 'The request was refused.', header)
  }

  #refuse(socket: Socket, status: number, text: string, headers: string = ''): void {
    this.#end(socket)
    this.#options.onRefused(status)
    refuseUpgrade(socket, status, text, headers)
  }
}

function ignore(): void {}
