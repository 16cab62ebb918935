import { TlsContexts, type TlsOptions } from '../../net/tls-contexts.ts'
import { canonicalAddress, familyOf, isWildcard, unbracketed, unmapped } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'
import { Networks } from '../../util/networks.ts'
import type { Protocol } from '../message/flow.ts'
import type { PortRange } from './connect-ports.ts'
import { type SentBy, sentByOf } from './sent-by.ts'

/** What a listener is asked for on a command line or by `SipStack.listen`: `udp:127.0.0.1:5060`. */
export interface ListenPoint {
  readonly protocol: Protocol
  /** A numeric address in canonical form, a wildcard address, or the name of an interface. */
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** What is advertised; the bound address where it is left out. */
  readonly sentBy?: SentBy
  /** Of `[::]` or an interface: whether IPv4 addresses are left out. */
  readonly ipv6Only?: boolean
  /** The ports that connections are made from. */
  readonly connectFrom?: PortRange
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
  /**
   * Networks whose hosts are told the bound address all the same, for they reach it: `['10.0.0.0/8', 'fd00::/8']`;
   * `'private'` stands for all that are private by their number (RFC 1918, RFC 4193, link-local, loopback).
   */
  readonly localNets?: readonly string[]
  /**
   * Whether `[::]` or an interface leaves out IPv4 addresses. Default true for `[::]`, where false listens on the
   * addresses of both families, and false for an interface. Each address has a socket of its own, of its own family.
   */
  readonly ipv6Only?: boolean
  /**
   * The local port, or the first and last of several, that connections are made from; the system's choice unless given.
   * They must be nobody else's: a connection whose port is taken fails.
   */
  readonly connectFrom?: number | PortRange
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

/**
 * Reads `udp:127.0.0.1:5060`, `tcp:[::1]:5060`, `udp:0.0.0.0:5060` or `udp:eth0:5060`; a port left out is the
 * protocol's own. The other options may follow, as on a command line:
 * `udp:10.0.0.5:5060;advertise=203.0.113.7:5060;localNets=10.0.0.0/8,private;ipv6Only=false;connectFrom=40000-40099`.
 * @throws UsageError
 */
export function parseListenPoint(asked: string | ListenOptions): ListenPoint {
  const given = typeof asked === 'string' ? { listen: asked } : asked
  const [text = '', ...options] = given.listen.split(';')
  const point = parsePlace(text)
  const { advertise, localNets, ipv6Only, connectFrom, client, tls } = { ...written(options), ...given }
  if (localNets !== undefined && advertise === undefined)
    throw problem(
      text,
      'localNets are told the bound address instead of the advertised one; give advertise too',
    )
  if (ipv6Only !== undefined && familyOf(point.host) !== undefined && point.host !== '::')
    throw problem(text, 'ipv6Only is for [::] or an interface, which have addresses of both families')
  const isClient = client === true
  if (isClient && point.protocol === 'UDP') throw problem(text, 'UDP does not connect; leave ;client out')
  return {
    ...point,
    ...(isClient && { isClient, port: 0 }),
    ...(tls !== undefined && { contexts: tls instanceof TlsContexts ? tls : new TlsContexts(tls) }),
    ...(advertise !== undefined && { sentBy: parseSentBy(advertise, localNets) }),
    ...(ipv6Only !== undefined && { ipv6Only }),
    ...(connectFrom !== undefined && { connectFrom: checkedRange(text, connectFrom) }),
  }
}

/** Whether a point stands for whatever addresses a wildcard or an interface has. */
export function isFollowed({ host }: ListenPoint): boolean {
  return familyOf(host) === undefined || isWildcard(host)
}

function parsePlace(text: string): ListenPoint {
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
  return { protocol: known.protocol, host: plainHost(unbracketed(host)), port }
}

/** A v4-mapped address is the IPv4 one that it stands for. */
function plainHost(host: string): string {
  return unmapped(canonicalAddress(host) ?? host)
}

/** What stands behind the semicolons of a listen point. */
function written(options: readonly string[]): Partial<ListenOptions> {
  let found: Partial<ListenOptions> = {}
  for (const option of options) {
    if (option.toLowerCase() === 'client') {
      found = { ...found, client: true }
      continue
    }
    const equals = option.indexOf('=')
    const value = option.slice(equals + 1)
    switch (equals < 0 ? '' : option.slice(0, equals).toLowerCase()) {
      case 'advertise':
        found = { ...found, advertise: value }
        break
      case 'localnets':
        found = { ...found, localNets: value.split(',') }
        break
      case 'ipv6only':
        if (value !== 'true' && value !== 'false') throw problem(option, 'true or false expected')
        found = { ...found, ipv6Only: value === 'true' }
        break
      case 'connectfrom':
        found = { ...found, connectFrom: parseRange(option, value) }
        break
      default:
        throw problem(option, 'client, or advertise, localNets, ipv6Only or connectFrom and a value expected')
    }
  }
  return found
}

function parseSentBy(text: string, localNets: readonly string[] | undefined): SentBy {
  const [, written = '', port] = place.exec(text) ?? []
  const host = unbracketed(written)
  const isHost = familyOf(host) !== undefined ? !host.includes('%') : hostName.test(host)
  if (!isHost || Number(port ?? 1) > 65535 || Number(port ?? 1) === 0) {
    throw problem(text, 'a host that others know and a port expected, as in 203.0.113.7:5060')
  }
  const nets = localNets && new Networks(localNets)
  return sentByOf(host, port === undefined ? undefined : Number(port), nets)
}

function parseRange(option: string, value: string): PortRange {
  const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(value) ?? []
  return checkedRange(option, [Number(first), Number(last)])
}

function checkedRange(text: string, range: number | PortRange): PortRange {
  const [first, last] = typeof range === 'number' ? [range, range] : range
  const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port <= 65535
  if (!isPort(first) || !isPort(last) || first > last)
    throw problem(
      text,
      'a port to connect from, or the first and last of several, expected, as in 40000-40099',
    )
  return [first, last]
}

function problem(text: string, what: string): UsageError {
  return new UsageError('ERR_SIP_LISTEN', `"${printable(text)}": ${what}`)
}
