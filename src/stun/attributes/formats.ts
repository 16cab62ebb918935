import { UsageError } from '../../util/errors.ts'
import type { StunAttribute } from '../attribute.ts'
import { octet, octets, uint16, uint32, utf8 } from '../octets.ts'

/** Octets of UTF-8 that may be sent and received (RFC 8489 §14.3). */
const sendLimit = 508
const RECEIVE_LIMIT = 763

/** @internal UTF-8 text of at most `limit` octets when sent */
export function textAttribute(type: number, name: string, limit: number = sendLimit): StunAttribute<string> {
  return {
    type,
    name,
    decode: (message, offset, length) =>
      length > RECEIVE_LIMIT ? undefined : utf8(message.bytes, offset, length),
    encode: (writer, value) => writer.text(value, name, limit),
  }
}

/** @internal octets as they are; of one size where `size` is given */
export function octetsAttribute(type: number, name: string, size?: number): StunAttribute<Uint8Array> {
  return {
    type,
    name,
    decode: (message, offset, length) =>
      size !== undefined && length !== size ? undefined : octets(message.bytes, offset, length),
    encode(writer, value) {
      if (size !== undefined && value.length !== size) {
        throw new UsageError('ERR_STUN_VALUE', `${name} has ${size} octets, not ${value.length}`)
      }
      writer.octets(value)
    },
  }
}

/** @internal a whole number of 32 bits */
export function wordAttribute(type: number, name: string): StunAttribute<number> {
  return {
    type,
    name,
    decode: (message, offset, length) => (length === 4 ? uint32(message.bytes, offset) : undefined),
    encode: (writer, value) => writer.uint32(within(value, 0xffffffff, name)),
  }
}

/** @internal a 16-bit number and two reserved octets */
export function halfWordAttribute(type: number, name: string): StunAttribute<number> {
  return {
    type,
    name,
    decode: (message, offset, length) => (length === 4 ? uint16(message.bytes, offset) : undefined),
    encode(writer, value) {
      writer.uint16(within(value, 0xffff, name))
      writer.uint16(0)
    },
  }
}

/** @internal one octet, then three reserved ones */
export function octetAttribute(type: number, name: string): StunAttribute<number> {
  return {
    type,
    name,
    decode: (message, offset, length) => (length === 4 ? octet(message.bytes, offset) : undefined),
    encode: (writer, value) => writer.uint32(within(value, 0xff, name) * 0x1000000),
  }
}

/** @internal says something by being there */
export function flagAttribute(type: number, name: string): StunAttribute<true> {
  return {
    type,
    name,
    decode: (_, __, length) => (length === 0 ? true : undefined),
    encode() {},
  }
}

/** @internal `value` where it is a whole number from 0 to `most` */
export function within(value: number, most: number, name: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= most) return value
  throw new UsageError('ERR_STUN_VALUE', `${name} is a whole number from 0 to ${most}, not ${value}`)
}
