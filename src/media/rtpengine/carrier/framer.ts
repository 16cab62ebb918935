import { PeerError } from '../../../util/errors.ts'
import type { BencodeLimits } from '../bencode/bencode.ts'
import { BencodeLengthFinder } from '../bencode/length.ts'

const LONGEST_COOKIE = 255
const SPACE = 0x20

/** NG over TCP has no framing of its own: a message is a cookie, a blank, and one bencoded value that knows its end. */
export class NgFramer {
  readonly #onMessage: (message: Buffer) => void
  readonly #finder: BencodeLengthFinder
  #waiting: Buffer[] = []
  #cookieLength = 0
  #inDocument = false

  constructor(onMessage: (message: Buffer) => void, limits: BencodeLimits = {}) {
    this.#onMessage = onMessage
    this.#finder = new BencodeLengthFinder(limits)
  }

  /** Throws a PeerError where the stream cannot be cut any further; nothing may be pushed after that. */
  push(chunk: Buffer): void {
    let start = 0
    while (start < chunk.length) {
      let at = start
      if (!this.#inDocument) {
        at = this.#skipCookie(chunk, start)
        if (at < 0) break
      }
      const end = this.#finder.find(chunk, at)
      if (end < 0) break
      this.#deliver(chunk.subarray(start, end))
      start = end
    }
    if (start < chunk.length) this.#waiting.push(chunk.subarray(start))
  }

  /** The index after the blank, or -1 where it has not come yet. */
  #skipCookie(chunk: Buffer, start: number): number {
    const blank = chunk.subarray(start, start + LONGEST_COOKIE + 1).indexOf(SPACE)
    this.#cookieLength += blank < 0 ? chunk.length - start : blank
    if (this.#cookieLength > LONGEST_COOKIE || (blank >= 0 && this.#cookieLength === 0)) {
      throw new PeerError('ERR_NG_COOKIE', 'no cookie where an NG message should begin')
    }
    if (blank < 0) return -1
    this.#inDocument = true
    return start + blank + 1
  }

  #deliver(last: Buffer): void {
    const message = this.#waiting.length > 0 ? Buffer.concat([...this.#waiting, last]) : last
    this.#waiting = []
    this.#cookieLength = 0
    this.#inDocument = false
    this.#onMessage(message)
  }
}
