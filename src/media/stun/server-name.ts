import { isIPv6, type TransportAddress } from '../../stun/ip.ts'
import { addressBytes, addressText } from '../../util/address.ts'
import { EnvironmentError, UsageError } from '../../util/errors.ts'

/** The system's look-up of a host name, as a port: at least one numeric address, or a rejection. */
export type ResolveHost = (host: string) => Promise<readonly { readonly address: string }[]>

/** A server as it is named: `stun:stun.example.org`, `stuns:[2001:db8::1]:5349`, `turn:t.example.org?transport=tcp`. */
export interface StunServerName {
  readonly scheme: 'stun' | 'turn'
  /** A name, or a numeric address without brackets. */
  readonly host: string
  readonly port: number
  readonly transport: 'udp' | 'tcp' | 'tls' | 'dtls'
}

/** One of a server's addresses. */
export interface StunServerLocation extends TransportAddress {
  readonly transport: StunServerName['transport']
  /** The name that a certificate must bear (RFC 8489 §6.2.3). */
  readonly domain: string
}

const PORT = 3478
const SECURE_PORT = 5349

/**
 * Reads a STUN or TURN URI (RFC 7064, RFC 7065), or `host` and `host:port` for STUN over UDP. Throws a `UsageError`
 * for anything else.
 */
export function parseServerName(text: string): StunServerName {
  const match =
    /^(?:(stuns?|turns?):)?(\[[0-9A-Fa-f:.]+\]|[^\s:/?#[\]@]+)(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?$/i.exec(
      text,
    )
  const port = Number(match?.[3] ?? 1)
  const asked = match?.[4]?.toLowerCase()
  const scheme = (match?.[1] ?? 'stun').toLowerCase()
  if (match === null || port < 1 || port > 0xffff || (asked !== undefined && !scheme.startsWith('turn'))) {
    throw new UsageError(
      'ERR_STUN_SERVER',
      `${JSON.stringify(text)} names no STUN server: write stun:host:port`,
    )
  }
  const secure = scheme.endsWith('s')
  const overUdp = asked === 'udp' || (asked === undefined && !secure)
  return {
    scheme: scheme.startsWith('turn') ? 'turn' : 'stun',
    host: (match[2] ?? '').replace(/^\[|\]$/g, ''),
    port: match[3] === undefined ? (secure ? SECURE_PORT : PORT) : port,
    transport: secure ? (overUdp ? 'dtls' : 'tls') : overUdp ? 'udp' : 'tcp',
  }
}

/** The addresses of a server, in the order that the look-up gave them; its errors are passed on. */
export async function locateServer(
  server: string | StunServerName,
  resolve: ResolveHost,
): Promise<StunServerLocation[]> {
  const { host, port, transport } = typeof server === 'string' ? parseServerName(server) : server
  const numeric = addressBytes(host)
  if (numeric !== undefined) return [{ address: addressText(numeric), port, transport, domain: host }]
  if (isIPv6(host)) throw new UsageError('ERR_STUN_SERVER', `${JSON.stringify(host)} is no IPv6 address`)
  const locations: StunServerLocation[] = []
  for (const { address } of await resolve(host)) {
    const octets = addressBytes(address)
    if (octets !== undefined) locations.push({ address: addressText(octets), port, transport, domain: host })
  }
  if (locations.length > 0) return locations
  throw new EnvironmentError('ERR_STUN_SERVER', `the look-up of ${JSON.stringify(host)} gave no address`)
}
