import { printable } from '../../util/log.ts'
import type { Header } from '../grammar/header.ts'
import type { NameAddr } from '../grammar/name-addr.ts'
import { ParseError } from '../grammar/parse-error.ts'
import type { CSeq } from '../headers/cseq.ts'
import * as h from '../headers/index.ts'
import type { Via } from '../headers/via.ts'
import { elementEnd, elementStart } from './elements.ts'
import type { Flow } from './flow.ts'
import { ABSENT, type Head } from './head.ts'
import { type Attempt, attempt, type HeaderReader } from './reader.ts'

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
    if ((header as Header<unknown>) === h.Via && this.#via !== undefined) return this.#via as T
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
      header.parseAll(head, head.valueStart(line), head.lineEnd(line), values)
    }
    if (values.length > 0 && this.stampedVia !== undefined && header.id === h.Via.id)
      values[0] = this.stampedVia as T
    this.#lists ??= new Map()
    this.#lists.set(header, values)
    return values
  }

  /**
   * The values of a header one after the other, the first `skip` left out, each read when it is asked for: what is
   * malformed further on throws when its turn comes, and hurts nobody who has stopped before.
   */
  *each<T>(header: Header<T>, skip: number = 0): Generator<T, void, undefined> {
    const { head } = this
    const { text } = head
    let passed = 0
    for (
      let line = head.find(header.id, header.name);
      line >= 0;
      line = head.find(header.id, header.name, line + 1)
    ) {
      const end = head.lineEnd(line)
      let at = head.valueStart(line)
      if (header.hasCommas) at = elementStart(text, at, end)
      for (; at < end; at = header.hasCommas ? elementStart(text, elementEnd(text, at, end), end) : end) {
        if (passed++ < skip) continue
        const isTopVia = passed === 1 && this.stampedVia !== undefined && header.id === h.Via.id
        yield isTopVia ? (this.stampedVia as T) : header.parseFirst(head, at, end)
      }
    }
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

  #first<T>(header: Header<T>): T | undefined {
    const { head } = this
    if (this.stampedVia !== undefined && header.id === h.Via.id) return this.stampedVia as T
    let line = head.find(header.id, header.name)
    if (line < 0) return undefined
    if (!header.hasCommas) return header.parseFirst(head, head.valueStart(line), head.lineEnd(line))
    // a line of a list may be empty, so that the first value stands on a later one
    for (; line >= 0; line = head.find(header.id, header.name, line + 1)) {
      const end = head.lineEnd(line)
      const first = elementStart(head.text, head.valueStart(line), end)
      if (first < end) return header.parseFirst(head, first, end)
    }
    return undefined
  }

  #required<T>(header: Header<T>): T {
    const value = this.#first(header)
    if (value === undefined) throw new ParseError(header.name, 'is missing')
    return value
  }
}
