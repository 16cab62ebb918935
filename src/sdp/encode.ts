import { UsageError } from '../util/errors.ts'
import { printable } from '../util/log.ts'
import { LISTS } from './attribute-lists.ts'
import { connectionText, FLAG_NAMES, kindsOf, VALUES } from './attribute-syntax.ts'
import { isLineType } from './line-reader.ts'
import type {
  AttributeEntries,
  AttributeKind,
  Attributes,
  AttributeValues,
  Bandwidth,
  Connection,
  MediaDescription,
  OtherLine,
  SessionDescription,
} from './session.ts'
import type { Syntax } from './syntax.ts'

/**
 * Writes a description as text with CRLF, its lines in the order of RFC 8866 §5 and its attributes in their own order.
 * To be sent as UTF-8. Throws a UsageError where a value would break its line, CR, LF or NUL anywhere, or the fields of
 * `o=`, `c=`, `b=`, `t=` and `m=`: a space or nothing where one word must stand, a number that is none, a port out of range.
 * Values of attributes are written as they are given.
 */
export function encodeSdp(session: SessionDescription): string {
  const { origin, connection } = session
  const out = new Lines(session.otherLines)
  out.add('v', '0')
  const ids = [
    origin.sessionId,
    origin.sessionVersion,
    origin.networkType,
    origin.addressType,
    origin.address,
  ]
  out.add('o', [origin.username, ...ids.map(id => oneWord(id, 'origin'))].join(' '))
  out.add('s', session.name)
  out.addSome('i', session.information)
  out.addSome('u', session.uri)
  for (const email of session.emails) out.add('e', email)
  for (const phone of session.phones) out.add('p', phone)
  addConnections(out, connection ? [connection] : [])
  addBandwidths(out, session.bandwidths)
  for (const { start, stop, repeats } of session.timings) {
    out.add('t', `${whole(start, 't=')} ${whole(stop, 't=')}`)
    for (const repeat of repeats) out.add('r', repeat)
  }
  if (session.timings.length === 0) out.add('t', '0 0')
  out.addOthers('r')
  out.addOthers('t')
  out.addSome('z', session.timeZones)
  out.addSome('k', session.key)
  out.addRest()
  addAttributes(out, session)
  return out.text() + session.media.map(encodeMedia).join('')
}

function encodeMedia(media: MediaDescription): string {
  const { type, port, portCount, protocol, formats } = media
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new UsageError('ERR_SDP_VALUE', `SDP m=: ${port} is not a port from 0 to 65535`)
  }
  const out = new Lines(media.otherLines)
  const ports = portCount === undefined ? `${port}` : `${port}/${whole(portCount, 'm=')}`
  const words = [oneWord(type, 'm='), ports, oneWord(protocol, 'm='), ...formats.map(f => oneWord(f, 'm='))]
  out.add('m', words.join(' '))
  out.addSome('i', media.information)
  addConnections(out, media.connections)
  addBandwidths(out, media.bandwidths)
  out.addSome('k', media.key)
  out.addRest()
  addAttributes(out, media)
  return out.text()
}

function addConnections(out: Lines, connections: readonly Connection[]): void {
  for (const connection of connections) {
    for (const word of [connection.networkType, connection.addressType, connection.address])
      oneWord(word, 'c=')
    for (const number of [connection.ttl, connection.count]) if (number !== undefined) whole(number, 'c=')
    out.add('c', connectionText(connection))
  }
  out.addOthers('c')
}

function addBandwidths(out: Lines, bandwidths: readonly Bandwidth[]): void {
  for (const { type, value } of bandwidths) out.add('b', `${oneWord(type, 'b=')}:${whole(value, 'b=')}`)
  out.addOthers('b')
}

/** The attributes in the order in which they came, and what that order does not name after them. */
function addAttributes(out: Lines, attributes: Attributes): void {
  const waiting = attributeTexts(attributes)
  const used = new Map<AttributeKind, number>()
  for (const kind of attributes.order) {
    const at = used.get(kind) ?? 0
    const text = waiting.get(kind)?.[at]
    if (text === undefined) continue
    out.add('a', text)
    used.set(kind, at + 1)
  }
  for (const [kind, texts] of waiting) for (const text of texts.slice(used.get(kind) ?? 0)) out.add('a', text)
}

function attributeTexts(attributes: Attributes): Map<AttributeKind, string[]> {
  const texts = new Map<AttributeKind, string[]>()
  const value = <K extends keyof AttributeValues>(
    kind: K,
    syntax: Syntax<NonNullable<AttributeValues[K]>>,
    given: AttributeValues[K],
  ): void => {
    if (given != null) texts.set(kind, [syntax.write(given)])
  }
  const list = <K extends keyof AttributeEntries>(
    kind: K,
    syntax: Syntax<AttributeEntries[K]>,
    entries: readonly AttributeEntries[K][],
  ): void => {
    if (entries.length > 0) texts.set(kind, entries.map(syntax.write))
  }
  for (const kind of kindsOf(LISTS)) list(kind, LISTS[kind], attributes[kind])
  for (const kind of kindsOf(VALUES)) value(kind, VALUES[kind], attributes[kind])
  for (const kind of kindsOf(FLAG_NAMES)) if (attributes[kind]) texts.set(kind, [FLAG_NAMES[kind]])
  const unknown = attributes.attributes.map(({ name, value }) =>
    value === undefined ? name : `${name}:${value}`,
  )
  if (unknown.length > 0) texts.set('attributes', unknown)
  return texts
}

/** Lines of one section; those of odd type or form are put beside their like. */
class Lines {
  #text = ''
  readonly #others: Map<string, string[]> = new Map()

  constructor(others: readonly OtherLine[]) {
    for (const { type, value } of others) {
      if (type.length !== 1 || !isLineType(type.charCodeAt(0)) || type === 'm' || type === 'a') {
        throw new UsageError(
          'ERR_SDP_VALUE',
          `SDP otherLines: '${printable(type)}' cannot be a line's type here`,
        )
      }
      const same = this.#others.get(type)
      if (same) same.push(value)
      else this.#others.set(type, [value])
    }
  }

  add(type: string, value: string): void {
    if (BREAKS.test(value)) {
      throw new UsageError(
        'ERR_SDP_VALUE',
        `SDP ${type}=: a value holds CR, LF or NUL: '${printable(value, 60)}'`,
      )
    }
    this.#text += `${type}=${value}\r\n`
  }

  addSome(type: string, value: string | undefined): void {
    if (value !== undefined) this.add(type, value)
    this.addOthers(type)
  }

  addOthers(type: string): void {
    for (const value of this.#others.get(type) ?? []) this.add(type, value)
    this.#others.delete(type)
  }

  addRest(): void {
    for (const type of [...this.#others.keys()]) this.addOthers(type)
  }

  text(): string {
    return this.#text
  }
}

const BREAKS = /[\r\n\0]/

function oneWord(text: string, where: string): string {
  if (text === '' || text.includes(' ')) {
    throw new UsageError('ERR_SDP_VALUE', `SDP ${where}: '${printable(text, 60)}' is not one word`)
  }
  return text
}

function whole(value: number, where: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new UsageError('ERR_SDP_VALUE', `SDP ${where}: ${value} is no whole number`)
}
