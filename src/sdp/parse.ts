import { PeerError } from '../util/errors.ts'
import { printable } from '../util/log.ts'
import { AttributeDraft } from './attribute-draft.ts'
import type {
  Bandwidth,
  Connection,
  MediaDescription,
  Origin,
  OtherLine,
  SessionDescription,
  Timing,
} from './session.ts'

export interface SdpLimits {
  /** Bytes, or characters of a text. Default 65,536. */
  readonly maxLength?: number
}

const MAX_LENGTH = 65_536

/**
 * Reads an SDP body (RFC 8866 §9; bare LF is accepted as line end). Bytes that are not UTF-8 are read as ISO 8859-1.
 * Throws a PeerError with line, column and a caret where `v=`, `o=`, `c=` or `m=` cannot be understood, where a line
 * is no `type=value`, or where a limit is passed. All else is kept: `encodeSdp` writes it again.
 */
export function parseSdp(body: Uint8Array | string, limits: SdpLimits = {}): SessionDescription {
  const maxLength = limits.maxLength ?? MAX_LENGTH
  if (body.length > maxLength) {
    throw new PeerError('ERR_SDP_TOO_LARGE', `SDP of ${body.length} bytes; ${maxLength} are accepted`, 413)
  }
  const lines = linesOf(typeof body === 'string' ? body : decoded(body))
  let next = 0
  const section = (): Line[] => {
    const start = next++
    while (next < lines.length && lines[next]?.type !== 'm') next++
    return lines.slice(start, next)
  }
  const [first] = lines
  if (first?.type === 'm') throw failure(first, 0, "'v=0' as the first line")
  const head = section()
  const media: MediaDescription[] = []
  while (next < lines.length) media.push(mediaOf(section()))
  return sessionOf(head, media)
}

/** One line; `value` is what follows `type=`. */
interface Line {
  readonly number: number
  readonly type: string
  readonly value: string
}

/** What a session and a media section have in common while they are read. */
interface Draft {
  readonly connections: Connection[]
  readonly bandwidths: Bandwidth[]
  readonly otherLines: OtherLine[]
  readonly attributes: AttributeDraft
}

type TimingDraft = Timing & { readonly repeats: string[] }

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decoded(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  }
}

function linesOf(text: string): Line[] {
  const lines: Line[] = []
  for (let start = 0, number = 1; start < text.length; number++) {
    const feed = text.indexOf('\n', start)
    const next = feed < 0 ? text.length : feed
    const end = next > start && text.charCodeAt(next - 1) === 0x0d ? next - 1 : next
    if (end > start) {
      const line = { number, type: text.charAt(start), value: text.slice(start + 2, end) }
      if (text.charCodeAt(start + 1) !== 0x3d || !isLineType(line.type))
        throw failureAt(number, text.slice(start, end), 0, "a line of the form 'x=…'")
      const bad = badCharacter(line.value)
      if (bad >= 0) throw failure(line, bad, 'no NUL and no CR within a line')
      lines.push(line)
    }
    start = next + 1
  }
  return lines
}

/** Any visible ASCII character but `=`; RFC 8866 knows letters only, and lets a parser skip what it does not know. */
export function isLineType(type: string): boolean {
  return /^[!-<>-~]$/.test(type)
}

function badCharacter(value: string): number {
  const nul = value.indexOf('\0')
  return nul >= 0 ? nul : value.indexOf('\r')
}

function sessionOf(lines: readonly Line[], media: readonly MediaDescription[]): SessionDescription {
  const [version, origin] = lines
  if (version?.type !== 'v' || version.value.trim() !== '0') {
    throw version?.type === 'v'
      ? failure(version, 0, 'version 0')
      : failureOf(version, "'v=0' as the first line")
  }
  if (origin?.type !== 'o') throw failureOf(origin, "the origin 'o=' as the second line")
  const draft = newDraft()
  const once = new Map<string, string>()
  const emails: string[] = []
  const phones: string[] = []
  const timings: TimingDraft[] = []
  for (const line of lines.slice(2)) {
    const { type, value } = line
    if (ONCE_IN_SESSION.has(type) && !once.has(type)) once.set(type, value)
    else if (type === 'e') emails.push(value)
    else if (type === 'p') phones.push(value)
    else if (type === 'c' && draft.connections.length > 0) draft.otherLines.push({ type, value })
    else if (!readTiming(line, timings)) readCommon(line, draft)
  }
  const information = once.get('i')
  const uri = once.get('u')
  const timeZones = once.get('z')
  const key = once.get('k')
  const [connection] = draft.connections
  return {
    ...draft.attributes.finished(),
    origin: originOf(origin),
    name: once.get('s') ?? '-',
    ...(information !== undefined && { information }),
    ...(uri !== undefined && { uri }),
    emails,
    phones,
    ...(connection && { connection }),
    bandwidths: draft.bandwidths,
    timings,
    ...(timeZones !== undefined && { timeZones }),
    ...(key !== undefined && { key }),
    otherLines: draft.otherLines,
    media,
  }
}

const ONCE_IN_SESSION: ReadonlySet<string> = new Set(['s', 'i', 'u', 'z', 'k'])

function mediaOf(lines: readonly Line[]): MediaDescription {
  const [first, ...rest] = lines
  if (first === undefined) throw failureOf(first, "a media line 'm='")
  const draft = newDraft()
  const once = new Map<string, string>()
  for (const line of rest) {
    const { type, value } = line
    if ((type === 'i' || type === 'k') && !once.has(type)) once.set(type, value)
    else readCommon(line, draft)
  }
  const information = once.get('i')
  const key = once.get('k')
  return {
    ...draft.attributes.finished(),
    ...mediaLine(first),
    ...(information !== undefined && { information }),
    connections: draft.connections,
    bandwidths: draft.bandwidths,
    ...(key !== undefined && { key }),
    otherLines: draft.otherLines,
  }
}

