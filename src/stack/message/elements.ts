import type { Header } from '../grammar/header.ts'
import type { Head } from './head.ts'

const COMMA = 0x2c
const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN = 0x3c
const CLOSE = 0x3e

/** The values of a header as they are written, blanks around them left out: nothing is parsed, so nothing can fail. */
export function elementTexts(head: Head, header: Header<unknown>): string[] {
  const texts: string[] = []
  for (
    let line = head.find(header.id, header.name);
    line >= 0;
    line = head.find(header.id, header.name, line + 1)
  ) {
    const end = head.lineEnd(line)
    let at = elementStart(head.text, head.valueStart(line), end, header.hasCommas)
    while (at < end) {
      const next = elementEnd(head.text, at, end, header.hasCommas)
      texts.push(head.text.slice(at, next).trimEnd())
      at = elementStart(head.text, next, end, header.hasCommas)
    }
  }
  return texts
}

/** Where the next element starts: empty ones, which lists may hold (RFC 3261 §25.1), are none. */
export function elementStart(text: string, from: number, end: number, hasCommas: boolean): number {
  let at = from
  while (at < end && (text.charCodeAt(at) <= 0x20 || (hasCommas && text.charCodeAt(at) === COMMA))) at++
  return at
}

/** The next comma that stands neither in quotes nor in angle brackets, or the end. */
export function elementEnd(text: string, from: number, end: number, hasCommas: boolean): number {
  if (!hasCommas) return end
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
