import { familyOf } from '../../util/address.ts'
import { consistsOf, HOST } from '../grammar/chars.ts'

/** Whether a text can be the host of a next hop: a name or an address, an IPv6 one (RFC 5954 §4.1) without its brackets. */
export function isHost(text: string): boolean {
  return text.includes(':') ? familyOf(text) === 6 : consistsOf(HOST, text)
}
