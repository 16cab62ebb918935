import { EnvironmentError } from '../util/errors.ts'
import { UdpSocket } from './udp.ts'

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
 * A UDP socket with one remote end that can be sent to from the first moment on. Unlike one that is only bound, the
 * system tells it of ICMP errors (RFC 1122 §4.1.3.3), as of a port where nobody listens.
 */
export class ConnectedUdpSocket {
  readonly #receiver: ConnectedReceiver
  #socket: UdpSocket | undefined
  readonly #waiting: Uint8Array[] = []
  #closed = false

  /** Opens; what fails is told to the receiver. */
  constructor({ localAddress, address, port }: ConnectedUdpOptions, receiver: ConnectedReceiver) {
    this.#receiver = receiver
    const told = {
      onDatagram: (bytes: Buffer) => {
        if (!this.#closed) receiver.onDatagram(bytes)
      },
      onSocketError: (error: EnvironmentError) => this.#fail(error),
    }
    UdpSocket.bind({ address: localAddress, port: 0, remote: { address, port } }, told).then(
      socket => this.#open(socket),
      error => this.#fail(error),
    )
  }

  /** Sends one datagram, which must not change until the next turn; never throws, and after the end does nothing. */
  send(bytes: Uint8Array): void {
    const { remote } = this.#socket ?? {}
    if (this.#closed) return
    if (remote !== undefined) this.#socket?.send(bytes, remote.port, remote.address)
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(bytes)
  }

  /** Closes; from this call on the receiver hears nothing more. May be called again. */
  close(): void {
    this.#closed = true
    this.#waiting.length = 0
    void this.#socket?.close()
  }

  #open(socket: UdpSocket): void {
    this.#socket = socket
    if (this.#closed) this.close()
    else for (const bytes of this.#waiting.splice(0)) this.send(bytes)
  }

  #fail(error: Error): void {
    if (this.#closed) return
    this.#receiver.onSocketError(
      error instanceof EnvironmentError ? error : new EnvironmentError('ERR_PORT', error.message),
    )
  }
}
