import { headerLength } from './header.ts'
import { octet, uint16 } from './octets.ts'

const empty: Buffer = Buffer.alloc(0)

/** What is cut out of a stream; a view of the chunk or of the framer's memory, which neither writes to again. */
export type StunFrame = Buffer

/**
 * Cuts a byte stream (TCP, TLS) into STUN messages (RFC 8489 §6.2.2) and the ChannelData messages of TURN (RFC 8656
 * §12.5), which are padded to four octets there; the padding is left out. Keeps at most one message that has not
 * ended.
 */
export class StunFramer {
  readonly #limit: number
  #kept: Buffer = empty
  #size = 0
  #broken = false

  /** `limit`: octets of the largest message that is taken. */
  constructor(limit: number = headerLength + 0xffff) {
    this.#limit = limit
  }

  /** The stream holds what is neither, or what is too large: nothing more can be cut, and the peer is to be left. */
  get broken(): boolean {
    return this.#broken
  }

  /** The messages that `chunk` completes, in order. */
  push(chunk: Buffer): StunFrame[] {
    const frames: StunFrame[] = []
    if (this.#broken) return frames
    const bytes = this.#size === 0 ? chunk : this.#append(chunk)
    let at = 0
    while (bytes.length - at >= 4) {
      const size = frameSize(bytes, at)
      this.#broken = size < 0 || size > this.#limit
      if (this.#broken) break
      const whole = isChannelData(bytes, at) ? (size + 3) & ~3 : size
      if (bytes.length - at < whole) break
      frames.push(bytes.subarray(at, at + size))
      at += whole
    }
    this.#keep(this.#broken ? bytes.subarray(0, 0) : bytes.subarray(at))
    return frames
  }

  /** What was kept with `chunk` behind it; each octet is moved a few times only, however small the chunks are. */
  #append(chunk: Buffer): Buffer {
    const size = this.#size + chunk.length
    if (size > this.#kept.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.#kept.length))
      larger.set(this.#kept.subarray(0, this.#size))
      this.#kept = larger
    }
    this.#kept.set(chunk, this.#size)
    this.#size = size
    return this.#kept.subarray(0, size)
  }

  #keep(rest: Buffer): void {
    this.#size = rest.length
    // frames given out are views of what was kept: what begins anew gets memory of its own
    if (rest.length === 0) this.#kept = empty
    else if (rest.byteOffset !== this.#kept.byteOffset || rest.buffer !== this.#kept.buffer) {
      this.#kept = Buffer.allocUnsafeSlow(rest.length)
      this.#kept.set(rest)
    }
  }
}

/** Whether the octets at `at` begin a ChannelData message and no STUN message (RFC 8656 §12). */
export function isChannelData(bytes: Uint8Array, at: number = 0): boolean {
  return octet(bytes, at) >> 6 === 1
}

function frameSize(bytes: Uint8Array, at: number): number {
  const length = uint16(bytes, at + 2)
  if (isChannelData(bytes, at)) return 4 + length
  return octet(bytes, at) < 0x40 && length % 4 === 0 ? headerLength + length : -1
}
