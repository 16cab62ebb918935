import { PeerError } from '../util/errors.ts'
import { printable } from '../util/log.ts'

/**
 * Goes through a body line by line and, within a line, field by field, by position: a text is cut only for what the
 * description keeps. A field that is not there leaves `at` where it was.
 */
export class LineReader {
  readonly #text: string
  /** Of the line, from 1; empty ones count. */
  number = 0
  /** The character before `=`, as its code; 0 when there is no line left. */
  type = 0
  /** Where the next field of the line begins. */
  at = 0
  /** Where the line ends. */
  end = 0
  readonly #maxLines: number
  readonly #nul: number
  #start = 0
  #next = 0
  /** The first CR that is not yet passed. */
  #return: number

  constructor(text: string, maxLines: number) {
    this.#text = text
    this.#maxLines = maxLines
    this.#nul = position(text, '\0', 0)
    this.#return = position(text, '\r', 0)
  }

  /** Goes to the next line that is not empty; throws where that is no `type=value`. Answers its type. */
  nextLine(): number {
    const text = this.#text
    while (this.#next < text.length) {
      const start = this.#next
      const feed = position(text, '\n', start)
      const end = feed > start && text.charCodeAt(feed - 1) === RETURN ? feed - 1 : feed
      this.number++
      this.#next = feed + 1
      if (this.number > this.#maxLines) {
        throw new PeerError(
          'ERR_SDP_TOO_LARGE',
          `SDP of more than ${this.#maxLines} lines; no more are accepted`,
          413,
        )
      }
      if (end > start) {
        this.#begin(start, end)
        return this.type
      }
    }
    this.type = 0
    this.#start = this.at = this.end = text.length
    return 0
  }

  get ended(): boolean {
    return this.at === this.end
  }

  /** How many characters stand before a colon or the end; one more than `longest` where they are more. */
  nameLength(longest: number): number {
    const { at, end } = this
    let length = 0
    while (length <= longest && at + length < end && this.#text.charCodeAt(at + length) !== COLON) length++
    return length
  }

  /** Whether the rest of the text begins so. */
  startsWith(name: string): boolean {
    return this.#text.startsWith(name, this.at)
  }

  /** Takes one character where it is the next. */
  skip(code: number): boolean {
    if (this.at >= this.end || this.#text.charCodeAt(this.at) !== code) return false
    this.at++
    return true
  }

  /** What is left of the line. */
  takeRest(): string {
    const { at } = this
    this.at = this.end
    return this.#text.slice(at, this.end)
  }

  /** Digits as a number, −1 where there are none, or where their text would not be written again: `007`, 16 digits. */
  count(): number {
    const { at, end } = this
    const text = this.#text
    let next = at
    let value = 0
    for (; next < end; next++) {
      const digit = text.charCodeAt(next) - ZERO
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    const length = next - at
    if (length === 0 || length > MAX_DIGITS || (length > 1 && text.charCodeAt(at) === ZERO)) return -1
    this.at = next
    return value
  }

  /** Visible ASCII characters up to a space, the end, or the one given; empty where there are none. */
  word(stop: number = SPACE): string {
    const { at, end } = this
    const text = this.#text
    let next = at
    for (; next < end; next++) {
      const code = text.charCodeAt(next)
      if (code <= SPACE || code === stop || code > LAST_VISIBLE) break
    }
    this.at = next
    return text.slice(at, next)
  }

  /** A space, and the word that follows; undefined where one of them is missing. */
  nextWord(stop?: number): string | undefined {
    const { at } = this
    const word = this.skip(SPACE) ? this.word(stop) : ''
    if (word !== '') return word
    this.at = at
    return undefined
  }

  /** A space, and the count that follows; −1 where one of them is missing. */
  nextCount(): number {
    const { at } = this
    const count = this.skip(SPACE) ? this.count() : -1
    if (count < 0) this.at = at
    return count
  }

  /** Whatever stands up to the next space, after spaces; undefined at the end. Forgiving, for `o=`, `c=` and `m=`. */
  field(): string | undefined {
    const { end } = this
    const text = this.#text
    let start = this.at
    while (start < end && text.charCodeAt(start) === SPACE) start++
    let next = start
    while (next < end && text.charCodeAt(next) !== SPACE) next++
    this.at = next
    return next > start ? text.slice(start, next) : undefined
  }

  /** An error that shows the line, cut to what can be shown, with a caret below the place. */
  failure(at: number, expected: string): PeerError {
    if (this.type === 0) return new PeerError('ERR_SDP', `SDP ends where ${expected} was expected`, 400)
    const from = Math.max(this.#start, at - EXCERPT / 2)
    const before = printable(this.#text.slice(from, at))
    const after = printable(this.#text.slice(at, Math.min(this.end, from + EXCERPT)))
    return new PeerError(
      'ERR_SDP',
      `SDP line ${this.number}, column ${at - this.#start + 1}: expected ${expected}\n  ${before}${after}\n  ${' '.repeat(before.length)}^`,
      400,
    )
  }

  /** Where the line begins, its type included. */
  get start(): number {
    return this.#start
  }

  #begin(start: number, end: number): void {
    const text = this.#text
    this.type = text.charCodeAt(start)
    this.#start = start
    this.at = start + 2
    this.end = end
    if (text.charCodeAt(start + 1) !== EQUALS || !isLineType(this.type)) {
      throw this.failure(start, "a line of the form 'x=…'")
    }
    if (this.#return < start) this.#return = position(text, '\r', start)
    const bad = this.#nul >= start && this.#nul < end ? this.#nul : this.#return
    if (bad < end) throw this.failure(bad, 'no NUL and no CR within a line')
  }
}

/** Any visible ASCII character but `=`; RFC 8866 knows letters only, and lets a parser skip what it does not know. */
export function isLineType(code: number): boolean {
  return code > SPACE && code <= LAST_VISIBLE && code !== EQUALS
}

export const SPACE = 0x20

const RETURN = 0x0d
const COLON = 0x3a
const EQUALS = 0x3d
const ZERO = 0x30
const LAST_VISIBLE = 0x7e
/** So many are exact in a double, whatever they are. */
const MAX_DIGITS = 15
const EXCERPT = 60

/** Where the character stands next; the length of the text where it does not. */
function position(text: string, character: string, from: number): number {
  const found = text.indexOf(character, from)
  return found < 0 ? text.length : found
}
