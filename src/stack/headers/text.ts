import { OPAQUE, WORD } from '../grammar/chars.ts'
import type { HeaderGrammar } from '../grammar/header.ts'
import type { Scanner } from '../grammar/scanner.ts'

/** `word [ "@" word ]` (RFC 3261 §20.8). */
export function parseCallId(scanner: Scanner): string {
  return scanner.take(WORD, 'Call-ID')
}

/** Call-ID. */
export const callId: HeaderGrammar<string> = { parse: parseCallId, encode: value => value }

/** In-Reply-To: Call-IDs with commas between them. */
export const callIds: HeaderGrammar<string> = { ...callId, values: 'listed' }

/** Free text to the end of the line: Subject, User-Agent, Organization, and headers we know nothing of. */
export const text: HeaderGrammar<string> = {
  parse: scanner => scanner.rest(),
  encode: value => value,
}

/** Content-ID (RFC 8262 §3.2): what stands between `<` and `>`. */
export const contentId: HeaderGrammar<string> = {
  parse: scanner => {
    scanner.expect(0x3c)
    const value = scanner.take(OPAQUE, 'message id')
    scanner.expect(0x3e)
    return value
  },
  encode: value => `<${value}>`,
}
