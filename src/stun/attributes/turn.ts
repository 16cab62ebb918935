import { UsageError } from '../../util/errors.ts'
import type { StunAttribute } from '../attribute.ts'
import { octet, uint32, utf8 } from '../octets.ts'
import {
  flagAttribute,
  halfWordAttribute,
  octetAttribute,
  octetsAttribute,
  within,
  wordAttribute,
} from './formats.ts'
import type { StunErrorCode } from './general.ts'

/** Families as REQUESTED-ADDRESS-FAMILY and ADDITIONAL-ADDRESS-FAMILY name them (RFC 8656 §18.6). */
export const addressFamily = { IPv4: 1, IPv6: 2 } as const

/** Transports as REQUESTED-TRANSPORT names them: IP protocol numbers (RFC 8656 §18.8, RFC 6062 §6.2). */
export const requestedTransport = { TCP: 6, UDP: 17 } as const

/** RFC 8656 §18.1. */
export const ChannelNumber: StunAttribute<number> = halfWordAttribute(0x000c, 'CHANNEL-NUMBER')

/** Seconds (RFC 8656 §18.2). */
export const Lifetime: StunAttribute<number> = wordAttribute(0x000d, 'LIFETIME')

/** Kilobits a second, in TURN drafts before RFC 5766. */
export const Bandwidth: StunAttribute<number> = wordAttribute(0x0010, 'BANDWIDTH')

/** Application data (RFC 8656 §18.4). A view into the message: copy what outlives it. */
export const Data: StunAttribute<Uint8Array> = {
  type: 0x0013,
  name: 'DATA',
  decode: (message, offset, length) => message.bytes.subarray(offset, offset + length),
  encode: (writer, value) => writer.octets(value),
}

/** RFC 8656 §18.6. */
export const RequestedAddressFamily: StunAttribute<number> = octetAttribute(
  0x0017,
  'REQUESTED-ADDRESS-FAMILY',
)

/** An even port; `reserve` asks for the next one too (RFC 8656 §18.7). One octet; four are read too. */
export const EvenPort: StunAttribute<{ readonly reserve: boolean }> = {
  type: 0x0018,
  name: 'EVEN-PORT',
  decode: ({ bytes }, offset, length) =>
    length === 1 || length === 4 ? { reserve: octet(bytes, offset) >= 0x80 } : undefined,
  encode: (writer, { reserve }) => writer.uint8(reserve ? 0x80 : 0),
}

/** RFC 8656 §18.8. */
export const RequestedTransport: StunAttribute<number> = octetAttribute(0x0019, 'REQUESTED-TRANSPORT')

/** RFC 8656 §18.9. */
export const DontFragment: StunAttribute<true> = flagAttribute(0x001a, 'DONT-FRAGMENT')

/** Reserved by RFC 5766 §14.9; its drafts had a timer value there. */
export const TimerVal: StunAttribute<number> = wordAttribute(0x0021, 'TIMER-VAL')

/** RFC 8656 §18.10. */
export const ReservationToken: StunAttribute<Uint8Array> = octetsAttribute(0x0022, 'RESERVATION-TOKEN', 8)

/** A connection to a peer through the relay (RFC 6062 §6.2.1). */
export const ConnectionId: StunAttribute<number> = wordAttribute(0x002a, 'CONNECTION-ID')

/** RFC 8656 §18.11. */
export const AdditionalAddressFamily: StunAttribute<number> = octetAttribute(
  0x8000,
  'ADDITIONAL-ADDRESS-FAMILY',
)

/** Why one family was not allocated (RFC 8656 §18.12). */
export const AddressErrorCode: StunAttribute<StunErrorCode & { readonly family: number }> = {
  type: 0x8001,
  name: 'ADDRESS-ERROR-CODE',
  decode({ bytes }, offset, length) {
    if (length < 4) return undefined
    const hundreds = octet(bytes, offset + 2) & 7
    const number = octet(bytes, offset + 3)
    if (hundreds < 3 || hundreds > 6 || number > 99) return undefined
    return {
      family: octet(bytes, offset),
      code: 100 * hundreds + number,
      reason: utf8(bytes, offset + 4, length - 4),
    }
  },
  encode(writer, { family, code, reason }) {
    within(code - 300, 399, 'ADDRESS-ERROR-CODE - 300')
    writer.uint8(within(family, 0xff, 'ADDRESS-ERROR-CODE family'))
    writer.uint8(0)
    writer.uint8(Math.trunc(code / 100))
    writer.uint8(code % 100)
    writer.text(reason, 'the reason phrase', 508)
  },
}

/** What an ICMP message told the relay (RFC 8656 §18.13); type and code have eight bits each. */
export interface IcmpError {
  readonly type: number
  readonly code: number
  /** The MTU for "fragmentation needed" and "packet too big", 0 otherwise. */
  readonly data: number
}

/** RFC 8656 §18.13. */
export const Icmp: StunAttribute<IcmpError> = {
  type: 0x8004,
  name: 'ICMP',
  decode: ({ bytes }, offset, length) =>
    length === 8
      ? { type: octet(bytes, offset + 2), code: octet(bytes, offset + 3), data: uint32(bytes, offset + 4) }
      : undefined,
  encode(writer, { type, code, data }) {
    writer.uint16(0)
    writer.uint8(within(type, 0xff, 'ICMP type'))
    writer.uint8(within(code, 0xff, 'ICMP code'))
    writer.uint32(within(data, 0xffffffff, 'ICMP data'))
  },
}

/** A ticket to move an allocation to another address; empty to ask for one (RFC 8016 §3.3). */
export const MobilityTicket: StunAttribute<Uint8Array> = octetsAttribute(0x8030, 'MOBILITY-TICKET')

/** The octets of a token written as the 64-bit number that reTurn and libnice show. */
export function reservationToken(value: bigint): Uint8Array {
  if (value < 0n || value >= 1n << 64n) {
    throw new UsageError('ERR_STUN_VALUE', `a reservation token has 64 bits, ${value} does not fit`)
  }
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value)
  return bytes
}
