import { type HostAddress, resolveHost } from '../../net/resolve.ts'
import { familyOf, unbracketed } from '../../util/address.ts'
import { EnvironmentError, PeerError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'
import type { Uri } from '../grammar/uri.ts'
import { maddrParam, transportParam } from '../grammar/uri-params.ts'
import type { Via } from '../headers/via.ts'
import type { Protocol } from '../message/flow.ts'
import type { Target } from '../transport/selector.ts'
import type { Locate, LocateOptions } from './locate.ts'

/** Looks a name up; the system's own look-up unless another is given. */
export type ResolveHost = (host: string) => Promise<readonly HostAddress[]>

/**
 * Targets by the URI's own words and the system's look-up: `maddr` or host, port or the default one, the transport
 * named or UDP (RFC 3263 §4.1 and §4.2 without NAPTR and SRV). It remembers nothing of what is reported.
 */
export class LocateByAddress implements Locate {
  readonly #resolve: ResolveHost

  constructor(resolve: ResolveHost = resolveHost) {
    this.#resolve = resolve
  }

  locate(uri: Uri, { stateless }: LocateOptions): readonly Target[] | Promise<readonly Target[]> {
    if (!uri.isSip) {
      throw new EnvironmentError(
        'ERR_SIP_SCHEME',
        `a ${uri.scheme} URI cannot be sent to; give a sip URI as next hop`,
      )
    }
    const protocol = protocolOf(uri)
    return this.#targets(protocol, uri.param(maddrParam) ?? uri.host, uri.port, stateless)
  }

  locateResponse(via: Via): readonly Target[] | Promise<readonly Target[]> {
    const protocol = protocols.get(via.transport.toLowerCase())
    if (protocol === undefined) throw unknownTransport(via.transport)
    // datagrams go back to the port they came from (RFC 3581 §4), a new connection to that of sent-by (§18.2.2)
    const port = protocol === 'UDP' ? (via.rport ?? via.port) : via.port
    return this.#targets(protocol, via.received ?? via.host, port, true)
  }

  report(): void {}

  #targets(
    protocol: Protocol,
    host: string,
    given: number | undefined,
    stateless: boolean,
  ): readonly Target[] | Promise<readonly Target[]> {
    const isSecure = protocol === 'TLS' || protocol === 'WSS'
    const port = given ?? (isSecure ? 5061 : 5060)
    const numeric = unbracketed(host)
    if (familyOf(numeric) !== undefined) return [{ protocol, address: numeric, port }]
    // what was asked for is what the peer must prove, whatever addresses the name led to (RFC 5922 §7.3)
    const proof = isSecure ? { serverName: host.toLowerCase() } : undefined
    return this.#resolve(host).then(found => {
      const targets = found.map(({ address }): Target => ({ protocol, address, port, ...proof }))
      // the resolver may turn its answers round; a message that comes again must find the same order
      return stateless ? targets.sort((a, b) => (a.address < b.address ? -1 : 1)) : targets
    })
  }
}

const protocols: ReadonlyMap<string, Protocol> = new Map([
  ['udp', 'UDP'],
  ['tcp', 'TCP'],
  ['tls', 'TLS'],
  ['ws', 'WS'],
  ['wss', 'WSS'],
])

/** The protocol that a URI asks for: its transport parameter, made secure by sips. */
function protocolOf(uri: Uri): Protocol {
  const name = uri.param(transportParam)?.toLowerCase() ?? (uri.secure ? 'tls' : 'udp')
  const protocol = protocols.get(name)
  if (protocol === undefined) throw unknownTransport(name)
  if (!uri.secure) return protocol
  return protocol === 'WS' || protocol === 'WSS' ? 'WSS' : 'TLS'
}

/**
 * What a peer wrote into a URI or a Via leaves no target, for which §16.5 has 480: a 503 would say that we are the ones
 * who fail.
 */
function unknownTransport(name: string): PeerError {
  return new PeerError(
    'ERR_SIP_TRANSPORT',
    `transport ${printable(name, 32)} is not known; one of ${[...protocols.keys()].join(', ')} is`,
    480,
  )
}
