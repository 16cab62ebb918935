import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { type AddressFamily, familyOf, type TransportAddress, unmapped } from '../util/address.ts'
import { EnvironmentError, UsageError } from '../util/errors.ts'
import { checkedFamily, environmentError } from './failure.ts'
import { mappingLookup, numericLookup } from './numeric-lookup.ts'

/** Who gets what a UDP socket receives. Called directly from the socket, with no queue between. */
export interface DatagramReceiver {
  /** `bytes` belongs to the receiver; `address` is canonical, an IPv4 peer of a dual-stack socket is dotted. */
  onDatagram(bytes: Buffer, address: string, port: number): void
  /**
   * The socket failed, or a datagram could not be sent; then `destination` tells which. Its `size` in bytes is told where
   * that may be why: of one that is larger than an Ethernet's.
   */
  onSocketError(error: EnvironmentError, destination?: TransportAddress, size?: number): void
}

export interface UdpOptions {
  /** A numeric local address, `0.0.0.0` or `::` for all. */
  readonly address: string
  /** 0 lets the system choose. */
  readonly port: number
  /**
   * The only peer: the socket is connected to it. It gets nothing of others, `send` sends there wherever it is told
   * to, and the system tells an ICMP error that comes back (ECONNREFUSED).
   */
  readonly remote?: Pick<TransportAddress, 'address' | 'port'>
  /** An IPv6 socket takes no IPv4 traffic. Default true. */
  readonly ipv6Only?: boolean
  /** Bytes; default 4 MiB, lowered until the system agrees. */
  readonly receiveBufferSize?: number
  /** Bytes; the system's default when absent, lowered until the system agrees. */
  readonly sendBufferSize?: number
}

const RECEIVE_BUFFER = 4 * 1024 * 1024
const SMALLEST_BUFFER = 16 * 1024
/** Bytes that nearly every way carries. */
const COMMON = 1400

type SendError = (Error & { address?: string; port?: number }) | null

/** One bound UDP socket of one family, for numeric addresses only. Addresses are never shared (`reuseAddr`). */
export class UdpSocket {
  readonly local: TransportAddress
  datagramsIn: number = 0
  datagramsOut: number = 0
  bytesIn: number = 0
  bytesOut: number = 0
  readonly #socket: Socket
  /** The only peer, where the socket is connected to one. */
  readonly remote: TransportAddress | undefined
  readonly #receiver: DatagramReceiver
  #closing: Promise<void> | undefined

  /**
   * Binds. Rejects with a UsageError for an address that is not numeric or a port out of range, and with an
   * EnvironmentError where the system refuses (EADDRINUSE, EACCES, EADDRNOTAVAIL …).
   */
  static async bind(options: UdpOptions, receiver: DatagramReceiver): Promise<UdpSocket> {
    const { address, port } = options
    const family = checkedFamily('udp', address, port)
    if (options.remote !== undefined) {
      checkedFamily('udp', options.remote.address, options.remote.port)
      if (options.remote.port === 0) throw new UsageError('ERR_PORT', 'udp: nobody can be reached at port 0')
    }
    const ipv6Only = options.ipv6Only ?? true
    const socket = createSocket({
      type: family === 4 ? 'udp4' : 'udp6',
      ipv6Only: family === 6 && ipv6Only,
      lookup: family === 4 || ipv6Only ? numericLookup : mappingLookup,
    })
    await new Promise<void>((resolve, reject) => {
      socket.once('error', error => {
        socket.close()
        reject(environmentError(error, { protocol: 'udp', address, port }))
      })
      socket.bind({ address, port, exclusive: true }, resolve)
    })
    socket.removeAllListeners('error')
    raise(size => socket.setRecvBufferSize(size), options.receiveBufferSize ?? RECEIVE_BUFFER)
    if (options.sendBufferSize) raise(size => socket.setSendBufferSize(size), options.sendBufferSize)
    const remote = options.remote && (await connected(socket, options.remote))
    return new UdpSocket(socket, family, family === 6 && !ipv6Only, remote, receiver)
  }

