import { createSocket, type Socket } from 'node:dgram'
import type { EnvironmentError } from '../util/errors.ts'
import { checkedFamily, environmentError } from './failure.ts'
import { numericLookup } from './numeric-lookup.ts'

/** Who gets what a connected UDP socket receives. */
export interface ConnectedReceiver {
  /** `bytes` belongs to the receiver; it came from the remote end, for the system drops all else. */
  onDatagram(bytes: Buffer): void
  /** A datagram was refused (ECONNREFUSED: an ICMP port unreachable), could not be sent, or the socket failed. */
  onSocketError(error: EnvironmentError): void
}

export interface ConnectedUdpOptions {
  /** The numeric local address; the port is the system's choice. */
  readonly localAddress: string
  /** A numeric address of the same family. */
  readonly address: string
  readonly port: number
}

/** Datagrams kept until the socket is up; connecting takes a turn or two of the event loop. */
const MAX_WAITING = 16

/**
 * A UDP socket with one remote end. Unlike one that is only bound, the system tells it of ICMP errors (RFC 1122
 * §4.1.3.3), as of a port where nobody listens.
 */
export class ConnectedUdpSocket {
  readonly #socket: Socket
  readonly #receiver: ConnectedReceiver
  readonly #options: ConnectedUdpOptions
  #waiting: Uint8Array[] | undefined = []
  #closed = false

  /** Opens; what fails is told to the receiver. @throws UsageError for an address that is not numeric or a bad port */
  constructor(options: ConnectedUdpOptions, receiver: ConnectedReceiver) {
    const { address, port } = options
    const family = checkedFamily('udp', address, port)
    this.#options = options
    this.#receiver = receiver
    const socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6', lookup: numericLookup })
    this.#socket = socket
    socket.on('error', this.#onError)
    socket.on('message', bytes => {
      if (!this.#closed) receiver.onDatagram(bytes)
    })
    // with a look-up that answers at once, dgram tells of a failure before `bind` has returned
    process.nextTick(() => this.#open())
  }

  /** Sends one datagram, which must not change until the next turn; never throws, and after the end does nothing. */
  send(bytes: Uint8Array): void {
    if (this.#closed) return
    if (this.#waiting === undefined) this.#socket.send(bytes, this.#onError)
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(bytes)
  }

  /** Closes; from this call on the receiver hears nothing more. May be called again. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#waiting = undefined
    process.nextTick(() => this.#socket.close())
  }

  #open(): void {
    if (this.#closed) return
    const { localAddress, address, port } = this.#options
    this.#socket.bind({ address: localAddress, port: 0, exclusive: true }, () => {
      // dgram tells a failed connect to the callback, and throws at port 0
      if (!this.#closed) this.#socket.connect(Math.max(1, port), address, this.#onConnected)
    })
  }

  readonly #onConnected = (error?: Error | null): void => {
    if (error) {
      this.#onError(error)
      return
    }
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const bytes of waiting) this.send(bytes)
  }

  readonly #onError = (error: Error | null): void => {
    if (error === null || this.#closed) return
    const { address, port } = this.#options
    this.#receiver.onSocketError(environmentError(error, { protocol: 'udp', address, port }))
  }
}
