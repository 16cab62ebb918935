/** A message as an attribute sees it when it is read. */
export interface AttributeSource {
  readonly bytes: Uint8Array
}

/** A message as an attribute sees it when it is written. */
export interface AttributeSink {
  /** 16 octets of the header that addresses are XORed with: cookie and transaction id. */
  readonly transactionId: Uint8Array
  uint8(value: number): void
  uint16(value: number): void
  uint32(value: number): void
  octets(value: Uint8Array): void
  /** UTF-8 text of at most `limit` octets. */
  text(value: string, name: string, limit: number): void
  /** Fills up to a multiple of four octets, for values that hold padded parts. */
  align(): void
}

/** An attribute knows how to leave a message, how to be checked on the way, and how to enter one. */
export interface StunAttribute<T> {
  /** The IANA number; below 0x8000 a receiver must understand it (RFC 8489 §14). */
  readonly type: number
  readonly name: string
  /**
   * The value in `message.bytes` from `offset`, `length` octets without padding; `undefined` where it breaks the
   * attribute's own format.
   */
  decode(message: AttributeSource, offset: number, length: number): T | undefined
  /** Writes the value; the writer adds type, length and padding. Throws a `UsageError` where it cannot be written. */
  encode(writer: AttributeSink, value: T): void
}

/** An attribute with its value, for lists of what a message shall carry. */
export interface StunAttributeValue {
  readonly attribute: StunAttribute<unknown>
  readonly value: unknown
}

/** `attribute` with `value`, type-checked as a pair. */
export function valued<T>(attribute: StunAttribute<T>, value: T): StunAttributeValue {
  return { attribute, value }
}

/** Types up to here must be understood by the receiver. */
export const lastRequired = 0x7fff
