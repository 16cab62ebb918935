import { octet } from './octets.ts'

const table = makeTable()

/** The CRC-32 of ITU V.42 over the first `length` octets (RFC 8489 §14.7), as an unsigned number. */
export function crc32(bytes: Uint8Array, length: number = bytes.length): number {
  let crc = -1
  for (let i = 0; i < length; i++) crc = (crc >>> 8) ^ (table[(crc ^ octet(bytes, i)) & 0xff] ?? 0)
  return (crc ^ -1) >>> 0
}

function makeTable(): Int32Array {
  const entries = new Int32Array(256)
  for (let n = 0; n < 256; n++) {
    let value = n
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
    entries[n] = value
  }
  return entries
}
