import type {
  CallStatistics,
  OfferOptions,
  RtpEnginePool,
  RtpEnginePoolMember,
  RtpEnginePoolOptions,
} from 'resip/media'
import type { StatelessProxy } from 'resip/stateless-proxy'

export interface RtpEngineProxyOptions {
  readonly listen: readonly string[]
  readonly nextHop: string
  readonly engines: readonly (string | RtpEnginePoolMember)[]
  readonly pool?: RtpEnginePoolOptions
  readonly offer?: OfferOptions
  readonly onCallEnd?: (callId: string, call: CallStatistics) => void
}

export interface RtpEngineProxy {
  readonly proxy: StatelessProxy
  readonly media: RtpEnginePool
  close(): Promise<unknown>
}

export function startRtpEngineProxy(options: RtpEngineProxyOptions): Promise<RtpEngineProxy>
