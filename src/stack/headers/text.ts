import { WORD } from '../message/chars.ts'
import type { HeaderGrammar } from '../message/header.ts'
import type { Scanner } from '../message/scanner.ts'

/** `word [ "@" word ]` (RFC 3261 §20.8). */
export function parseCallId(scanner: Scanner): string {
  return scanner.take(WORD, 'Call-ID')
}

/** Free text to the end of the line: Subject, User-Agent, Organization, and headers we know nothing of. */
export const text: HeaderGrammar<string> = {
  parse: scanner => scanner.rest(),
  encode: value => value,
}
