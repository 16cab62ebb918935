import { fromWire } from '../../util/bytes.ts'
import { ADDR_SPEC, CLASS, DISPLAY_NAME, TOKEN } from './chars.ts'
import { noParams, type Param, type Params, textParam } from './params.ts'
import { parseParams } from './parse-params.ts'
import { quote, Scanner, scan, unfold } from './scanner.ts'
import { parseUri, Uri } from './uri.ts'

const QUOTE = 0x22
const OPEN = 0x3c
const CLOSE = 0x3e
const QUESTION = 0x3f
const STAR = 0x2a

const tagParam = textParam('tag')

export interface NameAddrParts {
  readonly displayName?: string
  readonly uri?: Uri
  readonly params?: Params
  /** From and To tag; `undefined` takes it away. */
  readonly tag?: string | undefined
}

/** `[ display-name ] <URI> *( ;param )`: the value of From, To, Contact, Route and their kin. Immutable. */
export class NameAddr {
  /** Without quotes and escapes; `''` for none. */
  readonly displayName: string
  readonly uri: Uri
  readonly params: Params

  constructor(displayName: string, uri: Uri, params: Params) {
    this.displayName = displayName
    this.uri = uri
    this.params = params
  }

  get tag(): string | undefined {
    return this.params === noParams ? undefined : this.params.text('tag')
  }

  /** `Contact: *` (RFC 3261 §10.2.2). */
  get isWildcard(): boolean {
    return this.uri === starUri
  }

  param<T>(param: Param<T>): T | undefined {
    return this.params.get(param)
  }

  with(parts: NameAddrParts): NameAddr {
    let params = parts.params ?? this.params
    if ('tag' in parts)
      params = parts.tag === undefined ? params.without('tag') : params.with(tagParam, parts.tag)
    return new NameAddr(parts.displayName ?? this.displayName, parts.uri ?? this.uri, params)
  }

  withParam<T>(param: Param<T>, value: T): NameAddr {
    return this.with({ params: this.params.with(param, value) })
  }

  withoutParam(name: string): NameAddr {
    return this.with({ params: this.params.without(name) })
  }

  toString(): string {
    if (this.isWildcard) return '*'
    const address = `<${this.uri}>${this.params}`
    if (this.displayName === '') return address
    return `${isTokens(this.displayName) ? this.displayName : quote(this.displayName)} ${address}`
  }
}

const starUri = new Uri('', undefined, undefined, '', undefined, noParams, '', '*')

/** `Contact: *`, which removes all bindings. */
export const wildcardContact: NameAddr = new NameAddr('', starUri, noParams)

/**
 * Reads a name-addr or addr-spec from text: `nameAddr('"Alice" <sip:alice@example.com>')`.
 * @throws ParseError
 */
export function nameAddr(text: string): NameAddr {
  const scanner = scan(text, 'name-addr')
  const value = parseNameAddr(scanner)
  scanner.skipSpace()
  if (!scanner.atEnd) scanner.fail('unexpected character')
  return value
}

/** name-addr or addr-spec with parameters; after a bare addr-spec they belong to the header (RFC 3261 §20.10). */
export function parseNameAddr(scanner: Scanner): NameAddr {
  scanner.skipSpace()
  let displayName = ''
  const first = scanner.peek()
  if (first === QUOTE) {
    displayName = scanner.quoted()
    scanner.skipSpace()
    if (scanner.peek() !== OPEN) scanner.fail('"<" expected after the display name')
  } else if (first !== OPEN) {
    const from = scanner.position
    const isToken = scanner.skip(TOKEN)
    const end = scanner.position
    scanner.skip(DISPLAY_NAME)
    if (scanner.peek() !== OPEN) {
      scanner.position = from
      return parseAddrSpec(scanner)
    }
    const isOneToken = isToken && scanner.position <= end + 1
    displayName = isOneToken ? scanner.text.slice(from, end) : fromWire(unfold(scanner.since(from)).trim())
  }
  scanner.position++
  const uri = parseUri(scanner)
  scanner.expect(CLOSE)
  return new NameAddr(displayName, uri, parseParams(scanner))
}

/** Contact's value: a name-addr, or the asterisk. */
export function parseContact(scanner: Scanner): NameAddr {
  scanner.skipSpace()
  if (scanner.peek() !== STAR) return parseNameAddr(scanner)
  scanner.position++
  scanner.skipSpace()
  if (!scanner.atEnd) scanner.fail('"*" stands alone')
  return wildcardContact
}

/**
 * A URI without brackets ends at the first semicolon, comma or question mark after its host: such a URI must not hold
 * them (RFC 3261 §20.10), so what follows are the header's parameters.
 */
function parseAddrSpec(scanner: Scanner): NameAddr {
  const from = scanner.position
  scanner.skip(ADDR_SPEC)
  if (scanner.peek() === QUESTION) scanner.fail('a URI with headers must stand in "<" and ">"')
  const inner = new Scanner(scanner, scanner.header, from, scanner.position)
  const uri = parseUri(inner)
  if (!inner.atEnd) inner.fail('unexpected character in the URI')
  return new NameAddr('', uri, parseParams(scanner))
}

/** Tokens with one blank between them: what needs no quotes. */
function isTokens(text: string): boolean {
  let wasBlank = true
  for (let i = 0; i < text.length; i++) {
    const isBlank = text.charCodeAt(i) === 0x20
    if (isBlank ? wasBlank : ((CLASS[text.charCodeAt(i)] ?? 0) & TOKEN) === 0) return false
    wasBlank = isBlank
  }
  return !wasBlank
}
