import type { DatagramReceiver } from '../../net/udp.ts'
import type { MediaSocket, PortBinding, PortPool } from '../socket/port-pool.ts'

/** @internal The sockets of a stream, bound together when the first of its paths opens. */
export class SocketPair {
  readonly #pool: PortPool
  readonly #binding: PortBinding
  readonly #receivers: (DatagramReceiver | undefined)[]
  #sockets: Promise<MediaSocket[]> | undefined

  constructor(pool: PortPool, binding: PortBinding, count: 1 | 2) {
    this.#pool = pool
    this.#binding = binding
    this.#receivers = Array.from({ length: count }, () => undefined)
  }

  async open(component: 0 | 1, receiver: DatagramReceiver): Promise<MediaSocket> {
    this.#receivers[component] = receiver
    this.#sockets ??= this.#pool.open(
      this.#binding,
      this.#receivers.map((_, i) => this.#forwarder(i)),
    )
    const socket = (await this.#sockets)[component]
    if (socket === undefined) throw new RangeError(`this stream has no component ${component}`)
    return socket
  }

  /** A socket is bound before the path it belongs to is there to be named. */
  #forwarder(component: number): DatagramReceiver {
    return {
      onDatagram: (bytes, address, port) => this.#receivers[component]?.onDatagram(bytes, address, port),
      onSocketError: error => this.#receivers[component]?.onSocketError(error),
    }
  }
}
