import { connectWebSocket, type WebSocketConnection } from '../../net/websocket.ts'
import { EnvironmentError } from '../../util/errors.ts'
import { type BencodeLimits, DEFAULT_BENCODE_LIMITS } from './bencode.ts'
import type { Carrier, CarrierReceiver } from './carrier.ts'

const SUB_PROTOCOL = 'ng.rtpengine.com'
const LONGEST_MESSAGE = 1024 * 1024

/** NG over a WebSocket of its sub-protocol: a message a frame; connected with the first one and again when lost. */
export class WebSocketCarrier implements Carrier {
  readonly reliable: boolean = true
  readonly longestMessage: number = LONGEST_MESSAGE
  readonly #url: URL
  readonly #limits: BencodeLimits
  readonly #receiver: CarrierReceiver
  #connection: WebSocketConnection | undefined
  #closed = false

  constructor(url: URL, limits: BencodeLimits, receiver: CarrierReceiver) {
    this.#url = url
    this.#limits = limits
    this.#receiver = receiver
  }

  send(message: Buffer): void {
    this.#connection ??= this.#connect()
    this.#connection.send(message)
  }

  forget(): void {}

  async close(): Promise<void> {
    this.#closed = true
    await this.#connection?.close()
  }

  #connect(): WebSocketConnection {
    return connectWebSocket(
      this.#url,
      { protocol: SUB_PROTOCOL, maxMessageBytes: this.#limits.maxLength ?? DEFAULT_BENCODE_LIMITS.maxLength },
      {
        onMessage: message => {
          if (!this.#closed) this.#receiver.onMessage(message)
        },
        onClosed: error => {
          this.#connection = undefined
          if (this.#closed) return
          this.#receiver.onCarrierFailure(
            error ?? new EnvironmentError('ERR_RTPENGINE_GONE', 'the engine closed the connection'),
          )
        },
      },
    )
  }
}
