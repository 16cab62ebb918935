import { consistsOf, OPAQUE, PARAM_VALUE, sameIgnoringCase, URI_PARAM } from './chars.ts'
import { quote, type Scanner } from './scanner.ts'

const COMMA = 0x2c
const SEMICOLON = 0x3b
const EQUAL = 0x3d
const QUOTE = 0x22
const PERCENT = 0x25
const OPEN = 0x3c
const CLOSE = 0x3e

/**
 * A typed parameter: how its value is read and written. `parse` gets the value without quotes (`''` for a parameter
 * that has none) and answers `undefined` where it cannot be read.
 */
export interface Param<T> {
  readonly name: string
  parse(text: string): T | undefined
  encode(value: T): ParamValue
}

/** A parameter's value as it is written: absent, a bare token, or a text in quotes. */
export type ParamValue = undefined | string | { readonly quoted: string }

/**
 * The parameters of a header value or a URI, in their order, unknown ones among them. Immutable. Names are compared
 * without regard to case (RFC 3261 §7.3.1) and are never used as property names.
 */
export class Params {
  /** name and value in turn, then whether the value stood in quotes */
  readonly #entries: readonly (string | undefined | boolean)[]

  constructor(entries: readonly (string | undefined | boolean)[] = []) {
    this.#entries = entries
  }

  get size(): number {
    return this.#entries.length / 3
  }

  has(name: string): boolean {
    return this.#find(name) >= 0
  }

