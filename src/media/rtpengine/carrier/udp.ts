import { resolveHost } from '../../../net/resolve.ts'
import { type DatagramReceiver, UdpSocket } from '../../../net/udp.ts'
import { type TransportAddress, unbracketed } from '../../../util/address.ts'
import { EnvironmentError } from '../../../util/errors.ts'
import type { Carrier, CarrierReceiver } from './carrier.ts'

export interface UdpCarrierOptions {
  /** A name or a numeric address; a name is looked up once, with the first message. */
  readonly host: string
  readonly port: number
}

/** What the largest UDP datagram over IPv4 holds. */
const LONGEST_DATAGRAM = 65_507
/** Failures that pass by themselves: the next retransmission may well leave. */
const PASSING = new Set(['ENOBUFS', 'EAGAIN', 'ECONNREFUSED'])

/** NG over UDP: a datagram a message. */
export class UdpCarrier implements Carrier, DatagramReceiver {
  readonly reliable: boolean = false
  readonly longestMessage: number = LONGEST_DATAGRAM
  readonly #options: UdpCarrierOptions
  readonly #receiver: CarrierReceiver
  #engine: TransportAddress | undefined
  #socket: UdpSocket | undefined
  #opening: Promise<void> | undefined
  #waiting: Buffer[] = []
  #closed = false

  constructor(options: UdpCarrierOptions, receiver: CarrierReceiver) {
    this.#options = options
    this.#receiver = receiver
  }

  send(message: Buffer): void {
    if (this.#socket !== undefined && this.#engine !== undefined) {
      this.#socket.send(message, this.#engine.port, this.#engine.address)
      return
    }
    this.#waiting.push(message)
    this.#opening ??= this.#open().then(
      () => {},
      error => this.#fail(error),
    )
  }

  forget(): void {}

  async close(): Promise<void> {
    this.#closed = true
    this.#waiting = []
    await this.#opening
    await this.#socket?.close()
  }

  /** Only the engine is listened to. */
  onDatagram(bytes: Buffer, address: string, port: number): void {
    if (this.#closed || port !== this.#engine?.port || address !== this.#engine.address) return
    this.#receiver.onMessage(bytes)
  }

  onSocketError(error: EnvironmentError): void {
    if (!this.#closed && !PASSING.has(error.code)) this.#receiver.onCarrierFailure(error)
  }

  async #open(): Promise<void> {
    const { host, port } = this.#options
    const [found] = await resolveHost(unbracketed(host))
    if (found === undefined || this.#closed) return
    const socket = await UdpSocket.bind({ address: found.family === 6 ? '::' : '0.0.0.0', port: 0 }, this)
    this.#engine = { ...found, port }
    this.#socket = socket
    if (this.#closed) return
    for (const message of this.#waiting) socket.send(message, port, found.address)
    this.#waiting = []
  }

  #fail(error: unknown): void {
    this.#opening = undefined
    this.#waiting = []
    if (!(error instanceof EnvironmentError)) throw error
    if (!this.#closed) this.#receiver.onCarrierFailure(error)
  }
}
