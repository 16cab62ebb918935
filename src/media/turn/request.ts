import { UsageError } from '../../util/errors.ts'
import { type StunAttributeValue, valued } from '../stun/attribute.ts'
import { XorMappedAddress, XorRelayedAddress } from '../stun/attributes/address.ts'
import type { StunErrorCode } from '../stun/attributes/general.ts'
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
} from '../stun/attributes/turn.ts'
import type { TransportAddress } from '../stun/ip.ts'
import type { StunMessage } from '../stun/message.ts'

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
  if (transport === 'TCP' && (ports !== 'normal' || reservationToken !== undefined || request.dontFragment)) {
    throw new UsageError(
      'ERR_TURN_REQUEST',
      'a TCP allocation has no even ports, reservations or DONT-FRAGMENT (RFC 6062 §5.1)',
    )
  }
  const attributes = [valued(RequestedTransport, requestedTransport[transport])]
  if (lifetime !== undefined) attributes.push(valued(Lifetime, lifetime))
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

/** Reads an Allocate success; `undefined` where it names no relayed address. */
export function readAllocation(response: StunMessage): Allocation | undefined {
  // coturn writes 0.0.0.0:0 for the family that it does not serve
  const [relay, additionalRelay] = response.all(XorRelayedAddress).filter(({ port }) => port > 0)
  if (relay === undefined) return undefined
  return {
    reflexive: response.get(XorMappedAddress),
    relay,
    additionalRelay,
    additionalError: response.get(AddressErrorCode),
    lifetime: response.get(Lifetime) ?? DEFAULT_LIFETIME,
    bandwidth: response.get(Bandwidth),
    reservationToken: response.get(ReservationToken),
  }
}
