import type { HeaderGrammar } from '../grammar/header.ts'
import { noParams, type Param, type Params } from '../grammar/params.ts'
import { parseParams } from '../grammar/parse-params.ts'
import { type Scanner, scan } from '../grammar/scanner.ts'

/** A media type, `application/sdp;charset=utf-8` (RFC 3261 §20.15). Immutable. */
export class Mime {
  /** Lower-case. */
  readonly type: string
  /** Lower-case. */
  readonly subtype: string
  readonly params: Params

  constructor(type: string, subtype: string, params: Params = noParams) {
    this.type = type.toLowerCase()
    this.subtype = subtype.toLowerCase()
    this.params = params
  }

  /** Type and subtype without parameters. */
  get essence(): string {
    return `${this.type}/${this.subtype}`
  }

  param<T>(param: Param<T>): T | undefined {
    return this.params.get(param)
  }

  toString(): string {
    return `${this.essence}${this.params}`
  }
}

/** `m-type SLASH m-subtype *(SEMI m-parameter)`, a star in the place of either allowed as in Accept. */
function parseMime(scanner: Scanner): Mime {
  const type = scanner.token()
  scanner.skipSpace()
  scanner.expect(0x2f)
  scanner.skipSpace()
  return new Mime(type, scanner.token(), parseParams(scanner))
}

/**
 * Reads a media type from text: `mime('multipart/mixed;boundary=x')`.
 * @throws ParseError
 */
export function mime(text: string): Mime {
  const scanner = scan(text, 'media type')
  const value = parseMime(scanner)
  if (!scanner.atEnd) scanner.fail('unexpected character')
  return value
}

/** Content-Type. */
export const mediaType: HeaderGrammar<Mime> = { parse: parseMime, encode: value => value.toString() }

/** Accept. */
export const mediaRanges: HeaderGrammar<Mime> = { ...mediaType, values: 'listed' }
