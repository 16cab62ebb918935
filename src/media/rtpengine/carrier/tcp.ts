import { type HostAddress, resolveHost } from '../../../net/resolve.ts'
import type { StreamConnection, StreamReceiver } from '../../../net/stream.ts'
import { connectTcp } from '../../../net/tcp.ts'
import { unbracketed } from '../../../util/address.ts'
import { EnvironmentError, PeerError } from '../../../util/errors.ts'
import type { BencodeLimits } from '../bencode/bencode.ts'
import type { Carrier, CarrierReceiver } from './carrier.ts'
import { NgFramer } from './framer.ts'

export interface TcpCarrierOptions {
  /** A name or a numeric address; a name is looked up with each connection, and its addresses are tried in order. */
  readonly host: string
  readonly port: number
  readonly limits: BencodeLimits
  /** The system's when absent. */
  readonly resolve?: (host: string) => Promise<readonly HostAddress[]>
}

/** What is not worth a connection of its own any more, and would stop all others. */
const LONGEST_MESSAGE = 1024 * 1024

/** Bytes that may wait for the engine; how many requests do is the client's own limit. */
const MAX_BUFFERED = 64 * 1024 * 1024
/** Addresses of one name that are tried. */
const MAX_ADDRESSES = 8
/** Milliseconds for one address while there are others. */
const ATTEMPT = 2_000

/** NG over TCP: one connection, made with the first message and again with the first one after it was lost. */
export class TcpCarrier implements Carrier, StreamReceiver {
  readonly reliable: boolean = true
  readonly longestMessage: number = LONGEST_MESSAGE
  readonly #options: TcpCarrierOptions
  readonly #receiver: CarrierReceiver
  #connection: StreamConnection | undefined
  #connected = false
  #framer: NgFramer | undefined
  #resolving: Promise<void> | undefined
  /** Addresses that were not tried yet. */
  #left: HostAddress[] = []
  /** Messages that wait for the connection, by cookie. */
  readonly #waiting = new Map<string, Buffer>()
  #closed = false
  #onGone: (() => void) | undefined

  constructor(options: TcpCarrierOptions, receiver: CarrierReceiver) {
    this.#options = options
    this.#receiver = receiver
  }

  send(message: Buffer, cookie: string): void {
    if (this.#connected) {
      this.#connection?.write(message)
      return
    }
    this.#waiting.set(cookie, message)
    if (this.#connection === undefined) this.#resolving ??= this.#resolve()
  }

  forget(cookie: string): void {
    this.#waiting.delete(cookie)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#waiting.clear()
    await this.#resolving
    const connection = this.#connection
    if (connection === undefined) return
    await new Promise<void>(resolve => {
      this.#onGone = resolve
      connection.destroy()
    })
  }

  onConnected(connection: StreamConnection): void {
    if (this.#closed || connection !== this.#connection) return
    this.#connected = true
    for (const message of this.#waiting.values()) connection.write(message)
    this.#waiting.clear()
  }

  onBytes(connection: StreamConnection, bytes: Buffer): void {
    if (this.#closed || connection !== this.#connection) return
    try {
      this.#framer?.push(bytes)
    } catch (error) {
      if (!(error instanceof PeerError)) throw error
      this.#lose(error)
      connection.destroy()
    }
  }

  onClosed(connection: StreamConnection, error: EnvironmentError | undefined): void {
    if (connection !== this.#connection) return
    this.#onGone?.()
    if (this.#closed) {
      this.#connection = undefined
      return
    }
    const next = this.#connected ? undefined : this.#left.shift()
    if (next !== undefined) this.#connect(next)
    else this.#lose(error ?? new EnvironmentError('ERR_RTPENGINE_GONE', 'the engine closed the connection'))
  }

  async #resolve(): Promise<void> {
    const { host, resolve = resolveHost } = this.#options
    try {
      const found = await resolve(unbracketed(host))
      this.#resolving = undefined
      if (this.#closed) return
      const [first, ...left] = found.slice(0, MAX_ADDRESSES)
      this.#left = left
      if (first !== undefined) this.#connect(first)
    } catch (error) {
      this.#resolving = undefined
      if (!this.#closed) this.#lose(asEnvironmentError(error))
    }
  }

  #connect({ address }: HostAddress): void {
    const { port, limits } = this.#options
    const receiver = this.#receiver
    this.#connected = false
    this.#framer = new NgFramer(message => receiver.onMessage(message), limits)
    const attempt = this.#left.length > 0 ? { connectTimeout: ATTEMPT } : {}
    this.#connection = connectTcp({ address, port, maxBufferedBytes: MAX_BUFFERED, ...attempt }, this)
  }

  #lose(error: EnvironmentError | PeerError): void {
    this.#connection = undefined
    this.#connected = false
    this.#framer = undefined
    this.#waiting.clear()
    this.#receiver.onCarrierFailure(error)
  }
}

function asEnvironmentError(error: unknown): EnvironmentError {
  if (error instanceof EnvironmentError) return error
  return new EnvironmentError('ERR_RTPENGINE_SOCKET', 'no connection could be made', { cause: error })
}
