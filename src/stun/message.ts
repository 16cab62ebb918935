import type { StunAttribute } from './attribute.ts'
import { classOf, headerLength, magicCookie, methodOf, type StunClass } from './header.ts'
import { octet, octets, uint16, uint32 } from './octets.ts'

/** Why octets are no STUN message; stable, and used as the name of a counter. */
export type StunFault =
  | 'truncated'
  | 'not-stun'
  | 'oversized'
  | 'length-mismatch'
  | 'unaligned'
  | 'attribute-overrun'
  | 'too-many-attributes'

export interface StunLimits {
  /** Octets of a whole message. */
  readonly size: number
  readonly attributes: number
  /** Attributes begin at multiples of this; 1 only for servers that do not pad (Microsoft's old ones). */
  readonly alignment: 1 | 4
}

export const stunLimits: StunLimits = { size: 65_555, attributes: 64, alignment: 4 }

const MESSAGE_INTEGRITY = 0x0008
const MESSAGE_INTEGRITY_SHA256 = 0x001c
const FINGERPRINT = 0x8028

/**
 * A received STUN message (RFC 8489 §5): the octets and where each attribute stands in them. Values are decoded when
 * asked for. The octets must not be changed while the message is in use.
 *
 * Attributes behind the integrity ones are not indexed, except FINGERPRINT and, behind MESSAGE-INTEGRITY,
 * MESSAGE-INTEGRITY-SHA256: nobody vouches for them (§14.5, §14.6).
 */
export class StunMessage {
  readonly bytes: Uint8Array
  /** The 14-bit message type. */
  readonly type: number
  /** @internal type and value offset of each attribute, in turn */
  readonly index: readonly number[]

  constructor(bytes: Uint8Array, type: number, index: readonly number[]) {
    this.bytes = bytes
    this.type = type
    this.index = index
  }

  get method(): number {
    return methodOf(this.type)
  }

  get class(): StunClass {
    return classOf(this.type)
  }

  /** No magic cookie: the peer speaks RFC 3489, and its transaction id is 16 octets long. */
  get classic(): boolean {
    return uint32(this.bytes, 4) !== magicCookie
  }

  /** The 16 octets behind the length, cookie included: what a response must repeat. */
  get transactionId(): Uint8Array {
    return octets(this.bytes, 4, 16)
  }

  /** The transaction id as a map key of 16 latin-1 characters. */
  get transactionKey(): string {
    return transactionKey(this.bytes, 4)
  }

  /** The first value of the attribute, or `undefined` where it is absent or breaks its format. */
  get<T>(attribute: StunAttribute<T>): T | undefined {
    const offset = this.find(attribute.type)
    return offset < 0 ? undefined : attribute.decode(this, offset, this.lengthAt(offset))
  }

  /** All well-formed values of the attribute, in order. */
  all<T>(attribute: StunAttribute<T>): T[] {
    const values: T[] = []
    for (let i = 0; i < this.index.length; i += 2) {
      if (this.index[i] !== attribute.type) continue
      const offset = this.index[i + 1] ?? 0
      const value = attribute.decode(this, offset, this.lengthAt(offset))
      if (value !== undefined) values.push(value)
    }
    return values
  }

  has(attribute: StunAttribute<unknown>): boolean {
    return this.find(attribute.type) >= 0
  }

  /** The types of its attributes, in order. */
  types(): number[] {
    return this.index.filter((_, i) => i % 2 === 0)
  }

  /** Where the value of the first attribute of `type` begins, or -1. */
  find(type: number): number {
    const index = this.index
    for (let i = 0; i < index.length; i += 2) if (index[i] === type) return index[i + 1] ?? -1
    return -1
  }

  /** Octets of the value that begins at `offset`, padding not counted. */
  lengthAt(offset: number): number {
    return uint16(this.bytes, offset - 2)
  }
}

/**
 * Frames one datagram (or one message cut from a stream): checks the header and every attribute's length, and makes
 * the index. Malformed octets give the reason, never an exception.
 */
export function parseStun(bytes: Uint8Array, limits: StunLimits = stunLimits): StunMessage | StunFault {
  const size = bytes.length
  if (size < headerLength) return 'truncated'
  if (size > limits.size) return 'oversized'
  const type = uint16(bytes, 0)
  if (type > 0x3fff) return 'not-stun'
  const end = headerLength + uint16(bytes, 2)
  if (end !== size) return end > size ? 'truncated' : 'length-mismatch'
  const mask = limits.alignment - 1
  if ((end & mask) !== 0) return 'unaligned'
  const index: number[] = []
  let sealedBy = 0
  for (let at = headerLength; at < end; ) {
    if (end - at < 4) return 'attribute-overrun'
    const attribute = uint16(bytes, at)
    const value = at + 4
    at = value + ((uint16(bytes, at + 2) + mask) & ~mask)
    if (at > end) return 'attribute-overrun'
    if (sealedBy !== 0 && !mayFollow(sealedBy, attribute)) continue
    if (
      attribute === MESSAGE_INTEGRITY ||
      attribute === MESSAGE_INTEGRITY_SHA256 ||
      attribute === FINGERPRINT
    ) {
      sealedBy = attribute
    }
    if (index.length === 2 * limits.attributes) return 'too-many-attributes'
    index.push(attribute, value)
  }
  return new StunMessage(bytes, type, index)
}

/** Whether a datagram can be STUN beside DTLS, RTP and TURN channels (RFC 7983 §7): a look at its first octet. */
export function looksLikeStun(bytes: Uint8Array): boolean {
  return bytes.length >= headerLength && octet(bytes, 0) < 4
}

/** 16 octets of transaction id as a flat string. */
export function transactionKey(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(
    octet(bytes, at),
    octet(bytes, at + 1),
    octet(bytes, at + 2),
    octet(bytes, at + 3),
    octet(bytes, at + 4),
    octet(bytes, at + 5),
    octet(bytes, at + 6),
    octet(bytes, at + 7),
    octet(bytes, at + 8),
    octet(bytes, at + 9),
    octet(bytes, at + 10),
    octet(bytes, at + 11),
    octet(bytes, at + 12),
    octet(bytes, at + 13),
    octet(bytes, at + 14),
    octet(bytes, at + 15),
  )
}

function mayFollow(seal: number, attribute: number): boolean {
  if (seal === FINGERPRINT) return false
  return attribute === FINGERPRINT || (seal === MESSAGE_INTEGRITY && attribute === MESSAGE_INTEGRITY_SHA256)
}
