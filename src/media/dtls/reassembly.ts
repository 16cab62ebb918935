import type { HandshakeFragment, HandshakeMessage } from './handshake/message.ts'

/** How far ahead of the next message others are kept, and how many octets a message, and all together, may have. */
const MOST_AHEAD = 8
const MOST_MESSAGE = 16_384
const MOST_OCTETS = 32_768
/** RFC 6347 asks for no state before the cookie; a hello in pieces needs this much. */
const MOST_HELLO = 4096

/** A message of which some octets are here; what came first of an octet stays. */
class PartialMessage {
  readonly type: number
  readonly sequence: number
  readonly body: Buffer
  readonly #here: Uint8Array
  #missing: number

  constructor({ type, sequence, length }: HandshakeFragment) {
    this.type = type
    this.sequence = sequence
    this.body = Buffer.alloc(length)
    this.#here = new Uint8Array((length + 7) >>> 3)
    this.#missing = length
  }

  get whole(): boolean {
    return this.#missing === 0
  }

  fits({ type, sequence, length }: HandshakeFragment): boolean {
    return type === this.type && sequence === this.sequence && length === this.body.length
  }

  add({ offset, data }: HandshakeFragment): void {
    for (let i = 0; i < data.length; i++) {
      const at = offset + i
      const bit = 1 << (at & 7)
      const bits = this.#here[at >>> 3] ?? 0
      if (bits & bit) continue
      this.#here[at >>> 3] = bits | bit
      this.body[at] = data[i] ?? 0
      this.#missing--
    }
  }
}

/** Puts messages together from fragments in any order, and gives them in the order of their numbers (RFC 6347 §4.2.2). */
export class Reassembly {
  /** The `message_seq` that comes next. */
  next: number
  readonly #parts = new Map<number, PartialMessage>()
  #octets = 0

  constructor(next: number) {
    this.next = next
  }

  /** False where the fragment is not kept: too far ahead, too long, or not of the message that it says it is of. */
  add(fragment: HandshakeFragment): boolean {
    const { sequence, length } = fragment
    if (sequence < this.next || sequence >= this.next + MOST_AHEAD || length > MOST_MESSAGE) return false
    let part = this.#parts.get(sequence)
    if (part === undefined) {
      if (!this.#makeRoom(sequence, length)) return false
      part = new PartialMessage(fragment)
      this.#parts.set(sequence, part)
      this.#octets += length
    }
    if (!part.fits(fragment)) return false
    part.add(fragment)
    return true
  }

  /** The next message, once it is whole. */
  take(): HandshakeMessage | undefined {
    const part = this.#parts.get(this.next)
    if (!part?.whole) return undefined
    this.#forget(part)
    this.next++
    return { type: part.type, sequence: part.sequence, body: part.body }
  }

  clear(): void {
    this.#parts.clear()
    this.#octets = 0
  }

  /** The nearer message displaces the farther, so that what lies ahead never keeps the next from coming. */
  #makeRoom(sequence: number, length: number): boolean {
    const farther = [...this.#parts.values()].filter(part => part.sequence > sequence)
    farther.sort((one, other) => one.sequence - other.sequence)
    while (this.#octets + length > MOST_OCTETS) {
      const last = farther.pop()
      if (last === undefined) return false
      this.#forget(last)
    }
    return true
  }

  #forget(part: PartialMessage): void {
    this.#parts.delete(part.sequence)
    this.#octets -= part.body.length
  }
}

/**
 * The one hello that a server puts together before it knows its client: 4 KB at most, and the newest displaces the one
 * before, so that no stranger holds the place.
 */
export class HelloReassembly {
  #part: PartialMessage | undefined

  /** The hello, where this fragment makes it whole. */
  add(fragment: HandshakeFragment): HandshakeMessage | undefined {
    if (fragment.length > MOST_HELLO) return undefined
    if (fragment.data.length === fragment.length) {
      return { type: fragment.type, sequence: fragment.sequence, body: Buffer.from(fragment.data) }
    }
    if (!this.#part?.fits(fragment)) this.#part = new PartialMessage(fragment)
    this.#part.add(fragment)
    if (!this.#part.whole) return undefined
    const { type, sequence, body } = this.#part
    this.#part = undefined
    return { type, sequence, body }
  }

  clear(): void {
    this.#part = undefined
  }
}
