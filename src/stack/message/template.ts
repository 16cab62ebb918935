import { UsageError } from '../../util/errors.ts'
import type { Header } from '../grammar/header.ts'
import type { Method } from '../grammar/method.ts'
import type { NameAddr } from '../grammar/name-addr.ts'
import type { Uri } from '../grammar/uri.ts'
import type { CSeq } from '../headers/cseq.ts'
import * as h from '../headers/index.ts'
import { type Mime, mime } from '../headers/mime.ts'
import { type Attempt, attempt, type HeaderReader } from './reader.ts'
import type { ReceivedMessage } from './received.ts'
import { reasonPhrase } from './status.ts'

const nothing: readonly never[] = []

/** What a template changes of one header of the message it was made from. */
export class HeaderEdit<T = unknown> {
  readonly header: Header<T>
  /** Values in front of the message's own. */
  before: readonly T[] = nothing
  /** Values in the place of the message's own. */
  replaced: readonly T[] | undefined = undefined
  /** How many of the message's own values are left out, from the first on. */
  dropped = 0
  /** Wire text to put at the end of the message's own first line. */
  suffix = ''

  constructor(header: Header<T>) {
    this.header = header
  }

  copy(): HeaderEdit<T> {
    const edit = new HeaderEdit(this.header)
    edit.before = this.before
    edit.replaced = this.replaced
    edit.dropped = this.dropped
    edit.suffix = this.suffix
    return edit
  }
}

/**
 * A message that is being made: from nothing, or as the changes to a received message whose bytes it shares. Sending
 * never touches it; what differs from hop to hop (top Via, an empty Contact) is written by `encode`.
 */
abstract class Template implements HeaderReader {
  /** @internal the message whose lines go out byte for byte where no edit says otherwise */
  readonly base: ReceivedMessage | undefined
  /** @internal which headers of `base` are taken over, by id; all of them where this is absent */
  readonly taken: Uint8Array | undefined
  /** @internal */
  readonly edits: HeaderEdit[] = []
  /** @internal the body that was set here, whatever the base's is */
  ownBody: Buffer | undefined = undefined

  constructor(base: ReceivedMessage | undefined, taken?: Uint8Array) {
    this.base = base
    this.taken = taken
    if (base?.stampedVia !== undefined) {
      const edit = new HeaderEdit(h.Via)
      edit.before = [base.stampedVia]
      edit.dropped = 1
      this.edits.push(edit)
    }
  }

