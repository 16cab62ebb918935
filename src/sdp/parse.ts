import { PeerError } from '../util/errors.ts'
import { addAttribute } from './attribute-draft.ts'
import { type MediaDraft, mediaDraft, plus, type SessionDraft, sessionDraft } from './draft.ts'
import { LineReader, SPACE } from './line-reader.ts'
import type { Connection, Origin, SessionDescription } from './session.ts'
import { MAX_PORT } from './syntax.ts'

/** What a body may cost; who goes over it gets 413. */
export interface SdpLimits {
  /** Bytes, or characters of a text. Default 65,536. */
  readonly maxLength?: number
  /** Lines, empty ones included. Default 2,000. */
  readonly maxLines?: number
  /** Media sections. Default 128. */
  readonly maxMedia?: number
}

const MAX_LENGTH = 65_536
/** 64 KiB of a browser's lines are 1,600. */
const MAX_LINES = 2000
/** A conference that offers each of its participants' streams comes near it; a call has one to four. */
const MAX_MEDIA = 128

/**
 * Reads an SDP body (RFC 8866 §9; bare LF is accepted as line end). Bytes that are not UTF-8 are read as ISO 8859-1.
 * Throws a PeerError with line, column and a caret where `v=`, `o=`, `c=` or `m=` cannot be understood, where a line
 * is no `type=value`, and one with status 413 where a limit is passed. All else is kept: `encodeSdp` writes it again.
 */
export function parseSdp(body: Uint8Array | string, limits: SdpLimits = {}): SessionDescription {
  const { maxLength = MAX_LENGTH, maxLines = MAX_LINES, maxMedia = MAX_MEDIA } = limits
  if (body.length > maxLength) {
    throw new PeerError('ERR_SDP_TOO_LARGE', `SDP of ${body.length} bytes; ${maxLength} are accepted`, 413)
  }
  const line = new LineReader(typeof body === 'string' ? body : decoded(body), maxLines)
  const session = sessionOf(line)
  while (line.type !== 0) {
    if (session.media.length === maxMedia) {
      throw new PeerError(
        'ERR_SDP_TOO_LARGE',
        `SDP line ${line.number}: more than ${maxMedia} media sections; no more are accepted`,
        413,
      )
    }
    session.media = plus(session.media, mediaOf(line))
  }
  return session
}

function sessionOf(line: LineReader): SessionDraft {
  const session = sessionDraft()
  if (line.nextLine() !== V) throw line.failure(line.start, "'v=0' as the first line")
  if (line.takeRest().trim() !== '0') throw line.failure(line.start + 2, 'version 0')
  if (line.nextLine() !== O) throw line.failure(line.start, "the origin 'o=' as the second line")
  session.origin = originOf(line)
  let named = false
  for (let type = line.nextLine(); type !== 0 && type !== M; type = line.nextLine()) {
    if (type === A) addAttribute(session, line)
    else if (type === S && !named) {
      session.name = line.takeRest()
      named = true
    } else if (!readTiming(session, line) && !readOfSession(session, line)) readOther(session, line)
  }
  return session
}

/** Lines of which a session has one, and those that only it has. */
function readOfSession(session: SessionDraft, line: LineReader): boolean {
  if (line.type === C && session.connection === undefined) session.connection = connectionOf(line)
  else if (line.type === I && session.information === undefined) session.information = line.takeRest()
  else if (line.type === U && session.uri === undefined) session.uri = line.takeRest()
  else if (line.type === Z && session.timeZones === undefined) session.timeZones = line.takeRest()
  else if (line.type === K && session.key === undefined) session.key = line.takeRest()
  else if (line.type === E) session.emails = plus(session.emails, line.takeRest())
  else if (line.type === P) session.phones = plus(session.phones, line.takeRest())
  else return false
  return true
}

function mediaOf(line: LineReader): MediaDraft {
  const media = mediaDraft()
  readMediaLine(media, line)
  for (let type = line.nextLine(); type !== 0 && type !== M; type = line.nextLine()) {
    if (type === A) addAttribute(media, line)
    else if (line.type === C) media.connections = plus(media.connections, connectionOf(line))
    else if (line.type === I && media.information === undefined) media.information = line.takeRest()
    else if (line.type === K && media.key === undefined) media.key = line.takeRest()
    else readOther(media, line)
  }
  return media
}

/** A bandwidth, or a line that is kept as it is. */
function readOther(section: SessionDraft | MediaDraft, line: LineReader): void {
  const value = line.takeRest()
  const colon = line.type === B ? value.indexOf(':') : -1
  const isWord = colon > 0 && value.lastIndexOf(' ', colon) < 0
  const limit = isWord ? wholeNumber(value.slice(colon + 1)) : undefined
  if (limit !== undefined) {
    section.bandwidths = plus(section.bandwidths, { type: value.slice(0, colon), value: limit })
  } else {
    section.otherLines = plus(section.otherLines, { type: String.fromCharCode(line.type), value })
  }
}

