import { UsageError } from '../../util/errors.ts'

/** Why bytes are not an RTP packet (RFC 3550 §5.1, appendix A.1). */
export type RtpFault = 'short' | 'version' | 'csrc' | 'extension' | 'padding'

export const RTP_HEADER = 12
const VERSION = 2
const PADDING = 0x20
const EXTENSION = 0x10
const CSRC_COUNT = 0x0f
const MARKER = 0x80

/**
 * A view of an RTP packet (RFC 3550 §5.1). It holds offsets into the datagram's own bytes and copies nothing; whoever
 * keeps it keeps the datagram.
 */
export class RtpPacket {
  readonly bytes: Buffer
  readonly payloadType: number
  readonly marker: boolean
  readonly sequence: number
  readonly timestamp: number
  readonly ssrc: number
  readonly csrcCount: number
  /** Where the payload starts and ends within `bytes`; what lies behind the end is padding. */
  readonly payloadStart: number
  readonly payloadEnd: number
  /** "Defined by profile" of the header extension (RFC 3550 §5.3.1), or -1 where the packet has none. */
  readonly extensionProfile: number

  /** Only for `parseRtp`, which has checked every length. */
  constructor(bytes: Buffer, payloadStart: number, payloadEnd: number, extensionProfile: number) {
    this.bytes = bytes
    this.csrcCount = byteAt(bytes, 0) & CSRC_COUNT
    this.marker = (byteAt(bytes, 1) & MARKER) !== 0
    this.payloadType = byteAt(bytes, 1) & 0x7f
    this.sequence = (byteAt(bytes, 2) << 8) | byteAt(bytes, 3)
    this.timestamp = wordAt(bytes, 4)
    this.ssrc = wordAt(bytes, 8)
    this.payloadStart = payloadStart
    this.payloadEnd = payloadEnd
    this.extensionProfile = extensionProfile
  }

  get payloadLength(): number {
    return this.payloadEnd - this.payloadStart
  }

  /** The payload without padding: a view, not a copy. */
  get payload(): Buffer {
    return this.bytes.subarray(this.payloadStart, this.payloadEnd)
  }

  /** Contributing source `index`, from 0 to `csrcCount - 1`. */
  csrc(index: number): number {
    if (!(index >= 0 && index < this.csrcCount)) {
      throw new UsageError('ERR_CSRC_INDEX', `CSRC ${index} of a packet that has ${this.csrcCount}`)
    }
    return wordAt(this.bytes, RTP_HEADER + 4 * index)
  }

  /** The header extension's data without its four-byte header; empty where the packet has none. */
  get extension(): Buffer {
    if (this.extensionProfile < 0) return this.bytes.subarray(0, 0)
    return this.bytes.subarray(RTP_HEADER + 4 * this.csrcCount + 4, this.payloadStart)
  }
}

/** The packet in `bytes` up to `end`, or what is wrong with it. Never throws, whatever the bytes. */
export function parseRtp(bytes: Buffer, end: number = bytes.length): RtpPacket | RtpFault {
  if (end < RTP_HEADER || end > bytes.length) return 'short'
  const flags = byteAt(bytes, 0)
  if (flags >> 6 !== VERSION) return 'version'
  let start = RTP_HEADER + 4 * (flags & CSRC_COUNT)
  if (start > end) return 'csrc'
  let profile = -1
  if ((flags & EXTENSION) !== 0) {
    if (start + 4 > end) return 'extension'
    profile = (byteAt(bytes, start) << 8) | byteAt(bytes, start + 1)
    start += 4 + 4 * ((byteAt(bytes, start + 2) << 8) | byteAt(bytes, start + 3))
    if (start > end) return 'extension'
  }
  let payloadEnd = end
  if ((flags & PADDING) !== 0) {
    const padding = byteAt(bytes, end - 1)
    if (padding === 0 || padding > end - start) return 'padding'
    payloadEnd -= padding
  }
  return new RtpPacket(bytes, start, payloadEnd, profile)
}

/** Counts what arrived and could not be read: a lying length costs a counter and nothing else. */
export class RtpFaults {
  short = 0
  version = 0
  csrc = 0
  extension = 0
  padding = 0

  get total(): number {
    return this.short + this.version + this.csrc + this.extension + this.padding
  }
}

