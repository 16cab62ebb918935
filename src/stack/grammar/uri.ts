import { fromWire } from '../../util/bytes.ts'
import { UsageError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'
import {
  CLASS,
  consistsOf,
  HOST,
  IPV6,
  OPAQUE,
  PASSWORD,
  TOKEN,
  URI_HEADER,
  URI_PARAM,
  USER,
} from './chars.ts'
import { isHost, isIpv6 } from './host.ts'
import { noParams, type Param, type Params } from './params.ts'
import { parseUriParams } from './parse-params.ts'
import { type Scanner, scan } from './scanner.ts'

const COLON = 0x3a
const AT = 0x40
const PERCENT = 0x25
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const QUESTION = 0x3f

/** What a URI is made of; `undefined` stands for an absent part. */
export interface UriParts {
  /** Lower-case: `sip`, `sips`, `tel`, or any other. */
  readonly scheme?: string
  /** User part, or a tel URI's number; not escaped. */
  readonly user?: string | undefined
  /** Not escaped. */
  readonly password?: string | undefined
  /** Name or address; an IPv6 address without its brackets. `''` asks the transport layer to fill it in. */
  readonly host?: string
  readonly port?: number | undefined
  readonly params?: Params
  /** `name=value&…` after the question mark, escaped; `''` for none. */
  readonly headers?: string
}

/**
 * A SIP or SIPS URI (RFC 3261 §19.1), a tel URI (RFC 3966) or any other absolute URI. Immutable; parts are changed by
 * {@link Uri.with}. For sip, sips and tel all parts are filled; for other schemes what follows the colon is `opaque`.
 */
export class Uri {
  readonly scheme: string
  /** User part as written, escapes and all. */
  readonly rawUser: string | undefined
  readonly rawPassword: string | undefined
  readonly host: string
  readonly port: number | undefined
  readonly params: Params
  readonly headers: string
  /** All after the colon of a URI that is neither sip, sips nor tel. */
  readonly opaque: string

  /** @internal parts are checked by {@link parseUri} and {@link Uri.with} */
  constructor(
    scheme: string,
    rawUser: string | undefined,
    rawPassword: string | undefined,
    host: string,
    port: number | undefined,
    params: Params,
    headers: string,
    opaque: string,
  ) {
    this.scheme = scheme
    this.rawUser = rawUser
    this.rawPassword = rawPassword
    this.host = host
    this.port = port
    this.params = params
    this.headers = headers
    this.opaque = opaque
  }

  /** User part with its escapes undone. */
  get user(): string | undefined {
    return this.rawUser === undefined ? undefined : unescapeUri(this.rawUser)
  }

  get password(): string | undefined {
    return this.rawPassword === undefined ? undefined : unescapeUri(this.rawPassword)
  }

  get isSip(): boolean {
    return this.scheme === 'sip' || this.scheme === 'sips'
  }

  get secure(): boolean {
    return this.scheme === 'sips'
  }

  /** A typed parameter with its escapes undone, `undefined` where it is absent or cannot be read. */
  param<T>(param: Param<T>): T | undefined {
    const text = this.params.text(param.name)
    return text === undefined ? undefined : param.parse(unescapeUri(text))
  }

  /**
   * A copy with some parts changed.
   * @throws UsageError where a part cannot stand in a URI.
   */
  with(parts: UriParts): Uri {
    const scheme = (parts.scheme ?? this.scheme).toLowerCase()
    const headers = parts.headers ?? this.headers
    const user = 'user' in parts ? escapePart(parts.user, USER) : this.rawUser
    const password = 'password' in parts ? escapePart(parts.password, PASSWORD) : this.rawPassword
    const host = parts.host ?? this.host
    const port = 'port' in parts ? parts.port : this.port
    if (!isScheme(scheme)) throw new UsageError('ERR_SIP_URI', `"${printable(scheme)}" is no URI scheme`)
    if (host !== '' && !isHost(host)) {
      throw new UsageError('ERR_SIP_URI', `"${printable(host)}" is neither a host name nor an address`)
    }
    if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65535)) {
      throw new UsageError('ERR_SIP_URI', `port ${port} is not in 0 to 65535`)
    }
    if (kindOf(scheme) !== kindOf(this.scheme)) {
      const what = `a ${printable(scheme)} URI has other parts than a ${printable(this.scheme)} URI; make one with uri()`
      throw new UsageError('ERR_SIP_URI', what)
    }
    if (headers !== '' && !consistsOf(URI_HEADER, headers.replace(ESCAPE, 'x'))) {
      throw new UsageError(
        'ERR_SIP_URI',
        `"${printable(headers)}" cannot be a URI's headers; escape them, or use embed()`,
      )
    }
    const params = parts.params ?? this.params
    return new Uri(scheme, user, password, host, port, params, headers, this.opaque)
  }

  /** With `param` set; what cannot stand in a URI is escaped, and nothing is quoted. */
  withParam<T>(param: Param<T>, value: T): Uri {
    const encoded = param.encode(value)
    const text = typeof encoded === 'object' ? encoded.quoted : encoded
    return this.with({ params: this.params.withText(param.name, escapePart(text, URI_PARAM)) })
  }

  withoutParam(name: string): Uri {
    return this.with({ params: this.params.without(name) })
  }

  /** Host, in brackets where it is an IPv6 address, and port where there is one. */
  get hostPort(): string {
    return formatHostPort(this.host, this.port)
  }

  toString(): string {
    if (this.scheme === 'tel') return `tel:${this.rawUser ?? ''}${this.params}`
    if (!this.isSip) return this.scheme === '' ? this.opaque : `${this.scheme}:${this.opaque}`
    let out = `${this.scheme}:`
    if (this.rawUser !== undefined) {
      out += this.rawPassword === undefined ? `${this.rawUser}@` : `${this.rawUser}:${this.rawPassword}@`
    }
    out += this.hostPort
    if (this.params !== noParams) out += this.params.toString()
    return this.headers === '' ? out : `${out}?${this.headers}`
  }
}

