import { connectWebSocket, type WebSocketConnection } from '../../../net/websocket.ts'
import { EnvironmentError } from '../../../util/errors.ts'
import { type BencodeLimits, DEFAULT_BENCODE_LIMITS } from '../bencode/bencode.ts'
import { cookieOf } from '../message/message.ts'
import type { Carrier, CarrierReceiver } from './carrier.ts'

const SUB_PROTOCOL = 'ng.rtpengine.com'
const LONGEST_MESSAGE = 1024 * 1024
/** Connections to one engine at most; requests beyond wait for one of them. */
const MAX_CONNECTIONS = 16

/** A connection with the cookie of the one request that is under way on it. */
interface Lane {
  readonly connection: WebSocketConnection
  cookie: string | undefined
}

/**
 * NG over WebSockets of its sub-protocol, a message a frame. An engine with several threads mixes up the pieces of
 * replies that it writes to one connection at the same time (seen in 10.5), so each connection has one request at a
 * time, and there are several connections.
 */
export class WebSocketCarrier implements Carrier {
  readonly reliable: boolean = true
  readonly longestMessage: number = LONGEST_MESSAGE
  readonly #url: URL
  readonly #limits: BencodeLimits
  readonly #receiver: CarrierReceiver
  readonly #lanes = new Set<Lane>()
  readonly #idle: Lane[] = []
  /** Messages that wait for a connection, by cookie. */
  readonly #waiting = new Map<string, Buffer>()
  #closed = false

  constructor(url: URL, limits: BencodeLimits, receiver: CarrierReceiver) {
    this.#url = url
    this.#limits = limits
    this.#receiver = receiver
  }

  send(message: Buffer, cookie: string): void {
    const lane = this.#idle.pop() ?? (this.#lanes.size < MAX_CONNECTIONS ? this.#connect() : undefined)
    if (lane === undefined) this.#waiting.set(cookie, message)
    else this.#use(lane, message, cookie)
  }

  /** What waits is dropped; a connection on which a late reply may still come is closed. */
  forget(cookie: string): void {
    if (this.#waiting.delete(cookie)) return
    for (const lane of this.#lanes) {
      if (lane.cookie !== cookie) continue
      this.#drop(lane)
      void lane.connection.close()
      this.#sendWaiting()
      return
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#waiting.clear()
    await Promise.all([...this.#lanes].map(lane => lane.connection.close()))
  }

  #use(lane: Lane, message: Buffer, cookie: string): void {
    lane.cookie = cookie
    lane.connection.send(message)
  }

  #connect(): Lane {
    const maxMessageBytes = this.#limits.maxLength ?? DEFAULT_BENCODE_LIMITS.maxLength
    const lane: Lane = {
      cookie: undefined,
      connection: connectWebSocket(
        this.#url,
        { protocol: SUB_PROTOCOL, maxMessageBytes },
        {
          onMessage: message => this.#onMessage(lane, message),
          onClosed: error => this.#onClosed(lane, error),
        },
      ),
    }
    this.#lanes.add(lane)
    return lane
  }

  #onMessage(lane: Lane, message: Buffer): void {
    if (this.#closed || !this.#lanes.has(lane)) return
    if (lane.cookie !== undefined && cookieOf(message) === lane.cookie) {
      lane.cookie = undefined
      this.#idle.push(lane)
      this.#sendWaiting()
    }
    this.#receiver.onMessage(message)
  }

  #onClosed(lane: Lane, error: EnvironmentError | undefined): void {
    if (!this.#lanes.has(lane)) return
    const { cookie } = lane
    this.#drop(lane)
    if (this.#closed) return
    if (cookie !== undefined) {
      const failure = error ?? new EnvironmentError('ERR_RTPENGINE_GONE', 'the engine closed the connection')
      this.#receiver.onCarrierFailure(failure, cookie)
    }
    this.#sendWaiting()
  }

  #drop(lane: Lane): void {
    this.#lanes.delete(lane)
    const place = this.#idle.indexOf(lane)
    if (place >= 0) this.#idle.splice(place, 1)
  }

  #sendWaiting(): void {
    for (const [cookie, message] of this.#waiting) {
      this.#waiting.delete(cookie)
      this.send(message, cookie)
      return
    }
  }
}
