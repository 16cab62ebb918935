import { isHost } from '../grammar/host.ts'
import type { Uri } from '../grammar/uri.ts'

/** The SRV labels of presence and instant messages over SIP (RFC 3861 §3, §8). */
const services: ReadonlyMap<string, string> = new Map([
  ['pres', '_pres._sip'],
  ['im', '_im._sip'],
])

/** The SRV labels of a pres: or im: URI; `undefined` for any other. */
export function presenceService({ scheme }: Uri): string | undefined {
  return services.get(scheme)
}

/** The domain of a pres: or im: URI, `pres:bob@example.com?…`; `undefined` where there is none. */
export function presenceDomain({ opaque }: Uri): string | undefined {
  const [mailbox = ''] = opaque.split('?', 1)
  const at = mailbox.lastIndexOf('@')
  const domain = mailbox.slice(at + 1).toLowerCase()
  return at > 0 && isHost(domain) ? domain : undefined
}
