/** 4 or 6, as in IPv4 and IPv6. */
export type AddressFamily = 4 | 6

/** An address and port (the transport address of RFC 8489 §4); the address is canonical and has no brackets. */
export interface TransportAddress {
  readonly address: string
  readonly port: number
  readonly family: AddressFamily
}

/** Where a peer's packets come from and go to: a transport address whose family its text tells. */
export type Remote = Pick<TransportAddress, 'address' | 'port'>

/** Most often the two are one object, which costs no look at their text. */
export function sameRemote(one: Remote, other: Remote): boolean {
  return one === other || (one.port === other.port && one.address === other.address)
}

const LINK_LOCAL = /^fe[89ab][0-9a-f]:/i

/** No textual IPv6 address without its zone is longer than this. */
const LONGEST_IPV6 = 45
const LONGEST_ZONE = 64

const left = new Uint8Array(16)
const right = new Uint8Array(16)

/**
 * The family of a numeric host, undefined for anything else: names, brackets, octal or short IPv4 forms (`127.1`,
 * `010.0.0.1`). IPv6 may be v4-mapped and may carry a zone (`fe80::1%eth0`, RFC 4007 §11).
 */
export function familyOf(address: string): AddressFamily | undefined {
  return read(address, left)
}

/** The 4 or 16 bytes of a numeric host in network order, undefined for anything else. A zone is left out. */
export function addressBytes(address: string): Uint8Array | undefined {
  const family = read(address, left)
  return family && left.slice(0, family === 4 ? 4 : 16)
}

/**
 * The canonical text of a numeric host (RFC 5952; a zone is kept as it is), undefined for anything else. A v4-mapped
 * address stays one: `::FFFF:c000:0201` becomes `::ffff:192.0.2.1`.
 */
export function canonicalAddress(address: string): string | undefined {
  const family = read(address, left)
  return family && text(left, family) + zoneOf(address)
}

/** The text of 4 or 16 address bytes, in canonical form; a RangeError for any other length. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length !== 4 && bytes.length !== 16) {
    throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`)
  }
  return text(bytes, bytes.length === 4 ? 4 : 6)
}

/** `192.0.2.1` for the v4-mapped `::ffff:192.0.2.1`, as a dual-stack socket reports it; all else unchanged. */
export function unmapped(address: string): string {
  if (address.length < 9 || address.charCodeAt(0) !== COLON) return address
  return read(address, left) === 6 && isMapped(left) ? dotted(left, 12) : address
}

/** True for `0.0.0.0` and `::`, however written: the addresses that stand for every local one. */
export function isWildcard(address: string): boolean {
  const family = read(address, left)
  return family !== undefined && left.every((byte, at) => byte === 0 || (family === 4 && at > 3))
}

/** True for 224.0.0.0/4, the limited broadcast address and ff00::/8, also where v4-mapped: no single host's. */
export function isGroup(address: string): boolean {
  const family = readMapped(address, left)
  if (family === 4) return ((left[0] ?? 0) & 0xf0) === 0xe0 || left.subarray(0, 4).every(byte => byte === 255)
  return family === 6 && left[0] === 0xff
}

/** True for 127.0.0.0/8 and `::1`, also where v4-mapped. */
export function isLoopback(address: string): boolean {
  const family = read(address, left)
  if (family === 4) return left[0] === 127
  if (family === undefined) return false
  return isMapped(left) ? left[12] === 127 : left.every((byte, at) => byte === (at === 15 ? 1 : 0))
}

/**
 * Whether two numeric hosts are the same address: their bytes are compared, an IPv4 address equals its v4-mapped
 * form, zones must be equal. False where either is not numeric.
 */
export function sameAddress(one: string, other: string): boolean {
  const families = [readMapped(one, left), readMapped(other, right)]
  if (families[0] === undefined || families[0] !== families[1]) return false
  const length = families[0] === 4 ? 4 : 16
  for (let i = 0; i < length; i++) if (left[i] !== right[i]) return false
  return zoneOf(one) === zoneOf(other)
}

/** True for fe80::/10, which means something together with a zone alone (RFC 4007 §6); IPv4 has no zones. */
export function isLinkLocal(address: string): boolean {
  // fe80::/10 in any spelling begins so: a shorter first group is another number
  return LINK_LOCAL.test(address) && read(address, left) === 6
}

/** The zone of an IPv6 address with its percent sign, `''` where it has none: `%eth0`. */
export function zoneOf(address: string): string {
  const percent = address.indexOf('%')
  return percent < 0 ? '' : address.slice(percent)
}

/** An address without its zone, which is this host's own word and nobody else's (RFC 4007 §11.2). */
export function withoutZone(address: string): string {
  const percent = address.indexOf('%')
  return percent < 0 ? address : address.slice(0, percent)
}

