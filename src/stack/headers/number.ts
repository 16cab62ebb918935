import type { HeaderGrammar } from '../message/header.ts'

/** One whole number of 0 to 2^32 - 1: Max-Forwards, Expires, Content-Length, RSeq … */
export const number: HeaderGrammar<number> = {
  parse: scanner => scanner.number(),
  encode: value => String(value),
}
