import { consistsOf, PARAM_VALUE, sameIgnoringCase } from './chars.ts'
import { quote } from './scanner.ts'

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
 * The parameters of a header value or a URI, in their order, unknown ones among them: a chain that begins with its own
 * first parameter, for most values have one or two. Immutable. Names are compared without regard to case
 * (RFC 3261 §7.3.1) and are never used as property names.
 */
export class Params {
  /** @internal `''` in the empty chain alone */
  readonly name: string
  /** @internal without quotes; `undefined` for a parameter that has no value */
  readonly value: string | undefined
  /** @internal */
  readonly isQuoted: boolean
  /** @internal set once, while the chain is made */
  next: Params | undefined = undefined

  constructor(name: string = '', value?: string, isQuoted: boolean = false) {
    this.name = name
    this.value = value
    this.isQuoted = isQuoted
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined
  }

  /** The value without quotes; `''` where the parameter has no value, `undefined` where there is no such parameter. */
  text(name: string): string | undefined {
    const found = this.#find(name)
    return found === undefined ? undefined : (found.value ?? '')
  }

  /** A typed value, `undefined` where the parameter is absent or cannot be read. */
  get<T>(param: Param<T>): T | undefined {
    const text = this.text(param.name)
    return text === undefined ? undefined : param.parse(text)
  }

  /** With `param` set: in its place where it is there already, and once, else at the end. */
  with<T>(param: Param<T>, value: T): Params {
    return this.withText(param.name, param.encode(value))
  }

  withText(name: string, value: ParamValue): Params {
    const own = typeof value === 'object' ? new Params(name, value.quoted, true) : new Params(name, value)
    const chain = this.#copyWith(name, own)
    return chain.includes(own) ? linked(chain) : linked([...chain, own])
  }

  /** With no parameter of that name, however often it stood. */
  without(name: string): Params {
    return this.#find(name) === undefined ? this : linked(this.#copyWith(name, undefined))
  }

  *names(): Generator<string> {
    for (const [name] of this.entries()) yield name
  }

  /** Names and values in their order, `''` for a parameter that has none. */
  *entries(): Generator<[name: string, value: string]> {
    for (let at = this.#first; at !== undefined; at = at.next) yield [at.name, at.value ?? '']
  }

  get size(): number {
    let size = 0
    for (let at = this.#first; at !== undefined; at = at.next) size++
    return size
  }

  /** As on the wire, each parameter with its semicolon. */
  toString(): string {
    return this.#first === undefined ? '' : `;${this.join(';')}`
  }

  /** As on the wire, with `separator` between them. */
  join(separator: string): string {
    let out = ''
    for (let at = this.#first; at !== undefined; at = at.next) {
      if (at !== this) out += separator
      out += at.name
      if (at.value !== undefined) out += at.isQuoted ? `=${quote(at.value)}` : `=${at.value}`
    }
    return out
  }

  get #first(): Params | undefined {
    return this.name === '' ? undefined : this
  }

  /** The first of that name in any case: what an exact match further on says must not count here and not elsewhere. */
  #find(name: string): Params | undefined {
    for (let at = this.#first; at !== undefined; at = at.next) if (sameIgnoringCase(at.name, name)) return at
    return undefined
  }

  /** The chain's parameters anew; the first of that name gives way to `own`, the others of it go. */
  #copyWith(name: string, own: Params | undefined): Params[] {
    const copies: Params[] = []
    let isFirst = true
    for (let at = this.#first; at !== undefined; at = at.next) {
      if (!sameIgnoringCase(at.name, name)) copies.push(new Params(at.name, at.value, at.isQuoted))
      else {
        if (isFirst && own !== undefined) copies.push(own)
        isFirst = false
      }
    }
    return copies
  }
}

export const noParams: Params = new Params()

function linked(chain: readonly Params[]): Params {
  for (const [index, param] of chain.entries()) param.next = chain[index + 1]
  return chain[0] ?? noParams
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
