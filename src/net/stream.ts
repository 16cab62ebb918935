import type { TransportAddress } from '../util/address.ts'
import type { EnvironmentError } from '../util/errors.ts'

/** One connection of a stream transport, the same face for TCP and TLS. */
export interface StreamConnection {
  /** Unlike any other connection's of this process. */
  readonly id: number
  /** `tcp`, `tls`, `ws` or `wss`. */
  readonly protocol: string
  /** True where the peer opened the connection. */
  readonly accepted: boolean
  /** Undefined until the system has chosen it, and after a failed connect. */
  readonly local: TransportAddress | undefined
  readonly remote: TransportAddress
  /** Bytes received so far; with `bytesOut` it tells a user with an idle policy whether anything moved. */
  readonly bytesIn: number
  /** Bytes given to `write` so far. */
  readonly bytesOut: number
  /** Bytes written that the system has not taken yet. */
  readonly bufferedBytes: number
  /**
   * The SIP domains that the peer's certificate proves (RFC 5922 §7.1), read when first asked for: of a server the name it
   * was asked for is one of them, of a client all that its certificate says. Empty where it showed none that is trusted, and
   * over TCP.
   */
  readonly peerDomains?: readonly string[]
  /**
   * Queues bytes, or wire text (latin1, one character a byte). All that is written within one turn of the event loop
   * leaves together. May be called before the connection is up. Never throws; after the end it does nothing. Over the
   * limit for slow readers the connection is destroyed.
   */
  write(bytes: Uint8Array | string): void
  /** Pings the peer beside what is written: a WebSocket has frames for that (RFC 6455 §5.5.2), a plain stream has none. */
  ping?(): void
  /** Answers a ping of the peer that `onPing` told of. */
  pong?(payload: Uint8Array): void
  /** Sends what was written, then closes. */
  end(): void
  /** Closes at once and drops what was not sent; `error` is passed on to `onClosed`. */
  destroy(error?: EnvironmentError): void
}

/** Who gets what connections receive. Called directly from the socket. */
export interface StreamReceiver {
  /** The connection is up, accepted or made by us. */
  onConnected(connection: StreamConnection): void
  /** `bytes` belongs to the receiver; over a WebSocket they are one whole message. */
  onBytes(connection: StreamConnection, bytes: Buffer): void
  /**
   * Exactly once and last, also for a connection that never came up. `error` is undefined where either side simply
   * closed.
   */
  onClosed(connection: StreamConnection, error: EnvironmentError | undefined): void
  /** So many bytes are kept of a message that has begun and is not whole; told by connections that put messages together. */
  onKept?(connection: StreamConnection, bytes: number): void
  /** The peer has pinged; it is answered by `pong`. */
  onPing?(connection: StreamConnection, payload: Uint8Array): void
  /** The peer has answered a ping, or said so unasked. */
  onPong?(connection: StreamConnection): void
}

export interface ListenerReceiver extends StreamReceiver {
  /** Accepting failed, as when no file descriptor is left; the listener goes on. */
  onListenerError(error: EnvironmentError): void
  /** A connection was closed as soon as it came, for there are too many. */
  onDropped?(): void
  /** A TLS client was not let in: its hand-shake failed, took too long or was one too many, or its certificate was refused. */
  onHandshakeFailed?(error: EnvironmentError): void
}

export interface StreamLimits {
  /** Bytes that may wait for a slow reader before its connection is destroyed. Default 1 MiB. */
  readonly maxBufferedBytes?: number
}

export const MAX_BUFFERED_BYTES: number = 1024 * 1024