function newDraft(): Draft {
  return { connections: [], bandwidths: [], otherLines: [], attributes: new AttributeDraft() }
}

function readCommon(line: Line, draft: Draft): void {
  const { type, value } = line
  if (type === 'a' || type === 'c') {
    if (type === 'a') draft.attributes.add(value)
    else draft.connections.push(connectionOf(line))
    return
  }
  const colon = value.indexOf(':')
  const limit = type === 'b' && colon > 0 ? wholeNumber(value.slice(colon + 1)) : undefined
  if (limit !== undefined) draft.bandwidths.push({ type: value.slice(0, colon), value: limit })
  else draft.otherLines.push({ type, value })
}

function readTiming({ type, value }: Line, timings: TimingDraft[]): boolean {
  const last = timings.at(-1)
  if (type === 'r' && last) {
    last.repeats.push(value)
    return true
  }
  if (type !== 't') return false
  const [start, stop, ...rest] = value.trim().split(' ').map(wholeNumber)
  if (start === undefined || stop === undefined || rest.length > 0) return false
  timings.push({ start, stop, repeats: [] })
  return true
}

/** The username is what stands before the last five words: some senders put a name with spaces there, or none. */
function originOf(line: Line): Origin {
  const words: string[] = []
  const places: number[] = []
  let rest = line.value.trimEnd()
  for (let space = rest.lastIndexOf(' '); words.length < 5 && space >= 0; space = rest.lastIndexOf(' ')) {
    words.unshift(rest.slice(space + 1))
    places.unshift(space + 1)
    rest = rest.slice(0, space).trimEnd()
  }
  const [sessionId = '', sessionVersion = '', networkType = '', addressType = '', address] = words
  if (address === undefined) {
    throw failure(line, line.value.length, 'username, two numbers, network, address type, address')
  }
  if (!isDigits(sessionId)) throw failure(line, places[0] ?? 0, 'a session id')
  if (!isDigits(sessionVersion)) throw failure(line, places[1] ?? 0, 'a session version')
  return { username: rest, sessionId, sessionVersion, networkType, addressType, address }
}

function connectionOf(line: Line): Connection {
  const [networkType = '', addressType = '', place, ...rest] = fields(line.value)
  if (place === undefined || rest.length > 0) throw failure(line, 0, 'network, address type and address')
  const [address = '', ...suffix] = place.split('/')
  const [one, two] = suffix.map(wholeNumber)
  const ipv6 = addressType === 'IP6'
  if (
    address === '' ||
    suffix.length > (ipv6 ? 1 : 2) ||
    suffix.some(part => wholeNumber(part) === undefined)
  ) {
    throw failure(line, line.value.indexOf(place), 'an address')
  }
  const count = ipv6 ? one : two
  return {
    networkType,
    addressType,
    address,
    ...(one !== undefined && !ipv6 && { ttl: one }),
    ...(count !== undefined && { count }),
  }
}

type MediaLine = Pick<MediaDescription, 'type' | 'port' | 'portCount' | 'protocol' | 'formats'>

function mediaLine(line: Line): MediaLine {
  const [type, ports, protocol, ...formats] = fields(line.value)
  if (type === undefined || ports === undefined || protocol === undefined) {
    throw failure(line, line.value.length, 'media type, port, protocol and formats')
  }
  const [first = '', second, ...rest] = ports.split('/')
  const port = wholeNumber(first)
  const portCount = second === undefined ? undefined : wholeNumber(second)
  const counted = second === undefined || portCount !== undefined
  if (port === undefined || port > 65_535 || !counted || rest.length > 0) {
    throw failure(line, line.value.indexOf(ports, type.length), 'a port from 0 to 65535')
  }
  return { type, port, ...(portCount !== undefined && { portCount }), protocol, formats }
}

function fields(value: string): string[] {
  return value.split(' ').filter(word => word !== '')
}

function isDigits(text: string): boolean {
  if (text === '' || text.length > 40) return false
  for (let i = 0; i < text.length; i++)
    if (text.charCodeAt(i) < 0x30 || text.charCodeAt(i) > 0x39) return false
  return true
}

/** Digits as a number; undefined for all else, and beyond 53 bits. */
function wholeNumber(text: string): number | undefined {
  const value = isDigits(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(value) ? value : undefined
}

function failureOf(line: Line | undefined, expected: string): PeerError {
  if (line) return failureAt(line.number, `${line.type}=${line.value}`, 0, expected)
  return new PeerError('ERR_SDP', `SDP ends where ${expected} was expected`, 400)
}

function failure(line: Line, offset: number, expected: string): PeerError {
  return failureAt(line.number, `${line.type}=${line.value}`, offset + 2, expected)
}

const EXCERPT = 60

/** The line, cut to what can be shown, and a caret below the place. */
function failureAt(number: number, line: string, column: number, expected: string): PeerError {
  const from = Math.max(0, column - EXCERPT / 2)
  const before = printable(line.slice(from, column))
  const after = printable(line.slice(column, from + EXCERPT))
  return new PeerError(
    'ERR_SDP',
    `SDP line ${number}, column ${column + 1}: expected ${expected}\n  ${before}${after}\n  ${' '.repeat(before.length)}^`,
    400,
  )
}
