import { BencodeError, type BencodeLimits, DEFAULT_BENCODE_LIMITS } from './bencode.ts'
import { COLON, DICTIONARY, END, INTEGER, LIST, MINUS, NINE, ZERO } from './bytes.ts'

type State = 'value' | 'integer' | 'length' | 'content'

/**
 * Finds where a bencoded value ends in a stream, chunk by chunk. Each byte is looked at once at most: the contents of
 * strings are skipped, and a chunk is never scanned again when the next one comes.
 */
export class BencodeLengthFinder {
  readonly #limits: Required<BencodeLimits>
  #state: State = 'value'
  #depth = 0
  #items = 0
  /** Bytes of the value seen so far. */
  #seen = 0
  /** The length being read, then the bytes of content still to come. */
  #length = 0

  constructor(limits: BencodeLimits = {}) {
    this.#limits = { ...DEFAULT_BENCODE_LIMITS, ...limits }
  }

  /**
   * Goes on at `start` of the next chunk. Answers the index after the value's last byte, or -1 where the value goes
   * on in the next chunk. Throws a BencodeError at the first byte that cannot be, and beyond a limit; `offset` then
   * counts from the value's first byte. After the end is found the finder is ready for the next value.
   */
  find(chunk: Uint8Array, start: number = 0): number {
    let at = start
    while (at < chunk.length) {
      if (this.#state === 'content') {
        const taken = Math.min(this.#length, chunk.length - at)
        at += taken
        this.#seen += taken
        this.#length -= taken
        if (this.#length > 0) return -1
        this.#state = 'value'
      } else {
        this.#step(chunk[at] ?? 0)
        at++
        if (++this.#seen > this.#limits.maxLength) {
          throw this.#error(`more than the ${this.#limits.maxLength} bytes allowed`)
        }
      }
      if (this.#state === 'value' && this.#depth === 0 && this.#seen > 0) {
        this.#items = 0
        this.#seen = 0
        return at
      }
    }
    return -1
  }

  #step(byte: number): void {
    if (this.#state === 'value') this.#begin(byte)
    else if (this.#state === 'integer') {
      if (byte === END) this.#state = 'value'
      else if (byte !== MINUS && !isDigit(byte)) throw this.#error('no integer')
    } else if (byte === COLON) {
      this.#state = this.#length > 0 ? 'content' : 'value'
    } else if (isDigit(byte)) {
      this.#setLength(this.#length * 10 + (byte - ZERO))
    } else {
      throw this.#error('no length of a string')
    }
  }

  #begin(byte: number): void {
    if (byte === END && this.#depth > 0) {
      this.#depth--
      return
    }
    if (++this.#items > this.#limits.maxItems) throw this.#error(`more than ${this.#limits.maxItems} values`)
    if (byte === DICTIONARY || byte === LIST) {
      if (++this.#depth > this.#limits.maxDepth) throw this.#error(`deeper than ${this.#limits.maxDepth}`)
    } else if (byte === INTEGER) {
      this.#state = 'integer'
    } else if (isDigit(byte)) {
      this.#state = 'length'
      this.#setLength(byte - ZERO)
    } else {
      throw this.#error('no value')
    }
  }

  #setLength(length: number): void {
    this.#length = length
    if (this.#seen + length > this.#limits.maxLength) {
      throw this.#error(
        `a string of ${length} bytes and more goes over the ${this.#limits.maxLength} allowed`,
      )
    }
  }

  #error(problem: string): BencodeError {
    return new BencodeError(problem, this.#seen)
  }
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE
}
