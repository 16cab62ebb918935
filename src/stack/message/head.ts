import { LOWER_TOKEN, sameIgnoringCase } from '../grammar/chars.ts'
import { type Method, methodIn } from '../grammar/method.ts'
import { EXTENSION, idOfBytes, idOfName, MALFORMED } from '../grammar/names.ts'
import { ParseError } from '../grammar/parse-error.ts'

const CR = 0x0d
const LF = 0x0a
const SP = 0x20
const HT = 0x09
const COLON = 0x3a
const BACKSLASH = 0x5c

/** A line is two small integers: its id above these bits with the colon's distance from the line's start, and its end. */
const COLON_BITS = 22
const COLON_MASK = (1 << COLON_BITS) - 1

const CONTENT_LENGTH = idOfName('Content-Length')

/** `contentLength` of a head that has none. */
export const ABSENT = -1
/** `contentLength` of a head whose Content-Length is not one decimal number, or is there twice with two values. */
export const UNREADABLE = -2

export interface FrameLimits {
  /** Bytes of a message as a whole. */
  readonly maxMessageBytes: number
  readonly maxHeaderLines: number
}

export const defaultFrameLimits: FrameLimits = { maxMessageBytes: 65_535, maxHeaderLines: 512 }

/**
 * The framed head of a message: where the start line's parts and the header lines lie in its text, and nothing more.
 * Immutable; a message and all that is derived from it share it.
 */
export class Head {
  /** The head's bytes as text, one character a byte. */
  readonly text: string
  /** The bytes it was framed from; the body may follow. */
  readonly bytes: Buffer
  readonly lines: readonly number[]
  /** Where the first header line starts. */
  readonly linesStart: number
  /** Where the body starts. */
  readonly end: number
  /** A request's method; `''` in a response. */
  readonly method: Method
  /** A response's status code; 0 in a request. */
  readonly status: number
  /** The Request-URI, or the reason phrase. */
  readonly subjectStart: number
  readonly subjectEnd: number
  readonly contentLength: number

  constructor(
    text: string,
    bytes: Buffer,
    lines: readonly number[],
    linesStart: number,
    end: number,
    method: Method,
    status: number,
    subjectStart: number,
    subjectEnd: number,
    contentLength: number,
  ) {
    this.text = text
    this.bytes = bytes
    this.lines = lines
    this.linesStart = linesStart
    this.end = end
    this.method = method
    this.status = status
    this.subjectStart = subjectStart
    this.subjectEnd = subjectEnd
    this.contentLength = contentLength
  }

  /** The same head over a copy of its bytes, so that it keeps nothing alive of what it was cut from. */
  over(bytes: Buffer): Head {
    const { text, lines, linesStart, end, method, status, subjectStart, subjectEnd, contentLength } = this
    return new Head(
      text,
      bytes,
      lines,
      linesStart,
      end,
      method,
      status,
      subjectStart,
      subjectEnd,
      contentLength,
    )
  }

  get lineCount(): number {
    return this.lines.length >> 1
  }

  /** The id of a line's header name. */
  idAt(line: number): number {
    return (this.lines[line << 1] as number) >>> COLON_BITS
  }

  lineStart(line: number): number {
    return line === 0 ? this.linesStart : (this.lines[(line << 1) - 1] as number) + 2
  }

  /** Where a line ends, its CR LF not counted. */
  lineEnd(line: number): number {
    return this.lines[(line << 1) + 1] as number
  }

  /** Where a line's value starts, right after the colon. */
  valueStart(line: number): number {
    return this.lineStart(line) + ((this.lines[line << 1] as number) & COLON_MASK) + 1
  }

  /** The first line at or after `from` with this header, -1 where there is none. Extension headers go by name. */
  find(id: number, name: string, from: number = 0): number {
    const { lines } = this
    for (let at = from << 1; at < lines.length; at += 2) {
      if ((lines[at] as number) >>> COLON_BITS !== id) continue
      if (id !== EXTENSION || this.isNamed(at >> 1, name)) return at >> 1
    }
    return -1
  }

  isNamed(line: number, name: string): boolean {
    return sameIgnoringCase(this.nameAt(line), name)
  }