export interface RtpHeader {
  readonly payloadType: number
  readonly marker?: boolean
  readonly sequence: number
  readonly timestamp: number
  readonly ssrc: number
  readonly csrcs?: readonly number[]
  /** Data is padded with zeros to whole words. */
  readonly extension?: { readonly profile: number; readonly data: Uint8Array }
  /** Total bytes of padding to write behind the payload, 0 to 255. */
  readonly padding?: number
}

/** How many bytes `encodeRtp` writes for this header and payload. */
export function rtpLength(header: RtpHeader, payloadLength: number): number {
  const extension = header.extension === undefined ? 0 : 4 + 4 * Math.ceil(header.extension.data.length / 4)
  return RTP_HEADER + 4 * (header.csrcs?.length ?? 0) + extension + payloadLength + (header.padding ?? 0)
}

/**
 * Writes a packet at `offset` of `target` and returns where it ends. The payload may already lie in its place within
 * `target`. Throws a `UsageError` where a field is out of its range or the packet does not fit.
 */
export function encodeRtp(target: Buffer, offset: number, header: RtpHeader, payload: Uint8Array): number {
  const csrcs = header.csrcs
  const padding = header.padding ?? 0
  checkHeader(header)
  const end = offset + rtpLength(header, payload.length)
  if (end > target.length) {
    throw new UsageError('ERR_RTP_SPACE', `an RTP packet of ${end - offset} bytes does not fit`)
  }
  // the payload first: it may lie where it belongs, and header fields never reach into it
  const payloadAt = end - padding - payload.length
  target.set(payload, payloadAt)
  target[offset] =
    (VERSION << 6) | (padding > 0 ? PADDING : 0) | (header.extension ? EXTENSION : 0) | (csrcs?.length ?? 0)
  target[offset + 1] = (header.marker === true ? MARKER : 0) | header.payloadType
  target.writeUInt16BE(header.sequence, offset + 2)
  target.writeUInt32BE(header.timestamp, offset + 4)
  target.writeUInt32BE(header.ssrc, offset + 8)
  let at = offset + RTP_HEADER
  if (csrcs !== undefined) for (const csrc of csrcs) at = target.writeUInt32BE(csrc, at)
  if (header.extension !== undefined) {
    const words = Math.ceil(header.extension.data.length / 4)
    at = target.writeUInt16BE(header.extension.profile, at)
    at = target.writeUInt16BE(words, at)
    target.set(header.extension.data, at)
    target.fill(0, at + header.extension.data.length, payloadAt)
  }
  if (padding > 0) {
    target.fill(0, end - padding, end)
    target[end - 1] = padding
  }
  return end
}

function checkHeader(header: RtpHeader): void {
  checkField(header.payloadType, 0x7f, 'payload type')
  checkField(header.sequence, 0xffff, 'sequence number')
  checkField(header.timestamp, 0xffffffff, 'timestamp')
  checkField(header.ssrc, 0xffffffff, 'SSRC')
  if (header.padding !== undefined) checkField(header.padding, 0xff, 'padding')
  if (header.csrcs !== undefined) {
    checkField(header.csrcs.length, CSRC_COUNT, 'number of CSRCs')
    for (const csrc of header.csrcs) checkField(csrc, 0xffffffff, 'CSRC')
  }
  if (header.extension !== undefined) {
    checkField(header.extension.profile, 0xffff, 'extension profile')
    checkField(header.extension.data.length, 4 * 0xffff, 'extension length')
  }
}

function checkField(value: number, limit: number, name: string): void {
  if (!(Number.isInteger(value) && value >= 0 && value <= limit)) {
    throw new UsageError('ERR_RTP_FIELD', `RTP ${name} ${value} is not a whole number from 0 to ${limit}`)
  }
}

/** Lengths were checked by the caller; the `?? 0` only tells the compiler so. */
function byteAt(bytes: Buffer, at: number): number {
  return bytes[at] ?? 0
}

function wordAt(bytes: Buffer, at: number): number {
  return (
    ((byteAt(bytes, at) << 24) |
      (byteAt(bytes, at + 1) << 16) |
      (byteAt(bytes, at + 2) << 8) |
      byteAt(bytes, at + 3)) >>>
    0
  )
}
