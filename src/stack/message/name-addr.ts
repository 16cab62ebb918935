import { fromWire } from '../../util/bytes.ts'
import { CLASS, consistsOf, SPACE, TOKEN } from './chars.ts'
import { noParams, type Param, type Params, parseParams, textParam } from './params.ts'
import { quote, Scanner, scan, unfold } from './scanner.ts'
import { parseUri, Uri } from './uri.ts'

const QUOTE = 0x22
const OPEN = 0x3c
const CLOSE = 0x3e
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
    skipDisplayName(scanner)
    if (scanner.peek() !== OPEN) {
      scanner.position = from
      return parseAddrSpec(scanner)
    }
    displayName = fromWire(unfold(scanner.since(from)).trim())
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

/** `*( token LWS )`; bytes of UTF-8 as well, which devices send without quotes. */
function skipDisplayName(scanner: Scanner): void {
  const { text, end } = scanner
  let position = scanner.position
  while (position < end) {
    const code = text.charCodeAt(position)
    if (code < 0x80 && ((CLASS[code] ?? 0) & (TOKEN | SPACE)) === 0) break
    position++
  }
  scanner.position = position
}

/**
 * A URI without brackets ends at the first semicolon, comma or question mark after its host: such a URI must not hold
 * them (RFC 3261 §20.10), so what follows are the header's parameters.
 */
function parseAddrSpec(scanner: Scanner): NameAddr {
  const from = scanner.position
  const { text, end } = scanner
  let position = from
  while (position < end) {
    const code = text.charCodeAt(position)
    if (code === 0x3b || code === 0x2c || ((CLASS[code] ?? 0) & SPACE) !== 0) break
    if (code === 0x3f) scanner.fail('a URI with headers must stand in "<" and ">"')
    position++
  }
  const inner = new Scanner(text, scanner.header, from, position)
  const uri = parseUri(inner)
  if (!inner.atEnd) inner.fail('unexpected character in the URI')
  scanner.position = position
  return new NameAddr('', uri, parseParams(scanner))
}

function isTokens(text: string): boolean {
  return text.split(' ').every(part => consistsOf(TOKEN, part))
}