  nameAt(line: number): string {
    return this.text.slice(this.lineStart(line), this.valueStart(line) - 1).trimEnd()
  }

  get isRequest(): boolean {
    return this.status === 0
  }

  /** The Request-URI, or the reason phrase, as wire text. */
  get subject(): string {
    return this.text.slice(this.subjectStart, this.subjectEnd)
  }

  /** The start line's protocol version, such as `SIP/2.0`. */
  get version(): string {
    if (this.isRequest) return this.text.slice(this.subjectEnd + 1, this.linesStart - 2)
    const start = this.startLineStart
    return this.text.slice(start, this.text.indexOf(' ', start))
  }

  /** Whether the version is SIP/2.0 in capitals: what `version` says, without making a string. */
  get isSip2(): boolean {
    return this.isRequest
      ? this.linesStart - this.subjectEnd === 10 && this.text.startsWith('SIP/2.0', this.subjectEnd + 1)
      : this.text.startsWith('SIP/2.0 ', this.startLineStart)
  }

  get startLineStart(): number {
    return this.isRequest ? this.subjectStart - 1 - this.method.length : this.text.indexOf('SIP/')
  }
}

let scratch = new Int32Array(2 * defaultFrameLimits.maxHeaderLines)

/**
 * Finds start line, header lines and the end of the head in the bytes of one message; looks at each byte once.
 * Values are not looked at, Content-Length's excepted. Blank lines before the start line are skipped (RFC 3261 §7.5).
 */
export function frame(bytes: Buffer, limits: FrameLimits = defaultFrameLimits): Head | ParseError {
  const length = bytes.length
  if (length > limits.maxMessageBytes) {
    return new ParseError(
      'message',
      `${length} bytes, above the limit of ${limits.maxMessageBytes}`,
      '',
      0,
      513,
    )
  }
  let start = 0
  while (bytes[start] === CR || bytes[start] === LF) start++
  const startLineEnd = endOfLine(bytes, start)
  if (startLineEnd < 0) return brokenLine(bytes, start, ~startLineEnd)

  let method: Method = ''
  let status = 0
  let subjectStart: number
  let subjectEnd: number
  if (isStatusLine(bytes, start)) {
    let space = start + 4
    while (space < startLineEnd && bytes[space] !== SP) space++
    status = space + 4 <= startLineEnd ? statusCode(bytes, space + 1) : 0
    if (status === 0) {
      const text = bytes.latin1Slice(start, startLineEnd)
      return new ParseError('start line', 'status code of three digits expected', text, space - start + 1)
    }
    subjectStart = Math.min(space + 5, startLineEnd)
    subjectEnd = startLineEnd
  } else {
    let space = start
    while (LOWER_TOKEN[bytes[space] as number] !== 0) space++
    let lastSpace = startLineEnd - 1
    while (lastSpace > space && bytes[lastSpace] !== SP) lastSpace--
    if (bytes[space] !== SP || space === start || lastSpace === space) {
      const text = bytes.latin1Slice(start, startLineEnd)
      const expected = bytes[space] === SP && space > start ? 'Request-URI and version' : 'method'
      return new ParseError('start line', `${expected} expected`, text, space - start)
    }
    method = methodIn(bytes, start, space)
    subjectStart = space + 1
    subjectEnd = lastSpace
  }

  const linesStart = startLineEnd + 2
  const maximum = limits.maxHeaderLines * 2
  let found = scratch
  let count = 0
  let contentLength = ABSENT
  let at = linesStart
  while (bytes[at] !== CR || bytes[at + 1] !== LF) {
    let position = at
    while (position < length && LOWER_TOKEN[bytes[position] as number] !== 0) position++
    const nameEnd = position
    while (bytes[position] === SP || bytes[position] === HT) position++
    let id = MALFORMED
    if (bytes[position] !== COLON) position = at
    else if (nameEnd > at) id = idOfBytes(bytes, at, nameEnd)

    let end = position - 2
    do {
      end = endOfLine(bytes, end + 2)
      if (end < 0) return brokenLine(bytes, at, ~end)
    } while (bytes[end + 2] === SP || bytes[end + 2] === HT)
    if (count >= maximum) {
      return new ParseError('message', `more than ${limits.maxHeaderLines} header lines`, '', 0, 513)
    }
    if (count === found.length) found = grown()
    found[count++] = (id << COLON_BITS) | Math.min(position - at, COLON_MASK)
    found[count++] = end
    if (id === CONTENT_LENGTH) {
      const value = contentLengthIn(bytes, position + 1, end)
      contentLength = contentLength === ABSENT || contentLength === value ? value : UNREADABLE
    }
    at = end + 2
  }
  const lines = new Array<number>(count)
  for (let i = 0; i < count; i++) lines[i] = found[i] as number
  return new Head(
    // the body stays bytes: its text would cost as much again, and is kept as long as the head is
    bytes.latin1Slice(0, at + 2),
    bytes,
    lines,
    linesStart,
    at + 2,
    method,
    status,
    subjectStart,
    subjectEnd,
    contentLength,
  )
}