  get<T>(header: Header<T>): T | undefined {
    const edit = this.#editOf(header)
    if (edit === undefined) return this.#takes(header) ? this.base?.get(header) : undefined
    const own = edit.replaced ?? edit.before
    if (own.length > 0 || edit.replaced !== undefined || !this.#takes(header)) return own[0]
    return this.base?.each(header, edit.dropped).next().value ?? undefined
  }

  all<T>(header: Header<T>): readonly T[] {
    const own = this.base !== undefined && this.#takes(header) ? this.base.all(header) : nothing
    const edit = this.#editOf(header)
    if (edit === undefined) return own
    if (edit.replaced !== undefined) return edit.replaced
    return [...edit.before, ...own.slice(edit.dropped)]
  }

  /** The values of a header one after the other, each read when it is asked for. */
  *each<T>(header: Header<T>): Generator<T, void, undefined> {
    const edit = this.#editOf(header)
    if (edit !== undefined) yield* edit.replaced ?? edit.before
    if (edit?.replaced !== undefined || this.base === undefined || !this.#takes(header)) return
    yield* this.base.each(header, edit?.dropped)
  }

  has(header: Header<unknown>): boolean {
    const edit = this.#editOf(header)
    if (edit === undefined) return this.#takes(header) && this.base?.has(header) === true
    return this.all(header).length > 0
  }

  try<T>(header: Header<T>): Attempt<T | undefined> {
    return attempt(() => this.get(header))
  }

  /** Sets a header to these values, whatever it was before; no values take it away. */
  set<T>(header: Header<T>, ...values: T[]): this {
    const edit = this.#edit(header)
    edit.before = nothing
    edit.replaced = values
    edit.dropped = 0
    edit.suffix = ''
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
    return this.set(header, ...this.all(header), value)
  }

  /** Takes away the first value, or the first `count`; the others stay as they are, byte for byte. */
  removeFirst(header: Header<unknown>, count: number = 1): this {
    const edit = this.#edit(header)
    if (edit.replaced !== undefined) edit.replaced = edit.replaced.slice(count)
    else {
      const beyond = Math.max(0, count - edit.before.length)
      edit.before = edit.before.slice(count)
      edit.dropped += beyond
    }
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

  #editOf<T>(header: Header<T>): HeaderEdit<T> | undefined {
    for (const edit of this.edits) if (isEditOf(edit, header)) return edit
    return undefined
  }

  #edit<T>(header: Header<T>): HeaderEdit<T> {
    let edit = this.#editOf(header)
    if (edit === undefined) {
      edit = new HeaderEdit(header)
      this.edits.push(edit)
    }
    return edit
  }
}

/** Whether an edit is of `header`: then its values are of the header's type. */
function isEditOf<T>(edit: HeaderEdit, header: Header<T>): edit is HeaderEdit<T> {
  const same = edit.header === header
  return (
    same || (edit.header.id === header.id && edit.header.name.toLowerCase() === header.name.toLowerCase())
  )
}

const emptyBody = Buffer.alloc(0)

/** A received request, as a template knows it. */
type RequestBase = ReceivedMessage & { readonly requestUri: Uri }

/** A request that is being made or forwarded. */
export class RequestTemplate extends Template {
  readonly method: Method
  readonly #received: RequestBase | undefined
  #requestUri: Uri | undefined

  constructor(method: Method, requestUri: Uri | undefined, base?: RequestBase, taken?: Uint8Array) {
    super(base, taken)
    this.method = method
    this.#received = base
    this.#requestUri = requestUri
  }

  get isRequest(): true {
    return true
  }

  get isResponse(): false {
    return false
  }

  get requestUri(): Uri {
    const requestUri = this.#requestUri ?? this.#received?.requestUri
    if (requestUri === undefined) throw new UsageError('ERR_SIP_TEMPLATE', 'the Request-URI is not set')
    return requestUri
  }

  set requestUri(uri: Uri) {
    this.#requestUri = uri
  }

  /** @internal the new Request-URI, `undefined` where the received one goes out as it came */
  get changedRequestUri(): Uri | undefined {
    return this.#requestUri
  }

  /** A copy that can be changed without touching this one: what a fail-over, a fork or a retry starts from. */
  derive(): RequestTemplate {
    const copy = new RequestTemplate(this.method, this.#requestUri, this.#received, this.taken)
    copy.edits.splice(0, copy.edits.length, ...this.edits.map(edit => edit.copy()))
    copy.ownBody = this.ownBody
    return copy
  }

  /**
   * Counts Max-Forwards down by one, or sets it to 70 where it is absent (RFC 3261 §16.6, step 3).
   * @throws ParseError where it is malformed
   */
  decrementMaxForwards(): this {
    const value = this.get(h.MaxForwards)
    return this.set(h.MaxForwards, value === undefined ? 70 : value - 1)
  }
}

/** A response that is being made or forwarded. */
export class ResponseTemplate extends Template {
  readonly status: number
  readonly reason: string

  constructor(status: number, reason?: string, base?: ReceivedMessage, taken?: Uint8Array) {
    super(base, taken)
    if (!Number.isInteger(status) || status < 100 || status > 699) {
      throw new UsageError('ERR_SIP_TEMPLATE', `${status} is no status code; one of 100 to 699 is needed`)
    }
    this.status = status
    this.reason = reason ?? reasonPhrase(status)
  }

  get isRequest(): false {
    return false
  }

  get isResponse(): true {
    return true
  }
}

export type MessageTemplate = RequestTemplate | ResponseTemplate
