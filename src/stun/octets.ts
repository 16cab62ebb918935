/** Big-endian reads of wire octets. An index past the end reads as 0: callers have checked lengths already. */
export function octet(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}

export function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

export function uint32(bytes: Uint8Array, at: number): number {
  return ((uint16(bytes, at) << 16) | uint16(bytes, at + 2)) >>> 0
}

/** A copy of `length` octets from `offset`; `slice` would give a view where the datagram is a `Buffer`. */
export function octets(bytes: Uint8Array, offset: number, length: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset, offset + length))
}

/** UTF-8 text; octets that are no UTF-8 become U+FFFD. */
export function utf8(bytes: Uint8Array, offset: number, length: number): string {
  for (let i = offset; i < offset + length; i++)
    if (octet(bytes, i) > 0x7f) return decoded(bytes, offset, length, 'utf8')
  return decoded(bytes, offset, length, 'latin1')
}

function decoded(bytes: Uint8Array, offset: number, length: number, encoding: 'utf8' | 'latin1'): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + offset, length).toString(encoding)
}
