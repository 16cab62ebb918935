export { randomCname } from './cname.ts'
export { composeBye, composeReport } from './compose.ts'
export { encodeRtcp } from './encode.ts'
export { GENERIC_NACK, genericNack, lostSequences, PICTURE_LOSS, pictureLoss } from './feedback.ts'
export { deterministicInterval, type IntervalState, transmissionInterval } from './interval.ts'
export { type Member, MemberTable } from './members.ts'
export { dateFromNtp, middleOf, type NtpTime, ntpFromDate, roundTrip } from './ntp.ts'
export {
  type App,
  type Bye,
  cnameOf,
  type ExtendedReport,
  type Feedback,
  type OtherRtcp,
  type ReceiverReport,
  RTCP_TYPE,
  type RtcpFault,
  type RtcpPacket,
  reporterOf,
  SDES_ITEM,
  type SdesChunk,
  type SdesItem,
  type SenderReport,
  type SourceDescription,
} from './packet.ts'
export { parseRtcp, type RtcpParseOptions } from './parse.ts'
export { ReportTurns } from './report-turns.ts'
export { type RtcpScheduleOptions, RtcpScheduler, type RtcpScheduleUser } from './scheduler.ts'
export type { OtherXrBlock, ReceiverReferenceTime, VoipMetrics, XrBlock } from './xr.ts'
