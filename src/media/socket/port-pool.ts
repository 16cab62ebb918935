import { errorCode } from '../../net/failure.ts'
import { type DatagramReceiver, UdpSocket } from '../../net/udp.ts'
import { EnvironmentError, UsageError } from '../../util/errors.ts'

/** Inclusive; RTP takes even ports of it, RTCP the odd ones above them. */
export interface PortRange {
  readonly min: number
  readonly max: number
}

/** Where a stream is to be bound. */
export interface PortBinding {
  /** Numeric. */
  readonly address: string
  /** The RTP port; 0 takes one of the range, or one that the system chooses. */
  readonly port: number
}

const TRIES = 64

/** How a socket is bound; tests pass one of their own. */
export type BindSocket = (address: string, port: number, receiver: DatagramReceiver) => Promise<MediaSocket>

/** What a flow needs of a socket. */
export interface MediaSocket {
  readonly local: { readonly address: string; readonly port: number }
  send(bytes: Uint8Array, port: number, address: string): void
  close(): Promise<void>
}

const bindUdp: BindSocket = (address, port, receiver) => UdpSocket.bind({ address, port }, receiver)

/** Hands out ports of a range, each stream's after those of the stream before. */
export class PortPool {
  readonly #range: PortRange | undefined
  readonly #bind: BindSocket
  #next: number

  constructor(range: PortRange | undefined, bind: BindSocket = bindUdp) {
    if (range !== undefined && !(range.min >= 1 && range.max <= 65_535 && evenFrom(range.min) < range.max)) {
      throw new UsageError(
        'ERR_PORT_RANGE',
        `ports ${range.min} to ${range.max} hold no even port with an odd one above`,
      )
    }
    this.#range = range
    this.#bind = bind
    this.#next = range === undefined ? 0 : evenFrom(range.min)
  }

  /**
   * Binds a socket for each receiver: one, or two of which the first has an even port and the second the next. Rejects
   * with an EnvironmentError: EADDRINUSE where no port is free.
   */
  async open(binding: PortBinding, receivers: readonly DatagramReceiver[]): Promise<MediaSocket[]> {
    if (binding.port !== 0) return this.#all(binding.address, binding.port, receivers)
    const tries = this.#range === undefined ? TRIES : Math.ceil((this.#range.max - this.#range.min) / 2) + 1
    for (let i = 0; i < tries; i++) {
      const sockets = await this.#attempt(binding.address, receivers)
      if (sockets !== undefined) return sockets
    }
    const where =
      this.#range === undefined ? 'of the system' : `from ${this.#range.min} to ${this.#range.max}`
    throw new EnvironmentError(
      'EADDRINUSE',
      `no RTP port ${where} is free on ${binding.address}: widen the range, or close streams`,
    )
  }

  async #attempt(
    address: string,
    receivers: readonly DatagramReceiver[],
  ): Promise<MediaSocket[] | undefined> {
    try {
      if (this.#range !== undefined) return await this.#all(address, this.#take(this.#range), receivers)
      return await this.#systemPorts(address, receivers)
    } catch (error) {
      if (errorCode(error) === 'EADDRINUSE') return undefined
      throw error
    }
  }

  /** The system knows no pairs: one that it gives an odd port for is asked again. */
  async #systemPorts(
    address: string,
    receivers: readonly DatagramReceiver[],
  ): Promise<MediaSocket[] | undefined> {
    const [first, second] = receivers
    if (first === undefined) return []
    const socket = await this.#bind(address, 0, first)
    if (second === undefined) return [socket]
    const { port } = socket.local
    try {
      if (port % 2 === 0) return [socket, await this.#bind(address, port + 1, second)]
    } catch (error) {
      await socket.close()
      throw error
    }
    await socket.close()
    return undefined
  }

  async #all(address: string, port: number, receivers: readonly DatagramReceiver[]): Promise<MediaSocket[]> {
    const sockets: MediaSocket[] = []
    try {
      for (const [i, receiver] of receivers.entries()) {
        sockets.push(await this.#bind(address, port + i, receiver))
      }
    } catch (error) {
      await Promise.all(sockets.map(socket => socket.close()))
      throw error
    }
    return sockets
  }

  #take({ min, max }: PortRange): number {
    const port = this.#next
    this.#next = port + 3 > max ? evenFrom(min) : port + 2
    return port
  }
}

function evenFrom(port: number): number {
  return port + (port % 2)
}
