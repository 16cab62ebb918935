import { CLASS, OPAQUE, PARAM_VALUE, TOKEN, URI_PARAM } from './chars.ts'
import { noParams, Params } from './params.ts'
import type { Scanner } from './scanner.ts'

const COMMA = 0x2c
const SEMICOLON = 0x3b
const EQUAL = 0x3d
const QUOTE = 0x22
const PERCENT = 0x25
const OPEN = 0x3c
const CLOSE = 0x3e

/** Names that messages are full of, by their first byte. */
const commonNames: readonly (readonly string[] | undefined)[] = byFirstByte([
  'tag',
  'branch',
  'rport',
  'received',
  'lr',
  'transport',
  'expires',
  'q',
])

/** `*( SEMI generic-param )`, blanks allowed around the delimiters; stops before anything else. */
export function parseParams(scanner: Scanner): Params {
  return parseParamsAfter(scanner, undefined)
}

/** `generic-param *( SEMI generic-param )`, with no semicolon in front of the first. */
export function parseParamList(scanner: Scanner): Params {
  return parseParamsAfter(scanner, parseParam(scanner))
}

/** Parameters behind one that was read before. */
function parseParamsAfter(scanner: Scanner, before: Params | undefined): Params {
  let first = before
  let last = before
  while (acceptSpaced(scanner, SEMICOLON)) {
    if (scanner.atEnd || scanner.peek() === SEMICOLON) continue
    const param = parseParam(scanner)
    if (last === undefined) first = param
    else last.next = param
    last = param
  }
  return first ?? noParams
}

/** `param *( COMMA param )`, as in the challenges and credentials of authentication (RFC 3261 §20.7). */
export function parseListedParams(scanner: Scanner): Params {
  let first: Params | undefined
  let last: Params | undefined
  do {
    scanner.skipSpace()
    if (scanner.atEnd || scanner.peek() === COMMA) continue
    const param = parseParam(scanner)
    if (last === undefined) first = param
    else last.next = param
    last = param
  } while (acceptSpaced(scanner, COMMA))
  return first ?? noParams
}

function parseParam(scanner: Scanner): Params {
  const name = parseName(scanner)
  if (!acceptSpaced(scanner, EQUAL)) return new Params(name)
  if (scanner.peek() === QUOTE) return new Params(name, scanner.quoted(), true)
  const from = scanner.position
  if (!scanner.skip(PARAM_VALUE) && !skipBracketed(scanner)) scanner.fail('parameter value expected')
  return new Params(name, scanner.since(from))
}

/** A token; the names that every message has are shared strings, not cut out anew. */
function parseName(scanner: Scanner): string {
  const from = scanner.position
  const names = commonNames[scanner.peek()]
  if (names !== undefined) {
    for (const name of names) {
      if (!scanner.isAt(name)) continue
      scanner.position = from + name.length
      if (((CLASS[scanner.peek()] ?? 0) & TOKEN) === 0) return name
      scanner.position = from
    }
  }
  return scanner.token()
}

function byFirstByte(names: readonly string[]): (readonly string[] | undefined)[] {
  const table = new Array<string[] | undefined>(128).fill(undefined)
  for (const name of names) {
    const first = name.charCodeAt(0)
    table[first] = [...(table[first] ?? []), name]
  }
  return table
}

/** `<URI>`, the value of an Identity's `info` (RFC 8224 §4): kept with its brackets. */
function skipBracketed(scanner: Scanner): boolean {
  if (!scanner.accept(OPEN)) return false
  scanner.skip(OPAQUE)
  scanner.expect(CLOSE)
  return true
}

/** Takes a delimiter and the blanks around it; takes nothing where it is not the next thing. */
function acceptSpaced(scanner: Scanner, code: number): boolean {
  if (!scanner.accept(code)) {
    const before = scanner.position
    if (scanner.peek() > 0x20 || scanner.atEnd) return false
    scanner.skipSpace()
    if (!scanner.accept(code)) {
      scanner.position = before
      return false
    }
  }
  scanner.skipSpace()
  return true
}

/** `uri-parameters`: no blanks, no quotes, escapes kept as they are. */
export function parseUriParams(scanner: Scanner): Params {
  let first: Params | undefined
  let last: Params | undefined
  while (scanner.accept(SEMICOLON)) {
    if (scanner.atEnd || scanner.peek() === SEMICOLON) continue
    const name = takeEscaped(scanner, 'parameter name')
    const param = new Params(
      name,
      scanner.accept(EQUAL) ? takeEscaped(scanner, 'parameter value') : undefined,
    )
    if (last === undefined) first = param
    else last.next = param
    last = param
  }
  return first ?? noParams
}

function takeEscaped(scanner: Scanner, what: string): string {
  const from = scanner.position
  do scanner.skip(URI_PARAM)
  while (scanner.accept(PERCENT))
  if (scanner.position === from) scanner.fail(`${what} expected`)
  return scanner.since(from)
}
