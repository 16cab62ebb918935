import { familyOf, unbracketed } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'
import { ServerLookup, type ServerLookupOptions, type StunServerLocation } from './server-lookup.ts'
import { parseServerName, type ServerTransport, type StunServerName } from './server-name.ts'

/** STUN's and TURN's ports (RFC 8489 §8.1, RFC 5928 §3): 3478, and 5349 over TLS and DTLS. */
export function defaultServerPort(transport: ServerTransport): number {
  return transport === 'tls' || transport === 'dtls' ? 5349 : 3478
}

/**
 * The addresses of a STUN server in the order in which they are tried (RFC 8489 §8.1): a number is one; a name with a port
 * has its A and AAAA records; one without has its SRV records (`_stun._udp`, `_stuns._tcp` …), and A and AAAA at the default
 * port where there are none. Rejects with an EnvironmentError where nothing is found.
 */
export async function locateServer(
  server: string | StunServerName,
  options: ServerLookupOptions = {},
): Promise<StunServerLocation[]> {
  const { scheme, secure, port, transport, ...named } =
    typeof server === 'string' ? parseServerName(server) : server
  const host = unbracketed(named.host)
  if (scheme !== 'stun' || transport === undefined) {
    throw new UsageError(
      'ERR_STUN_SERVER',
      `'${printable(host)}' is named as a TURN server: locateTurnServer finds it`,
    )
  }
  const lookup = new ServerLookup(host, options)
  if (port === undefined && familyOf(host) === undefined) {
    const found = await lookup.service(serviceName(secure ? 'stuns' : 'stun', transport, host), transport)
    if (found !== undefined) return found
  }
  return lookup.addresses(host, port ?? defaultServerPort(transport), transport)
}

/** `_turns._tcp.example.org`: what runs below TLS or DTLS is the protocol (RFC 2782, RFC 8489 §8.1). */
export function serviceName(service: string, transport: ServerTransport, host: string): string {
  return `_${service}._${transport === 'tcp' || transport === 'tls' ? 'tcp' : 'udp'}.${host}`
}
