import { resolveHost } from '../../../net/resolve.ts'
import type { StreamConnection, StreamReceiver } from '../../../net/stream.ts'
import { connectTcp } from '../../../net/tcp.ts'
import { unbracketed } from '../../../util/address.ts'
import { EnvironmentError, PeerError } from '../../../util/errors.ts'
import type { BencodeLimits } from '../bencode/bencode.ts'
import type { Carrier, CarrierReceiver } from './carrier.ts'
import { NgFramer } from './framer.ts'

export interface TcpCarrierOptions {
  /** A name or a numeric address; a name is looked up with each connection. */
  readonly host: string
  readonly port: number
  readonly limits: BencodeLimits
}

/** What is not worth a connection of its own any more, and would stop all others. */
const LONGEST_MESSAGE = 1024 * 1024

/** Bytes that may wait for the engine; how many requests do is the client's own limit. */
const MAX_BUFFERED = 64 * 1024 * 1024

/** NG over TCP: one connection, made with the first message and again with the first one after it was lost. */
export class TcpCarrier implements Carrier, StreamReceiver {
  readonly reliable: boolean = true
  readonly longestMessage: number = LONGEST_MESSAGE
  readonly #options: TcpCarrierOptions
  readonly #receiver: CarrierReceiver
  #connection: StreamConnection | undefined
  #framer: NgFramer | undefined
  #opening: Promise<void> | undefined
  #waiting: Buffer[] = []
  #closed = false
  #onGone: (() => void) | undefined

  constructor(options: TcpCarrierOptions, receiver: CarrierReceiver) {
    this.#options = options
    this.#receiver = receiver
  }

  send(message: Buffer): void {
    if (this.#connection !== undefined) {
      this.#connection.write(message)
      return
    }
    this.#waiting.push(message)
    this.#opening ??= this.#open().then(
      () => {
        this.#opening = undefined
      },
      error => this.#fail(error),
    )
  }

  forget(): void {}

  async close(): Promise<void> {
    this.#closed = true
    this.#waiting = []
    await this.#opening
    const connection = this.#connection
    if (connection === undefined) return
    await new Promise<void>(resolve => {
      this.#onGone = resolve
      connection.destroy()
    })
  }

  onConnected(): void {}

  onBytes(connection: StreamConnection, bytes: Buffer): void {
    if (this.#closed || connection !== this.#connection) return
    try {
      this.#framer?.push(bytes)
    } catch (error) {
      if (!(error instanceof PeerError)) throw error
      this.#connection = undefined
      connection.destroy()
      this.#receiver.onCarrierFailure(error)
    }
  }

  onClosed(connection: StreamConnection, error: EnvironmentError | undefined): void {
    if (connection !== this.#connection) return
    this.#connection = undefined
    this.#onGone?.()
    if (this.#closed) return
    this.#receiver.onCarrierFailure(
      error ?? new EnvironmentError('ERR_RTPENGINE_GONE', 'the engine closed the connection'),
    )
  }

  async #open(): Promise<void> {
    const { host, port, limits } = this.#options
    const [found] = await resolveHost(unbracketed(host))
    if (found === undefined || this.#closed) return
    const receiver = this.#receiver
    this.#framer = new NgFramer(message => receiver.onMessage(message), limits)
    const connection = connectTcp({ address: found.address, port, maxBufferedBytes: MAX_BUFFERED }, this)
    this.#connection = connection
    for (const message of this.#waiting) connection.write(message)
    this.#waiting = []
  }

  #fail(error: unknown): void {
    this.#opening = undefined
    this.#waiting = []
    if (!(error instanceof EnvironmentError)) throw error
    if (!this.#closed) this.#receiver.onCarrierFailure(error)
  }
}
