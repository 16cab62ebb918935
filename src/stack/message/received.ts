import { printable } from '../../util/log.ts'
import type { Header } from '../grammar/header.ts'
import type { NameAddr } from '../grammar/name-addr.ts'
import { MALFORMED } from '../grammar/names.ts'
import { ParseError } from '../grammar/parse-error.ts'
import type { CSeq } from '../headers/cseq.ts'
import * as h from '../headers/index.ts'
import type { Via } from '../headers/via.ts'
import { HeaderEntry } from './entry.ts'
import type { Flow } from './flow.ts'
import { ABSENT, type Head } from './head.ts'
import { type Attempt, attempt, type HeaderReader } from './reader.ts'
import { allValues, eachValue, firstValue } from './values.ts'

/**
 * A message as it was received: frozen, and lazy. A header is parsed when it is first asked for, and its value kept.
 * The mandatory getters cannot throw once the transport layer has validated the message.
 */
export abstract class ReceivedMessage implements HeaderReader {
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
    if (header.id <= h.CSeq.id && header.id > 0) {
      const mandatory = this.#mandatory(header)
      if (mandatory !== undefined) return mandatory as T
    }
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
    const values = allValues(this.head, header)
    if (values.length > 0 && this.stampedVia !== undefined && header.id === h.Via.id)
      values[0] = this.stampedVia as T
    this.#lists ??= new Map()
    this.#lists.set(header, values)
    return values
  }

  /**
   * The values of a header one after the other, the first `skip` left out. Each is read when it is asked for, so that what
   * is malformed further on hurts nobody who has stopped before.
   */
  *each<T>(header: Header<T>, skip: number = 0): Generator<T, undefined, undefined> {
    const isStamped = this.stampedVia !== undefined && header.id === h.Via.id && skip === 0
    if (isStamped) yield this.stampedVia as T
    yield* eachValue(this.head, header, isStamped ? 1 : skip)
    return undefined
  }

  has(header: Header<unknown>): boolean {
    return this.head.find(header.id, header.name) >= 0
  }

  try<T>(header: Header<T>): Attempt<T | undefined> {
    return attempt(() => this.get(header))
  }

  /** All values of a header without throwing. */
  tryAll<T>(header: Header<T>): Attempt<readonly T[]> {
    return attempt(() => this.all(header))
  }

  /**
   * All header lines in their order, lines that are none left out. What a B2BUA walks to copy them:
   * `for (const entry of message.headers()) if (isPassed(entry.header)) template.copy(entry)`.
   */
  headers(): HeaderEntry[] {
    const { head } = this
    const entries: HeaderEntry[] = []
    for (let line = 0; line < head.lineCount; line++)
      if (head.idAt(line) !== MALFORMED) entries.push(new HeaderEntry(head, line))
    return entries
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

  /**
   * One line that is safe to log: start line, Call-ID, and where it came from, as in
   * `SIP/2.0 200 REGISTER cid=… from 192.0.2.1:5060 udp`.
   */
  brief(): string {
    const { head, source } = this
    const what = head.isRequest
      ? `${printable(head.method, 32)} ${printable(head.subject, 80)}`
      : `SIP/2.0 ${head.status} ${printable(this.try(h.CSeq).value?.method ?? '?', 32)}`
    const callId = printable(this.try(h.CallId).value ?? '?', 80)
    const from = source ? ` from ${source.address}:${source.port} ${source.protocol.toLowerCase()}` : ''
    return `${what} cid=${callId}${from}`
  }

  /** The message as text, one character a byte. */
  toString(): string {
    return this.#bytes.latin1Slice()
  }

  /** The value of a getter for its header's own token, kept there; `undefined` for any other, and where it is absent. */
  #mandatory(header: Header<unknown>): unknown {
    switch (header) {
      case h.Via:
        this.#via ??= this.#first(h.Via)
        return this.#via
      case h.From:
        this.#from ??= this.#first(h.From)
        return this.#from
      case h.To:
        this.#to ??= this.#first(h.To)
        return this.#to
      case h.CallId:
        this.#callId ??= this.#first(h.CallId)
        return this.#callId
      case h.CSeq:
        this.#cseq ??= this.#first(h.CSeq)
        return this.#cseq
      default:
        return undefined
    }
  }

  #first<T>(header: Header<T>): T | undefined {
    if (this.stampedVia !== undefined && header.id === h.Via.id) return this.stampedVia as T
    return firstValue(this.head, header)
  }

  #required<T>(header: Header<T>): T {
    const value = this.#first(header)
    if (value === undefined) throw new ParseError(header.name, 'is missing')
    return value
  }
}
