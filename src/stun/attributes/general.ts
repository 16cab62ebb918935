import type { StunAttribute } from '../attribute.ts'
import { octet, uint16, utf8 } from '../octets.ts'
import { textAttribute, within, wordAttribute } from './formats.ts'

/** A code from 300 to 699 and words for people (RFC 8489 §14.8). */
export interface StunErrorCode {
  readonly code: number
  readonly reason: string
}

/** RFC 8489 §14.8. */
export const ErrorCode: StunAttribute<StunErrorCode> = {
  type: 0x0009,
  name: 'ERROR-CODE',
  decode({ bytes }, offset, length) {
    if (length < 4) return undefined
    const hundreds = octet(bytes, offset + 2) & 7
    const number = octet(bytes, offset + 3)
    if (hundreds < 3 || hundreds > 6 || number > 99) return undefined
    return { code: 100 * hundreds + number, reason: utf8(bytes, offset + 4, length - 4) }
  },
  encode(writer, { code, reason }) {
    within(code - 300, 399, 'ERROR-CODE - 300')
    writer.uint16(0)
    writer.uint8(Math.trunc(code / 100))
    writer.uint8(code % 100)
    writer.text(reason, 'the reason phrase', 508)
  },
}

/** The attribute types that a server did not understand (RFC 8489 §14.13). */
export const UnknownAttributes: StunAttribute<readonly number[]> = {
  type: 0x000a,
  name: 'UNKNOWN-ATTRIBUTES',
  decode({ bytes }, offset, length) {
    if (length % 2 !== 0) return undefined
    const types: number[] = []
    for (let at = offset; at < offset + length; at += 2) types.push(uint16(bytes, at))
    return types
  },
  encode(writer, types) {
    for (const type of types) writer.uint16(within(type, 0xffff, 'an attribute type'))
  },
}

/** RFC 8489 §14.14. */
export const Software: StunAttribute<string> = textAttribute(0x8022, 'SOFTWARE')

/** The name that an alternate server's certificate must bear (RFC 8489 §14.16). */
export const AlternateDomain: StunAttribute<string> = textAttribute(0x8003, 'ALTERNATE-DOMAIN', 255)

/** RFC 8489 §14.7; to check it use `checkFingerprint`, to add it `StunWriter.fingerprint`. */
export const Fingerprint: StunAttribute<number> = wordAttribute(0x8028, 'FINGERPRINT')

/** How often a request and its response were sent (RFC 7982 §3.1). */
export const TransactionTransmitCounter: StunAttribute<{
  readonly requests: number
  readonly responses: number
}> = {
  type: 0x8025,
  name: 'TRANSACTION-TRANSMIT-COUNTER',
  decode: ({ bytes }, offset, length) =>
    length === 4 ? { requests: octet(bytes, offset + 2), responses: octet(bytes, offset + 3) } : undefined,
  encode(writer, { requests, responses }) {
    writer.uint16(0)
    writer.uint8(within(requests, 0xff, 'requests'))
    writer.uint8(within(responses, 0xff, 'responses'))
  },
}
