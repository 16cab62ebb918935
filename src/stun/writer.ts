import { UsageError } from '../util/errors.ts'
import type { AttributeSink, StunAttribute, StunAttributeValue } from './attribute.ts'
import { crc32 } from './crc32.ts'
import type { IntegrityKey } from './hash.ts'
import { headerLength, magicCookie, messageType, type StunClass } from './header.ts'
import { headPart } from './integrity.ts'
import type { StunMessage } from './message.ts'

export interface StunWriterOptions {
  /** 1 leaves attributes unpadded, for Microsoft's old servers. */
  readonly alignment?: 1 | 4
  /** The octet that padding is made of: 0 (RFC 8489 §14), a space in libnice. */
  readonly padding?: number
}

const FIRST_SIZE = 256
const LARGEST = headerLength + 0xffff

/** A STUN message in the making (RFC 8489 §5): attributes in the order they are added, integrity and fingerprint last. */
export class StunWriter implements AttributeSink {
  readonly #mask: number
  readonly #padding: number
  #bytes: Buffer = Buffer.allocUnsafe(FIRST_SIZE)
  #length = headerLength

  /** `transactionId`: 12 octets, behind the magic cookie; or 16 that stand in its place too (RFC 3489). */
  constructor(
    stunMethod: number,
    stunClass: StunClass,
    transactionId: Uint8Array,
    options: StunWriterOptions = {},
  ) {
    this.#mask = (options.alignment ?? 4) - 1
    this.#padding = options.padding ?? 0
    this.#bytes.writeUInt16BE(messageType(stunMethod, stunClass), 0)
    if (transactionId.length === 12) {
      this.#bytes.writeUInt32BE(magicCookie, 4)
      this.#bytes.set(transactionId, 8)
    } else if (transactionId.length === 16) this.#bytes.set(transactionId, 4)
    else {
      throw new UsageError(
        'ERR_STUN_TRANSACTION_ID',
        `a STUN transaction id has 12 octets (16 in RFC 3489), not ${transactionId.length}`,
      )
    }
  }

  /** A response to `request`: its method and its transaction id, cookie or not. */
  static responseTo(request: StunMessage, stunClass: 'success' | 'error'): StunWriter {
    return new StunWriter(request.method, stunClass, request.transactionId)
  }

  add<T>(attribute: StunAttribute<T>, value: T): this {
    const start = this.#open(attribute.type)
    attribute.encode(this, value)
    this.#close(start)
    return this
  }

  addAll(values: readonly StunAttributeValue[]): this {
    for (const { attribute, value } of values) this.add(attribute, value)
    return this
  }

  /** An attribute of any type from its octets. */
  addOctets(type: number, value: Uint8Array): this {
    const start = this.#open(type)
    this.octets(value)
    this.#close(start)
    return this
  }

  /** MESSAGE-INTEGRITY (RFC 8489 §14.5) over what was added so far. */
  integrity(key: IntegrityKey): this {
    return this.#sign('sha1', 0x0008, key, 20)
  }

  /** MESSAGE-INTEGRITY-SHA256 (RFC 8489 §14.6); `size` below 32 only where the usage allows truncation. */
  integritySha256(key: IntegrityKey, size: number = 32): this {
    if (size < 16 || size > 32 || size % 4 !== 0) {
      throw new UsageError(
        'ERR_STUN_INTEGRITY_SIZE',
        `MESSAGE-INTEGRITY-SHA256 has 16, 20 … 32 octets, not ${size}`,
      )
    }
    return this.#sign('sha256', 0x001c, key, size)
  }

  /**
   * MESSAGE-INTEGRITY as RFC 3489 §11.2.8 had it: the text filled with zeros to a multiple of 64 octets. `following`
   * octets behind it are counted in the length that is signed, for Microsoft's servers.
   */
  classicIntegrity(key: IntegrityKey, following: number = 0): this {
    const length = this.#length
    const head = headPart(this.#bytes, length + 24 + following - headerLength)
    const fill = new Uint8Array(-length & 63)
    return this.addOctets(
      0x0008,
      key.hash.hmac('sha1', key.key, [head, this.#bytes.subarray(4, length), fill]),
    )
  }

  /** FINGERPRINT (RFC 8489 §14.7): the last attribute. */
  fingerprint(): this {
    this.#reserve(8)
    this.#bytes.writeUInt16BE(this.#length + 8 - headerLength, 2)
    const crc = crc32(this.#bytes, this.#length)
    const start = this.#open(0x8028)
    this.uint32((crc ^ 0x5354554e) >>> 0)
    this.#close(start)
    return this
  }

  /** The message's octets. The writer is not to be used after. */
  finish(): Buffer {
    this.#bytes.writeUInt16BE(this.#length - headerLength, 2)
    return this.#bytes.subarray(0, this.#length)
  }

  /** 16 octets of the header that addresses are XORed with: cookie and transaction id. */
  get transactionId(): Uint8Array {
    return this.#bytes.subarray(4, headerLength)
  }

  uint8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  uint16(value: number): void {
    this.#reserve(2)
    this.#length = this.#bytes.writeUInt16BE(value, this.#length)
  }

  uint32(value: number): void {
    this.#reserve(4)
    this.#length = this.#bytes.writeUInt32BE(value, this.#length)
  }

  octets(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  /** UTF-8 text of at most `limit` octets. */
  text(value: string, name: string, limit: number): void {
    const size = Buffer.byteLength(value)
    if (size > limit) {
      throw new UsageError(
        'ERR_STUN_TEXT',
        `${name} has at most ${limit} octets of UTF-8, not ${size}: shorten it`,
      )
    }
    this.#reserve(size)
    this.#length += this.#bytes.write(value, this.#length, 'utf8')
  }

  /** Fills up to a multiple of four octets, for values that hold padded parts. */
  align(): void {
    while ((this.#length & 3) !== 0) this.uint8(0)
  }

  #sign(algorithm: 'sha1' | 'sha256', type: number, key: IntegrityKey, size: number): this {
    const length = this.#length
    const head = headPart(this.#bytes, length + 4 + size - headerLength)
    const code = key.hash.hmac(algorithm, key.key, [head, this.#bytes.subarray(4, length)])
    return this.addOctets(type, size === code.length ? code : code.subarray(0, size))
  }

  #open(type: number): number {
    this.#reserve(4)
    this.#bytes.writeUInt16BE(type, this.#length)
    this.#length += 4
    return this.#length
  }

  #close(start: number): void {
    this.#bytes.writeUInt16BE(this.#length - start, start - 2)
    while ((this.#length & this.#mask) !== 0) this.uint8(this.#padding)
  }

  #reserve(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#bytes.length) return
    if (needed > LARGEST) {
      throw new UsageError('ERR_STUN_SIZE', `a STUN message has at most ${LARGEST} octets`)
    }
    const larger = Buffer.allocUnsafe(Math.min(LARGEST, Math.max(needed, 2 * this.#bytes.length)))
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }
}
