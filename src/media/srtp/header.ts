const FIXED = 12
const CSRC = 4
const EXTENSION_BIT = 0x10
const CSRC_COUNT = 0x0f
const VERSION = 2

/** Octets of RTCP that are never encrypted (RFC 3711 §3.4). */
export const RTCP_CLEAR = 8
/** The E bit and the 31 bits of the SRTCP index. */
export const RTCP_INDEX = 4

/** Where the payload of an RTP packet begins (RFC 3550 §5.1), from where on it is encrypted; -1 for what is none. */
export function payloadStart(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < FIXED) return -1
  const flags = octet(bytes, start)
  if (flags >> 6 !== VERSION) return -1
  let at = start + FIXED + CSRC * (flags & CSRC_COUNT)
  if ((flags & EXTENSION_BIT) !== 0) {
    if (at + 4 > end) return -1
    at += 4 + 4 * ((octet(bytes, at + 2) << 8) | octet(bytes, at + 3))
  }
  return at > end ? -1 : at
}

/** Whether a packet can be RTCP as far as its first octets tell. */
export function isRtcp(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= RTCP_CLEAR && octet(bytes, start) >> 6 === VERSION
}

export function sequenceOf(bytes: Uint8Array, start: number): number {
  return (octet(bytes, start + 2) << 8) | octet(bytes, start + 3)
}

/** Four octets as a signed word: SSRCs are told apart by it, and it needs no memory. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (octet(bytes, at) << 24) |
    (octet(bytes, at + 1) << 16) |
    (octet(bytes, at + 2) << 8) |
    octet(bytes, at + 3)
  )
}

export function writeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24
  bytes[at + 1] = word >>> 16
  bytes[at + 2] = word >>> 8
  bytes[at + 3] = word
}

/** Lengths were checked by the caller; the `?? 0` only tells the compiler so. */
function octet(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}
