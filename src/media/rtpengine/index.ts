export {
  type BencodeDictionary,
  BencodeError,
  type BencodeInput,
  type BencodeLimits,
  type BencodeOptions,
  type BencodeStrings,
  type BencodeValue,
  decodeBencode,
  encodeBencode,
} from './bencode/bencode.ts'
export { BencodeLengthFinder } from './bencode/length.ts'
export type { Carrier, CarrierFactory, CarrierReceiver } from './carrier/carrier.ts'
export { RtpEngineClient, type RtpEngineClientOptions } from './client.ts'
export type * from './command-options.ts'
export { RtpEngineCommands } from './commands.ts'
export { type DtmfEvent, parseDtmfEvent } from './dtmf/event.ts'
export { type DtmfHandler, DtmfListener, type DtmfListenerOptions } from './dtmf/listener.ts'
export {
  RtpEngineCarrierError,
  type RtpEngineError,
  RtpEngineRefusedError,
  RtpEngineReplyError,
  RtpEngineTimeoutError,
} from './errors.ts'
export type { NgKeys } from './keys.ts'
export {
  decodeNgMessage,
  encodeNgMessage,
  type NgDictionary,
  type NgEncoding,
  type NgInput,
  type NgMessage,
} from './message/message.ts'
export type * from './options.ts'
export { type HealthOptions, PoolEngine } from './pool/engine.ts'
export type { RtpEnginePoolMetrics } from './pool/metrics.ts'
export {
  RtpEnginePool,
  type RtpEnginePoolMember,
  type RtpEnginePoolOptions,
} from './pool/pool.ts'
export type { RequestCounters } from './request-counters.ts'
export type { Retransmission } from './requests.ts'
export type * from './results/call-statistics.ts'
export { parseRecording, type RecordedSdp, type Recording } from './results/recording.ts'
export type * from './results/results.ts'
export type * from './results/statistics.ts'
