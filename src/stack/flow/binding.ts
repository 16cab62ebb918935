import { mappedAddressOf, XorMappedAddress } from '../../stun/attributes/address.ts'
import { ErrorCode, UnknownAttributes } from '../../stun/attributes/general.ts'
import { method } from '../../stun/header.ts'
import { checkFingerprint } from '../../stun/integrity.ts'
import { parseStun, StunMessage } from '../../stun/message.ts'
import { unknownRequired } from '../../stun/registry.ts'
import { StunWriter } from '../../stun/writer.ts'
import { hostPort } from '../../util/address.ts'
import type { Flow } from '../message/flow.ts'

/** RFC 8489 §6.3.1. */
const UNKNOWN_ATTRIBUTE = 420
/**
 * Types that the limited server of RFC 5626 §8 understands: those of RFC 8489 itself. It asks for no credentials, so that
 * what it is given of them is left unread.
 */
const understood: ReadonlySet<number> = new Set([
  0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e, 0x0020,
])
/** Types that a 420 lists: the answer is never much larger than what asks for it. */
const MOST_LISTED = 8

/** A Binding message beside SIP, `undefined` for any other STUN, a wrong fingerprint and what is no STUN. */
export function bindingOf(bytes: Uint8Array): StunMessage | undefined {
  const message = parseStun(bytes)
  if (!(message instanceof StunMessage) || message.method !== method.Binding) return undefined
  return checkFingerprint(message) === 'invalid' ? undefined : message
}

/**
 * The answer of the limited STUN server on a SIP port (RFC 5626 §8): the address a request came from, and nothing else, so
 * that it is at most 24 octets longer than its request; 420 for what must be understood and is not. A fingerprint is
 * answered with one.
 */
export function bindingAnswer(request: StunMessage, { address, port }: Flow): Buffer {
  const unknown = unknownRequired(request, understood)
  const writer = StunWriter.responseTo(request, unknown.length === 0 ? 'success' : 'error')
  if (unknown.length === 0) writer.add(XorMappedAddress, { address, port })
  else {
    // without the words, which nobody reads and a stranger whose address was forged would get
    writer.add(ErrorCode, { code: UNKNOWN_ATTRIBUTE, reason: '' })
    writer.add(UnknownAttributes, unknown.slice(0, MOST_LISTED))
  }
  if (checkFingerprint(request) === 'valid') writer.fingerprint()
  return writer.finish()
}

/** Our address as a Binding response tells it, `undefined` where it refuses or does not tell (RFC 8489 §6.3.3). */
export function mappedBy(response: StunMessage): string | undefined {
  if (response.class !== 'success' || unknownRequired(response).length > 0) return undefined
  const mapped = mappedAddressOf(response)
  return mapped && hostPort(mapped.address, mapped.port)
}
