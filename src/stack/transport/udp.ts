import { type UdpOptions, UdpSocket } from '../../net/udp.ts'
import { hostPort, type TransportAddress } from '../../util/address.ts'
import { type EnvironmentError, UsageError } from '../../util/errors.ts'
import type { Flow } from '../message/flow.ts'
import { type SentBy, sentByOf } from './sent-by.ts'
import type { Sent, Transport, TransportReceiver } from './transport.ts'

/** Bytes that a datagram can carry over IPv4; a few more over IPv6. */
const LARGEST_DATAGRAM = 65_507

/** SIP over UDP on one bound socket. */
export class UdpTransport implements Transport {
  readonly protocol = 'UDP'
  readonly isReliable = false
  readonly #options: UdpOptions
  #socket: UdpSocket | undefined
  #key = ''
  #sentBy: SentBy | undefined

  constructor(options: UdpOptions) {
    this.#options = options
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
    const flowTo = (address: string, port: number): Flow => ({
      protocol: 'UDP',
      transport: this.#key,
      address,
      port,
      connection: 0,
      serverName: undefined,
    })
    this.#socket = await UdpSocket.bind(this.#options, {
      onDatagram: (bytes, address, port) => receiver.onDatagram(bytes, flowTo(address, port)),
      onSocketError: (error: EnvironmentError, destination?: TransportAddress) => {
        receiver.onFlowFailed(flowTo(destination?.address ?? '', destination?.port ?? 0), error)
      },
    })
    const { address, port } = this.#socket.local
    this.#key = `udp:${hostPort(address, port)}`
    this.#sentBy = sentByOf(address, port)
  }

  send(wire: string, flow: Flow): Sent {
    // the system's refusal would read as a failure of the whole flow
    if (wire.length > LARGEST_DATAGRAM) return 'too large'
    this.#open.send(Buffer.from(wire, 'latin1'), flow.port, flow.address)
    return flow
  }

  async close(): Promise<void> {
    await this.#socket?.close()
  }

  get #open(): UdpSocket {
    if (this.#socket === undefined) throw notOpen()
    return this.#socket
  }
}

function notOpen(): UsageError {
  return new UsageError('ERR_SIP_TRANSPORT', 'the UDP transport is not open yet')
}
