import { sameHost } from './host.ts'
import type { Uri } from './uri.ts'

/** Characters whose escaped form means something else (RFC 3261 §19.1.2, `reserved`). */
const RESERVED = ';/?:@&=+$,%'

/** URI parameters that count even where only one of the two URIs has them (RFC 3261 §19.1.4). */
const ALWAYS_COMPARED = ['user', 'ttl', 'method', 'maddr', 'transport']

/**
 * Equality of URIs by RFC 3261 §19.1.4: user and password with regard to case, the rest without; a parameter that
 * only one of them has is ignored unless it is user, ttl, method, maddr or transport; headers must all match.
 * IPv6 addresses are compared by value (RFC 5954 §4.2). tel URIs are compared by RFC 3966 §4: visual separators do not
 * count. URNs by RFC 8141 §3: the namespace without regard to case, the rest with. Others by their text.
 */
export function sameUri(a: Uri, b: Uri): boolean {
  if (a.scheme !== b.scheme) return false
  if (a.scheme === 'tel')
    return (
      digits(a.user) === digits(b.user) &&
      sameParams(a, b, [...namedParams(a).keys(), ...namedParams(b).keys()])
    )
  if (a.scheme === 'urn') return urnName(a.opaque) === urnName(b.opaque)
  if (!a.isSip) return a.opaque === b.opaque
  return (
    normal(a.rawUser) === normal(b.rawUser) &&
    normal(a.rawPassword) === normal(b.rawPassword) &&
    sameHost(a.host, b.host) &&
    a.port === b.port &&
    sameParams(a, b, ALWAYS_COMPARED) &&
    sameHeaders(a.headers, b.headers)
  )
}

function sameParams(a: Uri, b: Uri, compared: readonly string[]): boolean {
  if (a.params.size === 0 && b.params.size === 0) return true
  const [mine, others] = [namedParams(a), namedParams(b)]
  for (const name of compared) if (mine.has(name) !== others.has(name)) return false
  for (const [name, value] of mine) {
    const other = others.get(name)
    if (other !== undefined && other !== value) return false
  }
  return true
}

/** Values by name, both in lower case and with needless escapes undone; of several of a name the first. */
function namedParams({ params }: Uri): Map<string, string> {
  const values = new Map<string, string>()
  for (const [name, value] of params.entries()) {
    const key = name.toLowerCase()
    if (!values.has(key)) values.set(key, (normal(value) ?? '').toLowerCase())
  }
  return values
}

/** Header components may stand in any order, but none may be missing. */
function sameHeaders(a: string, b: string): boolean {
  if (a === b) return true
  return headerList(a).join('&') === headerList(b).join('&')
}

function headerList(headers: string): string[] {
  const list: string[] = []
  for (const part of headers.split('&')) {
    const equal = part.indexOf('=')
    if (equal < 0) list.push((normal(part) ?? '').toLowerCase())
    else
      list.push(
        `${(normal(part.slice(0, equal)) ?? '').toLowerCase()}=${normal(part.slice(equal + 1)) ?? ''}`,
      )
  }
  return list.sort()
}

/** Escapes of characters that need none are undone; those of reserved characters get upper-case digits. */
function normal(text: string | undefined): string | undefined {
  if (text === undefined || !text.includes('%')) return text
  return text.replace(/%([0-9a-fA-F]{2})/g, (whole, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16))
    const plain = character > ' ' && character < '\x7f' && !RESERVED.includes(character)
    return plain ? character : whole.toUpperCase()
  })
}

/** A URN without the components that do not count: the namespace in lower case, escapes in upper case. */
function urnName(opaque: string): string {
  const [name = ''] = opaque.split(/[?#]/, 1)
  const colon = name.indexOf(':')
  const rest = name.slice(colon).replace(/%[0-9a-f]{2}/gi, octet => octet.toUpperCase())
  return name.slice(0, Math.max(0, colon)).toLowerCase() + rest
}

function digits(number: string | undefined): string {
  return (number ?? '').replace(/[-.()]/g, '').toLowerCase()
}
