import { UsageError } from '../../util/errors.ts'
import * as h from '../headers/index.ts'
import { keep } from '../headers/params.ts'
import type { Via } from '../headers/via.ts'
import type { SipResponse } from '../message/message.ts'
import type { ResponseTemplate } from '../message/template.ts'
import type { KeepAlive, KeepAliveUser } from './keep-alives.ts'

/** Who asks the next hop with `keep` in the Via whether it answers keep-alives (RFC 6223 §4). */
export interface KeepUser extends KeepAliveUser {
  /**
   * It does, and the flow is kept alive from now on: until the handle is stopped, as when the registration or the dialog
   * ends, or the flow does. Told again, with the same handle, when a later response says so again.
   */
  onKeepAlive?(keepAlive: KeepAlive): unknown
}

/** What our Via carries to ask for it. */
export const KEEP = ';keep'

/** Whether the hop before us, whose Via this is, asks whether we answer keep-alives. */
export function asksToKeep(via: Via): boolean {
  return via.param(keep) === true
}

/** Whether a response begins or confirms what keep-alives are for: a registration, a dialog. */
export function mayGrantKeep(status: number): boolean {
  return status > 100 && status < 300
}

/**
 * Says in the topmost Via of a response that we answer keep-alives, at least each so many seconds, 0 for whenever they
 * come (RFC 6223 §4.3). It is the Via of the hop before us, and none but that is meant.
 */
export function grantKeep(response: ResponseTemplate, seconds: number): void {
  response.update(h.Via, via => via.withParam(keep, seconds))
}

/** The seconds that the next hop put to the `keep` of our Via, 0 for as we like; `undefined` where it did not agree. */
export function grantedKeep(response: SipResponse): number | undefined {
  const seconds = response.via.param(keep)
  return typeof seconds === 'number' ? seconds : undefined
}

/** @throws UsageError where it is no whole number of seconds, or 0 */
export function checkedKeep(seconds: number | undefined): number | undefined {
  if (seconds === undefined || (Number.isSafeInteger(seconds) && seconds >= 0)) return seconds
  throw new UsageError(
    'ERR_SIP_KEEP',
    `keep: ${seconds} is no whole number of seconds; 0 lets the client choose`,
  )
}
