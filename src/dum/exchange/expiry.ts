import * as h from '../../stack/headers/index.ts'
import type { SipRequest } from '../../stack/message/message.ts'
import type { ExpiryPolicy } from '../handlers/subscription.ts'

const AN_HOUR = 3600

/**
 * How long what a request asks for is granted, in seconds, or the least that it must ask for: only an interval above 0
 * and below an hour may be refused as too short (RFC 6665 §4.2.1.1, RFC 3903 §6).
 */
export function expiryFor(
  request: SipRequest,
  policy: ExpiryPolicy,
): { readonly expires: number } | { readonly least: number } {
  const { min = 60, max = 7200 } = policy
  const asked = request.try(h.Expires).value ?? policy.default ?? AN_HOUR
  if (asked > 0 && asked < AN_HOUR && asked < min) return { least: min }
  return { expires: Math.min(asked, max) }
}
