import { addressBytes, familyOf } from '../../util/address.ts'

/** Whether an address can be reached at all from here. */
export type Reaches = (address: string) => boolean

/**
 * The addresses of one host in the order to try them: RFC 7984, which sends to RFC 6724. Of its rules those that
 * need no look at the system's routes are done: an address that cannot be reached comes last, then the policy
 * table's precedence; within a family the name server's order stays. The families take turns, the better
 * first (RFC 8305), so that a family that is broken costs one try.
 */
export function inOrder(v6: readonly string[], v4: readonly string[], reaches: Reaches): readonly string[] {
  if (v6.length + v4.length < 2) return v6.length === 0 ? v4 : v6
  const six = usableFirst(v6, reaches)
  const four = usableFirst(v4, reaches)
  const [first, second] = rank(four[0], reaches) > rank(six[0], reaches) ? [four, six] : [six, four]
  const order: string[] = []
  for (let at = 0; at < Math.max(first.length, second.length); at++) {
    const one = first[at]
    const other = second[at]
    if (one !== undefined) order.push(one)
    if (other !== undefined) order.push(other)
  }
  return order
}

function usableFirst(addresses: readonly string[], reaches: Reaches): readonly string[] {
  if (addresses.length < 2) return addresses
  return [...addresses].sort((a, b) => rank(b, reaches) - rank(a, reaches))
}

function rank(address: string | undefined, reaches: Reaches): number {
  if (address === undefined) return -1
  return (reaches(address) ? REACHED : 0) + precedence(address)
}

/** More than any precedence. */
const REACHED = 100

/** RFC 6724, default policy table. */
function precedence(address: string): number {
  const family = familyOf(address)
  if (family === undefined) return 0
  if (family === 4) return 35
  const bytes = addressBytes(address)
  if (bytes === undefined) return 0
  const [first = 0, second = 0] = bytes
  if (bytes.subarray(0, 10).every(byte => byte === 0)) return compatible(bytes)
  if (first === 0x20 && second === 0x02) return 30
  if (first === 0x20 && second === 0x01 && bytes[2] === 0 && bytes[3] === 0) return 5
  if ((first & 0xfe) === 0xfc) return 3
  // fec0::/10 and 3ffe::/16 are given back
  if ((first === 0xfe && (second & 0xc0) === 0xc0) || (first === 0x3f && second === 0xfe)) return 1
  return 40
}

/** Within ::/80: loop-back, IPv4-mapped, IPv4-compatible. */
function compatible(bytes: Uint8Array): number {
  if (bytes[10] === 0xff && bytes[11] === 0xff) return 35
  return bytes.subarray(10, 15).every(byte => byte === 0) && bytes[15] === 1 ? 50 : 1
}
