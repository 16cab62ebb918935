import { fromWire } from '../../util/bytes.ts'
import type { CSeq } from '../headers/cseq.ts'
import * as h from '../headers/index.ts'
import type { Via } from '../headers/via.ts'
import type { Flow } from '../transport/flow.ts'
import { brief } from './brief.ts'
import { ABSENT, type FrameLimits, frame, type Head } from './head.ts'
import type { Header } from './header.ts'
import type { Method } from './method.ts'
import type { NameAddr } from './name-addr.ts'
import { EXTENSION } from './names.ts'
import { ParseError } from './parse-error.ts'
import { Scanner } from './scanner.ts'
import { RequestTemplate, ResponseTemplate } from './template.ts'
import { parseUri, type Uri } from './uri.ts'

/** A header read without throwing: its value (`undefined` where it is absent) or what is wrong with it. */
export type Attempt<T> =
  | { readonly value: T | undefined; readonly error?: undefined }
  | { readonly error: ParseError; readonly value?: undefined }

/** All values of a header read without throwing. */
export type AttemptAll<T> =
  | { readonly values: readonly T[]; readonly error?: undefined }
  | { readonly error: ParseError; readonly values?: undefined }

/** A Request-URI read without throwing. */
export type AttemptUri =
  | { readonly uri: Uri; readonly error?: undefined }
  | { readonly error: ParseError; readonly uri?: undefined }

/** What can be read from every message, received or being made. */
export interface HeaderReader {
  /**
   * The first value of a header, `undefined` where it is absent.
   * @throws ParseError where it is malformed, every time
   */
  get<T>(header: Header<T>): T | undefined
  /**
   * All values of a header in their order.
   * @throws ParseError where one of them is malformed
   */
  all<T>(header: Header<T>): readonly T[]
  has(header: Header<unknown>): boolean
  try<T>(header: Header<T>): Attempt<T>
}

/**
 * A message as it was received: frozen, and lazy. A header is parsed when it is first asked for, and its value kept.
 * The mandatory getters cannot throw once the transport layer has validated the message.
 */
abstract class ReceivedMessage implements HeaderReader {
  /** @internal */
  readonly head: Head
  /** Where the message came from; absent in a message that was only parsed. */
  readonly source: Flow | undefined
  /** @internal the top Via with `received` and `rport` filled in, where the transport layer had to */
  readonly stampedVia: Via | undefined
  readonly #bytes: Buffer
  #via: Via | undefined
  #from: NameAddr | undefined
  #to: NameAddr | undefined
  #callId: string | undefined
  #cseq: CSeq | undefined
  #values: Map<Header<unknown>, unknown> | undefined
  #lists: Map<Header<unknown>, readonly unknown[]> | undefined

  constructor(head: Head, bytes: Buffer, source?: Flow) {
    this.head = head
    this.#bytes = bytes
    this.source = source
    this.stampedVia = undefined
    this.#via = undefined
    this.#from = undefined
    this.#to = undefined
    this.#callId = undefined
    this.#cseq = undefined
    this.#values = undefined
    this.#lists = undefined
    if (source !== undefined) {
      const via = this.via
      const stamped = head.isRequest ? via.receivedFrom(source.address, source.port) : via
      if (stamped !== via) {
        this.stampedVia = stamped
        this.#via = stamped
      }
    }
  }

  /** The top Via; in a request with `received` and `rport` as the transport layer saw them. */
  get via(): Via {
    this.#via ??= this.#required(h.Via)
    return this.#via
  }

  get from(): NameAddr {
    this.#from ??= this.#required(h.From)
    return this.#from
  }

  get to(): NameAddr {
    this.#to ??= this.#required(h.To)
    return this.#to
  }

  get callId(): string {
    this.#callId ??= this.#required(h.CallId)
    return this.#callId
  }

  get cseq(): CSeq {
    this.#cseq ??= this.#required(h.CSeq)
    return this.#cseq
  }

  get<T>(header: Header<T>): T | undefined {
    const kept = this.#values?.get(header)
    if (kept !== undefined) return kept as T
    const value = this.#first(header)
    if (value === undefined) return undefined
    this.#values ??= new Map()
    this.#values.set(header, value)
    return value
  }

  all<T>(header: Header<T>): readonly T[] {
    const kept = this.#lists?.get(header)
    if (kept !== undefined) return kept as readonly T[]
    const { head } = this
    const values: T[] = []
    for (
      let line = head.find(header.id, header.name);
      line >= 0;
      line = head.find(header.id, header.name, line + 1)
    ) {
      header.parseAll(head.text, head.valueStart(line), head.lineEnd(line), values)
    }
    if (values.length > 0 && this.stampedVia !== undefined && header.id === h.Via.id)
      values[0] = this.stampedVia as T
    this.#lists ??= new Map()
    this.#lists.set(header, values)
    return values
  }

  has(header: Header<unknown>): boolean {
    return this.head.find(header.id, header.name) >= 0
  }

  try<T>(header: Header<T>): Attempt<T> {
    try {
      return { value: this.get(header) }
    } catch (error) {
      if (error instanceof ParseError) return { error }
      throw error
    }
  }

  /** All values of a header without throwing. */
  tryAll<T>(header: Header<T>): AttemptAll<T> {
    try {
      return { values: this.all(header) }
    } catch (error) {
      if (error instanceof ParseError) return { error }
      throw error
    }
  }

