import { PeerError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'

const CONTEXT = 24

/**
 * A part of a message that breaks the grammar. `header` names it (`To`, `Request-URI`, `start line`), `offset` counts
 * characters from the start of its value, and the message shows the place with a caret.
 */
export class ParseError extends PeerError {
  readonly header: string
  readonly offset: number

  constructor(header: string, problem: string, text: string = '', offset: number = 0, status: number = 400) {
    super(
      'ERR_SIP_PARSE',
      `${header}: ${printable(problem)}${text === '' ? '' : place(text, offset)}`,
      status,
    )
    this.header = header
    this.offset = offset
  }
}

/** The surroundings of the offence, with a caret under it. */
function place(text: string, offset: number): string {
  const from = Math.max(0, offset - CONTEXT)
  const before = printable(text.slice(from, offset))
  const after = printable(text.slice(offset, offset + CONTEXT))
  return ` at ${offset}\n  ${before}${after}\n  ${' '.repeat(before.length)}^`
}
