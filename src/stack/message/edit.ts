import type { Header } from '../grammar/header.ts'
import { elementEnd, elementStart } from './elements.ts'
import type { Head } from './head.ts'
import { allValues } from './values.ts'
import { typed, WireValue } from './wire-value.ts'

const nothing: readonly never[] = []

/** What a template changes of one header of the message it was made from. */
export class HeaderEdit<T = unknown> {
  readonly header: Header<T>
  /** Values in front of the message's own. */
  before: readonly (T | WireValue<T>)[] = nothing
  /** Values in the place of the message's own. */
  replaced: readonly (T | WireValue<T>)[] | undefined = undefined
  /** Wire text at the end of the message's own first line. */
  suffix = ''
  /** The line of the message's own first value that is left, where some before it are left out. */
  line = 0
  /** Where that value starts in the head; 0 where none is left out. */
  at = 0
  #extended: readonly T[] | undefined = undefined

  constructor(header: Header<T>) {
    this.header = header
  }

  copy(): HeaderEdit<T> {
    const edit = new HeaderEdit(this.header)
    edit.before = this.before
    edit.replaced = this.replaced
    edit.suffix = this.suffix
    edit.line = this.line
    edit.at = this.at
    return edit
  }

  /** Puts these values in the place of all. */
  replace(values: readonly (T | WireValue<T>)[]): void {
    this.before = nothing
    this.replaced = values
    this.suffix = ''
    this.line = 0
    this.at = 0
  }

  /** Leaves out the first value, as it is written. `head` is the message's own, where it goes out. */
  removeFirst(head: Head | undefined): void {
    if (this.replaced !== undefined) this.replaced = withoutFirst(this.replaced)
    else if (this.before.length > 0) this.before = withoutFirst(this.before)
    else if (head !== undefined) this.dropOwn(head)
  }

  /** Leaves out the message's own first value that is not left out yet. Nothing is parsed. */
  dropOwn(head: Head): void {
    const { header } = this
    const dropped = this.at === 0 ? firstFrom(head, header, head.find(header.id, header.name), -1) : this
    if (dropped.line >= head.lineCount) return
    const end = elementEnd(head.text, dropped.at, head.lineEnd(dropped.line), header.hasCommas)
    const next = firstFrom(head, header, dropped.line, end)
    this.line = next.line
    this.at = next.at
  }

  /** Whether a value is left; nothing is parsed. */
  isIn(head: Head | undefined): boolean {
    if (this.replaced !== undefined) return this.replaced.length > 0
    if (this.before.length > 0) return true
    if (head === undefined) return false
    return this.at === 0 ? head.find(this.header.id, this.header.name) >= 0 : this.line < head.lineCount
  }

  /** The first value that is left. @throws ParseError where it is malformed */
  first(head: Head | undefined): T | undefined {
    const given = this.replaced ?? this.before
    if (this.replaced !== undefined || given.length > 0) return typed(given.slice(0, 1))[0] ?? typed(given)[0]
    if (head === undefined || !this.isIn(head)) return undefined
    if (this.at === 0) return this.#own(head)[0]
    return this.header.parseFirst(head, this.at, head.lineEnd(this.line))
  }

  /** All values that are left. @throws ParseError where one is malformed */
  all(head: Head | undefined): readonly T[] {
    if (this.replaced !== undefined) return typed(this.replaced)
    return [...typed(this.before), ...this.#own(head)]
  }

  #own(head: Head | undefined): readonly T[] {
    if (head === undefined || !this.isIn(head)) return nothing
    if (this.suffix === '') {
      return this.at === 0 ? allValues(head, this.header) : allValues(head, this.header, this.line, this.at)
    }
    this.#extended ??= this.#readExtended(head)
    return this.#extended
  }

  /** The message's own first line with what was put at its end. */
  #readExtended(head: Head): readonly T[] {
    const { header } = this
    const line = head.find(header.id, header.name)
    const text = head.text.slice(head.valueStart(line), head.lineEnd(line)) + this.suffix
    const values: T[] = []
    header.parseAll({ text, bytes: Buffer.from(text, 'latin1') }, 0, text.length, values)
    return values
  }
}

/** The first value from a place in a line on, or on the header's next lines; past all lines where there is none. */
function firstFrom(
  head: Head,
  header: Header<unknown>,
  fromLine: number,
  from: number,
): { readonly line: number; readonly at: number } {
  for (let line = fromLine; line >= 0; line = head.find(header.id, header.name, line + 1)) {
    const end = head.lineEnd(line)
    const start = line === fromLine && from >= 0 ? from : head.valueStart(line)
    const at = elementStart(head.text, start, end, header.hasCommas)
    if (at < end) return { line, at }
  }
  return { line: head.lineCount, at: head.end }
}

function withoutFirst<T>(values: readonly (T | WireValue<T>)[]): readonly (T | WireValue<T>)[] {
  const [first, ...others] = values
  const rest = first instanceof WireValue ? first.withoutFirst() : undefined
  return rest === undefined ? others : [rest, ...others]
}