/**
 * Reads a URI from text: `uri('sip:alice@example.com;transport=tcp')`.
 * @throws ParseError
 */
export function uri(text: string): Uri {
  return parseWholeUri(scan(text, 'URI'))
}

/** A URI and nothing behind it. */
export function parseWholeUri(scanner: Scanner): Uri {
  const value = parseUri(scanner)
  if (!scanner.atEnd) scanner.fail('unexpected character')
  return value
}

/** A URI at the cursor; stops at the first character that cannot belong to it. */
export function parseUri(scanner: Scanner): Uri {
  const from = scanner.position
  if (scanner.isAt('sip:')) {
    scanner.position = from + 4
    return parseSipUri(scanner, 'sip')
  }
  const scheme = scanner.take(TOKEN, 'URI scheme').toLowerCase()
  if (!isScheme(scheme)) scanner.fail(`"${scheme}" is no URI scheme`)
  scanner.expect(COLON)
  switch (scheme) {
    case 'sip':
    case 'sips':
      return parseSipUri(scanner, scheme)
    case 'tel':
      return parseTelUri(scanner)
    default:
      return new Uri(scheme, undefined, undefined, '', undefined, noParams, '', scanner.take(OPAQUE, 'URI'))
  }
}

function parseSipUri(scanner: Scanner, scheme: string): Uri {
  const from = scanner.position
  let user: string | undefined
  let password: string | undefined
  skipEscaped(scanner, USER)
  const userEnd = scanner.position
  if (scanner.accept(COLON)) skipEscaped(scanner, PASSWORD)
  if (scanner.accept(AT)) {
    if (userEnd === from) scanner.fail('user part is empty')
    user = scanner.text.slice(from, userEnd)
    if (scanner.position - 1 > userEnd) password = scanner.text.slice(userEnd + 1, scanner.position - 1)
  } else {
    scanner.position = from
  }
  const host = parseHost(scanner)
  const port = parsePort(scanner)
  const params = parseUriParams(scanner)
  let headers = ''
  if (scanner.accept(QUESTION)) {
    const headersFrom = scanner.position
    skipEscaped(scanner, URI_HEADER)
    headers = scanner.since(headersFrom)
    if (headers === '') scanner.fail('headers expected behind "?"')
  }
  return new Uri(scheme, user, password, host, port, params, headers, '')
}

function parseTelUri(scanner: Scanner): Uri {
  const from = scanner.position
  const { text, end } = scanner
  let position = from
  while (position < end && text[position] !== ';' && ((CLASS[text.charCodeAt(position)] ?? 0) & OPAQUE) !== 0)
    position++
  scanner.position = position
  if (position === from) scanner.fail('telephone number expected')
  return new Uri('tel', scanner.since(from), undefined, '', undefined, parseUriParams(scanner), '', '')
}

/** Characters of a class and `%` escapes; the two digits of an escape are checked. */
function skipEscaped(scanner: Scanner, bit: number): void {
  for (;;) {
    scanner.skip(bit)
    if (!scanner.accept(PERCENT)) return
    if (hexDigit(scanner.text, scanner.position) < 0 || hexDigit(scanner.text, scanner.position + 1) < 0) {
      scanner.fail('"%" without two hexadecimal digits')
    }
  }
}

/**
 * A host name, an IPv4 address, or an IPv6 address in brackets, given without them. The third colon in front of an IPv4
 * address, which the grammar of RFC 3261 asked for, is left out (RFC 5118 §4.10, RFC 5954 §3.1).
 */
export function parseHost(scanner: Scanner): string {
  if (!scanner.accept(OPEN_BRACKET)) return scanner.take(HOST, 'host')
  const text = scanner.take(IPV6, 'IPv6 address')
  const host = text.includes(':::') ? text.replace(/:::(?=\d+\.)/, '::') : text
  if (!isIpv6(host)) scanner.fail('IPv6 address expected')
  scanner.expect(CLOSE_BRACKET)
  return host
}

const ESCAPE = /%[0-9a-f]{2}/gi

/** Schemes whose URIs have the same parts. */
function kindOf(scheme: string): string {
  return scheme === 'sips' ? 'sip' : scheme
}

/** `ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )`. */
function isScheme(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*$/i.test(text)
}

/** `[ ":" port ]`. */
function parsePort(scanner: Scanner): number | undefined {
  return scanner.accept(COLON) ? scanner.number(65535) : undefined
}

/** `host:port` as it stands in a Via or a URI. */
export function formatHostPort(host: string, port: number | undefined): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === undefined ? name : `${name}:${port}`
}

function hexDigit(text: string, at: number): number {
  const code = text.charCodeAt(at) | 0x20
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1
}

/** Undoes `%` escapes; what is no escape stays as it is. */
export function unescapeUri(text: string): string {
  if (!text.includes('%')) return text
  const bytes = text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return fromWire(bytes)
}

function escapePart(text: string | undefined, allowed: number): string | undefined {
  if (text === undefined || text === '' || consistsOf(allowed, text)) return text === '' ? undefined : text
  let out = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    if (((CLASS[byte] ?? 0) & allowed) !== 0) out += String.fromCharCode(byte)
    else out += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}
