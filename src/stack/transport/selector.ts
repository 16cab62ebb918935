import { familyOf, isLoopback } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import type { Protocol } from '../message/flow.ts'
import type { Transport } from './transport.ts'

/** One place a request can be sent to: what RFC 3263 ends with. */
export interface Target {
  readonly protocol: Protocol
  /** Numeric, without brackets. */
  readonly address: string
  readonly port: number
  /** Name that the peer must prove over TLS (RFC 5922). */
  readonly serverName?: string | undefined
}

/** Tells which local address the system would use towards a remote one. */
export type SourceAddress = (remote: string) => string | Promise<string>

/**
 * Chooses the transport for a target on a multi-homed host: of the protocol's transports of the target's family the
 * only one, or the one bound to the address that the system's routes lead out of.
 * @throws EnvironmentError where no transport fits
 */
export function selectTransport(
  transports: Iterable<Transport>,
  target: Target,
  source: SourceAddress,
): Transport | Promise<Transport> {
  const fitting = fittingTransports(transports, target)
  const [first] = fitting
  if (first === undefined) throw noTransport(target)
  if (fitting.length === 1) return first
  const address = source(target.address)
  return typeof address === 'string'
    ? boundTo(fitting, address)
    : address.then(known => boundTo(fitting, known))
}

/** Transports of the target's protocol and family; a loopback address is reached from a loopback address only. */
function fittingTransports(transports: Iterable<Transport>, target: Target): Transport[] {
  const family = familyOf(target.address)
  const loopback = isLoopback(target.address)
  const fitting: Transport[] = []
  const others: Transport[] = []
  for (const transport of transports) {
    if (transport.protocol !== target.protocol || transport.local.family !== family) continue
    if (isLoopback(transport.local.address) === loopback) fitting.push(transport)
    else others.push(transport)
  }
  return fitting.length > 0 ? fitting : others
}

function boundTo(transports: readonly Transport[], address: string): Transport {
  const bound = transports.find(transport => transport.local.address === address)
  return bound ?? (transports[0] as Transport)
}

function noTransport(target: Target): EnvironmentError {
  const family = familyOf(target.address) === 6 ? 'IPv6' : 'IPv4'
  const where = `${target.protocol.toLowerCase()} ${target.address}:${target.port}`
  return new EnvironmentError(
    'ERR_SIP_NO_TRANSPORT',
    `no way to ${where}: add a ${target.protocol} transport over ${family}, as with listen('${target.protocol.toLowerCase()}:…')`,
  )
}
