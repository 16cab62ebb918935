import { type DatagramReceiver, type UdpOptions, UdpSocket } from '../../net/udp.ts'
import { hostPort, type TransportAddress } from '../../util/address.ts'
import { type EnvironmentError, UsageError } from '../../util/errors.ts'
import type { Timers } from '../../util/timers.ts'
import type { Flow } from '../message/flow.ts'
import { Counters } from '../statistics.ts'
import { NarrowPaths } from './narrow-paths.ts'
import { type SentBy, sentByOf } from './sent-by.ts'
import { defaultSideSocketLimits, type SideSocketLimits, SideSockets } from './side-sockets.ts'
import type { FlowConnection, Sent, Transport, TransportReceiver } from './transport.ts'

/** Bytes that a datagram can carry. */
const LARGEST_IPV4 = 65_507
const LARGEST_IPV6 = 65_527

/** RFC 5626 §3.5.1, sent over UDP only to keep a NAT's binding. */
const PING: Buffer = Buffer.from('\r\n\r\n')

/**
 * What the system says where it could not send now but may soon, or may not send this: no word about the peer, so that
 * the transaction's timers go on. All else is a transport error (RFC 3261 §18.4): no route (ENETUNREACH, EHOSTUNREACH), a
 * port where nobody listens (ECONNREFUSED, on a connected socket), an address that is gone.
 */
const passing: ReadonlySet<string> = new Set([
  'ENOBUFS',
  'ENOMEM',
  'EAGAIN',
  'EWOULDBLOCK',
  'EINTR',
  'EPERM',
  'EMSGSIZE',
])

export interface UdpTransportOptions extends UdpOptions {
  /** What is advertised; the bound address unless given. */
  readonly sentBy?: SentBy | undefined
  readonly sideSockets?: Partial<SideSocketLimits>
  readonly counters?: Counters
  /** Opens the socket; the system's unless given. */
  readonly bind?: (options: UdpOptions, receiver: DatagramReceiver) => Promise<Socket>
}

/** What is used of a bound socket. */
type Socket = Pick<UdpSocket, 'local' | 'send' | 'close'>

/** SIP over UDP on one bound socket. */
export class UdpTransport implements Transport {
  readonly protocol = 'UDP'
  readonly isReliable = false
  readonly #options: UdpTransportOptions
  readonly #timers: Timers
  readonly #counters: Counters
  #socket: Socket | undefined
  #sides: SideSockets | undefined
  #key = ''
  #sentBy: SentBy | undefined
  #largest = LARGEST_IPV4
  readonly #narrow: NarrowPaths

  constructor(options: UdpTransportOptions, timers: Timers) {
    this.#options = options
    this.#timers = timers
    this.#narrow = new NarrowPaths(timers)
    this.#counters = options.counters ?? new Counters()
  }

  get key(): string {
    return this.#key
  }

  get local(): TransportAddress {
    return this.#open.local
  }

  get sentBy(): SentBy {
    if (this.#sentBy === undefined) throw notOpen()
    return this.#sentBy
  }

  async open(receiver: TransportReceiver): Promise<void> {
    const { bind = UdpSocket.bind, sentBy, sideSockets } = this.#options
    const socket = await bind(this.#options, {
      onDatagram: (bytes, from, fromPort) => receiver.onDatagram(bytes, this.#flow(from, fromPort)),
      onSocketError: (error, to, size) => {
        if (error.code === 'EMSGSIZE' && to !== undefined && size !== undefined)
          this.#narrow.note(to.address, size)
        if (this.#isPassing(error)) return
        receiver.onFlowFailed(this.#flow(to?.address ?? '', to?.port ?? 0), error)
      },
    })
    const { address, port, family } = socket.local
    this.#socket = socket
    this.#key = `udp:${hostPort(address, port)}`
    this.#sentBy = sentBy ?? sentByOf(address, port)
    if (family === 6) this.#largest = LARGEST_IPV6
    this.#sides = new SideSockets(
      address,
      receiver,
      this.#timers,
      { ...defaultSideSocketLimits, ...sideSockets },
      error => this.#isPassing(error),
    )
  }

  send(wire: string, flow: Flow): Sent {
    // the system's refusal would come later, and not say to which message it belongs
    if (wire.length > this.#largest || this.#narrow.isTooLarge(flow.address, wire.length)) return 'too large'
    return this.#send(Buffer.from(wire, 'latin1'), flow)
  }

  keepAlive(flow: Flow): Sent {
    return this.#send(PING, flow)
  }

  sideFlow(flow: Flow): Flow | undefined {
    return this.#sides?.flowTo(flow)
  }

  /** Side sockets alone are connections. */
  connectionOf(flow: Flow): FlowConnection | undefined {
    return this.#sides?.of(flow)
  }

  async close(): Promise<void> {
    this.#sides?.close()
    await this.#socket?.close()
  }

  #send(bytes: Buffer, flow: Flow): Sent {
    if (flow.connection === 0) this.#open.send(bytes, flow.port, flow.address)
    else if (!this.#sides?.send(bytes, flow)) return 'gone'
    return flow
  }

  /** A datagram that was lost on the way out is like one that was lost on the way: it is sent again by its timer. */
  #isPassing(error: EnvironmentError): boolean {
    if (!passing.has(error.code)) return false
    this.#counters.datagramsLost++
    return true
  }

  #flow(address: string, port: number): Flow {
    return { protocol: 'UDP', transport: this.#key, address, port, connection: 0, serverName: undefined }
  }

  get #open(): Socket {
    if (this.#socket === undefined) throw notOpen()
    return this.#socket
  }
}

function notOpen(): UsageError {
  return new UsageError('ERR_SIP_TRANSPORT', 'the UDP transport is not open yet')
}
