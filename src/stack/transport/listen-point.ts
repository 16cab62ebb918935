import { TlsContexts, type TlsOptions } from '../../net/tls-contexts.ts'
import { familyOf, unbracketed } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import type { Protocol } from '../message/flow.ts'
import { type SentBy, sentByOf } from './sent-by.ts'

/** What a listener is asked for on a command line or by `SipStack.listen`: `udp:127.0.0.1:5060`. */
export interface ListenPoint {
  readonly protocol: Protocol
  /** A numeric address, a wildcard address, or the name of an interface. */
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** What is advertised; the bound address where it is left out. */
  readonly sentBy?: SentBy
  /** Certificates of its own; the stack's where they are left out. */
  readonly contexts?: TlsContexts
  /** Nobody can connect to it: it connects itself. */
  readonly isClient?: boolean
}

/** A listen point that says more than its address. */
export interface ListenOptions {
  /** `udp:10.0.0.5:5060`. */
  readonly listen: string
  /**
   * What Via, Contact and Record-Route name instead of the bound address: the address or name by which others reach it,
   * `203.0.113.7:5060`, `[2001:db8::7]:5060` or `sip.example.com`. A port left out is left out there too.
   */
  readonly advertise?: string
  /** Certificates of a TLS or WSS listener of its own; the stack's unless given. TlsContexts can be updated. */
  readonly tls?: TlsOptions | TlsContexts
  /**
   * Only connects, as a browser does, and needs no certificate: Via and Contact name a host that is nobody's (RFC 7118
   * appendix B.1). Streams alone can. The same as `;client` behind the address: `wss:10.0.0.5;client`.
   */
  readonly client?: boolean
}

/** Each protocol with the port that may be left out (RFC 3261 §19.1.2, RFC 7118 §5.2). */
const protocols: ReadonlyMap<string, { readonly protocol: Protocol; readonly port: number }> = new Map([
  ['udp', { protocol: 'UDP', port: 5060 }],
  ['tcp', { protocol: 'TCP', port: 5060 }],
  ['tls', { protocol: 'TLS', port: 5061 }],
  ['ws', { protocol: 'WS', port: 80 }],
  ['wss', { protocol: 'WSS', port: 443 }],
])

const IPV6_REFERENCE = String.raw`\[[0-9a-f:.]+(?:%[\w.-]+)?\]`
const place = new RegExp(`^(${IPV6_REFERENCE}|[^:[\\]]+)(?::(\\d{1,5}))?$`, 'i')
const hostName = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i
const ADVERTISE = ';advertise='
const CLIENT = ';client'

/**
 * Reads `udp:127.0.0.1:5060`, `tcp:[::1]:5060`, `udp:0.0.0.0:5060` or `udp:eth0:5060`; a port left out is the
 * protocol's own. What is to be advertised may follow: `udp:10.0.0.5:5060;advertise=203.0.113.7:5060`.
 * @throws UsageError
 */
export function parseListenPoint(asked: string | ListenOptions): ListenPoint {
  const all = typeof asked === 'string' ? asked : asked.listen
  const isClient = all.endsWith(CLIENT) || (typeof asked !== 'string' && asked.client === true)
  const given = all.endsWith(CLIENT) ? all.slice(0, -CLIENT.length) : all
  const semicolon = given.indexOf(ADVERTISE)
  const text = semicolon < 0 ? given : given.slice(0, semicolon)
  const advertise =
    typeof asked !== 'string' && asked.advertise !== undefined
      ? asked.advertise
      : semicolon < 0
        ? undefined
        : given.slice(semicolon + ADVERTISE.length)
  const [, name = '', rest = ''] = /^([a-z]+):(.+)$/i.exec(text) ?? []
  const known = protocols.get(name.toLowerCase())
  if (known === undefined) {
    throw problem(
      text,
      `one of ${[...protocols.keys()].join(', ')} and a colon expected, as in udp:127.0.0.1:5060`,
    )
  }
  const [, host = '', written] = place.exec(rest) ?? []
  const port = written === undefined ? known.port : Number(written)
  if (host === '' || port > 65535) {
    throw problem(text, 'an address, in brackets where it is IPv6, and a port expected, as in tcp:[::1]:5060')
  }
  if (isClient && known.protocol === 'UDP') throw problem(text, 'UDP does not connect; leave ;client out')
  const tls = typeof asked === 'string' ? undefined : asked.tls
  const point = {
    protocol: known.protocol,
    host: unbracketed(host),
    port: isClient ? 0 : port,
    ...(isClient && { isClient }),
    ...(tls !== undefined && { contexts: tls instanceof TlsContexts ? tls : new TlsContexts(tls) }),
  }
  return advertise === undefined ? point : { ...point, sentBy: parseSentBy(advertise) }
}

function parseSentBy(text: string): SentBy {
  const [, written = '', port] = place.exec(text) ?? []
  const host = unbracketed(written)
  const isHost = familyOf(host) !== undefined ? !host.includes('%') : hostName.test(host)
  if (!isHost || Number(port ?? 1) > 65535 || Number(port ?? 1) === 0) {
    throw problem(text, 'a host that others know and a port expected, as in 203.0.113.7:5060')
  }
  return sentByOf(host, port === undefined ? undefined : Number(port))
}

function problem(text: string, what: string): UsageError {
  return new UsageError('ERR_SIP_LISTEN', `"${text}": ${what}`)
}
