import * as h from '../headers/index.ts'
import type { Reason } from '../headers/reason.ts'
import { cancel } from '../message/build.ts'
import { encode } from '../message/encode.ts'
import type { RequestTemplate } from '../message/template.ts'
import { Placement } from '../transport/placement.ts'
import type { ClientMachine, ClientUser } from './client-machine.ts'
import type { RequestContext } from './request-options.ts'

/** Hears nothing. */
const silentClient: ClientUser = { onResponse() {}, onFailure() {}, onEnded() {} }

/**
 * Cancels an INVITE that is under way (RFC 3261 §9.1): along its way, with the very Via of it, and with reasons (RFC 3326).
 * What becomes of the CANCEL interests nobody.
 */
export function sendCancel(
  { transactions }: RequestContext,
  invite: RequestTemplate,
  { placement, flow }: ClientMachine<string>,
  reasons: readonly Reason[],
): void {
  const { transport, branch, viaParams } = placement
  const template = cancel(invite)
  if (reasons.length > 0) template.set(h.Reason, ...reasons)
  const way = new Placement(transport, flow, branch, viaParams)
  transactions.startClient(template, way, encode(template, way), silentClient)
}