/** As many lines as came are made room for, not as many as may. */
function grown(): typeof scratch {
  const larger = new Int32Array(2 * scratch.length)
  larger.set(scratch)
  scratch = larger
  return larger
}

/**
 * Where the line's CR LF is; below 0 the complement of where a CR, LF or NUL stands that a lenient reader downstream would
 * take for an end, or of the end of the bytes. NUL may stand in a quoted pair alone (RFC 3261 §25.1, `quoted-pair`).
 */
function endOfLine(bytes: Buffer, from: number): number {
  const { length } = bytes
  const lastFour = length - 4
  let at = from
  for (;;) {
    // four at a time: the sign bit is set where one of them is CR or less
    while (
      at <= lastFour &&
      (((bytes[at] as number) - 14) |
        ((bytes[at + 1] as number) - 14) |
        ((bytes[at + 2] as number) - 14) |
        ((bytes[at + 3] as number) - 14)) >=
        0
    )
      at += 4
    while (at < length && (bytes[at] as number) > CR) at++
    if (at >= length) return ~length
    const code = bytes[at]
    if (code === CR) return bytes[at + 1] === LF ? at : ~at
    if (code === LF || (code === 0 && !isEscaped(bytes, at))) return ~at
    at++
  }
}

/** Whether a quoted pair ends at `at`: an even number of backslashes in front of it are pairs of their own. */
function isEscaped(bytes: Buffer, at: number): boolean {
  let first = at
  while (first > 0 && bytes[first - 1] === BACKSLASH) first--
  return (at - first) % 2 === 1
}

/** What is wrong with the line that starts at `start` and holds or lacks something at `at`. */
function brokenLine(bytes: Buffer, start: number, at: number): ParseError {
  if (at >= bytes.length) return new ParseError('message', 'no empty line ends the headers')
  const what = bytes[at] === 0 ? 'NUL' : 'CR or LF that ends no line'
  const line = bytes.latin1Slice(start, Math.min(bytes.length, at + 40))
  return new ParseError('message', `${what} in the start line or a header`, line, at - start)
}

function isStatusLine(bytes: Buffer, at: number): boolean {
  return bytes[at] === 0x53 && bytes[at + 1] === 0x49 && bytes[at + 2] === 0x50 && bytes[at + 3] === 0x2f
}

/** Three digits followed by a blank or the line's end, of 100 to 699; 0 for anything else. */
function statusCode(bytes: Buffer, at: number): number {
  const first = (bytes[at] as number) - 0x30
  const second = (bytes[at + 1] as number) - 0x30
  const third = (bytes[at + 2] as number) - 0x30
  const after = bytes[at + 3]
  if (first < 1 || first > 6 || second < 0 || second > 9 || third < 0 || third > 9) return 0
  return after === SP || after === CR ? first * 100 + second * 10 + third : 0
}

function contentLengthIn(bytes: Buffer, from: number, to: number): number {
  let position = from
  let end = to
  while (position < end && (bytes[position] as number) <= SP) position++
  while (end > position && (bytes[end - 1] as number) <= SP) end--
  if (position === end || end - position > 10) return UNREADABLE
  let value = 0
  for (; position < end; position++) {
    const digit = (bytes[position] as number) - 0x30
    if (digit < 0 || digit > 9) return UNREADABLE
    value = value * 10 + digit
  }
  return value
}
