import type { Clock } from '../../util/clock.ts'
import type { RtpSender } from '../rtp/sender.ts'
import type { ReceptionReport, RtpSource } from '../rtp/source.ts'
import { encodeRtcp } from './encode.ts'
import { ntpFromDate } from './ntp.ts'
import { type RtcpPacket, SDES_ITEM } from './packet.ts'

const MAX_REPORTS = 31

/**
 * The compound packet that reports now (RFC 3550 §6.1): an SR where `sending`, else an RR, with a block for each source
 * heard since the last report, and our CNAME. Begins a new interval of each fraction lost.
 */
export function composeReport(
  sender: RtpSender,
  sending: boolean,
  sources: Iterable<RtpSource>,
  cname: string,
  clock: Clock,
): Buffer {
  const now = clock.now()
  const { ssrc } = sender
  const reports: ReceptionReport[] = []
  for (const source of sources) {
    if (reports.length < MAX_REPORTS && source.heardSinceReport) reports.push(source.report(now))
  }
  const receiver: RtcpPacket = { type: 'rr', ssrc, reports }
  if (!sending) return encodeRtcp([receiver, description(ssrc, cname)])
  const report: RtcpPacket = {
    type: 'sr',
    ssrc,
    ntp: ntpFromDate(clock.date()),
    rtpTimestamp: sender.timestampAt(now),
    packets: sender.packets,
    octets: sender.octets,
    reports,
  }
  return encodeRtcp([report, description(ssrc, cname)])
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
