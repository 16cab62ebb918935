import { sameIgnoringCase } from './chars.ts'
import type { Uri } from './uri.ts'

/** Characters whose escaped form means something else (RFC 3261 §19.1.2, `reserved`). */
const RESERVED = ';/?:@&=+$,%'

/** URI parameters that count even where only one of the two URIs has them (RFC 3261 §19.1.4). */
const ALWAYS_COMPARED = ['user', 'ttl', 'method', 'maddr', 'transport']

/**
 * Equality of URIs by RFC 3261 §19.1.4: user and password with regard to case, the rest without; a parameter that
 * only one of them has is ignored unless it is user, ttl, method, maddr or transport; headers must all match.
 * tel URIs are compared by RFC 3966 §4: visual separators do not count. Others by their text.
 */
export function sameUri(a: Uri, b: Uri): boolean {
  if (a.scheme !== b.scheme) return false
  if (a.scheme === 'tel') return digits(a.user) === digits(b.user) && sameParams(a, b, [...a.params.names()])
  if (!a.isSip) return a.opaque === b.opaque
  return (
    normal(a.rawUser) === normal(b.rawUser) &&
    normal(a.rawPassword) === normal(b.rawPassword) &&
    sameIgnoringCase(a.host, b.host) &&
    a.port === b.port &&
    sameParams(a, b, ALWAYS_COMPARED) &&
    sameHeaders(a.headers, b.headers)
  )
}

function sameParams(a: Uri, b: Uri, compared: readonly string[]): boolean {
  for (const name of compared) if (a.params.has(name) !== b.params.has(name)) return false
  for (const name of a.params.names()) {
    const other = b.params.text(name)
    if (other === undefined) continue
    if (!sameIgnoringCase(normal(a.params.text(name)) ?? '', normal(other) ?? '')) return false
  }
  return true
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

function digits(number: string | undefined): string {
  return (number ?? '').replace(/[-.()]/g, '').toLowerCase()
}
