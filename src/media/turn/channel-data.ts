import { octet, uint16 } from '../../stun/octets.ts'

/** Channel numbers (RFC 8656 §12): 4096 of them. */
export const firstChannel = 0x4000
export const lastChannel = 0x4fff

/** Octets before the data of a ChannelData message. */
const HEADER = 4
/** Octets that the length of a ChannelData message can tell. */
export const LONGEST_DATA = 0xffff

/**
 * A ChannelData message (RFC 8656 §12.4): number, length, data; over a stream padded to four octets (§12.5). `data`,
 * of `LONGEST_DATA` octets at the most, is copied.
 */
export function channelData(channel: number, data: Uint8Array, stream: boolean): Buffer {
  const size = data.length
  const end = HEADER + size
  const bytes = Buffer.allocUnsafe(stream ? (end + 3) & ~3 : end)
  bytes[0] = channel >> 8
  bytes[1] = channel & 0xff
  bytes[2] = size >> 8
  bytes[3] = size & 0xff
  bytes.set(data, HEADER)
  for (let i = end; i < bytes.length; i++) bytes[i] = 0
  return bytes
}

/** The number of the channel that `bytes`, a ChannelData message, came through. */
export function channelOf(bytes: Uint8Array): number {
  return uint16(bytes, 0)
}

/** The data of a ChannelData message, a view; `undefined` where the message is shorter than it says. */
export function channelPayload(bytes: Buffer): Buffer | undefined {
  if (bytes.length < HEADER || octet(bytes, 0) >> 6 !== 1) return undefined
  const end = HEADER + uint16(bytes, 2)
  return end <= bytes.length ? bytes.subarray(HEADER, end) : undefined
}
