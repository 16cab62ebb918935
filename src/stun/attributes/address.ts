import { addressBytes, addressText } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import type { StunAttribute } from '../attribute.ts'
import type { TransportAddress } from '../ip.ts'
import type { StunMessage } from '../message.ts'
import { octet, octets, uint16 } from '../octets.ts'

/** The client's address as the server saw it (RFC 8489 §14.1); for RFC 3489 clients. */
export const MappedAddress: StunAttribute<TransportAddress> = plain(0x0001, 'MAPPED-ADDRESS')

/** The same, XORed so that no application gateway rewrites it (RFC 8489 §14.2). */
export const XorMappedAddress: StunAttribute<TransportAddress> = xored(0x0020, 'XOR-MAPPED-ADDRESS')

/** Where to ask instead (RFC 8489 §14.15). */
export const AlternateServer: StunAttribute<TransportAddress> = plain(0x8023, 'ALTERNATE-SERVER')

/** RFC 3489 §11.2.2: where the response is to be sent. No server should obey it any more. */
export const ResponseAddress: StunAttribute<TransportAddress> = plain(0x0002, 'RESPONSE-ADDRESS')

/** RFC 3489 §11.2.5. */
export const SourceAddress: StunAttribute<TransportAddress> = plain(0x0004, 'SOURCE-ADDRESS')

/** RFC 3489 §11.2.3; what RFC 5780 calls OTHER-ADDRESS under another number. */
export const ChangedAddress: StunAttribute<TransportAddress> = plain(0x0005, 'CHANGED-ADDRESS')

/** RFC 3489 §11.2.11. */
export const ReflectedFrom: StunAttribute<TransportAddress> = plain(0x000b, 'REFLECTED-FROM')

/** Where the response came from (RFC 5780 §7.3). */
export const ResponseOrigin: StunAttribute<TransportAddress> = plain(0x802b, 'RESPONSE-ORIGIN')

/** The server's second address and port (RFC 5780 §7.4). */
export const OtherAddress: StunAttribute<TransportAddress> = plain(0x802c, 'OTHER-ADDRESS')

/** The peer behind the relay (RFC 8656 §18.3). */
export const XorPeerAddress: StunAttribute<TransportAddress> = xored(0x0012, 'XOR-PEER-ADDRESS')

/** The address that the relay gave us (RFC 8656 §18.5). */
export const XorRelayedAddress: StunAttribute<TransportAddress> = xored(0x0016, 'XOR-RELAYED-ADDRESS')

/** Our address as the server saw it: XORed, or plain from a server of RFC 3489. */
export function mappedAddressOf(response: StunMessage): TransportAddress | undefined {
  return response.get(XorMappedAddress) ?? response.get(MappedAddress)
}

/** @internal `undefined` for a family or a size that the RFC does not know */
export function readAddress(bytes: Uint8Array, offset: number, length: number): TransportAddress | undefined {
  const size = addressSize(bytes, offset, length)
  if (size === 0) return undefined
  return { address: addressText(octets(bytes, offset + 4, size)), port: uint16(bytes, offset + 2) }
}

/**
 * @internal as `readAddress`, for XORed addresses: an IPv6 address with the 16 octets of the message's header behind
 * its length, an IPv4 address and the port with `cookie`
 */
export function readXoredAddress(
  bytes: Uint8Array,
  offset: number,
  length: number,
  cookie: Uint8Array = cookieOctets,
): TransportAddress | undefined {
  const size = addressSize(bytes, offset, length)
  if (size === 0) return undefined
  const mask = size === 4 ? cookie : bytes.subarray(4, 20)
  const port = uint16(bytes, offset + 2) ^ uint16(cookie, 0)
  return { address: addressText(xor(octets(bytes, offset + 4, size), mask)), port }
}

const cookieOctets = new Uint8Array([0x21, 0x12, 0xa4, 0x42])

function addressSize(bytes: Uint8Array, offset: number, length: number): 0 | 4 | 16 {
  const family = octet(bytes, offset + 1)
  if (family === 1) return length === 8 ? 4 : 0
  return family === 2 && length === 20 ? 16 : 0
}

function xor(address: Uint8Array, mask: Uint8Array): Uint8Array {
  for (let i = 0; i < address.length; i++) address[i] = octet(address, i) ^ octet(mask, i)
  return address
}

function plain(type: number, name: string): StunAttribute<TransportAddress> {
  return {
    type,
    name,
    decode: (message, offset, length) => readAddress(message.bytes, offset, length),
    encode(writer, value) {
      const address = numeric(value, name)
      writer.uint16(address.length === 4 ? 1 : 2)
      writer.uint16(value.port)
      writer.octets(address)
    },
  }
}

function xored(type: number, name: string): StunAttribute<TransportAddress> {
  return {
    type,
    name,
    decode: (message, offset, length) => readXoredAddress(message.bytes, offset, length),
    encode(writer, value) {
      const address = numeric(value, name)
      const mask = address.length === 4 ? cookieOctets : writer.transactionId
      writer.uint16(address.length === 4 ? 1 : 2)
      writer.uint16(value.port ^ uint16(cookieOctets, 0))
      writer.octets(xor(address, mask))
    },
  }
}

function numeric(value: TransportAddress, name: string): Uint8Array {
  const address = addressBytes(value.address)
  if (address === undefined || !Number.isInteger(value.port) || value.port < 0 || value.port > 0xffff) {
    throw new UsageError(
      'ERR_STUN_ADDRESS',
      `${name}: ${JSON.stringify(value.address)} port ${value.port} is no numeric transport address`,
    )
  }
  return address
}
