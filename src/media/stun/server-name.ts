import { familyOf } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'

/** What STUN and TURN run over. */
export type ServerTransport = 'udp' | 'tcp' | 'tls' | 'dtls'

/** A server as it is named: `stun:stun.example.org`, `stuns:stun.example.org:5349`, `turn:t.example.org?transport=tcp`. */
export interface StunServerName {
  readonly scheme: 'stun' | 'turn'
  /** It must be reached over TLS or DTLS. */
  readonly secure: boolean
  /** A name, or a numeric address without brackets. */
  readonly host: string
  /** Undefined where it is left to DNS, and at last to the default. */
  readonly port: number | undefined
  /** Undefined for a TURN server whose transport is left to DNS and to what the client can do. */
  readonly transport: ServerTransport | undefined
}

/**
 * Reads a STUN or TURN URI (RFC 7064, RFC 7065), or `host` and `host:port` for STUN over UDP. Throws a `UsageError`
 * for anything else, and for `stuns` with an address, which no certificate would prove (RFC 8489 §8.1).
 */
export function parseServerName(text: string): StunServerName {
  const match =
    /^(?:(stuns?|turns?):)?(\[[0-9A-Fa-f:.]+\]|[^\s:/?#[\]@]+)(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?$/i.exec(
      text,
    )
  const scheme = (match?.[1] ?? 'stun').toLowerCase()
  const secure = scheme.endsWith('s')
  const kind = scheme.startsWith('turn') ? 'turn' : 'stun'
  const port = Number(match?.[3] ?? 1)
  const asked = match?.[4]?.toLowerCase()
  const host = (match?.[2] ?? '').replace(/^\[|\]$/g, '')
  if (match === null || port < 1 || port > 0xffff || (asked !== undefined && kind === 'stun')) {
    throw new UsageError('ERR_STUN_SERVER', `'${printable(text)}' names no STUN server: write stun:host:port`)
  }
  const family = familyOf(host)
  if (family === undefined && host.includes(':')) {
    throw new UsageError('ERR_STUN_SERVER', `'${printable(host)}' is no IPv6 address`)
  }
  if (scheme === 'stuns' && family !== undefined) {
    throw new UsageError(
      'ERR_STUN_SERVER',
      `'${printable(text)}' cannot be proven by a certificate: give stuns a name`,
    )
  }
  return {
    scheme: kind,
    secure,
    host,
    port: match[3] === undefined ? undefined : port,
    transport: kind === 'stun' ? (secure ? 'tls' : 'udp') : transportOf(asked, secure),
  }
}

function transportOf(asked: string | undefined, secure: boolean): ServerTransport | undefined {
  if (asked === undefined) return undefined
  if (asked === 'udp') return secure ? 'dtls' : 'udp'
  return secure ? 'tls' : 'tcp'
}
