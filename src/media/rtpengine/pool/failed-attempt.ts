import { PeerError } from '../../../util/errors.ts'
import {
  RtpEngineCarrierError,
  RtpEngineRefusedError,
  RtpEngineReplyError,
  RtpEngineTimeoutError,
} from '../errors.ts'

/** Nothing was sent, or nobody was there to take it. */
const NEVER_ARRIVED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ERR_RTPENGINE_BUSY',
  'ERR_RTPENGINE_CLOSED',
])

/** Whether an engine may have done what it did not answer: also where the caller gave up. */
export function mayHaveArrived(error: unknown): boolean {
  if (error instanceof PeerError) return error instanceof RtpEngineReplyError
  return !(error instanceof RtpEngineCarrierError && NEVER_ARRIVED.has(error.code))
}

/** Whether another engine may do better. */
export function mayBeTriedElsewhere(error: unknown): boolean {
  if (error instanceof RtpEngineRefusedError) return error.code === 'ERR_RTPENGINE_LOAD_LIMIT'
  return (
    error instanceof RtpEngineTimeoutError ||
    (error instanceof RtpEngineCarrierError && error.code !== 'ERR_RTPENGINE_CLOSED')
  )
}