  /** The names of all headers in their order, as they are written, lines that are none left out. */
  headerNames(): string[] {
    const names: string[] = []
    for (let line = 0; line < this.head.lineCount; line++) names.push(this.head.nameAt(line))
    return names.filter(name => name !== '')
  }

  /** The body's bytes, a view of what was received. */
  get body(): Buffer {
    const { end, contentLength } = this.head
    const length = contentLength < 0 ? this.#bytes.length - end : contentLength
    return this.#bytes.subarray(end, end + length)
  }

  /** How many bytes of body there are in what was received, whatever Content-Length says. */
  get bodyBytesReceived(): number {
    return this.#bytes.length - this.head.end
  }

  get hasContentLength(): boolean {
    return this.head.contentLength !== ABSENT
  }

  /** The message's bytes as they were received. */
  get bytes(): Buffer {
    return this.#bytes
  }

  /** The message as text, one character a byte. */
  toString(): string {
    return this.#bytes.latin1Slice()
  }

  #first<T>(header: Header<T>): T | undefined {
    const { head } = this
    let line = head.find(header.id, header.name)
    if (line < 0) return undefined
    if (!header.hasCommas) return header.parseFirst(head.text, head.valueStart(line), head.lineEnd(line))
    // a line of a list may be empty, so that the first value stands on a later one
    for (; line >= 0; line = head.find(header.id, header.name, line + 1)) {
      const first = firstElement(head.text, head.valueStart(line), head.lineEnd(line))
      if (first >= 0) return header.parseFirst(head.text, first, head.lineEnd(line))
    }
    return undefined
  }

  #required<T>(header: Header<T>): T {
    const value = this.#first(header)
    if (value === undefined) throw new ParseError(header.name, 'is missing')
    return value
  }
}

/** A request as it was received. */
export class SipRequest extends ReceivedMessage {
  #requestUri: Uri | undefined

  get isRequest(): true {
    return true
  }

  get isResponse(): false {
    return false
  }

  get method(): Method {
    return this.head.method
  }

  get requestUri(): Uri {
    if (this.#requestUri === undefined) {
      const scanner = new Scanner(this.head.text, 'Request-URI', this.head.subjectStart, this.head.subjectEnd)
      const value = parseUri(scanner)
      if (!scanner.atEnd) scanner.fail('unexpected character')
      this.#requestUri = value
    }
    return this.#requestUri
  }

  /** The Request-URI without throwing. */
  tryRequestUri(): AttemptUri {
    try {
      return { uri: this.requestUri }
    } catch (error) {
      if (error instanceof ParseError) return { error }
      throw error
    }
  }

  /** A copy to be changed and sent on; it shares all that stays as it is, and this message stays as it was. */
  forward(): RequestTemplate {
    return new RequestTemplate(this.method, undefined, this)
  }

  /** One line for logs: `INVITE sip:bob@example.com cid=… from 192.0.2.1:5060 udp`. */
  brief(): string {
    return brief(this)
  }
}

/** A response as it was received. */
export class SipResponse extends ReceivedMessage {
  get isRequest(): false {
    return false
  }

  get isResponse(): true {
    return true
  }

  get status(): number {
    return this.head.status
  }

  /** The reason phrase, decoded from UTF-8. */
  get reason(): string {
    return fromWire(this.head.text.slice(this.head.subjectStart, this.head.subjectEnd))
  }

  /** The method of the request this answers. */
  get method(): Method {
    return this.cseq.method
  }

  /** A copy to be changed and sent on; it shares all that stays as it is, and this message stays as it was. */
  forward(): ResponseTemplate {
    return new ResponseTemplate(this.status, this.reason, this)
  }

  /** One line for logs: `SIP/2.0 200 REGISTER cid=… from 192.0.2.1:5060 udp`. */
  brief(): string {
    return brief(this)
  }
}

export type SipMessage = SipRequest | SipResponse

/**
 * A message from the bytes of a datagram, or what makes them none. Only the frame is looked at; see `validate` for
 * what every message needs. With `source` the top Via is read at once and noted where the request came from, and a
 * top Via that is missing or malformed is answered as an error too.
 */
export function parseMessage(bytes: Buffer, source?: Flow, limits?: FrameLimits): SipMessage | ParseError {
  const head = frame(bytes, limits)
  if (head instanceof ParseError) return head
  return messageOf(head, bytes, source)
}

/** The message of a frame that was found before. */
export function messageOf(head: Head, bytes: Buffer, source?: Flow): SipMessage | ParseError {
  try {
    return head.isRequest ? new SipRequest(head, bytes, source) : new SipResponse(head, bytes, source)
  } catch (error) {
    if (error instanceof ParseError) return error
    throw error
  }
}

/** Where the first element of a comma-separated list starts, -1 where the list is empty. */
function firstElement(text: string, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code !== 0x2c && code !== 0x20 && code !== 0x09 && code !== 0x0d && code !== 0x0a) return at
  }
  return -1
}

/** @internal whether a line of `head` belongs to `header` */
export function isLineOf(head: Head, line: number, header: Header<unknown>): boolean {
  return head.idAt(line) === header.id && (header.id !== EXTENSION || head.isNamed(line, header.name))
}
