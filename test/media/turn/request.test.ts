import { describe, expect, it } from 'vitest'
import {
  AdditionalAddressFamily,
  AddressErrorCode,
  Bandwidth,
  DontFragment,
  EvenPort,
  Lifetime,
  method,
  parseStun,
  RequestedAddressFamily,
  RequestedTransport,
  ReservationToken,
  StunMessage,
  StunWriter,
  type TransportAddress,
  XorMappedAddress,
  XorRelayedAddress,
} from '../../../src/media/stun/index.ts'
import {
  type AllocationRequest,
  allocationAttributes,
  readAllocation,
  withoutPort,
} from '../../../src/media/turn/request.ts'
import { clientAddress, relayAddress } from './fake-server.ts'

const id = new Uint8Array(12)
const token = new Uint8Array(8).fill(9)

function parsed(writer: StunWriter): StunMessage {
  const message = parseStun(writer.finish())
  if (message instanceof StunMessage) return message
  throw new Error(message)
}

function asked(request: AllocationRequest): StunMessage {
  return parsed(new StunWriter(method.Allocate, 'request', id).addAll(allocationAttributes(request)))
}

describe('an Allocate request (RFC 8656 §7.1)', () => {
  it('asks for UDP and nothing else by default', () => {
    const request = asked({})
    expect(request.types()).toEqual([RequestedTransport.type])
    expect(request.get(RequestedTransport)).toBe(17)
  })

  it('asks for all that can be asked for', () => {
    const request = asked({
      lifetime: 700,
      bandwidth: 64,
      ports: 'even-and-reserve',
      addressFamily: 'IPv6',
      dontFragment: true,
    })
    expect(request.get(Lifetime)).toBe(700)
    expect(request.get(Bandwidth)).toBe(64)
    expect(request.get(EvenPort)).toEqual({ reserve: true })
    expect(request.get(RequestedAddressFamily)).toBe(2)
    expect(request.has(DontFragment)).toBe(true)
    expect(asked({ ports: 'even' }).get(EvenPort)).toEqual({ reserve: false })
    expect(asked({ reservationToken: token }).get(ReservationToken)).toEqual(token)
    expect(asked({ addressFamily: 'dual' }).get(AdditionalAddressFamily)).toBe(2)
    expect(asked({ transport: 'TCP' }).get(RequestedTransport)).toBe(6)
  })

  it('asks for nothing that excludes each other (RFC 8656 §7.1, RFC 6062 §5.1)', () => {
    expect(() => allocationAttributes({ reservationToken: token, ports: 'even' })).toThrow(/token/)
    expect(() => allocationAttributes({ reservationToken: token, addressFamily: 'dual' })).toThrow(/token/)
    expect(() => allocationAttributes({ transport: 'TCP', ports: 'even' })).toThrow(/TCP/)
    expect(() => allocationAttributes({ addressFamily: 'dual', ports: 'even-and-reserve' })).toThrow(/§7.1/)
    expect(allocationAttributes({ addressFamily: 'dual', ports: 'even' })).toHaveLength(3)
  })

  it('has a token of eight octets, and a lifetime of 32 bits', () => {
    expect(() => allocationAttributes({ reservationToken: new Uint8Array(7) })).toThrow(/8 octets/)
    for (const lifetime of [-1, 0.5, 2 ** 32, Number.NaN]) {
      expect(() => allocationAttributes({ lifetime })).toThrow(/whole number/)
    }
  })

  it('goes without a pair, an even port and a reservation after a 508, where it may (RFC 8656 §7.4)', () => {
    const pair = { ports: 'even-and-reserve', lifetime: 700, anyPort: true } as const
    const even = withoutPort(pair)
    expect(even).toEqual({ ports: 'even', lifetime: 700, anyPort: true })
    expect(withoutPort(even ?? {})).toEqual({ lifetime: 700, anyPort: true })
    expect(withoutPort({ reservationToken: token, anyPort: true })).toEqual({ anyPort: true })
    for (const kept of [{ ports: 'even' as const }, { anyPort: true }, {}]) {
      expect(withoutPort(kept)).toBeUndefined()
    }
  })
})

describe('an Allocate response', () => {
  it('gives all that it says, both families included (RFC 8656 §7.3)', () => {
    const second = { address: '2001:db8::9', port: 50_001 }
    const response = new StunWriter(method.Allocate, 'success', id)
      .add(XorRelayedAddress, relayAddress)
      .add(XorRelayedAddress, second)
      .add(XorMappedAddress, clientAddress)
      .add(Lifetime, 777)
      .add(Bandwidth, 64)
      .add(ReservationToken, token)
    expect(readAllocation(parsed(response), {})).toEqual({
      reflexive: clientAddress,
      relay: relayAddress,
      additionalRelay: second,
      additionalError: undefined,
      lifetime: 777,
      bandwidth: 64,
      reservationToken: token,
    })
  })

  it('tells why a family is missing, and is none without a relayed address', () => {
    const error = { family: 2, code: 440, reason: 'No IPv6' }
    const response = new StunWriter(method.Allocate, 'success', id)
      .add(XorRelayedAddress, relayAddress)
      .add(AddressErrorCode, error)
    expect(readAllocation(parsed(response), {})).toMatchObject({ additionalError: error, lifetime: 600 })
    expect(readAllocation(parsed(new StunWriter(method.Allocate, 'success', id)), {})).toBeUndefined()
  })

  const ipv6 = { address: '2001:db8::9', port: 50_001 }

  it.each<[AllocationRequest['addressFamily'], TransportAddress[], boolean]>([
    ['IPv4', [relayAddress], true],
    ['IPv4', [ipv6], false],
    ['IPv6', [ipv6], true],
    ['IPv6', [relayAddress], false],
    ['IPv6', [ipv6, relayAddress], false],
    ['dual', [relayAddress, ipv6], true],
    ['dual', [ipv6], true],
    ['dual', [relayAddress, relayAddress], false],
    [undefined, [relayAddress], true],
    [undefined, [ipv6], true],
  ])('to a request for %s with %j is usable: %s (RFC 8656 §7.3)', (addressFamily, relays, usable) => {
    const response = new StunWriter(method.Allocate, 'success', id)
    for (const relay of relays) response.add(XorRelayedAddress, relay)
    const request = addressFamily === undefined ? {} : { addressFamily }
    expect(readAllocation(parsed(response), request) !== undefined).toBe(usable)
  })
})
