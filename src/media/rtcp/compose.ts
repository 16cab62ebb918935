import type { Clock } from '../../util/clock.ts'
import type { RtpSender } from '../rtp/sender.ts'
import type { ReceptionReport, RtpSource } from '../rtp/source.ts'
import { encodeRtcp } from './encode.ts'
import { ntpFromDate } from './ntp.ts'
import { type RtcpPacket, SDES_ITEM } from './packet.ts'
import type { ReportTurns } from './report-turns.ts'

/** Report blocks that one SR or RR counts (RFC 3550 §6.4). */
const MAX_COUNT = 31
/** Octets of a compound packet: with the headers below it no path's usual MTU is exceeded (§6.1). */
const MAX_LENGTH = 1200
const HEADER_AND_SSRC = 8
const SENDER_INFO = 20
const REPORT_BLOCK = 24

/**
 * The compound packet that reports now (RFC 3550 §6.1): an SR where `sending`, else an RR, and a further RR where one
 * cannot count all; with a block for each source heard since its last report, as many as one packet takes, and our
 * CNAME. `turns` lets those who found no place come first the next time. Begins a new interval of the fraction lost of
 * each source that is reported.
 */
export function composeReport(
  sender: RtpSender,
  sending: boolean,
  sources: Iterable<RtpSource>,
  turns: ReportTurns,
  cname: string,
  clock: Clock,
): Buffer {
  const now = clock.now()
  const { ssrc } = sender
  const names = encodeRtcp([description(ssrc, cname)])
  // room for two heads: what one packet counts already fills most of the length
  const room = MAX_LENGTH - names.length - 2 * HEADER_AND_SSRC - (sending ? SENDER_INFO : 0)
  const reports: ReceptionReport[] = []
  for (const source of turns.next(sources, Math.floor(room / REPORT_BLOCK))) reports.push(source.report(now))
  const first = reports.slice(0, MAX_COUNT)
  const packets: RtcpPacket[] = []
  if (sending) {
    packets.push({
      type: 'sr',
      ssrc,
      ntp: ntpFromDate(clock.date()),
      rtpTimestamp: sender.timestampAt(now),
      packets: sender.packets,
      octets: sender.octets,
      reports: first,
    })
  } else packets.push({ type: 'rr', ssrc, reports: first })
  if (reports.length > MAX_COUNT) packets.push({ type: 'rr', ssrc, reports: reports.slice(MAX_COUNT) })
  return Buffer.concat([encodeRtcp(packets), names])
}

/** The compound packet with which `ssrc` leaves (§6.6): an empty RR, the CNAME and the BYE. */
export function composeBye(ssrc: number, cname: string, reason?: string): Buffer {
  return encodeRtcp([
    { type: 'rr', ssrc, reports: [] },
    description(ssrc, cname),
    { type: 'bye', ssrcs: [ssrc], ...(reason === undefined ? {} : { reason }) },
  ])
}

function description(ssrc: number, cname: string): RtcpPacket {
  return { type: 'sdes', chunks: [{ ssrc, items: [{ item: SDES_ITEM.cname, text: cname }] }] }
}
