import { UsageError } from '../../util/errors.ts'
import type { Header } from '../grammar/header.ts'
import type { NameAddr } from '../grammar/name-addr.ts'
import type { CSeq } from '../headers/cseq.ts'
import * as h from '../headers/index.ts'
import { type Mime, mime } from '../headers/mime.ts'
import type { HeaderBlock } from './block.ts'
import { HeaderEdit } from './edit.ts'
import type { HeaderEntry } from './entry.ts'
import type { Head } from './head.ts'
import { type Attempt, attempt, type HeaderReader } from './reader.ts'
import type { ReceivedMessage } from './received.ts'
import { lineText, WireValue } from './wire-value.ts'

/**
 * A message that is being made: from nothing, or as the changes to a received message whose bytes it shares. Sending
 * never touches it; what differs from hop to hop (top Via, an empty Contact) is written by `encode`.
 */
export abstract class Template implements HeaderReader {
  /** @internal the message whose lines go out byte for byte where no edit says otherwise */
  readonly base: ReceivedMessage | undefined
  /** @internal which headers of `base` are taken over, by id; all of them where this is absent */
  readonly taken: Uint8Array | undefined
  /** @internal */
  readonly edits: HeaderEdit[] = []
  /** @internal lines that were encoded before and go out behind all others */
  blocks: readonly HeaderBlock[] = noBlocks
  /** @internal the body that was set here, whatever the base's is */
  ownBody: Buffer | undefined = undefined

  constructor(base: ReceivedMessage | undefined, taken?: Uint8Array) {
    this.base = base
    this.taken = taken
    if (base?.stampedVia !== undefined) {
      const edit = new HeaderEdit(h.Via)
      edit.before = [base.stampedVia]
      edit.dropOwn(base.head)
      this.edits.push(edit)
    }
  }

