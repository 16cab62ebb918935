const PRIMES = [0x9e3779b1, 0x85ebca77] as const

/**
 * A 64-bit hash of text as 16 hexadecimal digits: for identifiers that must be the same for the same text and
 * differ otherwise. It keeps no secret and withstands no forger.
 */
export function hash64(text: string, seed: number = 0): string {
  let a = seed ^ 0xdeadbeef
  let b = seed ^ 0x41c6ce57
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = Math.imul(a ^ code, PRIMES[0])
    b = Math.imul(b ^ code, PRIMES[1])
  }
  a = mixed(a) ^ mixed(b ^ text.length)
  b = mixed(b) ^ mixed(a ^ text.length)
  return hex32(a) + hex32(b)
}

function mixed(word: number): number {
  let mix = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35)
  return mix ^ (mix >>> 16)
}

const HEX_BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
)

/** A 32-bit word as 8 lower-case hexadecimal digits. */
export function hex32(word: number): string {
  const high = `${HEX_BYTES[word >>> 24]}${HEX_BYTES[(word >>> 16) & 0xff]}`
  return `${high}${HEX_BYTES[(word >>> 8) & 0xff]}${HEX_BYTES[word & 0xff]}`
}
