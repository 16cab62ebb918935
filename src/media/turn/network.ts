import { systemTimers } from '../../net/clock.ts'
import type { StreamConnection, StreamReceiver } from '../../net/stream.ts'
import { connectTcp } from '../../net/tcp.ts'
import { connectTls, type TlsConnectOptions } from '../../net/tls.ts'
import { UdpSocket } from '../../net/udp.ts'
import { StunFramer } from '../../stun/framer.ts'
import { isIPv6, type TransportAddress } from '../../stun/ip.ts'
import { EnvironmentError } from '../../util/errors.ts'
import { mediaReceiveBuffer } from '../socket/port-pool.ts'
import type { StunTransport } from '../stun/client-options.ts'
import { isHardError } from '../stun/hard-errors.ts'
import type { ServerTransport } from '../stun/server-name.ts'

/** What carries a client's messages to a server: a UDP socket, or one connection. */
export interface TurnCarrier extends StunTransport {
  readonly local: TransportAddress
  /** What the system granted, in bytes; absent where there is no such thing. */
  readonly receiveBufferSize?: number
  close(): Promise<void>
}

/** Who gets what a carrier brings. */
export interface CarrierUser {
  /** One message of `address` and `port`; the octets are the receiver's. */
  onMessage(bytes: Buffer, address: string, port: number): void
  /** The connection is gone, without our asking. Never for UDP. */
  onDown(error: EnvironmentError): void
  /** Nothing reaches the server just now: what is asked fails at once (RFC 8489 §6.2.1). UDP only. */
  onUnreachable(error: EnvironmentError): void
}

/** How servers are reached; one for each transport, and one in memory for tests. */
export interface TurnNetwork {
  readonly reliable: boolean
  /** What it runs over, which says how the server is found; by default TCP where it is reliable, else UDP. */
  readonly transport?: ServerTransport | undefined
  /** Addresses of servers that it can reach; all where it is left out. */
  readonly family?: 'IPv4' | 'IPv6' | undefined
  /** Another address of ours can be picked by opening anew, as a 437 wants it (RFC 8656 §7.4). */
  readonly picksPorts: boolean
  /** `domain`: the name that the server's certificate must bear. */
  open(server: TransportAddress, domain: string, user: CarrierUser): Promise<TurnCarrier>
  /** One more connection to the server, for a peer (RFC 6062); absent over UDP. */
  stream?(server: TransportAddress, domain: string, receiver: StreamReceiver): StreamConnection
}

/** What a secure connection wants to know. */
export type TlsOptions = Pick<
  TlsConnectOptions,
  'ca' | 'certificate' | 'key' | 'rejectUnauthorized' | 'serverName'
>

/** Where to send from; the system chooses what is left out. */
export interface LocalBinding {
  /** Numeric. */
  readonly address?: string
  /** For UDP; 0 or absent lets the system choose. */
  readonly port?: number
  /** For UDP: bytes asked of the system. Default `mediaReceiveBuffer`, 128 KiB. */
  readonly receiveBufferSize?: number | undefined
}

/** A UDP socket of its own, connected to the server: so the system tells of hard ICMP errors. */
export function udpNetwork(local: LocalBinding = {}): TurnNetwork {
  return {
    reliable: false,
    family: familyOf(local),
    picksPorts: (local.port ?? 0) === 0,
    async open(server, _, user) {
      const address = local.address ?? (isIPv6(server.address) ? '::' : '0.0.0.0')
      const socket = await UdpSocket.bind(
        {
          address,
          port: local.port ?? 0,
          remote: server,
          receiveBufferSize: local.receiveBufferSize ?? mediaReceiveBuffer,
        },
        {
          onDatagram: (bytes, from, port) => user.onMessage(bytes, from, port),
          onSocketError(error) {
            if (isHardError(error)) user.onUnreachable(error)
          },
        },
      )
      return {
        reliable: false,
        local: socket.local,
        get receiveBufferSize() {
          return socket.receiveBufferSize
        },
        send: (bytes, to) => socket.send(bytes, to.port, to.address),
        close: () => socket.close(),
      }
    },
  }
}

