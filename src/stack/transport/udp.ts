import { type UdpOptions, UdpSocket } from '../../net/udp.ts'
import { hostPort, type TransportAddress } from '../../util/address.ts'
import { type EnvironmentError, UsageError } from '../../util/errors.ts'
import type { Flow } from './flow.ts'
import type { Transport, TransportReceiver } from './transport.ts'

/** SIP over UDP on one bound socket. */
export class UdpTransport implements Transport {
  readonly protocol = 'UDP'
  readonly isReliable = false
  readonly #options: UdpOptions
  #socket: UdpSocket | undefined
  #key = ''

  constructor(options: UdpOptions) {
    this.#options = options
  }

  get key(): string {
    return this.#key
  }

  get local(): TransportAddress {
    return this.#open.local
  }

  async open(receiver: TransportReceiver): Promise<void> {
    const flowTo = (address: string, port: number): Flow => ({
      protocol: 'UDP',
      transport: this.#key,
      address,
      port,
      connection: 0,
    })
    this.#socket = await UdpSocket.bind(this.#options, {
      onDatagram: (bytes, address, port) => receiver.onDatagram(bytes, flowTo(address, port)),
      onSocketError: (error: EnvironmentError, destination?: TransportAddress) => {
        receiver.onFlowFailed(flowTo(destination?.address ?? '', destination?.port ?? 0), error)
      },
    })
    const { address, port } = this.#socket.local
    this.#key = `udp:${hostPort(address, port)}`
  }

  send(wire: string, flow: Flow): number {
    this.#open.send(Buffer.from(wire, 'latin1'), flow.port, flow.address)
    return 0
  }

  async close(): Promise<void> {
    await this.#socket?.close()
  }

  get #open(): UdpSocket {
    if (this.#socket === undefined)
      throw new UsageError('ERR_SIP_TRANSPORT', 'the UDP transport is not open yet')
    return this.#socket
  }
}
