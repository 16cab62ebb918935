export { digitOf, eventOf } from '../../util/dtmf.ts'
export {
  type EventEnd,
  type EventHandler,
  type EventReceiverOptions,
  TelephoneEventReceiver,
} from './event-receiver.ts'
export { type EventPacket, type EventSenderOptions, TelephoneEventSender } from './event-sender.ts'
export {
  type ExtensionElement,
  encodeExtension,
  extensionElements,
  ONE_BYTE_PROFILE,
  TWO_BYTE_PROFILE,
} from './extension.ts'
export { JitterEstimate } from './jitter.ts'
export { JitterBuffer, type JitterBufferOptions, type PlayoutGap } from './jitter-buffer.ts'
export {
  encodeRtp,
  parseRtp,
  RTP_HEADER,
  type RtpFault,
  RtpFaults,
  type RtpHeader,
  type RtpPacket,
  rtpLength,
} from './packet.ts'
export { type StaticPayloadType, staticClockRate, staticPayloadTypes } from './payload-types.ts'
export {
  type CodecImpairment,
  delayImpairment,
  equipmentImpairment,
  G711_WITH_PLC,
  G711_WITHOUT_PLC,
  mosFromR,
  QualityEstimate,
  type QualityInput,
  rFactor,
} from './quality.ts'
export { RtpSender, type RtpSenderOptions } from './sender.ts'
export { SequenceTracker, type SequenceVerdict } from './sequence.ts'
export { RtpSession } from './session.ts'
export type { ReceivedRtp, RtpSessionHandler, RtpSessionOptions } from './session-options.ts'
export { type ReceptionReport, RtpSource } from './source.ts'
export { type IdentifierVerdict, SourceIdentifiers, type SourceKind } from './source-identifiers.ts'
export {
  encodeTelephoneEvent,
  parseTelephoneEvents,
  type TelephoneEvent,
} from './telephone-event.ts'
