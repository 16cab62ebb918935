import { HttpClient } from '../../../net/http.ts'
import { EnvironmentError } from '../../../util/errors.ts'
import { type BencodeLimits, DEFAULT_BENCODE_LIMITS } from '../bencode/bencode.ts'
import type { Carrier, CarrierReceiver } from './carrier.ts'

const CONTENT_TYPE = 'application/x-rtpengine-ng'
const LONGEST_MESSAGE = 1024 * 1024

/** NG over HTTP: a message is the body of a POST, its reply the body of the response. */
export class HttpCarrier implements Carrier {
  readonly reliable: boolean = true
  readonly longestMessage: number = LONGEST_MESSAGE
  readonly #client: HttpClient
  readonly #receiver: CarrierReceiver
  readonly #underWay = new Map<string, AbortController>()
  #closed = false

  constructor(url: URL, limits: BencodeLimits, receiver: CarrierReceiver) {
    this.#receiver = receiver
    this.#client = new HttpClient(url, { maxBodyBytes: limits.maxLength ?? DEFAULT_BENCODE_LIMITS.maxLength })
  }

  send(message: Buffer, cookie: string): void {
    const abort = new AbortController()
    this.#underWay.set(cookie, abort)
    this.#post(message, cookie, abort.signal, true)
  }

  forget(cookie: string): void {
    const abort = this.#underWay.get(cookie)
    this.#underWay.delete(cookie)
    abort?.abort()
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const cookie of [...this.#underWay.keys()]) this.forget(cookie)
    this.#client.close()
  }

  #post(message: Buffer, cookie: string, signal: AbortSignal, first: boolean): void {
    this.#client.post(message, CONTENT_TYPE, signal).then(
      response => {
        if (!this.#underWay.delete(cookie) || this.#closed) return
        if (response.status === 200) this.#receiver.onMessage(response.body)
        else this.#receiver.onCarrierFailure(unexpected(response.status), cookie)
      },
      cause => {
        if (!this.#underWay.has(cookie) || this.#closed) return
        const error = asEnvironmentError(cause)
        // a kept connection may be closed by the engine just as it is used again; the cookie makes asking twice safe
        if (first && error.code === 'ECONNRESET') {
          this.#post(message, cookie, signal, false)
          return
        }
        this.#underWay.delete(cookie)
        this.#receiver.onCarrierFailure(error, cookie)
      },
    )
  }
}

function unexpected(status: number): EnvironmentError {
  return new EnvironmentError(
    'ERR_RTPENGINE_HTTP',
    `HTTP status ${status}; see that the URL's path is the engine's`,
  )
}

function asEnvironmentError(cause: unknown): EnvironmentError {
  if (cause instanceof EnvironmentError) return cause
  return new EnvironmentError('ERR_RTPENGINE_HTTP', 'the request could not be made', { cause })
}
