import * as h from '../../stack/headers/index.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'

/** The request again with the interval that a 423 asks for (RFC 3261 §10.2.8, RFC 6665 §4.2.1.1, RFC 3903 §5). */
export function withLongerInterval(
  sent: RequestTemplate,
  response: SipResponse,
): RequestTemplate | undefined {
  if (response.status !== 423) return undefined
  const least = response.try(h.MinExpires).value
  const asked = sent.get(h.Expires) ?? 0
  // 0 is an end, or a question, and no interval to be made longer
  if (least === undefined || asked === 0 || least <= asked) return undefined
  return sent.derive().set(h.Expires, least)
}

/** Seconds of a response's Retry-After (RFC 3261 §20.33). */
export function retryAfterOf(response: SipResponse | undefined): number | undefined {
  return response?.try(h.RetryAfter).value?.seconds
}
