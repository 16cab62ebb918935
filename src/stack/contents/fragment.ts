import type { Header } from '../grammar/header.ts'
import { ParseError } from '../grammar/parse-error.ts'
import { parseMessage, type SipMessage } from '../message/message.ts'
import type { Attempt, HeaderReader } from '../message/reader.ts'

const LINE_END = Buffer.from('\r\n')
const EMPTY_LINE = Buffer.from('\r\n\r\n')
const START_LINE = Buffer.from('SIP/2.0 200 OK\r\n')

/**
 * Headers and a body without all that a message must have: a part of a multipart body, or a sipfrag. Read as a message,
 * behind a start line of ours where it has none.
 */
export class Fragment implements HeaderReader {
  /** As on the wire. */
  readonly bytes: Buffer
  /** What reads the headers. */
  protected readonly message: SipMessage

  /** @throws ParseError where the bytes are no header lines */
  constructor(bytes: Buffer, hasStartLine: boolean) {
    this.bytes = bytes
    const whole = Buffer.concat(hasStartLine ? [bytes] : [START_LINE, bytes])
    let missing = 0
    if (!whole.includes(EMPTY_LINE)) missing = whole.subarray(-2).equals(LINE_END) ? 2 : 4
    const bytesOfMessage = missing === 0 ? whole : Buffer.concat([whole, EMPTY_LINE.subarray(0, missing)])
    const limits = { maxMessageBytes: bytesOfMessage.length, maxHeaderLines: 512 }
    const message = parseMessage(bytesOfMessage, undefined, limits)
    if (message instanceof ParseError) throw message
    this.message = message
  }

  /** All that follows the headers: Content-Length has no say in a fragment. */
  get body(): Buffer {
    return this.message.bytes.subarray(this.message.head.end)
  }

  get<T>(header: Header<T>): T | undefined {
    return this.message.get(header)
  }

  all<T>(header: Header<T>): readonly T[] {
    return this.message.all(header)
  }

  has(header: Header<unknown>): boolean {
    return this.message.has(header)
  }

  try<T>(header: Header<T>): Attempt<T | undefined> {
    return this.message.try(header)
  }

  headerNames(): string[] {
    return this.message.headerNames()
  }

  toString(): string {
    return this.bytes.latin1Slice()
  }
}
