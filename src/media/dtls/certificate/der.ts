/** The few values of DER (X.690) that a certificate is made of; each function answers a whole one. */

const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/** Of a constructed value with context-specific tag `[number]`, EXPLICIT. */
const CONTEXT = 0xa0
/** Years from here on cannot be written as UTCTime (RFC 5280 §4.1.2.5). */
const FIRST_GENERALIZED_YEAR = 2050

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(Tag.sequence, ...parts)
}

export function set(...parts: readonly Uint8Array[]): Buffer {
  return tagged(Tag.set, ...parts)
}

export function context(number: number, ...parts: readonly Uint8Array[]): Buffer {
  return tagged(CONTEXT | number, ...parts)
}

export function boolean(value: boolean): Buffer {
  return tagged(Tag.boolean, Buffer.of(value ? 0xff : 0))
}

/** A whole number that is not negative, big-endian; zeros before it are left out. */
export function integer(octets: Uint8Array): Buffer {
  let first = 0
  while (first < octets.length - 1 && octets[first] === 0) first++
  const significant = octets.subarray(first)
  const sign = (significant[0] ?? 0) > 0x7f ? Buffer.of(0) : Buffer.alloc(0)
  return tagged(Tag.integer, sign, significant)
}

/** Of whole octets. */
export function bitString(octets: Uint8Array): Buffer {
  return tagged(Tag.bitString, Buffer.of(0), octets)
}

export function octetString(octets: Uint8Array): Buffer {
  return tagged(Tag.octetString, octets)
}

export function utf8String(text: string): Buffer {
  return tagged(Tag.utf8String, Buffer.from(text, 'utf8'))
}

/** From `2.5.4.3`. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tagged(Tag.objectIdentifier, Buffer.from([40 * first + second, ...rest.flatMap(base128)]))
}

/** Milliseconds since 1970, to the second. */
export function time(date: number): Buffer {
  const when = new Date(date)
  const digits = `${when.toISOString().replaceAll(/[-:T]|\.\d+Z$/g, '')}Z`
  return when.getUTCFullYear() < FIRST_GENERALIZED_YEAR
    ? tagged(Tag.utcTime, Buffer.from(digits.slice(2), 'latin1'))
    : tagged(Tag.generalizedTime, Buffer.from(digits, 'latin1'))
}

function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.of(tag), length(body.length), body])
}

function length(octets: number): Buffer {
  if (octets < 0x80) return Buffer.of(octets)
  if (octets < 0x100) return Buffer.of(0x81, octets)
  return Buffer.of(0x82, octets >>> 8, octets & 0xff)
}

function base128(value: number): number[] {
  const octets = [value & 0x7f]
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) octets.unshift(0x80 | (rest & 0x7f))
  return octets
}
