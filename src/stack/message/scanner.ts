import { fromWire, toWire } from '../../util/bytes.ts'
import { CLASS, DIGIT, SPACE, TOKEN } from './chars.ts'
import { ParseError } from './parse-error.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * A cursor over one header value, for the parsers of typed headers. It looks at each character once, answers -1 at
 * the end and throws a {@link ParseError} that names header and place.
 */
export class Scanner {
  readonly text: string
  readonly header: string
  readonly start: number
  readonly end: number
  position: number

  constructor(text: string, header: string, start: number = 0, end: number = text.length) {
    this.text = text
    this.header = header
    this.start = start
    this.end = end
    this.position = start
  }

  get atEnd(): boolean {
    return this.position >= this.end
  }

  /** The next character's code without taking it, -1 at the end. */
  peek(): number {
    return this.position < this.end ? this.text.charCodeAt(this.position) : -1
  }

  /** Takes one character if it is `code`. */
  accept(code: number): boolean {
    if (this.position >= this.end || this.text.charCodeAt(this.position) !== code) return false
    this.position++
    return true
  }

  expect(code: number): void {
    if (!this.accept(code)) this.fail(`"${String.fromCharCode(code)}" expected`)
  }

  /** Skips blanks, tabs and folds. */
  skipSpace(): void {
    const { text, end } = this
    let position = this.position
    if (position >= end || text.charCodeAt(position) > 0x20) return
    while (position < end && ((CLASS[text.charCodeAt(position)] ?? 0) & SPACE) !== 0) position++
    this.position = position
  }

  /** Skips characters of the class `bit`; answers whether there was one. */
  skip(bit: number): boolean {
    const { text, end, position: from } = this
    let position = from
    while (position < end && ((CLASS[text.charCodeAt(position)] ?? 0) & bit) !== 0) position++
    this.position = position
    return position > from
  }

  /** The text between `from` and the cursor. */
  since(from: number): string {
    return this.text.slice(from, this.position)
  }

  /** One or more characters of the class `bit`; `what` is said where there are none. */
  take(bit: number, what: string): string {
    const from = this.position
    if (!this.skip(bit)) this.fail(`${what} expected`)
    return this.since(from)
  }

  token(): string {
    return this.take(TOKEN, 'token')
  }

  /** A decimal number of up to `maximum`, 2^32 - 1 unless said. */
  number(maximum: number = 0xffffffff): number {
    const from = this.position
    let value = 0
    while (this.position < this.end) {
      const code = this.text.charCodeAt(this.position)
      if (((CLASS[code] ?? 0) & DIGIT) === 0) break
      value = value * 10 + code - 0x30
      if (value > maximum) this.fail(`number above ${maximum}`)
      this.position++
    }
    if (this.position === from) this.fail('number expected')
    return value
  }

  /** A quoted string without its quotes, escapes undone, decoded from UTF-8. */
  quoted(): string {
    const { text, end } = this
    this.expect(QUOTE)
    const from = this.position
    let plain = true
    for (let position = from; position < end; position++) {
      const code = text.charCodeAt(position)
      if (code === QUOTE) {
        this.position = position + 1
        const inside = text.slice(from, position)
        return plain ? inside : fromWire(inside.replace(/\\([\s\S])/g, '$1').replace(/\r\n[ \t]+/g, ' '))
      }
      if (code === BACKSLASH) position++
      if (code === BACKSLASH || code < 0x20 || code > 0x7e) plain = false
    }
    return this.fail('quoted string is not closed')
  }

  /** All that is left, trimmed, unfolded and decoded from UTF-8. */
  rest(): string {
    const text = unfold(this.text.slice(this.position, this.end)).trim()
    this.position = this.end
    return fromWire(text)
  }

  fail(problem: string, status?: number): never {
    const value = this.text.slice(this.start, this.end)
    throw new ParseError(this.header, problem, value, this.position - this.start, status)
  }
}

/** A cursor over text that an application wrote: a parser sees it as it would stand on the wire. */
export function scan(text: string, what: string): Scanner {
  return new Scanner(toWire(text), what)
}

/** Puts a blank in the place of each fold. */
export function unfold(text: string): string {
  return text.includes('\n') ? text.replace(/\r\n[ \t]/g, ' ') : text
}

/** `text` as a quoted string, with what needs it escaped. */
export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