/** One TCP connection. */
export function tcpNetwork(local: LocalBinding = {}): TurnNetwork {
  return streamNetwork(local, (server, _, receiver) => connectTcp({ ...server, ...from(local) }, receiver))
}

/** One TLS connection; certificates are checked unless the options say otherwise. */
export function tlsNetwork(tls: TlsOptions = {}, local: LocalBinding = {}): TurnNetwork {
  const network = streamNetwork(local, (server, domain, receiver) =>
    connectTls({ serverName: domain, ...tls, ...server, ...from(local) }, receiver),
  )
  return { ...network, transport: 'tls' }
}

function from({ address }: LocalBinding): { localAddress?: string } {
  return address === undefined ? {} : { localAddress: address }
}

function familyOf({ address }: LocalBinding): TurnNetwork['family'] {
  if (address === undefined) return undefined
  return isIPv6(address) ? 'IPv6' : 'IPv4'
}

function streamNetwork(local: LocalBinding, stream: NonNullable<TurnNetwork['stream']>): TurnNetwork {
  return {
    reliable: true,
    family: familyOf(local),
    picksPorts: true,
    stream,
    open: (server, domain, user) =>
      new Promise((resolve, reject) => {
        const carrier = new StreamCarrier(server, user, resolve, reject)
        carrier.connection = stream(server, domain, carrier)
      }),
  }
}

/** Milliseconds that a connection may take to send what was written before it was closed. */
const LINGER = 1000

class StreamCarrier implements TurnCarrier, StreamReceiver {
  readonly reliable = true
  connection: StreamConnection | undefined
  readonly #server: TransportAddress
  readonly #user: CarrierUser
  readonly #onOpen: (carrier: TurnCarrier) => void
  readonly #onFailure: (error: EnvironmentError) => void
  readonly #framer = new StunFramer()
  #open = false
  #closing: (() => void) | undefined
  #closed = false

  constructor(
    server: TransportAddress,
    user: CarrierUser,
    onOpen: (carrier: TurnCarrier) => void,
    onFailure: (error: EnvironmentError) => void,
  ) {
    this.#server = server
    this.#user = user
    this.#onOpen = onOpen
    this.#onFailure = onFailure
  }

  get local(): TransportAddress {
    return this.connection?.local ?? { address: '0.0.0.0', port: 0 }
  }

  send(bytes: Uint8Array): void {
    this.connection?.write(bytes)
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    const { connection } = this
    return new Promise(resolve => {
      if (this.#open && connection !== undefined && connection.bufferedBytes > 0) {
        // a Refresh with lifetime 0 leaves before the connection goes
        const linger = systemTimers.after(LINGER, () => connection.destroy())
        this.#closing = () => {
          systemTimers.stop(linger)
          resolve()
        }
        connection.end()
        return
      }
      this.#closing = resolve
      connection?.destroy()
    })
  }

  onConnected(): void {
    this.#open = true
    this.#onOpen(this)
  }

  onBytes(connection: StreamConnection, bytes: Buffer): void {
    for (const frame of this.#framer.push(bytes)) {
      if (this.#closing !== undefined) return
      this.#user.onMessage(frame, this.#server.address, this.#server.port)
    }
    if (this.#framer.broken) {
      connection.destroy(
        new EnvironmentError('ERR_TURN_STREAM', 'the TURN server sent what is neither STUN nor channel data'),
      )
    }
  }

  onClosed(_: StreamConnection, error: EnvironmentError | undefined): void {
    this.#closed = true
    const reason = error ?? new EnvironmentError('ECONNRESET', 'the TURN server closed the connection')
    if (this.#closing !== undefined) this.#closing()
    else if (this.#open) this.#user.onDown(reason)
    else this.#onFailure(reason)
  }
}
