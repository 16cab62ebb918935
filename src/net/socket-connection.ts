import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { familyOf, hostPort, type TransportAddress, unmapped } from '../util/address.ts'
import { EnvironmentError } from '../util/errors.ts'
import { environmentError } from './failure.ts'
import type { StreamConnection, StreamReceiver } from './stream.ts'
import { certificateNames, sipDomains } from './tls-identity.ts'

let lastId = 0

/** A number for a connection, unlike any other's of this process. */
export function nextConnection(): number {
  return ++lastId
}

/** What the maker of a connection knows of it. */
export interface ConnectionSetup {
  readonly protocol: string
  readonly accepted: boolean
  readonly remote: TransportAddress
  readonly maxBufferedBytes: number
}

/** A StreamConnection over a socket of Node, be it plain or TLS. Its maker calls `opened` when it can be used. */
export class SocketConnection implements StreamConnection {
  readonly id: number = nextConnection()
  readonly protocol: string
  readonly accepted: boolean
  readonly remote: TransportAddress
  bytesIn: number = 0
  bytesOut: number = 0
  #local: TransportAddress | undefined
  #peerDomains: readonly string[] | undefined
  readonly #socket: Socket
  readonly #receiver: StreamReceiver
  readonly #maxBufferedBytes: number
  #corked = false
  #destroyed = false
  #error: EnvironmentError | undefined

  constructor(socket: Socket, receiver: StreamReceiver, setup: ConnectionSetup) {
    this.protocol = setup.protocol
    this.accepted = setup.accepted
    this.remote = setup.remote
    this.#socket = socket
    this.#receiver = receiver
    this.#maxBufferedBytes = setup.maxBufferedBytes
    socket.on('error', error => {
      this.#error ??=
        error instanceof EnvironmentError
          ? error
          : environmentError(error, { protocol: this.protocol, ...this.remote })
    })
    socket.on('close', () => {
      this.#destroyed = true
      receiver.onClosed(this, this.#error)
    })
    socket.on('data', bytes => {
      if (this.#destroyed) return
      this.bytesIn += bytes.length
      receiver.onBytes(this, bytes)
    })
  }

  get local(): TransportAddress | undefined {
    return this.#local
  }

  get peerDomains(): readonly string[] {
    // before the hand-shake is done nothing is proved, and nothing is known for good
    if (this.#local === undefined) return []
    this.#peerDomains ??= domainsOf(this.#socket)
    return this.#peerDomains
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  /** The socket can be used from now on. */
  opened(): void {
    if (this.#destroyed) return
    this.#local = transportAddress(this.#socket.localAddress, this.#socket.localPort)
    this.#receiver.onConnected(this)
  }

  write(bytes: Uint8Array | string): void {
    const socket = this.#socket
    if (this.#destroyed || socket.writableEnded) return
    if (!this.#corked) {
      // held back to the end of this turn, so that all that is written in it makes one system call
      this.#corked = true
      socket.cork()
      setImmediate(uncork, this)
    }
    this.bytesOut += bytes.length
    if (typeof bytes === 'string') socket.write(bytes, 'latin1')
    else socket.write(bytes)
    if (socket.writableLength > this.#maxBufferedBytes) this.destroy(this.#tooSlow())
  }

  end(): void {
    this.#socket.end()
  }

  destroy(error?: EnvironmentError): void {
    if (this.#destroyed) return
    this.#destroyed = true
    this.#error ??= error
    this.#socket.destroy()
  }

  uncork(): void {
    this.#corked = false
    this.#socket.uncork()
  }

  #tooSlow(): EnvironmentError {
    return new EnvironmentError(
      'ERR_SLOW_READER',
      `${this.protocol} ${hostPort(this.remote.address, this.remote.port)} does not read: ${this.bufferedBytes} bytes ` +
        `wait for it and ${this.#maxBufferedBytes} may; the connection was closed`,
    )
  }
}

/** A certificate that no authority of ours answers for proves nothing (RFC 5922 §7.4). */
export function domainsOf(socket: Socket): readonly string[] {
  if (!(socket instanceof TLSSocket && socket.authorized)) return []
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return []
  const names = certificateNames(certificate)
  return [...sipDomains(names), ...names.addresses]
}

/** An address as Node's sockets report it, undefined where they know none. */
export function transportAddress(
  address: string | undefined,
  port: number | undefined,
): TransportAddress | undefined {
  const plain = unmapped(address ?? '')
  const family = familyOf(plain)
  return family && port !== undefined ? { address: plain, port, family } : undefined
}

function uncork(connection: SocketConnection): void {
  connection.uncork()
}