function readTiming(session: SessionDraft, line: LineReader): boolean {
  if (line.type === R) {
    const last = session.timings.at(-1)
    last?.repeats.push(line.takeRest())
    return last !== undefined
  }
  if (line.type !== T) return false
  const begin = line.at
  const start = wholeNumber(line.field())
  const stop = wholeNumber(line.field())
  if (start === undefined || stop === undefined || line.field() !== undefined) {
    line.at = begin
    return false
  }
  session.timings = plus(session.timings, { start, stop, repeats: [] })
  return true
}

/** The username is what stands before the last five words: some senders put a name with spaces there, or none. */
function originOf(line: LineReader): Origin {
  const begin = line.at
  const fail = (at: number, expected: string): PeerError => line.failure(begin + at, expected)
  const value = line.takeRest().trimEnd()
  const words = ['', '', '', '', '']
  const places = [0, 0, 0, 0, 0]
  let end = value.length
  for (let index = 4; index >= 0; index--) {
    const space = end > 0 ? value.lastIndexOf(' ', end - 1) : -1
    if (space < 0) {
      throw fail(line.end - begin, 'username, two numbers, network, address type, address')
    }
    words[index] = value.slice(space + 1, end)
    places[index] = space + 1
    for (end = space; end > 0 && value.charCodeAt(end - 1) === SPACE; ) end--
  }
  const [sessionId = '', sessionVersion = '', networkType = '', addressType = '', address = ''] = words
  if (!isDigits(sessionId)) throw fail(places[0] ?? 0, 'a session id')
  if (!isDigits(sessionVersion)) throw fail(places[1] ?? 0, 'a session version')
  return { username: value.slice(0, end), sessionId, sessionVersion, networkType, addressType, address }
}

function connectionOf(line: LineReader): Connection {
  const networkType = line.field()
  const addressType = line.field()
  const place = line.field()
  const at = line.at - (place ?? '').length
  if (networkType === undefined || addressType === undefined || place === undefined || line.field()) {
    throw line.failure(line.start + 2, 'network, address type and address')
  }
  const slash = place.indexOf('/')
  if (slash < 0) return { networkType, addressType, address: place }
  const suffix = place.slice(slash + 1).split('/')
  const [one, two] = suffix.map(wholeNumber)
  const ipv6 = addressType === 'IP6'
  if (
    slash === 0 ||
    one === undefined ||
    suffix.length > (ipv6 ? 1 : 2) ||
    (suffix.length > 1 && two === undefined)
  ) {
    throw line.failure(at, 'an address')
  }
  const address = place.slice(0, slash)
  if (ipv6) return { networkType, addressType, address, count: one }
  return { networkType, addressType, address, ttl: one, ...(two !== undefined && { count: two }) }
}

function readMediaLine(media: MediaDraft, line: LineReader): void {
  const type = line.field()
  const ports = line.field()
  const at = line.at - (ports ?? '').length
  const protocol = line.field()
  if (type === undefined || ports === undefined || protocol === undefined) {
    throw line.failure(line.end, 'media type, port, protocol and formats')
  }
  const slash = ports.indexOf('/')
  const port = wholeNumber(slash < 0 ? ports : ports.slice(0, slash))
  const portCount = slash < 0 ? undefined : wholeNumber(ports.slice(slash + 1))
  if (port === undefined || port > MAX_PORT || (slash >= 0 && portCount === undefined)) {
    throw line.failure(at, 'a port from 0 to 65535')
  }
  media.type = type
  media.port = port
  if (portCount !== undefined) media.portCount = portCount
  media.protocol = protocol
  for (let format = line.field(); format !== undefined; format = line.field()) {
    media.formats = plus(media.formats, format)
  }
}

function isDigits(text: string): boolean {
  if (text === '' || text.length > 40) return false
  for (let i = 0; i < text.length; i++)
    if (text.charCodeAt(i) < 0x30 || text.charCodeAt(i) > 0x39) return false
  return true
}

/** Digits as a number; undefined for all else, and beyond 53 bits. */
function wholeNumber(text: string | undefined): number | undefined {
  const value = text !== undefined && isDigits(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(value) ? value : undefined
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decoded(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  }
}

/** The types of lines, as codes. */
const A = 0x61
const B = 0x62
const C = 0x63
const E = 0x65
const I = 0x69
const K = 0x6b
const M = 0x6d
const O = 0x6f
const P = 0x70
const R = 0x72
const S = 0x73
const T = 0x74
const U = 0x75
const V = 0x76
const Z = 0x7a
