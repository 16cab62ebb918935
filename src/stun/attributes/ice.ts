import type { StunAttribute } from '../attribute.ts'
import { flagAttribute, wordAttribute } from './formats.ts'

/** The priority that a peer-reflexive candidate would have (RFC 8445 §16.1). */
export const Priority: StunAttribute<number> = wordAttribute(0x0024, 'PRIORITY')

/** The pair is nominated (RFC 8445 §16.1). */
export const UseCandidate: StunAttribute<true> = flagAttribute(0x0025, 'USE-CANDIDATE')

/** The sender is controlled; its tie-breaker (RFC 8445 §16.1). */
export const IceControlled: StunAttribute<bigint> = tieBreaker(0x8029, 'ICE-CONTROLLED')

/** The sender controls; its tie-breaker (RFC 8445 §16.1). */
export const IceControlling: StunAttribute<bigint> = tieBreaker(0x802a, 'ICE-CONTROLLING')

function tieBreaker(type: number, name: string): StunAttribute<bigint> {
  return {
    type,
    name,
    decode({ bytes }, offset, length) {
      if (length !== 8) return undefined
      return new DataView(bytes.buffer, bytes.byteOffset + offset, 8).getBigUint64(0)
    },
    encode(writer, value) {
      writer.uint32(Number(BigInt.asUintN(32, value >> 32n)))
      writer.uint32(Number(BigInt.asUintN(32, value)))
    },
  }
}
