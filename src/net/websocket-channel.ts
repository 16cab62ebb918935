import { isUtf8 } from 'node:buffer'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { hostPort, type TransportAddress } from '../util/address.ts'
import { EnvironmentError } from '../util/errors.ts'
import { environmentError } from './failure.ts'
import { domainsOf, nextConnection, transportAddress } from './socket-connection.ts'
import type { StreamConnection, StreamReceiver } from './stream.ts'
import { FrameMeter } from './websocket-meter.ts'

/** What is asked of the library for every WebSocket, accepted or made. */
export interface WebSocketLimits {
  /** Bytes of a message; its frames are refused before they are put together. */
  readonly maxMessageBytes: number
  /** Bytes that may wait for a slow reader before its connection is destroyed. */
  readonly maxBufferedBytes: number
}

/** What the maker of a channel knows of it. */
export interface ChannelSetup {
  readonly protocol: 'ws' | 'wss'
  readonly accepted: boolean
  readonly remote: TransportAddress
  readonly maxBufferedBytes: number
}

/** Frames of one message: as many as a message of the largest size in frames of 1 kB. */
const MAX_FRAGMENTS = 1024
/** Chunks of the stream that may be kept for one frame: a large message in segments of 1 kB, twice. */
const MAX_CHUNKS = 2048
/** Milliseconds for the other end to answer our Close (RFC 6455 §7.1.1). */
const CLOSE_TIMEOUT = 2_000

/** A WebSocket of the library that knows its channel, so that its listeners are no closures of their own. */
export class ChannelSocket extends WebSocket {
  channel: WebSocketChannel | undefined
}

/** Options of the library that both ends share. */
export interface LibraryOptions {
  readonly maxPayload: number
  readonly maxFragments: number
  readonly maxBufferedChunks: number
  readonly perMessageDeflate: false
  /** Pongs are ours to send, so that a flood of pings makes one. */
  readonly autoPong: false
  readonly closeTimeout: number
}

export function libraryOptions(maxMessageBytes: number): LibraryOptions {
  return {
    // 0 is no limit to the library
    maxPayload: Math.max(1, maxMessageBytes),
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_CHUNKS,
    perMessageDeflate: false,
    autoPong: false,
    closeTimeout: CLOSE_TIMEOUT,
  }
}

const nothing = Buffer.alloc(0)

/**
 * A WebSocket with the face of a stream (RFC 6455): what is written at once is one message, text where it is UTF-8 and
 * binary where it is not, and what is received is one whole message.
 */
export class WebSocketChannel implements StreamConnection {
  readonly id: number = nextConnection()
  readonly protocol: 'ws' | 'wss'
  readonly accepted: boolean
  readonly remote: TransportAddress
  bytesIn: number = 0
  bytesOut: number = 0
  #local: TransportAddress | undefined
  #socket: Socket | undefined
  #peerDomains: readonly string[] | undefined
  readonly #websocket: ChannelSocket
  readonly #receiver: StreamReceiver
  readonly #maxBufferedBytes: number
  readonly #meter = new FrameMeter()
  /** What was written before the connection was up. */
  #waiting: Buffer[] | undefined
  #waitingBytes = 0
  /** The payload of the last Ping, until the turn ends (RFC 6455 §5.5.3). */
  #pong: Buffer | undefined
  #corked = false
  #over = false
  #error: EnvironmentError | undefined

  constructor(websocket: ChannelSocket, receiver: StreamReceiver, setup: ChannelSetup) {
    this.protocol = setup.protocol
    this.accepted = setup.accepted
    this.remote = setup.remote
    this.#websocket = websocket
    this.#receiver = receiver
    this.#maxBufferedBytes = setup.maxBufferedBytes
    websocket.channel = this
    websocket.on('message', onMessage)
    websocket.on('ping', onPing)
    websocket.on('pong', onPong)
    websocket.on('error', onError)
    websocket.on('close', onClose)
  }

  get local(): TransportAddress | undefined {
    return this.#local
  }

