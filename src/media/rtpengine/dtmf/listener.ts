import { type DatagramReceiver, UdpSocket } from '../../../net/udp.ts'
import { sameAddress, type TransportAddress } from '../../../util/address.ts'
import type { EnvironmentError } from '../../../util/errors.ts'
import { guarded } from '../../../util/guard.ts'
import { type CallbackErrorOptions, CallbackErrors } from '../../callback-errors.ts'
import { type DtmfEvent, parseDtmfEvent } from './event.ts'

export interface DtmfListenerOptions extends CallbackErrorOptions {
  /** A numeric address of this host that the engine reaches. */
  readonly address: string
  readonly port: number
  /** The engines' addresses; what comes from elsewhere is counted and dropped. All are heard when absent. */
  readonly from?: readonly string[]
}

export interface DtmfHandler {
  onDtmf(event: DtmfEvent): unknown
  /** The socket failed. */
  onDtmfError?(error: EnvironmentError): unknown
}

/**
 * Hears the DTMF log of engines that were started with `--dtmf-log-dest` pointing here, or were given this address
 * with the option `dtmfLogDest`.
 */
export class DtmfListener implements DatagramReceiver {
  /** Datagrams that were no DTMF event. */
  malformed: number = 0
  /** Datagrams from others than the engines. */
  foreign: number = 0
  readonly #handler: DtmfHandler
  readonly #from: readonly string[] | undefined
  readonly #errors: CallbackErrors
  #socket: UdpSocket | undefined
  #closed = false

  /** Binds. Throws and rejects as `UdpSocket.bind` does. */
  static async bind(options: DtmfListenerOptions, handler: DtmfHandler): Promise<DtmfListener> {
    const listener = new DtmfListener(handler, options)
    listener.#socket = await UdpSocket.bind({ address: options.address, port: options.port }, listener)
    return listener
  }

  private constructor(handler: DtmfHandler, options: DtmfListenerOptions) {
    this.#handler = handler
    this.#from = options.from
    this.#errors = new CallbackErrors(options)
  }

  /** How often the handler threw or rejected. */
  get callbackErrors(): number {
    return this.#errors.count
  }

  get local(): TransportAddress | undefined {
    return this.#socket?.local
  }

  /** May be called again; the handler hears nothing more. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#socket?.close()
  }

  onDatagram(bytes: Buffer, address: string): void {
    if (this.#closed) return
    if (this.#from && !this.#from.some(engine => sameAddress(engine, address))) {
      this.foreign++
      return
    }
    const event = parseDtmfEvent(bytes)
    if (event === undefined) this.malformed++
    else guarded(this.#errors.failed, this.#handler, this.#handler.onDtmf, event)
  }

  onSocketError(error: EnvironmentError): void {
    if (this.#closed) return
    guarded(this.#errors.failed, this.#handler, this.#handler.onDtmfError, error)
  }
}
