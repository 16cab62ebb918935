/** What a chunk of the stream costs that is kept, beside its octets: the objects around it. */
const CHUNK = 256

const FINAL = 0x80
const OPCODE = 0x0f
const CONTROL = 0x08
const MASKED = 0x80
const LENGTH = 0x7f

type Place = 'first' | 'second' | 'length' | 'mask' | 'payload'

/**
 * Follows the frames of a WebSocket by their heads alone (RFC 6455 §5.2), to know what is kept of a message that has
 * begun: the library that assembles it does not tell. What breaks the rules is the library's affair; it closes.
 */
export class FrameMeter {
  /** Bytes kept of a message, or of a frame, that has begun and not ended; 0 between messages. */
  kept = 0
  #place: Place = 'first'
  /** Whether a frame of a message has come whose last frame has not. */
  #isFragmented = false
  #first = 0
  #isMasked = false
  /** Bytes of the place that are still to come. */
  #left = 0
  #length = 0

  /** Looks at what came, however it is cut. */
  push(bytes: Uint8Array): void {
    let at = 0
    /** Where the last message ended, -1 where none did. */
    let ended = -1
    while (at < bytes.length) {
      if (this.#place === 'payload') {
        const taken = Math.min(this.#left, bytes.length - at)
        at += taken
        this.#left -= taken
      } else {
        this.#head(bytes[at++] ?? 0)
      }
      if (this.#place === 'payload' && this.#left === 0 && this.#end()) ended = at
    }
    const isBetween = this.#place === 'first' && !this.#isFragmented
    // a rest of the chunk keeps the whole of it
    if (isBetween) this.kept = 0
    else this.kept = (ended < 0 ? this.kept : 0) + bytes.length + CHUNK
  }

  /** One byte of a frame's head. */
  #head(byte: number): void {
    switch (this.#place) {
      case 'first':
        this.#first = byte
        this.#place = 'second'
        return
      case 'second': {
        this.#isMasked = (byte & MASKED) !== 0
        const length = byte & LENGTH
        this.#length = length
        if (length < 126) {
          this.#afterLength()
          return
        }
        this.#length = 0
        this.#left = length === 126 ? 2 : 8
        this.#place = 'length'
        return
      }
      case 'length':
        this.#length = this.#length * 256 + byte
        if (--this.#left === 0) this.#afterLength()
        return
      default:
        if (--this.#left === 0) this.#afterMask()
    }
  }

  #afterLength(): void {
    if (!this.#isMasked) {
      this.#afterMask()
      return
    }
    this.#left = 4
    this.#place = 'mask'
  }

  #afterMask(): void {
    this.#left = this.#length
    this.#place = 'payload'
  }

  /** A frame has ended; answers whether a message has. */
  #end(): boolean {
    this.#place = 'first'
    // control frames stand between the frames of a message (RFC 6455 §5.4)
    if ((this.#first & OPCODE & CONTROL) !== 0) return !this.#isFragmented
    this.#isFragmented = (this.#first & FINAL) === 0
    return !this.#isFragmented
  }
}
