import type { ReceptionReport } from '../rtp/source.ts'
import {
  RTCP_TYPE,
  type RtcpFault,
  type RtcpPacket,
  SDES_ITEM,
  type SdesChunk,
  type SdesItem,
} from './packet.ts'
import { parseXrBlocks } from './xr.ts'

export interface RtcpParseOptions {
  /** Takes reduced-size packets too, which need not begin with a report (RFC 5506). */
  readonly reducedSize?: boolean
  /** Packets in one compound packet at the most. */
  readonly maxPackets?: number
}

const HEADER = 4
const REPORT_BLOCK = 24
const SENDER_INFO = 20
const DEFAULT_MAX_PACKETS = 64
/** SDES items, and XR blocks, of a datagram: 31 sources may tell all eight items (RFC 3550 §6.5). */
const MOST_ITEMS = 256

/**
 * The packets of a compound RTCP packet (RFC 3550 §6.1, appendix A.2), or what is wrong with it. Never throws. A packet
 * of an unknown type is carried as `other`.
 */
export function parseRtcp(bytes: Buffer, options: RtcpParseOptions = {}): RtcpPacket[] | RtcpFault {
  if (bytes.length < HEADER) return 'short'
  const maxPackets = options.maxPackets ?? DEFAULT_MAX_PACKETS
  const packets: RtcpPacket[] = []
  let items = 0
  for (let at = 0; at < bytes.length; ) {
    if (at + HEADER > bytes.length) return 'length'
    const flags = bytes.readUInt8(at)
    if (flags >> 6 !== 2) return 'version'
    const type = bytes.readUInt8(at + 1)
    if (at === 0 && !(options.reducedSize || type === RTCP_TYPE.sr || type === RTCP_TYPE.rr)) return 'first'
    const next = at + HEADER + 4 * bytes.readUInt16BE(at + 2)
    if (next > bytes.length) return 'length'
    let end = next
    if ((flags & 0x20) !== 0) {
      // only the last packet may be padded, and it says by how much in its last octet
      if (next !== bytes.length || next === at + HEADER) return 'padding'
      const padding = bytes.readUInt8(next - 1)
      if (padding === 0 || padding % 4 !== 0 || padding > next - at - HEADER) return 'padding'
      end -= padding
    }
    if (packets.length === maxPackets) return 'many'
    const packet = parseBody(type, flags & 0x1f, bytes.subarray(at + HEADER, end))
    if (packet === undefined) return 'body'
    items += itemsOf(packet)
    if (items > MOST_ITEMS) return 'many'
    packets.push(packet)
    at = next
  }
  return packets
}

function itemsOf(packet: RtcpPacket): number {
  if (packet.type === 'xr') return packet.blocks.length
  return packet.type === 'sdes' ? packet.chunks.reduce((sum, { items }) => sum + items.length, 0) : 0
}

function parseBody(packetType: number, count: number, body: Buffer): RtcpPacket | undefined {
  switch (packetType) {
    case RTCP_TYPE.sr:
      return parseSenderReport(count, body)
    case RTCP_TYPE.rr: {
      const reports = parseReports(count, body, 4)
      return reports && { type: 'rr', ssrc: body.readUInt32BE(0), reports }
    }
    case RTCP_TYPE.sdes: {
      const chunks = parseChunks(count, body)
      return chunks && { type: 'sdes', chunks }
    }
    case RTCP_TYPE.bye:
      return parseBye(count, body)
    case RTCP_TYPE.app:
      if (body.length < 8) return undefined
      return {
        type: 'app',
        subtype: count,
        ssrc: body.readUInt32BE(0),
        name: body.toString('latin1', 4, 8),
        data: body.subarray(8),
      }
    case RTCP_TYPE.rtpfb:
    case RTCP_TYPE.psfb:
      if (body.length < 8) return undefined
      return {
        type: packetType === RTCP_TYPE.rtpfb ? 'rtpfb' : 'psfb',
        format: count,
        sender: body.readUInt32BE(0),
        media: body.readUInt32BE(4),
        fci: body.subarray(8),
      }
    case RTCP_TYPE.xr: {
      if (body.length < 4) return undefined
      const blocks = parseXrBlocks(body.subarray(4), MOST_ITEMS)
      return blocks && { type: 'xr', ssrc: body.readUInt32BE(0), blocks }
    }
    default:
      return { type: 'other', packetType, count, body }
  }
}

function parseSenderReport(count: number, body: Buffer): RtcpPacket | undefined {
  const reports = parseReports(count, body, 4 + SENDER_INFO)
  if (reports === undefined) return undefined
  return {
    type: 'sr',
    ssrc: body.readUInt32BE(0),
    ntp: { seconds: body.readUInt32BE(4), fraction: body.readUInt32BE(8) },
    rtpTimestamp: body.readUInt32BE(12),
    packets: body.readUInt32BE(16),
    octets: body.readUInt32BE(20),
    reports,
  }
}

/** Profile-specific extensions behind the blocks are ignored (§6.4.3). */
function parseReports(count: number, body: Buffer, at: number): ReceptionReport[] | undefined {
  if (body.length < at + count * REPORT_BLOCK) return undefined
  const reports: ReceptionReport[] = []
  for (let i = 0; i < count; i++) {
    const block = at + i * REPORT_BLOCK
    reports.push({
      ssrc: body.readUInt32BE(block),
      fractionLost: body.readUInt8(block + 4),
      lost: body.readIntBE(block + 5, 3),
      highest: body.readUInt32BE(block + 8),
      jitter: body.readUInt32BE(block + 12),
      lastReport: body.readUInt32BE(block + 16),
      delay: body.readUInt32BE(block + 20),
    })
  }
  return reports
}

function parseChunks(count: number, body: Buffer): SdesChunk[] | undefined {
  const chunks: SdesChunk[] = []
  let left = MOST_ITEMS
  let at = 0
  for (let i = 0; i < count; i++) {
    if (at + 4 > body.length) return undefined
    const ssrc = body.readUInt32BE(at)
    const items: SdesItem[] = []
    for (at += 4; ; ) {
      // §6.5: the list ends with at least one null octet, then goes on to the next word
      const item = body[at]
      if (item === undefined) return undefined
      if (item === 0) break
      const length = body[at + 1]
      if (length === undefined || at + 2 + length > body.length) return undefined
      const parsed = parseItem(item, body.subarray(at + 2, at + 2 + length))
      if (parsed === undefined || left-- === 0) return undefined
      items.push(parsed)
      at += 2 + length
    }
    at = (at + 4) & ~3
    chunks.push({ ssrc, items })
  }
  return chunks
}

function parseItem(item: number, value: Buffer): SdesItem | undefined {
  if (item !== SDES_ITEM.priv) return { item, text: value.toString('utf8') }
  const prefix = value[0]
  if (prefix === undefined || prefix + 1 > value.length) return undefined
  return { item, prefix: value.toString('utf8', 1, 1 + prefix), text: value.toString('utf8', 1 + prefix) }
}

function parseBye(count: number, body: Buffer): RtcpPacket | undefined {
  const end = 4 * count
  if (body.length < end) return undefined
  const ssrcs: number[] = []
  for (let at = 0; at < end; at += 4) ssrcs.push(body.readUInt32BE(at))
  const length = body[end]
  if (length === undefined) return { type: 'bye', ssrcs }
  if (end + 1 + length > body.length) return undefined
  return { type: 'bye', ssrcs, reason: body.toString('utf8', end + 1, end + 1 + length) }
}
