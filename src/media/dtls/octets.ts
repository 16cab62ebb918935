import { DtlsError } from './alert.ts'

/** Reads the vectors of RFC 5246 §4; what is too short or too long ends with decode_error. */
export class OctetReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  uint8(): number {
    return this.octets(1).readUInt8()
  }

  uint16(): number {
    return this.octets(2).readUInt16BE()
  }

  /** A view, not a copy. */
  octets(length: number): Buffer {
    if (length > this.left) throw malformed(`${length} octets are asked where ${this.left} are left`)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** A vector whose length stands before it in `prefix` octets. */
  vector(prefix: 1 | 2 | 3, least: number = 0, most: number = Number.POSITIVE_INFINITY): Buffer {
    const length = this.octets(prefix).readUIntBE(0, prefix)
    if (length < least || length > most) throw malformed(`a vector of ${length} octets`)
    return this.octets(length)
  }

  /** A vector of 16-bit numbers. */
  numbers(least: number = 1): number[] {
    const vector = this.vector(2, 2 * least)
    if (vector.length % 2 !== 0) throw malformed('half a number')
    return Array.from({ length: vector.length / 2 }, (_, index) => vector.readUInt16BE(2 * index))
  }

  end(): void {
    if (this.left > 0) throw malformed(`${this.left} octets too many`)
  }
}

function malformed(what: string): DtlsError {
  return new DtlsError(`DTLS: the peer's handshake message is malformed: ${what}`, 'decode_error')
}

export function uint8(value: number): Buffer {
  return Buffer.of(value)
}

export function uint16(value: number): Buffer {
  return Buffer.of(value >>> 8, value & 0xff)
}

/** The parts as one vector, with its length before it in `prefix` octets. */
export function vector(prefix: 1 | 2 | 3, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const length = Buffer.alloc(prefix)
  length.writeUIntBE(body.length, 0, prefix)
  return Buffer.concat([length, body])
}

export function numbers(values: readonly number[]): Buffer {
  return vector(2, ...values.map(uint16))
}
