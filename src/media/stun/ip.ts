import { octet, uint16 } from './octets.ts'

/** A transport address; an `address` with a colon is IPv6. */
export interface TransportAddress {
  /** Numeric: `192.0.2.1` or `2001:db8::1`, never a name. */
  readonly address: string
  readonly port: number
}

export function isIPv6(address: string): boolean {
  return address.includes(':')
}

export function sameAddress(a: TransportAddress, b: TransportAddress): boolean {
  return a.port === b.port && a.address === b.address
}

/** `192.0.2.1:3478` or `[2001:db8::1]:3478`, for keys and logs. */
export function addressText(at: TransportAddress): string {
  return isIPv6(at.address) ? `[${at.address}]:${at.port}` : `${at.address}:${at.port}`
}

/** The 4 or 16 octets of a numeric address; `undefined` for anything else. A zone (`%eth0`) is left out. */
export function ipOctets(address: string): Uint8Array | undefined {
  return isIPv6(address) ? ipv6Octets(address) : ipv4Octets(address)
}

/** 4 or 16 octets as text; IPv6 in the form of RFC 5952. */
export function ipText(bytes: Uint8Array): string {
  return bytes.length === 4
    ? `${octet(bytes, 0)}.${octet(bytes, 1)}.${octet(bytes, 2)}.${octet(bytes, 3)}`
    : ipv6Text(bytes)
}

function ipv4Octets(address: string): Uint8Array | undefined {
  const parts = address.split('.')
  if (parts.length !== 4) return undefined
  const bytes = new Uint8Array(4)
  for (const [i, part] of parts.entries()) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined
    bytes[i] = Number(part)
  }
  return bytes
}

function ipv6Octets(address: string): Uint8Array | undefined {
  const bare = address.replace(/%.*$/, '')
  const halves = bare.split('::')
  if (halves.length > 2) return undefined
  const front = groups(halves[0] ?? '')
  const back = groups(halves[1] ?? '')
  if (front === undefined || back === undefined) return undefined
  const missing = 8 - front.length - back.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const bytes = new Uint8Array(16)
  for (const [i, group] of [...front, ...new Array<number>(missing).fill(0), ...back].entries()) {
    bytes[2 * i] = group >>> 8
    bytes[2 * i + 1] = group & 0xff
  }
  return bytes
}

/** The 16-bit groups of one side of `::`; a dotted IPv4 address may stand for the last two. */
function groups(text: string): number[] | undefined {
  if (text === '') return []
  const out: number[] = []
  const parts = text.split(':')
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) out.push(Number.parseInt(part, 16))
    else {
      const dotted = i === parts.length - 1 ? ipv4Octets(part) : undefined
      if (dotted === undefined) return undefined
      out.push(uint16(dotted, 0), uint16(dotted, 2))
    }
  }
  return out
}

function ipv6Text(bytes: Uint8Array): string {
  const words: number[] = []
  for (let i = 0; i < 16; i += 2) words.push(uint16(bytes, i))
  const { start, length } = longestZeros(words)
  if (start === 0 && length === 5 && words[5] === 0xffff) return `::ffff:${ipText(bytes.subarray(12))}`
  const hex = words.map(word => word.toString(16))
  if (length < 2) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`
}

function longestZeros(words: readonly number[]): { start: number; length: number } {
  let start = 0
  let length = 0
  for (let i = 0; i < words.length; i++) {
    let run = 0
    while (i + run < words.length && words[i + run] === 0) run++
    if (run > length) {
      start = i
      length = run
    }
    i += run
  }
  return { start, length }
}
