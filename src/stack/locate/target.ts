import { type HostAddress, resolveHost } from '../../net/resolve.ts'
import { familyOf, unbracketed } from '../../util/address.ts'
import { EnvironmentError, UsageError } from '../../util/errors.ts'
import type { Uri } from '../grammar/uri.ts'
import { maddrParam, transportParam } from '../grammar/uri-params.ts'
import type { Protocol } from '../message/flow.ts'
import type { Target } from '../transport/selector.ts'

/**
 * Finds the places that a request for a URI can be sent to, in the order to try them: at once where nothing must be
 * asked. Throws, or rejects with, an EnvironmentError where there are none.
 */
export type Locate = (uri: Uri) => readonly Target[] | Promise<readonly Target[]>

/** Looks a name up; the system's own look-up unless another is given. */
export type ResolveHost = (host: string) => Promise<readonly HostAddress[]>

/**
 * Targets by the URI's own words and the system's look-up: `maddr` or host, port or the default one, the transport
 * named or UDP (RFC 3263 §4.1 and §4.2 without NAPTR and SRV).
 */
export function locateByAddress(resolve: ResolveHost = resolveHost): Locate {
  return uri => {
    if (!uri.isSip) {
      throw new EnvironmentError(
        'ERR_SIP_SCHEME',
        `a ${uri.scheme} URI cannot be sent to; give a sip URI as next hop`,
      )
    }
    const protocol = protocolOf(uri)
    const port = uri.port ?? (protocol === 'TLS' || protocol === 'WSS' ? 5061 : 5060)
    const host = unbracketed(uri.param(maddrParam) ?? uri.host)
    if (familyOf(host) !== undefined) return [{ protocol, address: host, port }]
    return resolve(host).then(found => found.map(({ address }) => ({ protocol, address, port })))
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
  if (protocol === undefined) {
    throw new UsageError(
      'ERR_SIP_TRANSPORT',
      `transport ${name} is not known; one of ${[...protocols.keys()].join(', ')} is`,
    )
  }
  if (!uri.secure) return protocol
  return protocol === 'WS' || protocol === 'WSS' ? 'WSS' : 'TLS'
}
