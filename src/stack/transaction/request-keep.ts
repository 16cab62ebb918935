import { guarded } from '../../util/guard.ts'
import { grantedKeep, mayGrantKeep } from '../flow/keep.ts'
import type { SipResponse } from '../message/message.ts'
import type { ClientMachine } from './client-machine.ts'
import type { RequestContext, RequestOptions } from './request-options.ts'

/** Keeps the flow of a request alive where it asked for that and its next hop agrees (RFC 6223 §4). */
export function keepUp(
  { flows, failed }: RequestContext,
  { keep }: RequestOptions,
  client: ClientMachine<string> | undefined,
  response: SipResponse,
): void {
  if (keep === undefined || client === undefined || !mayGrantKeep(response.status)) return
  const seconds = grantedKeep(response)
  if (seconds === undefined) return
  const keepAlive = flows.keepAlive(client.flow, keep, seconds)
  if (typeof keepAlive !== 'string') guarded(failed, keep, keep.onKeepAlive, keepAlive)
}