/** A host as it stands in a URI or Via: IPv6 in brackets, all else unchanged. */
export function bracketed(address: string): string {
  return address.includes(':') && address.charCodeAt(0) !== OPEN ? `[${address}]` : address
}

/** A host without the brackets of an IPv6 reference; anything else unchanged. */
export function unbracketed(host: string): string {
  const last = host.length - 1
  return last > 1 && host.charCodeAt(0) === OPEN && host.charCodeAt(last) === CLOSE
    ? host.slice(1, last)
    : host
}

/** `192.0.2.1:5060` or `[2001:db8::1]:5060`, for texts and logs. */
export function hostPort(address: string, port: number): string {
  return `${bracketed(address)}:${port}`
}

const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const COLON = 0x3a
const OPEN = 0x5b
const CLOSE = 0x5d

function read(address: string, out: Uint8Array): AddressFamily | undefined {
  if (address.length < 16 && readIpv4(address, 0, address.length, out, 0)) return 4
  return readIpv6(address, out) ? 6 : undefined
}

function readMapped(address: string, out: Uint8Array): AddressFamily | undefined {
  const family = read(address, out)
  if (family !== 6 || !isMapped(out)) return family
  out.copyWithin(0, 12)
  return 4
}

function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false
  return bytes[10] === 0xff && bytes[11] === 0xff
}

/** Strictly four decimal numbers without leading zeros, which some systems read as octal. */
function readIpv4(text: string, start: number, end: number, out: Uint8Array, at: number): boolean {
  let part = 0
  let digits = 0
  let value = 0
  for (let i = start; i <= end; i++) {
    const code = i < end ? text.charCodeAt(i) : DOT
    if (code === DOT) {
      if (digits === 0 || part > 3) return false
      out[at + part++] = value
      digits = 0
      value = 0
    } else {
      if (code < ZERO || code > NINE || digits === 3 || (digits > 0 && value === 0)) return false
      value = value * 10 + code - ZERO
      if (value > 255) return false
      digits++
    }
  }
  return part === 4
}

/** RFC 4291 §2.2, one pass. `gap` is the byte where `::` stood. */
function readIpv6(text: string, out: Uint8Array): boolean {
  const percent = text.length > 2 ? text.indexOf('%') : -1
  const end = percent < 0 ? text.length : percent
  if (end < 2 || end > LONGEST_IPV6 || (percent >= 0 && !isZone(text, percent + 1))) return false
  let gap = -1
  let bytes = 0
  let i = 0
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false
    gap = 0
    i = 2
  }
  while (i < end) {
    const start = i
    let value = 0
    for (; i < end; i++) {
      const digit = hexDigit(text.charCodeAt(i))
      if (digit < 0) break
      if (i - start === 4) return false
      value = value * 16 + digit
    }
    if (bytes > 14) return false
    if (i < end && text.charCodeAt(i) === DOT) {
      if (bytes > 12 || !readIpv4(text, start, end, out, bytes)) return false
      bytes += 4
      break
    }
    if (i === start) return false
    out[bytes++] = value >> 8
    out[bytes++] = value & 0xff
    if (i === end) break
    if (text.charCodeAt(i) !== COLON || i + 1 === end) return false
    i++
    if (text.charCodeAt(i) === COLON) {
      if (gap >= 0) return false
      gap = bytes
      i++
    }
  }
  if (gap < 0) return bytes === 16
  if (bytes > 14) return false
  out.copyWithin(16 - (bytes - gap), gap, bytes)
  out.fill(0, gap, 16 - (bytes - gap))
  return true
}

function isZone(text: string, start: number): boolean {
  if (start === text.length || text.length - start > LONGEST_ZONE) return false
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const letter = code | 0x20
    const ok =
      (letter >= 0x61 && letter <= 0x7a) ||
      (code >= ZERO && code <= NINE) ||
      code === DOT ||
      code === 0x2d ||
      code === 0x5f ||
      code === 0x7e
    if (!ok) return false
  }
  return true
}

function hexDigit(code: number): number {
  if (code >= ZERO && code <= NINE) return code - ZERO
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

function text(bytes: Uint8Array, family: AddressFamily): string {
  if (family === 4) return dotted(bytes, 0)
  return isMapped(bytes) ? `::ffff:${dotted(bytes, 12)}` : colons(bytes)
}

function dotted(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`
}

/** RFC 5952 §4: lower case, no leading zeros, `::` for the first of the longest runs of two or more zeros. */
function colons(bytes: Uint8Array): string {
  const groups: number[] = []
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0))
  let best = 0
  let longest = 1
  for (let i = 0, run = 0; i < 8; i++) {
    run = groups[i] === 0 ? run + 1 : 0
    if (run > longest) {
      longest = run
      best = i - run + 1
    }
  }
  const hex = groups.map(group => group.toString(16))
  if (longest === 1) return hex.join(':')
  return `${hex.slice(0, best).join(':')}::${hex.slice(best + longest).join(':')}`
}
