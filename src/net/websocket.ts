import { WebSocket } from 'ws'
import type { EnvironmentError } from '../util/errors.ts'
import { environmentError } from './failure.ts'

export interface WebSocketOptions {
  /** The sub-protocol (RFC 6455 §1.9); a server that does not choose it is refused. */
  readonly protocol: string
  /** Bytes of a message from the server; a longer one closes the connection. Default 1 MiB. */
  readonly maxMessageBytes?: number
  /** Milliseconds until connecting is given up. Default 10,000. */
  readonly connectTimeout?: number
}

export interface WebSocketReceiver {
  /** A whole message, text or binary alike. */
  onMessage(message: Buffer): void
  /** Once and last; without an error where one of the sides closed in order. */
  onClosed(error: EnvironmentError | undefined): void
}

/** The client's end of a WebSocket (RFC 6455). */
export interface WebSocketConnection {
  /** Sends a binary message, or keeps it until the connection is up. Never throws; does nothing after the end. */
  send(message: Uint8Array): void
  /** Closes; resolves when the connection has gone. */
  close(): Promise<void>
}

const MAX_MESSAGE = 1024 * 1024
const CONNECT_TIMEOUT = 10_000

/** Connects to a `ws:` or `wss:` URL. What fails is told to `onClosed`. */
export function connectWebSocket(
  url: URL,
  options: WebSocketOptions,
  receiver: WebSocketReceiver,
): WebSocketConnection {
  return new Connection(url, options, receiver)
}

class Connection implements WebSocketConnection {
  readonly #socket: WebSocket
  readonly #url: URL
  readonly #gone: Promise<void>
  #waiting: Uint8Array[] = []
  #error: EnvironmentError | undefined

  constructor(url: URL, options: WebSocketOptions, receiver: WebSocketReceiver) {
    this.#url = url
    const socket = new WebSocket(url, options.protocol, {
      handshakeTimeout: options.connectTimeout ?? CONNECT_TIMEOUT,
      maxPayload: options.maxMessageBytes ?? MAX_MESSAGE,
      perMessageDeflate: false,
    })
    socket.binaryType = 'nodebuffer'
    this.#socket = socket
    socket.on('open', () => {
      for (const message of this.#waiting) socket.send(message)
      this.#waiting = []
    })
    socket.on('message', data => receiver.onMessage(toBuffer(data)))
    socket.on('error', error => {
      this.#error ??= this.#failure(error)
    })
    this.#gone = new Promise(resolve => {
      socket.on('close', () => {
        receiver.onClosed(this.#error)
        resolve()
      })
    })
  }

  send(message: Uint8Array): void {
    if (this.#socket.readyState === WebSocket.CONNECTING) this.#waiting.push(message)
    else if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(message)
  }

  close(): Promise<void> {
    this.#waiting = []
    this.#socket.terminate()
    return this.#gone
  }

  #failure(error: Error): EnvironmentError {
    const { protocol, hostname, port } = this.#url
    const secure = protocol === 'wss:'
    return environmentError(error, {
      protocol: secure ? 'wss' : 'ws',
      address: hostname,
      port: port === '' ? (secure ? 443 : 80) : Number(port),
    })
  }
}

function toBuffer(data: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data)
  return Buffer.isBuffer(data) ? data : Buffer.from(data)
}