  get peerDomains(): readonly string[] {
    if (this.#socket === undefined) return []
    this.#peerDomains ??= domainsOf(this.#socket)
    return this.#peerDomains
  }

  get bufferedBytes(): number {
    return this.#socket?.writableLength ?? this.#waitingBytes
  }

  /** The hand-shake is done: messages go over `socket` from now on. */
  opened(socket: Socket): void {
    if (this.#over) return
    this.#socket = socket
    this.#local = transportAddress(socket.localAddress, socket.localPort)
    // before the library's own, which delivers what is whole at once
    socket.prependListener('data', bytes => this.#onData(bytes))
    // the library keeps a reset to itself
    socket.on('error', error => {
      this.#error ??= this.#failure(error)
    })
    this.#receiver.onConnected(this)
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    this.#waitingBytes = 0
    for (const message of waiting) this.#send(message)
  }

  write(bytes: Uint8Array | string): void {
    if (this.#over) return
    const message = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes)
    this.bytesOut += message.length
    if (this.#socket !== undefined) {
      this.#send(message)
      return
    }
    this.#waiting ??= []
    this.#waiting.push(message)
    this.#waitingBytes += message.length
    if (this.#waitingBytes > this.#maxBufferedBytes) this.destroy(this.#tooSlow())
  }

  /** A Ping of RFC 6455 §5.5.2; `onPong` of the receiver tells of its answer. */
  ping(): void {
    if (this.#hold()) this.#websocket.ping(nothing)
    this.#bound()
  }

  /** Answers a Ping when this turn ends; of several the last is answered. */
  pong(payload: Uint8Array): void {
    if (this.#hold()) this.#pong = Buffer.from(payload)
  }

  end(): void {
    if (this.#over) return
    if (this.#socket === undefined) this.destroy()
    else this.#websocket.close(NORMAL)
  }

  destroy(error?: EnvironmentError): void {
    if (this.#over) return
    this.#over = true
    this.#error ??= error
    this.#websocket.terminate()
  }

  /** The end of a turn: what was written in it leaves together. */
  release(): void {
    this.#corked = false
    if (this.#pong !== undefined && this.#isOpen) this.#websocket.pong(this.#pong)
    this.#pong = undefined
    this.#socket?.uncork()
    this.#bound()
  }

  onMessage(message: Buffer): void {
    if (!this.#over) this.#receiver.onBytes(this, own(message))
  }

  onPing(payload: Buffer): void {
    if (!this.#over) this.#receiver.onPing?.(this, payload)
  }

  onPong(): void {
    if (!this.#over) this.#receiver.onPong?.(this)
  }

  /** What the library found wrong; it has written a Close that says so (RFC 6455 §7.1.7). */
  onError(error: Error): void {
    if (this.#over) return
    this.#error ??= error instanceof EnvironmentError ? error : this.#failure(error)
    this.#over = true
    this.#socket?.destroySoon()
  }

  onClose(): void {
    this.#over = true
    this.#websocket.channel = undefined
    this.#receiver.onClosed(this, this.#error)
  }

  get #isOpen(): boolean {
    return !this.#over && this.#websocket.readyState === WebSocket.OPEN
  }

  #onData(bytes: Buffer): void {
    if (this.#over) return
    this.bytesIn += bytes.length
    const before = this.#meter.kept
    this.#meter.push(bytes)
    if (before !== this.#meter.kept) this.#receiver.onKept?.(this, this.#meter.kept)
  }

  #send(message: Buffer): void {
    if (!this.#hold()) {
      // the other end is closing: whoever waits for an answer is told now, not when it has closed
      this.destroy()
      return
    }
    this.#websocket.send(message, { binary: !isUtf8(message) })
    this.#bound()
  }

  /** Keeps what is written back until the turn ends; answers whether anything may be written. */
  #hold(): boolean {
    if (this.#socket === undefined || !this.#isOpen) return false
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      setImmediate(release, this)
    }
    return true
  }

  #bound(): void {
    if (this.bufferedBytes > this.#maxBufferedBytes) this.destroy(this.#tooSlow())
  }

  #failure(error: Error): EnvironmentError {
    return environmentError(error, { protocol: this.protocol, ...this.remote })
  }

  #tooSlow(): EnvironmentError {
    return new EnvironmentError(
      'ERR_SLOW_READER',
      `${this.protocol} ${hostPort(this.remote.address, this.remote.port)} does not read: ${this.bufferedBytes} bytes ` +
        `wait for it and ${this.#maxBufferedBytes} may; the connection was closed`,
    )
  }
}

/** RFC 6455 §7.4.1. */
const NORMAL = 1000

/** A message that is a small part of what it was cut from is copied, so that it does not keep the rest alive. */
function own(message: Buffer): Buffer {
  if (2 * message.length >= message.buffer.byteLength) return message
  const copy = Buffer.allocUnsafeSlow(message.length)
  message.copy(copy)
  return copy
}

function release(channel: WebSocketChannel): void {
  channel.release()
}

function onMessage(this: WebSocket, data: Buffer | ArrayBuffer | Buffer[]): void {
  if (this instanceof ChannelSocket && Buffer.isBuffer(data)) this.channel?.onMessage(data)
}

function onPing(this: WebSocket, payload: Buffer): void {
  if (this instanceof ChannelSocket) this.channel?.onPing(payload)
}

function onPong(this: WebSocket): void {
  if (this instanceof ChannelSocket) this.channel?.onPong()
}

function onError(this: WebSocket, error: Error): void {
  if (this instanceof ChannelSocket) this.channel?.onError(error)
}

function onClose(this: WebSocket): void {
  if (this instanceof ChannelSocket) this.channel?.onClose()
}
