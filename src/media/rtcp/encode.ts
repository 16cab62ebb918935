import { UsageError } from '../../util/errors.ts'
import type { ReceptionReport } from '../rtp/source.ts'
import { RTCP_TYPE, type RtcpPacket, SDES_ITEM, type SdesChunk, type SdesItem } from './packet.ts'
import { encodeXrBlock } from './xr.ts'

const MAX_COUNT = 31
const MAX_TEXT = 255

/**
 * A compound packet (RFC 3550 §6.1) of the packets given, in their order. Texts longer than 255 octets are cut at a
 * character. Throws a `UsageError` where a packet cannot be written.
 */
export function encodeRtcp(packets: readonly RtcpPacket[]): Buffer {
  return Buffer.concat(packets.map(encodePacket))
}

function encodePacket(packet: RtcpPacket): Buffer {
  switch (packet.type) {
    case 'sr':
      return framed(RTCP_TYPE.sr, packet.reports.length, [
        words(
          packet.ssrc,
          packet.ntp.seconds,
          packet.ntp.fraction,
          packet.rtpTimestamp,
          packet.packets >>> 0,
          packet.octets >>> 0,
        ),
        ...packet.reports.map(encodeReport),
      ])
    case 'rr':
      return framed(RTCP_TYPE.rr, packet.reports.length, [
        words(packet.ssrc),
        ...packet.reports.map(encodeReport),
      ])
    case 'sdes':
      return framed(RTCP_TYPE.sdes, packet.chunks.length, packet.chunks.map(encodeChunk))
    case 'bye':
      return framed(RTCP_TYPE.bye, packet.ssrcs.length, [
        words(...packet.ssrcs),
        packet.reason === undefined ? Buffer.alloc(0) : counted(packet.reason),
      ])
    case 'app': {
      if (!/^[\x20-\x7e]{4}$/.test(packet.name)) {
        throw new UsageError('ERR_RTCP_APP', 'the name of an APP packet is four ASCII characters')
      }
      return framed(RTCP_TYPE.app, packet.subtype, [
        words(packet.ssrc),
        Buffer.from(packet.name, 'latin1'),
        packet.data,
      ])
    }
    case 'rtpfb':
    case 'psfb':
      return framed(RTCP_TYPE[packet.type], packet.format, [words(packet.sender, packet.media), packet.fci])
    case 'xr':
      return framed(RTCP_TYPE.xr, 0, [words(packet.ssrc), ...packet.blocks.map(encodeXrBlock)])
    case 'other':
      return framed(packet.packetType, packet.count, [packet.body])
  }
}

/** The common header, the body, and zeros up to a whole word. */
function framed(type: number, count: number, parts: readonly Buffer[]): Buffer {
  if (!(Number.isInteger(count) && count >= 0 && count <= MAX_COUNT)) {
    throw new UsageError('ERR_RTCP_COUNT', `an RTCP packet of type ${type} cannot count ${count}: 31 at most`)
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const bodyWords = Math.ceil(length / 4)
  if (bodyWords > 0xffff) throw new UsageError('ERR_RTCP_LENGTH', `an RTCP packet of ${length} bytes`)
  const bytes = Buffer.alloc(4 + 4 * bodyWords)
  bytes.writeUInt8(0x80 | count, 0)
  bytes.writeUInt8(type, 1)
  bytes.writeUInt16BE(bodyWords, 2)
  let at = 4
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, index) => {
    bytes.writeUInt32BE(value, 4 * index)
  })
  return bytes
}

function encodeReport(report: ReceptionReport): Buffer {
  const bytes = words(report.ssrc, 0, report.highest, report.jitter, report.lastReport, report.delay)
  bytes.writeUInt8(report.fractionLost, 4)
  bytes.writeIntBE(report.lost, 5, 3)
  return bytes
}

function encodeChunk(chunk: SdesChunk): Buffer {
  const items = Buffer.concat([words(chunk.ssrc), ...chunk.items.map(encodeItem)])
  // at least one null octet ends the list (§6.5)
  const bytes = Buffer.alloc((items.length + 4) & ~3)
  bytes.set(items)
  return bytes
}

function encodeItem({ item, text, prefix }: SdesItem): Buffer {
  if (!(Number.isInteger(item) && item >= 1 && item <= 255)) {
    throw new UsageError('ERR_RTCP_SDES', `source description item ${item}`)
  }
  if (item !== SDES_ITEM.priv) return Buffer.concat([Buffer.from([item]), counted(text)])
  const name = counted(prefix ?? '', MAX_TEXT - 1)
  const value = utf8(text, MAX_TEXT - name.length)
  return Buffer.concat([Buffer.from([item, name.length + value.length]), name, value])
}

function counted(text: string, limit: number = MAX_TEXT): Buffer {
  const bytes = utf8(text, limit)
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}

/** UTF-8 of `text`, cut between characters where it is longer than `limit`. */
function utf8(text: string, limit: number): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  if (bytes.length <= limit) return bytes
  let end = limit
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}
