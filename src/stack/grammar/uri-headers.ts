import { toWire } from '../../util/bytes.ts'
import { CLASS, sameIgnoringCase, URI_HEADER } from './chars.ts'
import type { Header } from './header.ts'
import { EXTENSION, idOfName } from './names.ts'
import { ParseError } from './parse-error.ts'
import { wireText } from './scanner.ts'
import { type Uri, unescapeUri } from './uri.ts'

/** What delimits headers in a URI, though it may stand there for itself. */
const DELIMITERS = '&=?'

/**
 * The value of a header that a URI carries behind its question mark (RFC 3261 §19.1.1), as Refer-To carries Replaces:
 * `embedded(referTo.uri, h.Replaces)`. `undefined` where it is absent.
 * @throws ParseError where it is malformed
 */
export function embedded<T>(uri: Uri, header: Header<T>): T | undefined {
  for (const part of uri.headers.split('&')) {
    const equal = part.indexOf('=')
    if (equal < 0 || !isCalled(header, unescapeUri(part.slice(0, equal)))) continue
    const text = unescapeUri(part.slice(equal + 1))
    if (/[\r\n\0]/.test(text)) throw new ParseError(header.name, 'CR, LF or NUL in a URI', text)
    return header.parseFirst(wireText(text))
  }
  return undefined
}

/** A URI that carries one more header, escaped as it must be. */
export function embed<T>(uri: Uri, header: Header<T>, value: T): Uri {
  const part = `${header.name}=${escapeHeader(header.encode(value))}`
  return uri.with({ headers: uri.headers === '' ? part : `${uri.headers}&${part}` })
}

/** Whether `name` is a header's name, in any case, long or compact. */
function isCalled(header: Header<unknown>, name: string): boolean {
  return header.id === EXTENSION ? sameIgnoringCase(name, header.name) : idOfName(name) === header.id
}

function escapeHeader(text: string): string {
  let out = ''
  for (const character of toWire(text)) {
    const code = character.charCodeAt(0)
    const plain = ((CLASS[code] ?? 0) & URI_HEADER) !== 0 && !DELIMITERS.includes(character)
    out += plain ? character : `%${code.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}
