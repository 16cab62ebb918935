import type { ReceptionReport } from '../rtp/source.ts'
import type { NtpTime } from './ntp.ts'
import type { XrBlock } from './xr.ts'

/** RTCP packet types: RFC 3550 §12.1, RFC 4585 §6.1, RFC 3611 §2. */
export const RTCP_TYPE = {
  sr: 200,
  rr: 201,
  sdes: 202,
  bye: 203,
  app: 204,
  rtpfb: 205,
  psfb: 206,
  xr: 207,
} as const

/** Source description items of RFC 3550 §6.5. */
export const SDES_ITEM = {
  cname: 1,
  name: 2,
  email: 3,
  phone: 4,
  loc: 5,
  tool: 6,
  note: 7,
  priv: 8,
} as const

/** RFC 3550 §6.4.1. */
export interface SenderReport {
  readonly type: 'sr'
  readonly ssrc: number
  readonly ntp: NtpTime
  readonly rtpTimestamp: number
  readonly packets: number
  readonly octets: number
  readonly reports: readonly ReceptionReport[]
}

/** RFC 3550 §6.4.2. */
export interface ReceiverReport {
  readonly type: 'rr'
  readonly ssrc: number
  readonly reports: readonly ReceptionReport[]
}

export interface SdesItem {
  readonly item: number
  readonly text: string
  /** Of a PRIV item only (§6.5.8). */
  readonly prefix?: string
}

export interface SdesChunk {
  readonly ssrc: number
  readonly items: readonly SdesItem[]
}

/** RFC 3550 §6.5. */
export interface SourceDescription {
  readonly type: 'sdes'
  readonly chunks: readonly SdesChunk[]
}

/** RFC 3550 §6.6. */
export interface Bye {
  readonly type: 'bye'
  readonly ssrcs: readonly number[]
  readonly reason?: string
}

/** RFC 3550 §6.7. */
export interface App {
  readonly type: 'app'
  /** 0 to 31. */
  readonly subtype: number
  readonly ssrc: number
  /** Four ASCII characters. */
  readonly name: string
  /** Whole words. */
  readonly data: Buffer
}

/** Transport-layer (`rtpfb`) or payload-specific (`psfb`) feedback, kept generic (RFC 4585 §6.1). */
export interface Feedback {
  readonly type: 'rtpfb' | 'psfb'
  /** FMT, 0 to 31: 1 is a generic NACK in RTPFB and a picture loss indication in PSFB. */
  readonly format: number
  readonly sender: number
  readonly media: number
  /** Feedback control information, whole words. */
  readonly fci: Buffer
}

/** RFC 3611 §2. */
export interface ExtendedReport {
  readonly type: 'xr'
  readonly ssrc: number
  readonly blocks: readonly XrBlock[]
}

/** A packet type we do not know: carried, not understood. */
export interface OtherRtcp {
  readonly type: 'other'
  readonly packetType: number
  /** The five bits that are a count or a format. */
  readonly count: number
  /** What follows the first word. */
  readonly body: Buffer
}

export type RtcpPacket =
  | SenderReport
  | ReceiverReport
  | SourceDescription
  | Bye
  | App
  | Feedback
  | ExtendedReport
  | OtherRtcp

/**
 * Why bytes are not RTCP (RFC 3550 appendix A.2): too short, not version 2, lengths that do not add up, a first packet
 * that is no report, padding elsewhere than at the end, a count that the packet has no room for or more items than
 * anybody has, or too many packets or items in all.
 */
export type RtcpFault = 'short' | 'version' | 'length' | 'first' | 'padding' | 'body' | 'many'

/** The first CNAME in a chunk. */
export function cnameOf(chunk: SdesChunk): string | undefined {
  return chunk.items.find(({ item }) => item === SDES_ITEM.cname)?.text
}

/** The SSRC of who sent a packet; a BYE and a source description may name several, others none. */
export function reporterOf(packet: RtcpPacket): number | undefined {
  if ('sender' in packet) return packet.sender
  return 'ssrc' in packet ? packet.ssrc : undefined
}
