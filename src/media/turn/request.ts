import { type StunAttributeValue, valued } from '../../stun/attribute.ts'
import { mappedAddressOf, XorRelayedAddress } from '../../stun/attributes/address.ts'
import type { StunErrorCode } from '../../stun/attributes/general.ts'
import {
  AdditionalAddressFamily,
  AddressErrorCode,
  addressFamily,
  Bandwidth,
  DontFragment,
  EvenPort,
  Lifetime,
  RequestedAddressFamily,
  RequestedTransport,
  ReservationToken,
  requestedTransport,
} from '../../stun/attributes/turn.ts'
import { isIPv6, type TransportAddress } from '../../stun/ip.ts'
import type { StunMessage } from '../../stun/message.ts'
import { UsageError } from '../../util/errors.ts'

/** What to ask an Allocate request for (RFC 8656 §7.1). */
export interface AllocationRequest {
  /** Seconds; the server's default (600) when absent. */
  readonly lifetime?: number
  /** Kilobits a second; of drafts before RFC 5766, and passed over by most servers. */
  readonly bandwidth?: number
  /** `even-and-reserve` also keeps the next port for the holder of the reservation token. Default `normal`. */
  readonly ports?: 'normal' | 'even' | 'even-and-reserve'
  /** Eight octets from an allocation with `even-and-reserve`: asks for the port that was kept. */
  readonly reservationToken?: Uint8Array
  /** `TCP` relays connections (RFC 6062) and needs a stream to the server. Default `UDP`. */
  readonly transport?: 'UDP' | 'TCP'
  /**
   * Whether a server that has no such port (508) is asked again at once, without the pair, then without an even port
   * or the reservation (RFC 8656 §7.4). Default false.
   */
  readonly anyPort?: boolean
  /** Family of the relayed address; `dual` asks for one of each (RFC 8656 §7.1). Default: the server's, IPv4. */
  readonly addressFamily?: 'IPv4' | 'IPv6' | 'dual'
  /** Asks for a server that can set the DF bit; one that cannot answers 420. */
  readonly dontFragment?: boolean
}

/** What the server gave. */
export interface Allocation {
  /** Our own address as the server sees it. */
  readonly reflexive: TransportAddress | undefined
  /** Where peers reach us. */
  readonly relay: TransportAddress
  /** The second relayed address of a dual allocation. */
  readonly additionalRelay: TransportAddress | undefined
  /** Why a dual allocation has no second address. */
  readonly additionalError: (StunErrorCode & { readonly family: number }) | undefined
  /** Seconds. */
  readonly lifetime: number
  /** Kilobits a second, where the server tells. */
  readonly bandwidth: number | undefined
  /** Where `even-and-reserve` was asked for and granted. */
  readonly reservationToken: Uint8Array | undefined
}

/** RFC 8656 §3.2: the lifetime where nobody says another. */
const DEFAULT_LIFETIME = 600

/** The attributes of an Allocate request; a UsageError for what cannot be asked for together. */
export function allocationAttributes(request: AllocationRequest): StunAttributeValue[] {
  const { lifetime, bandwidth, ports = 'normal', reservationToken, transport = 'UDP' } = request
  if (reservationToken !== undefined && (ports !== 'normal' || request.addressFamily !== undefined)) {
    throw new UsageError(
      'ERR_TURN_REQUEST',
      'a reservation token stands for a port: ask for no port kind and no address family with it',
    )
  }
  if (reservationToken !== undefined && reservationToken.length !== 8) {
    throw new UsageError(
      'ERR_TURN_REQUEST',
      `a reservation token has 8 octets, not ${reservationToken.length}`,
    )
  }
  if (ports === 'even-and-reserve' && request.addressFamily === 'dual') {
    throw new UsageError(
      'ERR_TURN_REQUEST',
      'a port is reserved for an allocation of one address family: ask for no dual allocation with it (RFC 8656 §7.1)',
    )
  }
  if (transport === 'TCP' && (ports !== 'normal' || reservationToken !== undefined || request.dontFragment)) {
    throw new UsageError(
      'ERR_TURN_REQUEST',
      'a TCP allocation has no even ports, reservations or DONT-FRAGMENT (RFC 6062 §5.1)',
    )
  }
  const attributes = [valued(RequestedTransport, requestedTransport[transport])]
  if (lifetime !== undefined) attributes.push(valued(Lifetime, checkedLifetime(lifetime)))
  if (bandwidth !== undefined) attributes.push(valued(Bandwidth, bandwidth))
  if (request.dontFragment) attributes.push(valued(DontFragment, true))
  if (ports !== 'normal') attributes.push(valued(EvenPort, { reserve: ports === 'even-and-reserve' }))
  if (reservationToken !== undefined) attributes.push(valued(ReservationToken, reservationToken))
  if (request.addressFamily === 'dual') {
    attributes.push(valued(AdditionalAddressFamily, addressFamily.IPv6))
  } else if (request.addressFamily !== undefined) {
    attributes.push(valued(RequestedAddressFamily, addressFamily[request.addressFamily]))
  }
  return attributes
}

/** @internal seconds of a lifetime; a UsageError for what does not fit in 32 bits */
export function checkedLifetime(seconds: number): number {
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= 0xffffffff) return seconds
  throw new UsageError('ERR_TURN_REQUEST', `a lifetime is a whole number of seconds, not ${seconds}`)
}

/** What to ask for after a 508, where the request allows it; `undefined` where there is nothing to take back. */
export function withoutPort(request: AllocationRequest): AllocationRequest | undefined {
  if (!request.anyPort) return undefined
  const { ports = 'normal', reservationToken, ...rest } = request
  if (ports === 'even-and-reserve') return { ...rest, ports: 'even' }
  return ports === 'even' || reservationToken !== undefined ? rest : undefined
}

/**
 * Reads an Allocate success; `undefined` where it names no relayed address of the family that was asked for (RFC 8656
 * §7.3), or grants it for no time. The mapped address may be of either family: there are NATs between the two.
 */
export function readAllocation(response: StunMessage, request: AllocationRequest): Allocation | undefined {
  // coturn writes 0.0.0.0:0 for the family that it does not serve
  const relays = response.all(XorRelayedAddress).filter(({ port }) => port > 0)
  const [relay, additionalRelay] = relays
  const lifetime = response.get(Lifetime) ?? DEFAULT_LIFETIME
  if (relay === undefined || lifetime === 0 || !isAskedFor(relays, request)) return undefined
  return {
    reflexive: mappedAddressOf(response),
    relay,
    additionalRelay,
    additionalError: response.get(AddressErrorCode),
    lifetime,
    bandwidth: response.get(Bandwidth),
    reservationToken: response.get(ReservationToken),
  }
}

/** Nothing asked for is IPv4 or, from servers that see it otherwise, our own family: we handle both. */
function isAskedFor(
  relays: readonly TransportAddress[],
  { addressFamily: asked }: AllocationRequest,
): boolean {
  if (asked === undefined) return true
  if (asked !== 'dual') return relays.every(({ address }) => isIPv6(address) === (asked === 'IPv6'))
  const [one, other, ...more] = relays
  if (one === undefined || more.length > 0) return false
  return other === undefined || isIPv6(one.address) !== isIPv6(other.address)
}
