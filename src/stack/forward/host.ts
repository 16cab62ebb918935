import { familyOf } from '../../util/address.ts'
import { consistsOf, HOST } from '../grammar/chars.ts'

/**
 * Whether a text can be the host of a next hop: a name or an address, an IPv6 one (RFC 5954 §4.1) without its brackets. A
 * zone means something to its own host only (RFC 4007 §11.2) and stands in no URI.
 */
export function isHost(text: string): boolean {
  return text.includes(':') ? familyOf(text) === 6 && !text.includes('%') : consistsOf(HOST, text)
}