  /** The value without quotes; `''` where the parameter has no value, `undefined` where there is no such parameter. */
  text(name: string): string | undefined {
    const at = this.#find(name)
    return at < 0 ? undefined : ((this.#entries[at + 1] as string | undefined) ?? '')
  }

  /** A typed value, `undefined` where the parameter is absent or cannot be read. */
  get<T>(param: Param<T>): T | undefined {
    const text = this.text(param.name)
    return text === undefined ? undefined : param.parse(text)
  }

  /** With `param` set: in its place where it is there already, else at the end. */
  with<T>(param: Param<T>, value: T): Params {
    return this.withText(param.name, param.encode(value))
  }

  withText(name: string, value: ParamValue): Params {
    const entry = typeof value === 'object' ? [name, value.quoted, true] : [name, value, false]
    const entries = [...this.#entries]
    const at = this.#find(name)
    if (at < 0) entries.push(...entry)
    else entries.splice(at, 3, ...entry)
    return new Params(entries)
  }

  without(name: string): Params {
    const at = this.#find(name)
    if (at < 0) return this
    return new Params([...this.#entries.slice(0, at), ...this.#entries.slice(at + 3)])
  }

  *names(): Generator<string> {
    for (let at = 0; at < this.#entries.length; at += 3) yield this.#entries[at] as string
  }

  /** Names and values in their order, `''` for a parameter that has none. */
  *entries(): Generator<[name: string, value: string]> {
    const entries = this.#entries
    for (let at = 0; at < entries.length; at += 3) {
      yield [entries[at] as string, (entries[at + 1] as string | undefined) ?? '']
    }
  }

  /** As on the wire, each parameter with its semicolon. */
  toString(): string {
    return this.#entries.length === 0 ? '' : `;${this.join(';')}`
  }

  /** As on the wire, with `separator` between them. */
  join(separator: string): string {
    let out = ''
    for (let at = 0; at < this.#entries.length; at += 3) {
      const value = this.#entries[at + 1] as string | undefined
      if (at > 0) out += separator
      out += this.#entries[at] as string
      if (value !== undefined) out += this.#entries[at + 2] === true ? `=${quote(value)}` : `=${value}`
    }
    return out
  }

  /** The first of that name in any case: what an exact match further on says must not count here and not elsewhere. */
  #find(name: string): number {
    const entries = this.#entries
    for (let at = 0; at < entries.length; at += 3)
      if (sameIgnoringCase(entries[at] as string, name)) return at
    return -1
  }
}

export const noParams: Params = new Params()

/** Entries of the parameters being read; copied at their exact size when all are found. */
const found: (string | undefined | boolean)[] = []

/** `*( SEMI generic-param )`, blanks allowed around the delimiters; stops before anything else. */
export function parseParams(scanner: Scanner): Params {
  return parseParamsAfter(scanner, 0)
}

/** `generic-param *( SEMI generic-param )`, with no semicolon in front of the first. */
export function parseParamList(scanner: Scanner): Params {
  return parseParamsAfter(scanner, parseParam(scanner, 0))
}

/** Parameters behind `noted` entries that were read before. */
function parseParamsAfter(scanner: Scanner, noted: number): Params {
  let count = noted
  for (;;) {
    if (!acceptSpaced(scanner, SEMICOLON)) break
    if (scanner.atEnd || scanner.peek() === SEMICOLON) continue
    count = parseParam(scanner, count)
  }
  return count === 0 ? noParams : new Params(found.slice(0, count))
}

/** `param *( COMMA param )`, as in the challenges and credentials of authentication (RFC 3261 §20.7). */
export function parseListedParams(scanner: Scanner): Params {
  let count = 0
  do {
    scanner.skipSpace()
    if (scanner.atEnd || scanner.peek() === COMMA) continue
    count = parseParam(scanner, count)
  } while (acceptSpaced(scanner, COMMA))
  return count === 0 ? noParams : new Params(found.slice(0, count))
}

/** One parameter, noted at `count`; answers where the next one goes. */
function parseParam(scanner: Scanner, count: number): number {
  const name = scanner.token()
  if (!acceptSpaced(scanner, EQUAL)) return note(count, name, undefined, false)
  if (scanner.peek() === QUOTE) return note(count, name, scanner.quoted(), true)
  const from = scanner.position
  if (!scanner.skip(PARAM_VALUE) && !skipBracketed(scanner)) scanner.fail('parameter value expected')
  return note(count, name, scanner.since(from), false)
}

/** `<URI>`, the value of an Identity's `info` (RFC 8224 §4): kept with its brackets. */
function skipBracketed(scanner: Scanner): boolean {
  if (!scanner.accept(OPEN)) return false
  scanner.skip(OPAQUE)
  scanner.expect(CLOSE)
  return true
}

function note(count: number, name: string, value: string | undefined, quoted: boolean): number {
  found[count] = name
  found[count + 1] = value
  found[count + 2] = quoted
  return count + 3
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
  if (scanner.peek() !== SEMICOLON) return noParams
  let count = 0
  while (scanner.accept(SEMICOLON)) {
    if (scanner.atEnd || scanner.peek() === SEMICOLON) continue
    const name = takeEscaped(scanner, 'parameter name')
    count = note(
      count,
      name,
      scanner.accept(EQUAL) ? takeEscaped(scanner, 'parameter value') : undefined,
      false,
    )
  }
  return new Params(found.slice(0, count))
}

function takeEscaped(scanner: Scanner, what: string): string {
  const from = scanner.position
  do scanner.skip(URI_PARAM)
  while (scanner.accept(PERCENT))
  if (scanner.position === from) scanner.fail(`${what} expected`)
  return scanner.since(from)
}

/** A parameter whose value is a token, or that an application wants as plain text: quoted where it must be. */
export function textParam(name: string): Param<string> {
  return {
    name,
    parse: text => text,
    encode: value => (consistsOf(PARAM_VALUE, value) ? value : { quoted: value }),
  }
}

/** A parameter whose value always stands in quotes. */
export function quotedParam(name: string): Param<string> {
  return { name, parse: text => text, encode: value => ({ quoted: value }) }
}

/** A whole number of 0 to 2^32 - 1. */
export function numberParam(name: string): Param<number> {
  return { name, parse: wholeNumber, encode: value => String(value) }
}

/** A parameter that says what it says by being there. */
export function flagParam(name: string): Param<true> {
  return { name, parse: () => true, encode: () => undefined }
}

/** `q`: 0 to 1 with up to three decimals (RFC 3261 §25.1, `qvalue`). */
export function qParam(name: string): Param<number> {
  return {
    name,
    parse: text => {
      const value = /^[01](?:\.\d{0,3})?$/.test(text) ? Number(text) : Number.NaN
      return value <= 1 ? value : undefined
    },
    encode: value => String(Math.round(Math.min(1, Math.max(0, value)) * 1000) / 1000),
  }
}

function wholeNumber(text: string): number | undefined {
  if (text.length === 0 || text.length > 10) return undefined
  const value = Number(text)
  return Number.isInteger(value) && value <= 0xffffffff && !/[^0-9]/.test(text) ? value : undefined
}
