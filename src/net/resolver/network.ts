import type { Remote } from '../../util/address.ts'
import { familyOf } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import type { RandomSource } from '../../util/random.ts'
import { Tokens } from '../../util/random.ts'
import { environmentError } from '../failure.ts'
import { connectTcp } from '../tcp.ts'
import { UdpSocket } from '../udp.ts'
import { LengthFramer, withLength } from './length-framer.ts'

/** Who gets what a name server sends. */
export interface DnsChannelUser {
  /** One message; `bytes` belongs to the receiver. It comes from the server as far as the channel can tell. */
  onMessage(bytes: Buffer, address: string, port: number): void
  /** Once and last: nothing can be sent or will come. */
  onChannelFailure(error: EnvironmentError): void
}

/** A way to one name server; may be used at once. After `close` its user hears nothing. */
export interface DnsChannel {
  send(bytes: Uint8Array): void
  close(): void
}

/** Where questions go out: sockets, or a test's own network. */
export interface DnsNetwork {
  /** From a port of its own (RFC 5452). */
  udp(server: Remote, user: DnsChannelUser): DnsChannel
  tcp(server: Remote, user: DnsChannelUser): DnsChannel
}

/** Ports are drawn from here: what systems give away, and nothing that services are set up on. */
const FIRST_PORT = 32_768
const PORTS = 65_536 - FIRST_PORT
/** Ports that may be in use before the system chooses. */
const DRAWS = 4
const RECEIVE_BUFFER = 64 * 1024
/** The question's own time-out comes first. */
const CONNECT_TIMEOUT = 30_000

/** The sockets of this host; ports are drawn with `random`, for not every system draws well. */
export function systemNetwork(random: RandomSource): DnsNetwork {
  const dice = new Tokens(random)
  return {
    udp: (server, user) => new UdpChannel(server, user, () => FIRST_PORT + dice.below(PORTS)),
    tcp: (server, user) => new TcpChannel(server, user),
  }
}

class UdpChannel implements DnsChannel {
  readonly #user: DnsChannelUser
  #socket: UdpSocket | undefined
  /** What is to be sent once the socket is up; a question has one datagram. */
  #waiting: Uint8Array | undefined
  #closed = false

  constructor(server: Remote, user: DnsChannelUser, drawPort: () => number) {
    this.#user = user
    this.#bind(server, drawPort).then(
      socket => this.#open(socket),
      error => this.#fail(error, server),
    )
  }

  send(bytes: Uint8Array): void {
    if (this.#closed) return
    const { remote } = this.#socket ?? {}
    if (remote === undefined) this.#waiting = bytes
    else this.#socket?.send(bytes, remote.port, remote.address)
  }

  close(): void {
    this.#closed = true
    this.#waiting = undefined
    void this.#socket?.close()
  }

  async #bind(remote: Remote, drawPort: () => number): Promise<UdpSocket> {
    const receiver = {
      onDatagram: (bytes: Buffer, address: string, port: number) => {
        if (!this.#closed) this.#user.onMessage(bytes, address, port)
      },
      onSocketError: (error: EnvironmentError) => this.#fail(error, remote),
    }
    const address = familyOf(remote.address) === 4 ? '0.0.0.0' : '::'
    for (let draw = 0; ; draw++) {
      const port = draw < DRAWS ? drawPort() : 0
      try {
        return await UdpSocket.bind({ address, port, remote, receiveBufferSize: RECEIVE_BUFFER }, receiver)
      } catch (error) {
        if (port === 0 || !(error instanceof EnvironmentError) || error.code !== 'EADDRINUSE') throw error
      }
    }
  }

  #open(socket: UdpSocket): void {
    this.#socket = socket
    if (this.#closed) this.close()
    else if (this.#waiting !== undefined) this.send(this.#waiting)
  }

  #fail(error: unknown, { address, port }: Remote): void {
    if (this.#closed) return
    this.close()
    this.#user.onChannelFailure(asEnvironmentError(error, 'udp', address, port))
  }
}

class TcpChannel implements DnsChannel {
  readonly #connection: ReturnType<typeof connectTcp>
  #closed = false

  constructor({ address, port }: Remote, user: DnsChannelUser) {
    const framer = new LengthFramer()
    this.#connection = connectTcp(
      { address, port, connectTimeout: CONNECT_TIMEOUT },
      {
        onConnected() {},
        onBytes: (_, bytes) => {
          framer.push(bytes)
          while (!this.#closed) {
            const message = framer.next()
            if (message === undefined) return
            user.onMessage(message, address, port)
          }
        },
        onClosed: (_, error) => {
          if (this.#closed) return
          this.#closed = true
          const ended = { code: 'ECONNRESET' }
          user.onChannelFailure(
            error ?? asEnvironmentError(Object.assign(new Error(), ended), 'tcp', address, port),
          )
        },
      },
    )
  }

  send(bytes: Uint8Array): void {
    this.#connection.write(withLength(bytes))
  }

  close(): void {
    this.#closed = true
    this.#connection.destroy()
  }
}

function asEnvironmentError(
  error: unknown,
  protocol: string,
  address: string,
  port: number,
): EnvironmentError {
  return error instanceof EnvironmentError ? error : environmentError(error, { protocol, address, port })
}