  get<T>(header: Header<T>): T | undefined {
    const edit = this.#editOf(header)
    if (edit !== undefined) return edit.first(this.#headOf(header))
    const own = this.#takes(header) ? this.base?.get(header) : undefined
    if (own !== undefined || this.blocks === noBlocks) return own
    return this.blocks.find(block => block.has(header))?.get(header)
  }

  all<T>(header: Header<T>): readonly T[] {
    const edit = this.#editOf(header)
    if (edit !== undefined) return edit.all(this.#headOf(header))
    const own = this.base !== undefined && this.#takes(header) ? this.base.all(header) : noValues
    return this.blocks === noBlocks ? own : [...own, ...this.blocks.flatMap(block => block.all(header))]
  }

  has(header: Header<unknown>): boolean {
    const edit = this.#editOf(header)
    if (edit !== undefined) return edit.isIn(this.#headOf(header))
    return (this.#takes(header) && this.base?.has(header) === true) || this.#isInBlock(header)
  }

  try<T>(header: Header<T>): Attempt<T | undefined> {
    return attempt(() => this.get(header))
  }

  /** Sets a header to these values, whatever it was before; no values take it away. */
  set<T>(header: Header<T>, ...values: T[]): this {
    this.#edit(header).replace(values)
    return this
  }

  /**
   * Sets a header to values given as they are written, `setText(h.Route, '<sip:p1;lr>, <sip:p2;lr>')`, a line each.
   * They are parsed when they are read.
   * @throws UsageError where a text holds CR, LF, or NUL outside a quoted pair
   */
  setText(header: Header<unknown>, ...texts: readonly string[]): this {
    this.#edit(header).replace(texts.map(text => new WireValue(header, lineText(text, header.name))))
    return this
  }

  /**
   * Changes the first value of a header; nothing happens where it is absent.
   * @throws ParseError where the value is malformed
   */
  update<T>(header: Header<T>, change: (value: T) => T): this {
    const [first, ...others] = this.all(header)
    return first === undefined ? this : this.set(header, change(first), ...others)
  }

  /** Puts a value in front of those that are there. */
  prepend<T>(header: Header<T>, value: T): this {
    const edit = this.#edit(header)
    if (edit.replaced === undefined) edit.before = [value, ...edit.before]
    else edit.replaced = [value, ...edit.replaced]
    return this
  }

  /** Puts a value behind those that are there. */
  append<T>(header: Header<T>, value: T): this {
    const edit = this.#editOf(header)
    if (edit?.replaced === undefined) return this.set(header, ...this.all(header), value)
    edit.replaced = [...edit.replaced, value]
    return this
  }

  /**
   * Puts lines that were encoded before behind all others, as one text.
   * @throws UsageError where a header of theirs was changed in this template already
   */
  appendBlock(block: HeaderBlock): this {
    const changed = this.edits.find(edit => block.has(edit.header))
    if (changed !== undefined) {
      const { name } = changed.header
      throw new UsageError(
        'ERR_SIP_TEMPLATE',
        `${name} is in the header block and changed before; append the block first`,
      )
    }
    this.blocks = [...this.blocks, block]
    return this
  }

  /** Puts a header line of a received message behind those that are there, byte for byte: it is not parsed. */
  copy(entry: HeaderEntry): this {
    const { header } = entry
    if (header.id === h.ContentLength.id) return this
    const value = new WireValue(header, entry.wireText.trim())
    const edit = this.#edit(header)
    edit.replace([...(edit.replaced ?? this.all(header)), value])
    return this
  }

  /** Takes away the first value; the others stay as they are, byte for byte. */
  removeFirst(header: Header<unknown>): this {
    this.#edit(header).removeFirst(this.#headOf(header))
    return this
  }

  /** Takes a header away with all its values; answers whether it was there. */
  remove(header: Header<unknown>): boolean {
    if (!this.has(header)) return false
    this.set(header)
    return true
  }

  /** @internal puts wire text at the end of the message's own line, which otherwise stays as it is */
  extendLine(header: Header<unknown>, suffix: string): this {
    this.#edit(header).suffix += suffix
    return this
  }

  get callId(): string {
    return this.#required(h.CallId)
  }

  get from(): NameAddr {
    return this.#required(h.From)
  }

  get to(): NameAddr {
    return this.#required(h.To)
  }

  get cseq(): CSeq {
    return this.#required(h.CSeq)
  }

  /** The body that will be sent. */
  get body(): Buffer {
    if (this.ownBody !== undefined) return this.ownBody
    return this.base !== undefined && this.taken === undefined ? this.base.body : emptyBody
  }

  /** Whether the body is another than that of the message this was made from. */
  get hasOwnBody(): boolean {
    return this.ownBody !== undefined || this.taken !== undefined || this.base === undefined
  }

  /**
   * Sets the body and its Content-Type; text is written as UTF-8.
   * @throws ParseError where `contentType` is no media type
   */
  setBody(contentType: Mime | string, body: Uint8Array | string): this {
    this.ownBody =
      typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.length)
    return this.set(h.ContentType, typeof contentType === 'string' ? mime(contentType) : contentType)
  }

  /** Takes the body and its Content-Type away. */
  removeBody(): this {
    this.ownBody = emptyBody
    return this.set(h.ContentType)
  }

  #required<T>(header: Header<T>): T {
    const value = this.get(header)
    if (value === undefined) throw new UsageError('ERR_SIP_TEMPLATE', `${header.name} is not set`)
    return value
  }

  #takes(header: Header<unknown>): boolean {
    return this.taken === undefined || this.taken[header.id] === 1
  }

  /** The head whose lines of this header go out. */
  #headOf(header: Header<unknown>): Head | undefined {
    return this.#takes(header) ? this.base?.head : undefined
  }

  #isInBlock(header: Header<unknown>): boolean {
    return this.blocks !== noBlocks && this.blocks.some(block => block.has(header))
  }

  #editOf<T>(header: Header<T>): HeaderEdit<T> | undefined {
    for (const edit of this.edits) if (isEditOf(edit, header)) return edit
    return undefined
  }

  #edit<T>(header: Header<T>): HeaderEdit<T> {
    let edit = this.#editOf(header)
    if (edit === undefined) {
      edit = new HeaderEdit(header)
      if (this.#isInBlock(header)) edit.replace(this.all(header))
      this.edits.push(edit)
    }
    return edit
  }
}

const noBlocks: readonly HeaderBlock[] = []
const noValues: readonly never[] = []

/** Whether an edit is of `header`: then its values are of the header's type. */
function isEditOf<T>(edit: HeaderEdit, header: Header<T>): edit is HeaderEdit<T> {
  const { header: own } = edit
  return own === header || (own.id === header.id && own.key === header.key)
}

const emptyBody = Buffer.alloc(0)
