import { PeerError } from '../../../util/errors.ts'
import type { BencodeLimits } from '../bencode/bencode.ts'
import { BencodeLengthFinder } from '../bencode/length.ts'

const LONGEST_COOKIE = 255
const SPACE = 0x20
const SMALLEST_STORE = 1024

/** NG over TCP has no framing of its own: a message is a cookie, a blank, and one bencoded value that knows its end. */
export class NgFramer {
  readonly #onMessage: (message: Buffer) => void
  readonly #finder: BencodeLengthFinder
  /**
   * The beginning of a message whose end has not come: copied, for a chunk may be a single octet of a large buffer,
   * and a peer that sends such chunks must cost no more than their octets.
   */
  #store: Buffer = Buffer.alloc(0)
  #stored = 0
  #cookieLength = 0
  #inDocument = false

  constructor(onMessage: (message: Buffer) => void, limits: BencodeLimits = {}) {
    this.#onMessage = onMessage
    this.#finder = new BencodeLengthFinder(limits)
  }

  /** Bytes held for a message that is not whole. */
  get held(): number {
    return this.#store.length
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
    if (start < chunk.length) this.#keep(chunk.subarray(start))
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

  #keep(bytes: Buffer): void {
    const length = this.#stored + bytes.length
    if (length > this.#store.length) {
      const grown = Buffer.alloc(Math.max(SMALLEST_STORE, length, 2 * this.#store.length))
      this.#store.copy(grown, 0, 0, this.#stored)
      this.#store = grown
    }
    bytes.copy(this.#store, this.#stored)
    this.#stored = length
  }

  /** The state is that of the next message before the receiver, which may throw, is told of this one. */
  #deliver(last: Buffer): void {
    let message = last
    if (this.#stored > 0) {
      this.#keep(last)
      message = this.#store.subarray(0, this.#stored)
      this.#store = Buffer.alloc(0)
      this.#stored = 0
    }
    this.#cookieLength = 0
    this.#inDocument = false
    this.#onMessage(message)
  }
}
