import { hostPort } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import * as h from '../headers/index.ts'
import type { Protocol } from '../message/flow.ts'
import type { RequestTemplate } from '../message/template.ts'
import type { Placement } from './placement.ts'

/** Nothing was sent: a sips request had no secure way (RFC 5630 §3.1). The next target may have one. */
export const INSECURE = 'ERR_SIP_INSECURE'

/** Whether a protocol runs over TLS. */
export function isSecure(protocol: Protocol): boolean {
  return protocol === 'TLS' || protocol === 'WSS'
}

/**
 * Keeps a request whose Request-URI or first Route is sips from any way but TLS, whoever chose the way: a locator, a
 * fail-over, a pinned flow or the application (RFC 5630 §5.1.1, RFC 3261 §26.2.2).
 * @throws EnvironmentError
 */
export function refuseInsecure(template: RequestTemplate, { transport, flow }: Placement): void {
  if (isSecure(transport.protocol) || !isSips(template)) return
  const where = `${transport.protocol.toLowerCase()} ${hostPort(flow.address, flow.port)}`
  throw new EnvironmentError(
    INSECURE,
    `a sips request may not be sent to ${where}: it goes over TLS only; add a listener, as with listen('tls:…'), or ask for the sip URI knowingly`,
  )
}

function isSips(template: RequestTemplate): boolean {
  const { requestUriText } = template
  // four of five letters differ never; the whole is not parsed for what nearly all do not have
  if (requestUriText.charCodeAt(3) === LETTER_S || requestUriText.charCodeAt(3) === CAPITAL_S) {
    if (/^sips:/i.test(requestUriText)) return true
  }
  return template.get(h.Route)?.uri.secure ?? false
}

const LETTER_S = 0x73
const CAPITAL_S = 0x53
