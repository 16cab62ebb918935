import { fromWire } from '../../util/bytes.ts'
import { CLASS, SPACE, TOKEN } from './chars.ts'
import { type Method, methodIn } from './method.ts'
import { ParseError } from './parse-error.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Wire text, one character a byte, and the bytes it was made from: text to cut from, bytes to look at. */
export interface WireText {
  readonly text: string
  readonly bytes: Uint8Array
}

/**
 * A cursor over one header value, for the parsers of typed headers. It looks at each character once, answers -1 at
 * the end and throws a {@link ParseError} that names header and place.
 */
export class Scanner {
  text: string
  /** @internal a look at a byte costs half of one at a character */
  bytes: Uint8Array
  header: string
  start: number
  end: number
  position: number

  constructor(wire: WireText, header: string, start: number = 0, end: number = wire.text.length) {
    this.text = wire.text
    this.bytes = wire.bytes
    this.header = header
    this.start = start
    this.end = end
    this.position = start
  }

  /** @internal sets the cursor to the start of another text */
  reset(wire: WireText, header: string, start: number, end: number): this {
    this.text = wire.text
    this.bytes = wire.bytes
    this.header = header
    this.start = start
    this.end = end
    this.position = start
    return this
  }

  get atEnd(): boolean {
    return this.position >= this.end
  }

  /** The next character's code without taking it, -1 at the end. */
  peek(): number {
    return this.position < this.end ? (this.bytes[this.position] as number) : -1
  }

  /** Takes one character if it is `code`. */
  accept(code: number): boolean {
    if (this.position >= this.end || this.bytes[this.position] !== code) return false
    this.position++
    return true
  }

  expect(code: number): void {
    if (!this.accept(code)) this.fail(`"${String.fromCharCode(code)}" expected`)
  }

  /** Skips blanks, tabs and folds. */
  skipSpace(): void {
    const { bytes, end } = this
    let position = this.position
    if (position >= end || (bytes[position] as number) > 0x20) return
    while (position < end && ((CLASS[bytes[position] as number] as number) & SPACE) !== 0) position++
    this.position = position
  }

  /** Skips characters of the class `bit`; answers whether there was one. */
  skip(bit: number): boolean {
    const { bytes, end, position: from } = this
    let position = from
    while (position < end && ((CLASS[bytes[position] as number] as number) & bit) !== 0) position++
    this.position = position
    return position > from
  }

  /** The text between `from` and the cursor. */
  since(from: number): string {
    return this.text.slice(from, this.position)
  }

  /** Whether `word`, which is ASCII, comes next. */
  isAt(word: string): boolean {
    const { bytes, position } = this
    if (position + word.length > this.end) return false
    for (let i = 0; i < word.length; i++) if (bytes[position + i] !== word.charCodeAt(i)) return false
    return true
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

  /** A method: the shared string of a known one, or any other token. */
  method(): Method {
    const from = this.position
    if (!this.skip(TOKEN)) this.fail('method expected')
    return methodIn(this.bytes, from, this.position)
  }

  /** A decimal number of up to `maximum`, 2^32 - 1 unless said. */
  number(maximum: number = 0xffffffff): number {
    const { bytes, end, position: from } = this
    let value = 0
    for (; this.position < end; this.position++) {
      const digit = (bytes[this.position] as number) - 0x30
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
      if (value > maximum) this.fail(`number above ${maximum}`)
    }
    if (this.position === from) this.fail('number expected')
    return value
  }

  /** A quoted string without its quotes, escapes undone, decoded from UTF-8. */
  quoted(): string {
    const { bytes, text, end } = this
    this.expect(QUOTE)
    const from = this.position
    let plain = true
    for (let position = from; position < end; position++) {
      const code = bytes[position] as number
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

let idle: Scanner | undefined

/**
 * A cursor for one parse, to be given back after it: most of what a message costs would be cursors. A parse within a
 * parse finds none idle and gets a new one, and so does the next after a parse that threw.
 */
export function borrow(wire: WireText, header: string, start: number, end: number): Scanner {
  const scanner = idle
  if (scanner === undefined) return new Scanner(wire, header, start, end)
  idle = undefined
  return scanner.reset(wire, header, start, end)
}

export function giveBack(scanner: Scanner): void {
  idle = scanner
}

/** Text that an application wrote, as it would stand on the wire. */
export function wireText(text: string): WireText {
  const bytes = Buffer.from(text, 'utf8')
  return { text: bytes.latin1Slice(), bytes }
}

/** A cursor over text that an application wrote: a parser sees it as it would stand on the wire. */
export function scan(text: string, what: string): Scanner {
  return new Scanner(wireText(text), what)
}

/** Puts a blank in the place of each fold. */
export function unfold(text: string): string {
  return text.includes('\n') ? text.replace(/\r\n[ \t]/g, ' ') : text
}

/** `text` as a quoted string, with what needs it escaped: NUL as well, which may stand in a quoted pair alone. */
export function quote(text: string): string {
  return `"${text.replace(/["\\\0]/g, '\\$&')}"`
}
