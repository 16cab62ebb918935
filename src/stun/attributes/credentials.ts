import type { AttributeSink, AttributeSource, StunAttribute } from '../attribute.ts'
import { octets, uint16 } from '../octets.ts'
import { octetsAttribute, textAttribute, within } from './formats.ts'

/** RFC 8489 §14.3. */
export const Username: StunAttribute<string> = textAttribute(0x0006, 'USERNAME')

/** RFC 3489 §11.2.7, in Shared Secret responses only. */
export const Password: StunAttribute<string> = textAttribute(0x0007, 'PASSWORD')

/** RFC 8489 §14.5; to check it use `checkIntegrity`, to add it `StunWriter.integrity`. */
export const MessageIntegrity: StunAttribute<Uint8Array> = octetsAttribute(0x0008, 'MESSAGE-INTEGRITY', 20)

/** RFC 8489 §14.9. */
export const Realm: StunAttribute<string> = textAttribute(0x0014, 'REALM')

/** RFC 8489 §14.10. */
export const Nonce: StunAttribute<string> = textAttribute(0x0015, 'NONCE')

/** RFC 8489 §14.6; 16 to 32 octets. */
export const MessageIntegritySha256: StunAttribute<Uint8Array> = octetsAttribute(
  0x001c,
  'MESSAGE-INTEGRITY-SHA256',
)

/** RFC 8489 §14.4: SHA-256 of `username:realm`. */
export const Userhash: StunAttribute<Uint8Array> = octetsAttribute(0x001e, 'USERHASH', 32)

/** A way to make a key of a password (RFC 8489 §18.5), with parameters that the known ones do not have. */
export interface PasswordAlgorithmChoice {
  readonly algorithm: number
  readonly parameters: Uint8Array
}

export const passwordAlgorithm = { MD5: 0x0001, SHA256: 0x0002 } as const

/** RFC 8489 §14.12: what the client chose. */
export const PasswordAlgorithm: StunAttribute<PasswordAlgorithmChoice> = {
  type: 0x001d,
  name: 'PASSWORD-ALGORITHM',
  decode(message, offset, length) {
    const list = readAlgorithms(message, offset, length)
    return list?.length === 1 ? list[0] : undefined
  },
  encode: writeAlgorithm,
}

/** RFC 8489 §14.11: what the server offers, best first. */
export const PasswordAlgorithms: StunAttribute<readonly PasswordAlgorithmChoice[]> = {
  type: 0x8002,
  name: 'PASSWORD-ALGORITHMS',
  decode: readAlgorithms,
  encode(writer, value) {
    for (const choice of value) writeAlgorithm(writer, choice)
  },
}

function readAlgorithms(
  message: AttributeSource,
  offset: number,
  length: number,
): PasswordAlgorithmChoice[] | undefined {
  const list: PasswordAlgorithmChoice[] = []
  const end = offset + length
  for (let at = offset; at < end; ) {
    if (end - at < 4) return undefined
    const size = uint16(message.bytes, at + 2)
    if (size > end - at - 4) return undefined
    list.push({ algorithm: uint16(message.bytes, at), parameters: octets(message.bytes, at + 4, size) })
    at += 4 + ((size + 3) & ~3)
  }
  return list
}

function writeAlgorithm(writer: AttributeSink, choice: PasswordAlgorithmChoice): void {
  writer.uint16(within(choice.algorithm, 0xffff, 'PASSWORD-ALGORITHM'))
  writer.uint16(within(choice.parameters.length, 0xff00, 'PASSWORD-ALGORITHM parameters'))
  writer.octets(choice.parameters)
  writer.align()
}
