const COMMA = 0x2c
const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN = 0x3c
const CLOSE = 0x3e

/** Where the next element of a comma-separated list starts, `end` where there is none; empty elements, which lists may hold (RFC 3261 §25.1), are none. */
export function elementStart(text: string, from: number, end: number): number {
  let at = from
  while (at < end && (text.charCodeAt(at) === COMMA || text.charCodeAt(at) <= 0x20)) at++
  return at
}

/** The next comma that stands neither in quotes nor in angle brackets, or the end. */
export function elementEnd(text: string, from: number, end: number): number {
  let quoted = false
  let bracketed = false
  for (let at = from; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) quoted = !quoted
    else if (quoted) at += code === BACKSLASH ? 1 : 0
    else if (code === OPEN) bracketed = true
    else if (code === CLOSE) bracketed = false
    else if (code === COMMA && !bracketed) return at
  }
  return end
}
