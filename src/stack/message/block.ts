import { toWire } from '../../util/bytes.ts'
import { UsageError } from '../../util/errors.ts'
import type { Header } from '../grammar/header.ts'
import { MALFORMED } from '../grammar/names.ts'
import { ParseError } from '../grammar/parse-error.ts'
import { ABSENT, type FrameLimits, frame, type Head } from './head.ts'
import { allValues, firstValue } from './values.ts'

/** A block is framed as a message is, behind a start line. */
const START_LINE = 'SIP/2.0 200 OK\r\n'
const limits: FrameLimits = { maxMessageBytes: Number.POSITIVE_INFINITY, maxHeaderLines: 4096 }

/**
 * Header lines that were encoded once, to be put into many messages as one text. Immutable; read by the templates that
 * hold it. Made by {@link headerBlock}.
 */
export class HeaderBlock {
  /** Whole lines as wire text, one character a byte. */
  readonly text: string
  #head: Head | undefined

  /** @internal the text is known to be header lines */
  constructor(text: string) {
    this.text = text
  }

  /** @internal @throws ParseError where the text is more than a message may hold */
  get head(): Head {
    if (this.#head === undefined) {
      const head = framed(this.text)
      if (head instanceof ParseError) throw head
      this.#head = head
    }
    return this.#head
  }

  get<T>(header: Header<T>): T | undefined {
    return firstValue(this.head, header)
  }

  all<T>(header: Header<T>): readonly T[] {
    return allValues(this.head, header)
  }

  has(header: Header<unknown>): boolean {
    return this.head.find(header.id, header.name) >= 0
  }
}

/**
 * Header lines for {@link HeaderBlock}: `headerBlock('Allow: INVITE, ACK\r\nServer: example\r\n')`, or what
 * `headerLines` makes of typed values. The values are not parsed until they are read.
 * @throws UsageError where the text is anything but header lines, or holds a Content-Length, which each message has of
 *   its own
 */
export function headerBlock(text: string): HeaderBlock {
  const wire = toWire(text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`)
  const head = framed(wire)
  if (head instanceof ParseError) throw new UsageError('ERR_SIP_BLOCK', `header block: ${head.message}`)
  for (let line = 0; line < head.lineCount; line++) {
    if (head.idAt(line) === MALFORMED || head.nameAt(line) === '')
      throw new UsageError('ERR_SIP_BLOCK', `line ${line + 1} of the header block is no header`)
  }
  if (head.end !== START_LINE.length + wire.length + 2)
    throw new UsageError('ERR_SIP_BLOCK', 'the header block holds an empty line; take it out')
  if (head.contentLength !== ABSENT)
    throw new UsageError('ERR_SIP_BLOCK', 'the header block holds a Content-Length; take it out')
  return new HeaderBlock(wire)
}

function framed(text: string): Head | ParseError {
  return frame(Buffer.from(`${START_LINE}${text}\r\n`, 'latin1'), limits)
}
