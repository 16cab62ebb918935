import type { Uri } from '../../stack/grammar/uri.ts'

/** What a resource is known by, whatever parameters its URI has: `sip:alice@example.com` (RFC 3261 §10.3, step 5). */
export function resourceOf({ scheme, user, host, port }: Uri): string {
  const name = user === undefined ? '' : `${user}@`
  return `${scheme}:${name}${host.toLowerCase()}${port === undefined ? '' : `:${port}`}`
}