  private constructor(
    socket: Socket,
    family: AddressFamily,
    dual: boolean,
    remote: TransportAddress | undefined,
    receiver: DatagramReceiver,
  ) {
    const { address, port } = socket.address()
    this.local = { address, port, family }
    this.remote = remote
    this.#socket = socket
    this.#receiver = receiver
    socket.on('message', dual ? this.#onMessageDual : this.#onMessage)
    socket.on('error', this.#onError)
  }

  /** What the system granted, in bytes, as it reports it: Linux tells twice the size that was asked for. */
  get receiveBufferSize(): number {
    return this.#closing ? 0 : this.#socket.getRecvBufferSize()
  }

  get sendBufferSize(): number {
    return this.#closing ? 0 : this.#socket.getSendBufferSize()
  }

  /**
   * Sends one datagram to a numeric address. The bytes must not change until the next turn of the event loop. What
   * fails is told to `onSocketError`, never thrown; after close nothing is sent.
   */
  send(bytes: Uint8Array, port: number, address: string): void {
    if (this.#closing) return
    // a datagram can come from port 0, and dgram throws at the answer to it
    if (!(port > 0 && port < 65_536)) {
      process.nextTick(this.#onSent, badPort(port, address))
      return
    }
    this.datagramsOut++
    this.bytesOut += bytes.length
    const { length } = bytes
    const onSent = length > COMMON ? (error: SendError) => this.#onLargeSent(error, length) : this.#onSent
    if (this.remote !== undefined) this.#socket.send(bytes, onSent)
    else this.#socket.send(bytes, port, address, onSent)
  }

  /** Closes, once what was sent has left; from this call on the receiver hears nothing more. May be called again. */
  close(): Promise<void> {
    this.#closing ??= new Promise(resolve => {
      // dgram gives a datagram to the system one tick after `send`, and forgets it where the socket is closed by then
      process.nextTick(() => this.#socket.close(resolve))
    })
    return this.#closing
  }

  readonly #onMessage = (bytes: Buffer, from: RemoteInfo): void => {
    if (this.#closing) return
    this.datagramsIn++
    this.bytesIn += bytes.length
    this.#receiver.onDatagram(bytes, from.address, from.port)
  }

  readonly #onMessageDual = (bytes: Buffer, from: RemoteInfo): void => {
    from.address = unmapped(from.address)
    this.#onMessage(bytes, from)
  }

  readonly #onError = (error: Error): void => {
    if (this.#closing) return
    const remote = this.remote
    this.#receiver.onSocketError(
      environmentError(error, { protocol: 'udp', ...(remote ?? this.local) }),
      remote,
    )
  }

  /** One function for all sends: dgram keeps a synchronous failure to itself where there is no callback. */
  readonly #onSent = (error: SendError): void => this.#onLargeSent(error, undefined)

  #onLargeSent(error: SendError, size: number | undefined): void {
    if (error === null || this.#closing) return
    const address = this.remote?.address ?? unmapped(error.address ?? '')
    const port = this.remote?.port ?? error.port ?? 0
    const typed =
      error instanceof EnvironmentError ? error : environmentError(error, { protocol: 'udp', address, port })
    const family = familyOf(address)
    this.#receiver.onSocketError(typed, family && { address, port, family }, size)
  }
}

async function connected(
  socket: Socket,
  { address, port }: Pick<TransportAddress, 'address' | 'port'>,
): Promise<TransportAddress> {
  const family = checkedFamily('udp', address, port)
  await new Promise<void>((resolve, reject) => {
    socket.connect(port, address, (error?: Error) => {
      if (error === undefined) {
        resolve()
        return
      }
      socket.close()
      reject(environmentError(error, { protocol: 'udp', address, port }))
    })
  })
  return { address, port, family }
}

function badPort(port: number, address: string): EnvironmentError & { address: string; port: number } {
  const error = new EnvironmentError('ERR_PORT', `udp ${address}: ${port} is not a port to send to`)
  return Object.assign(error, { address, port })
}

/** Systems differ: Linux cuts a size down silently, others refuse one that is too large. */
function raise(set: (size: number) => void, wanted: number): void {
  for (let size = wanted; size >= SMALLEST_BUFFER; size = Math.floor(size / 2)) {
    try {
      set(size)
      return
    } catch {
      // too large for this system: try half
    }
  }
}
