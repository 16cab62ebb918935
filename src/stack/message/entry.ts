import { fromWire } from '../../util/bytes.ts'
import { type Header, header } from '../grammar/header.ts'
import { unfold } from '../grammar/scanner.ts'
import { knownHeader } from '../headers/by-id.ts'
import { text } from '../headers/text.ts'
import type { Head } from './head.ts'
import { type Attempt, attempt } from './reader.ts'

/** One header line of a received message: name, text, and typed values when they are asked for. */
export class HeaderEntry {
  readonly #head: Head
  readonly #line: number
  #header: Header<unknown> | undefined = undefined
  #values: readonly unknown[] | undefined = undefined

  /** @internal */
  constructor(head: Head, line: number) {
    this.#head = head
    this.#line = line
  }

  /** As it is written: in any case, long or compact. */
  get name(): string {
    return this.#head.nameAt(this.#line)
  }

  /** Its token: the one in `h`, or one that reads free text where the stack knows no such header. */
  get header(): Header<unknown> {
    this.#header ??= knownHeader(this.#head.idAt(this.#line)) ?? header(this.name, text)
    return this.#header
  }

  /** What stands behind the colon, unfolded, without blanks around it, decoded from UTF-8; nothing is parsed. */
  get text(): string {
    return fromWire(unfold(this.wireText).trim())
  }

  /** @internal the same as it stands in the head */
  get wireText(): string {
    return this.#head.text.slice(this.#head.valueStart(this.#line), this.#head.lineEnd(this.#line))
  }

  /**
   * The values of this line, of the type that its token reads.
   * @throws ParseError where one is malformed
   */
  get values(): readonly unknown[] {
    if (this.#values === undefined) {
      const head = this.#head
      const line = this.#line
      this.#values = this.header.parseAll(head, head.valueStart(line), head.lineEnd(line), [])
    }
    return this.#values
  }

  /** The values without throwing. */
  tryValues(): Attempt<readonly unknown[]> {
    return attempt(() => this.values)
  }
}
