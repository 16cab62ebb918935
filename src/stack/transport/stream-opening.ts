import { CLASS, TOKEN } from '../grammar/chars.ts'

const CR = 0x0d
const LF = 0x0a
const SP = 0x20
const SLASH = 0x2f

/** ` SIP/`, as it stands before the version of a request line, in small letters. */
const VERSION = ' sip/'
const RESPONSE = 'sip'

/** No method that anybody sends is longer. */
const LONGEST_METHOD = 64

type Place = 'before' | 'word' | 'uri' | 'line'

/**
 * Looks at the first line of a stream, a byte at a time however it is cut: whether it can begin a SIP message (RFC 3261
 * §7.1, §7.2) is known at the first byte of most that cannot, at the second word of HTTP, and at the end of the line for
 * all.
 */
export class StreamOpening {
  #place: Place = 'before'
  /** Characters of the first word so far. */
  #length = 0
  /** How much of `sip` the first word is so far; -1 where it is another. */
  #response = 0
  /** How much of ` SIP/` has just passed. */
  #version = 0

  /** True once a SIP message has begun, false once none can have, `undefined` while either is possible. */
  look(bytes: Uint8Array): boolean | undefined {
    for (const byte of bytes) {
      const known = this.#step(byte)
      if (known !== undefined) return known
    }
    return undefined
  }

  #step(byte: number): boolean | undefined {
    switch (this.#place) {
      case 'before':
        if (byte === CR || byte === LF) return undefined
        this.#place = 'word'
        return this.#word(byte)
      case 'word':
        return this.#word(byte)
      case 'uri':
        // a scheme begins with a letter; the URIs of HTTP with a slash or a star
        this.#place = 'line'
        return isLetter(byte) ? undefined : false
      case 'line':
        return this.#line(byte)
    }
  }

  #word(byte: number): boolean | undefined {
    if (byte === SP && this.#length > 0) {
      this.#place = 'uri'
      return undefined
    }
    if (byte === SLASH && this.#response === RESPONSE.length) return true
    if (((CLASS[byte] ?? 0) & TOKEN) === 0 || this.#length === LONGEST_METHOD) return false
    const isResponse = this.#response === this.#length && small(byte) === RESPONSE.charCodeAt(this.#length)
    this.#length++
    this.#response = isResponse ? this.#length : -1
    return undefined
  }

  #line(byte: number): boolean | undefined {
    if (byte === LF) return false
    if (small(byte) === VERSION.charCodeAt(this.#version)) this.#version++
    else this.#version = byte === SP ? 1 : 0
    return this.#version === VERSION.length ? true : undefined
  }
}

/** Letters made small; of other characters only the space and the slash matter, which stay. */
function small(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
}

function isLetter(byte: number): boolean {
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x7a
}
