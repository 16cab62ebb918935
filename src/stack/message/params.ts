import { consistsOf, PARAM_VALUE, sameIgnoringCase, URI_PARAM } from './chars.ts'
import { quote, type Scanner } from './scanner.ts'

const SEMICOLON = 0x3b
const EQUAL = 0x3d
const QUOTE = 0x22
const PERCENT = 0x25

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

  /** As on the wire, each parameter with its semicolon. */
  toString(): string {
    let out = ''
    for (let at = 0; at < this.#entries.length; at += 3) {
      const value = this.#entries[at + 1] as string | undefined
      out += `;${this.#entries[at] as string}`
      if (value !== undefined) out += this.#entries[at + 2] === true ? `=${quote(value)}` : `=${value}`
    }
    return out
  }

  #find(name: string): number {
    const entries = this.#entries
    for (let at = 0; at < entries.length; at += 3) if (entries[at] === name) return at
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
  let count = 0
  for (;;) {
    if (!acceptSpaced(scanner, SEMICOLON)) break
    if (scanner.atEnd || scanner.peek() === SEMICOLON) continue
    const name = scanner.token()
    if (!acceptSpaced(scanner, EQUAL)) {
      count = note(count, name, undefined, false)
    } else if (scanner.peek() === QUOTE) {
      count = note(count, name, scanner.quoted(), true)
    } else {
      count = note(count, name, scanner.take(PARAM_VALUE, 'parameter value'), false)
    }
  }
  return count === 0 ? noParams : new Params(found.slice(0, count))
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
