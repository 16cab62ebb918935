import { encodeBencode } from '../../../src/media/rtpengine/bencode/bencode.ts'
import type {
  Carrier,
  CarrierFactory,
  CarrierReceiver,
} from '../../../src/media/rtpengine/carrier/carrier.ts'
import {
  decodeNgMessage,
  type NgDictionary,
  type NgInput,
} from '../../../src/media/rtpengine/message/message.ts'
import { EnvironmentError } from '../../../src/util/errors.ts'
import type { Timers } from '../../../src/util/timers.ts'

type Answer = { readonly [key: string]: NgInput } | string | undefined

export interface FakeEngineOptions {
  readonly reliable?: boolean
  /** Milliseconds one way, asked for each message. */
  readonly delay?: number | (() => number)
  /** What it answers; a string is the document as it is, undefined no answer at all. */
  readonly answer?: (request: NgDictionary) => Answer
}

/** What an engine answers when nothing else is said: pong, ok, and an SDP of its own. */
function plainAnswer(request: NgDictionary): Answer {
  const command = request.get('command')
  if (command === 'ping') return { result: 'pong' }
  const sdp = request.get('sdp')
  return typeof sdp === 'string' ? { result: 'ok', sdp: `${sdp}a=engine\r\n` } : { result: 'ok' }
}

/**
 * An engine in memory with a carrier in simulated time. Like the real one it answers the same cookie with the same
 * reply, without doing the command again.
 */
export class FakeEngine {
  /** `500 → ping`: when which message came, retransmissions too. */
  readonly ladder: string[] = []
  readonly requests: NgDictionary[] = []
  /** Dictionaries as they came, `d…e`. */
  readonly documents: string[] = []
  readonly forgotten: string[] = []
  /** The next messages to be lost on their way to the engine. */
  loseNext = 0
  down = false
  /** Sending fails at once, as to a port where nothing listens. */
  refusing = false
  closed = false
  readonly #timers: Timers
  readonly #options: FakeEngineOptions
  readonly #answered = new Map<string, string>()
  #receiver: CarrierReceiver | undefined
  #lastCookie = ''

  constructor(timers: Timers, options: FakeEngineOptions = {}) {
    this.#timers = timers
    this.#options = options
  }

  readonly carrier: CarrierFactory = receiver => {
    this.#receiver = receiver
    const engine = this
    return {
      reliable: this.#options.reliable ?? false,
      longestMessage: 65_507,
      send: (message, cookie) => engine.#take(message, cookie),
      forget: cookie => engine.forgotten.push(cookie),
      close: async () => {
        engine.closed = true
      },
    } satisfies Carrier
  }

  /** Answers a message once more, or one that never was asked. */
  reply(document: string, cookie: string = this.#lastCookie): void {
    this.#receiver?.onMessage(Buffer.from(`${cookie} ${document}`, 'latin1'))
  }

  deliver(bytes: Buffer): void {
    this.#receiver?.onMessage(bytes)
  }

  fail(code: string): void {
    this.#receiver?.onCarrierFailure(new EnvironmentError(code, `the connection failed with ${code}`))
  }

  #take(message: Buffer, cookie: string): void {
    const { dictionary } = decodeNgMessage(message)
    this.ladder.push(`${this.#timers.now()} → ${dictionary.get('command')}`)
    if (this.refusing) {
      this.#receiver?.onCarrierFailure(new EnvironmentError('ECONNREFUSED', 'nothing listens there'), cookie)
      return
    }
    if (this.loseNext > 0) {
      this.loseNext--
      return
    }
    const { delay: given = 1 } = this.#options
    const delay = typeof given === 'number' ? given : given()
    this.#timers.after(delay, () => {
      const document = this.#answer(message, cookie, dictionary)
      if (document === undefined) return
      this.#timers.after(delay, () => {
        if (!this.down) this.reply(document, cookie)
      })
    })
  }

  #answer(message: Buffer, cookie: string, request: NgDictionary): string | undefined {
    if (this.down) return undefined
    this.#lastCookie = cookie
    const known = this.#answered.get(cookie)
    if (known !== undefined) return known
    this.requests.push(request)
    this.documents.push(message.subarray(cookie.length + 1).toString('latin1'))
    const answer = (this.#options.answer ?? plainAnswer)(request)
    if (answer === undefined) return undefined
    const document = typeof answer === 'string' ? answer : encodeBencode(answer, 'utf8').toString('latin1')
    this.#answered.set(cookie, document)
    return document
  }
}
