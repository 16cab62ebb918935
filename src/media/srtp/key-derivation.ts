import type { BlockCipher } from './cipher.ts'

/** What a session key is for (RFC 3711 §4.3.1, §4.3.2). */
export const label = {
  rtpEncryption: 0,
  rtpAuthentication: 1,
  rtpSalt: 2,
  rtcpEncryption: 3,
  rtcpAuthentication: 4,
  rtcpSalt: 5,
} as const

const BLOCK = 16
const SALT = 14
/** `key_id` is the label and 48 bits of `r`, right-aligned in the 112 bits of the salt. */
const LABEL_AT = 7

/**
 * The AES-CM PRF (RFC 3711 §4.3.3; RFC 6188 §3 with a key of 256 bits): `length` octets under `master`. A `salt` shorter than
 * 14 octets counts as followed by zeros (RFC 7714 §11). `r` is the packet index divided by the derivation rate, 0 without one.
 */
export function deriveKey(
  master: BlockCipher,
  salt: Uint8Array,
  use: number,
  r: number,
  length: number,
): Uint8Array {
  const x = new Uint8Array(BLOCK)
  x.set(salt.subarray(0, SALT))
  xorAt(x, LABEL_AT, use)
  for (let at = SALT - 1, rest = r; rest > 0; at--, rest = Math.floor(rest / 256)) xorAt(x, at, rest % 256)
  const blocks = new Uint8Array(BLOCK * Math.ceil(length / BLOCK))
  for (let at = 0, counter = 0; at < blocks.length; at += BLOCK, counter++) {
    blocks.set(x, at)
    blocks[at + BLOCK - 1] = counter
  }
  const stream = master.encrypt(blocks)
  // what a crypto library answers may be a Buffer, whose slices are views
  const key = new Uint8Array(length)
  key.set(stream.subarray(0, length))
  stream.fill(0)
  return key
}

function xorAt(bytes: Uint8Array, at: number, octet: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ octet
}
