import { crc32 } from './crc32.ts'
import type { IntegrityKey } from './hash.ts'
import { headerLength } from './header.ts'
import type { StunMessage } from './message.ts'
import { octet, uint32 } from './octets.ts'

/** What a check of an integrity attribute or the fingerprint found. */
export type Verdict = 'valid' | 'invalid' | 'absent'

const head = new Uint8Array(4)

/** Checks MESSAGE-INTEGRITY (RFC 8489 §14.5) in constant time. */
export function checkIntegrity(message: StunMessage, key: IntegrityKey): Verdict {
  const offset = message.find(0x0008)
  if (offset < 0) return 'absent'
  if (message.lengthAt(offset) !== 20) return 'invalid'
  return compare(message, key, 'sha1', offset, 20)
}

/**
 * Checks MESSAGE-INTEGRITY-SHA256 (RFC 8489 §14.6) in constant time. `smallest` is the least size that the usage
 * takes: 32 unless it allows truncation, and never less than 16.
 */
export function checkIntegritySha256(
  message: StunMessage,
  key: IntegrityKey,
  smallest: number = 32,
): Verdict {
  const offset = message.find(0x001c)
  if (offset < 0) return 'absent'
  const size = message.lengthAt(offset)
  if (size < Math.max(16, smallest) || size > 32 || size % 4 !== 0) return 'invalid'
  return compare(message, key, 'sha256', offset, size)
}

/** Checks MESSAGE-INTEGRITY as RFC 3489 §11.2.8 made it, over text filled with zeros to a multiple of 64 octets. */
export function checkClassicIntegrity(message: StunMessage, key: IntegrityKey): Verdict {
  const offset = message.find(0x0008)
  if (offset < 0) return 'absent'
  if (message.lengthAt(offset) !== 20) return 'invalid'
  const covered = offset - 4
  const parts = [message.bytes.subarray(0, covered), new Uint8Array(-covered & 63)]
  const expected = key.hash.hmac('sha1', key.key, parts)
  return key.hash.equal(expected, message.bytes.subarray(offset, offset + 20)) ? 'valid' : 'invalid'
}

/** Checks FINGERPRINT (RFC 8489 §14.7), which must be the last attribute. */
export function checkFingerprint(message: StunMessage): Verdict {
  const offset = message.find(0x8028)
  if (offset < 0) return 'absent'
  if (message.lengthAt(offset) !== 4 || offset + 4 !== message.bytes.length) return 'invalid'
  const expected = (crc32(message.bytes, offset - 4) ^ 0x5354554e) >>> 0
  return expected === uint32(message.bytes, offset) ? 'valid' : 'invalid'
}

/** @internal type and length field as the HMAC sees them: the length ends with the integrity attribute */
export function headPart(bytes: Uint8Array, length: number): Uint8Array {
  head[0] = octet(bytes, 0)
  head[1] = octet(bytes, 1)
  head[2] = length >>> 8
  head[3] = length & 0xff
  return head
}

function compare(
  message: StunMessage,
  key: IntegrityKey,
  algorithm: 'sha1' | 'sha256',
  offset: number,
  size: number,
): Verdict {
  const { bytes } = message
  const end = offset + size
  const covered =
    end === bytes.length
      ? [bytes.subarray(0, offset - 4)]
      : [headPart(bytes, end - headerLength), bytes.subarray(4, offset - 4)]
  const code = key.hash.hmac(algorithm, key.key, covered)
  const expected = size === code.length ? code : code.subarray(0, size)
  return key.hash.equal(expected, bytes.subarray(offset, end)) ? 'valid' : 'invalid'
}
