import { toWire } from '../../util/bytes.ts'
import { UsageError } from '../../util/errors.ts'
import type { Header } from '../grammar/header.ts'
import { elementEnd, elementStart } from './elements.ts'

const BACKSLASH = 0x5c

/** A header's value, or several with commas between them, as wire text: written as it stands, parsed when it is read. */
export class WireValue<T> {
  /** One character a byte. */
  readonly text: string
  readonly #header: Header<T>
  #values: readonly T[] | undefined

  /** @internal the text is known to hold no CR, LF or NUL, folds and quoted pairs excepted */
  constructor(header: Header<T>, text: string) {
    this.#header = header
    this.text = text
  }

  /** @throws ParseError where the text is malformed */
  get values(): readonly T[] {
    if (this.#values === undefined) {
      const values: T[] = []
      const bytes = Buffer.from(this.text, 'latin1')
      this.#header.parseAll({ text: this.text, bytes }, 0, this.text.length, values)
      this.#values = values
    }
    return this.#values
  }

  /** The text behind the first value, `undefined` where there is none. */
  withoutFirst(): WireValue<T> | undefined {
    const { text } = this
    const { hasCommas } = this.#header
    const first = elementStart(text, 0, text.length, hasCommas)
    const after = elementStart(text, elementEnd(text, first, text.length, hasCommas), text.length, hasCommas)
    return after < text.length ? new WireValue(this.#header, text.slice(after)) : undefined
  }
}

/** The values, with those that were given as text parsed. @throws ParseError where a text is malformed */
export function typed<T>(values: readonly (T | WireValue<T>)[]): T[] {
  const all: T[] = []
  for (const value of values) {
    if (value instanceof WireValue) all.push(...value.values)
    else all.push(value)
  }
  return all
}

/**
 * Text as it stands on a header's line.
 * @throws UsageError where it would break out of the line: it holds CR, LF, or NUL outside a quoted pair (RFC 3261 §25.1)
 */
export function lineText(text: string, what: string): string {
  let isAscii = true
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code <= 0x0d && breaksLine(text, i)) {
      throw new UsageError('ERR_SIP_VALUE', `${what}: the value holds CR, LF or NUL at ${i}; take it out`)
    }
    if (code > 0x7e) isAscii = false
  }
  return isAscii ? text : toWire(text)
}

function breaksLine(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code === 0x0d || code === 0x0a || (code === 0 && !isEscaped(text, at))
}

/** Whether a quoted pair ends at `at`: an even number of backslashes in front of it are pairs of their own. */
function isEscaped(text: string, at: number): boolean {
  let first = at
  while (first > 0 && text.charCodeAt(first - 1) === BACKSLASH) first--
  return (at - first) % 2 === 1
}
