import { UsageError } from '../../util/errors.ts'
import { consistsOf, TOKEN } from './chars.ts'
import { idOfName } from './names.ts'
import { ParseError } from './parse-error.ts'
import { borrow, giveBack, type Scanner, type WireText } from './scanner.ts'

const COMMA = 0x2c

/** How a header's value is read and written, and how several of them stand in a message. */
export interface HeaderGrammar<T> {
  /** Reads one value; stops at the comma or the end. */
  parse(scanner: Scanner): T
  encode(value: T): string
  /**
   * `one` value a message (the default); several, `listed` with commas and written on one line; several, read with
   * commas but written with a `line` each; or several that hold commas themselves, so that a `challenge` is a line.
   */
  readonly values?: 'one' | 'listed' | 'line' | 'challenge'
  /** Whether a value cannot stand beside others, as the asterisk of Contact. */
  isAlone?(value: T): boolean
}

/**
 * A typed header: the token that `get`, `all` and `set` take. Made by {@link header}; a constant of an application's
 * own is a header as good as the built-in ones.
 */
export class Header<T> {
  readonly name: string
  /** @internal the name in small letters, the same for equal ones of an application's own */
  readonly key: string
  /** @internal place in the table of names, 0 for a name that is not in it */
  readonly id: number
  /** Whether one line may hold several values, with commas between them. */
  readonly hasCommas: boolean
  /** Whether several values are written on one line. */
  readonly isListed: boolean
  readonly #grammar: HeaderGrammar<T>

  constructor(name: string, grammar: HeaderGrammar<T>) {
    if (!consistsOf(TOKEN, name)) throw new UsageError('ERR_SIP_HEADER', `"${name}" cannot be a header name`)
    this.name = name
    this.key = name.toLowerCase()
    this.id = idOfName(name)
    this.isListed = grammar.values === 'listed'
    this.hasCommas = this.isListed || grammar.values === 'line'
    this.#grammar = grammar
  }

  /** The first value of a line. */
  parseFirst(wire: WireText, start: number = 0, end: number = wire.text.length): T {
    const scanner = borrow(wire, this.name, start, end)
    scanner.skipSpace()
    const value = this.#grammar.parse(scanner)
    scanner.skipSpace()
    if (!scanner.atEnd && !(this.hasCommas && scanner.peek() === COMMA)) scanner.fail('unexpected character')
    giveBack(scanner)
    return value
  }

  /** All values of a line, appended to `values`. Empty list elements are skipped (RFC 3261 §25.1, `#rule`). */
  parseAll(wire: WireText, start: number, end: number, values: T[]): T[] {
    const scanner = borrow(wire, this.name, start, end)
    do {
      scanner.skipSpace()
      if (this.hasCommas && (scanner.atEnd || scanner.peek() === COMMA)) continue
      values.push(this.#grammar.parse(scanner))
      scanner.skipSpace()
    } while (this.hasCommas && scanner.accept(COMMA))
    if (!scanner.atEnd) scanner.fail('unexpected character')
    giveBack(scanner)
    return values
  }

  /** @internal checks values that were read from several lines. @throws ParseError where one must have stood alone */
  checkAll(values: readonly T[]): void {
    const { isAlone } = this.#grammar
    if (isAlone !== undefined && values.length > 1 && values.some(isAlone))
      throw new ParseError(this.name, 'holds a value that must stand alone')
  }

  encode(value: T): string {
    return this.#grammar.encode(value)
  }
}

/**
 * Makes a header of one's own: `header('X-Billing', { parse: s => ({ id: s.token() }), encode: b => b.id })`.
 * @throws UsageError where `name` is no token.
 */
export function header<T>(name: string, grammar: HeaderGrammar<T>): Header<T> {
  return new Header(name, grammar)
}
