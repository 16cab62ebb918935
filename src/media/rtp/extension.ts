import { UsageError } from '../../util/errors.ts'
import type { RtpPacket } from './packet.ts'

/** RFC 8285 §4.2: elements with one byte of header. */
export const ONE_BYTE_PROFILE = 0xbede
/** RFC 8285 §4.3: elements with two bytes of header; the low four bits are the application's. */
export const TWO_BYTE_PROFILE = 0x1000

/** One header extension element: its local identifier (mapped by `a=extmap`) and its data. */
export interface ExtensionElement {
  readonly id: number
  readonly data: Uint8Array
}

/**
 * The elements of a packet's header extension (RFC 8285), or none where it is absent or of another profile. A lying
 * element length ends the walk: what came before it is kept (§4.1.2 lets a receiver ignore what it cannot read).
 */
export function extensionElements(packet: RtpPacket): ExtensionElement[] {
  if (packet.extensionProfile === ONE_BYTE_PROFILE) return oneByteElements(packet.extension)
  if ((packet.extensionProfile & ~0xf) === TWO_BYTE_PROFILE) return twoByteElements(packet.extension)
  return []
}

/**
 * Elements as a header extension for `encodeRtp`: the one-byte form where every element fits it (identifiers 1–14 and
 * 1–16 bytes), else the two-byte form. Throws a `UsageError` where neither can carry an element.
 */
export function encodeExtension(elements: readonly ExtensionElement[]): { profile: number; data: Buffer } {
  const short = elements.every(({ id, data }) => id <= 14 && data.length >= 1 && data.length <= 16)
  const parts: number[] = []
  for (const { id, data } of elements) {
    if (!(Number.isInteger(id) && id >= 1 && id <= 255 && data.length <= 255)) {
      throw new UsageError(
        'ERR_RTP_EXTENSION',
        `header extension ${id} of ${data.length} bytes cannot be written`,
      )
    }
    if (short) parts.push((id << 4) | (data.length - 1), ...data)
    else parts.push(id, data.length, ...data)
  }
  while (parts.length % 4 !== 0) parts.push(0)
  return { profile: short ? ONE_BYTE_PROFILE : TWO_BYTE_PROFILE, data: Buffer.from(parts) }
}

function oneByteElements(data: Buffer): ExtensionElement[] {
  const elements: ExtensionElement[] = []
  for (let at = 0; at < data.length; ) {
    const header = data[at++] ?? 0
    if (header === 0) continue
    const id = header >> 4
    // §4.2: 15 is reserved and ends the list; an identifier of 0 with a length is skipped whole
    if (id === 15) break
    const end = at + (header & 0xf) + 1
    if (end > data.length) break
    if (id !== 0) elements.push({ id, data: data.subarray(at, end) })
    at = end
  }
  return elements
}

function twoByteElements(data: Buffer): ExtensionElement[] {
  const elements: ExtensionElement[] = []
  for (let at = 0; at < data.length; ) {
    const id = data[at++] ?? 0
    if (id === 0) continue
    const length = data[at++]
    if (length === undefined || at + length > data.length) break
    elements.push({ id, data: data.subarray(at, at + length) })
    at += length
  }
  return elements
}
