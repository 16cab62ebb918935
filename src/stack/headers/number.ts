import type { HeaderGrammar } from '../grammar/header.ts'

/** How many hops a request may still take: 0 to 255 (RFC 3261 §20.22). */
export const hops: HeaderGrammar<number> = {
  parse: scanner => scanner.number(255),
  encode: value => value.toString(),
}

/** One whole number of 0 to 2^32 - 1: Max-Forwards, Expires, Content-Length, RSeq … */
export const number: HeaderGrammar<number> = {
  parse: scanner => scanner.number(),
  encode: value => String(value),
}
