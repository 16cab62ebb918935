import { fromWire } from '../../util/bytes.ts'
import type { HeaderGrammar } from '../grammar/header.ts'
import { numberParam, type Params } from '../grammar/params.ts'
import { parseParams } from '../grammar/parse-params.ts'
import { type Scanner, unfold } from '../grammar/scanner.ts'
import { Parameterised } from './parameterised.ts'

const OPEN = 0x28
const CLOSE = 0x29
const BACKSLASH = 0x5c

const durationParam = numberParam('duration')

/** When to try again, `18000 (in a meeting);duration=3600` (RFC 3261 §20.33). */
export class RetryAfter extends Parameterised<RetryAfter> {
  readonly seconds: number
  /** Without its outer parentheses; `''` for none. */
  readonly comment: string

  constructor(seconds: number, comment: string = '', params?: Params) {
    super(params)
    this.seconds = seconds
    this.comment = comment
  }

  /** For how many seconds the peer will then be there. */
  get duration(): number | undefined {
    return this.param(durationParam)
  }

  override withParams(params: Params): RetryAfter {
    return new RetryAfter(this.seconds, this.comment, params)
  }

  override toString(): string {
    const comment = this.comment === '' ? '' : ` (${this.comment.replace(/[()\\]/g, '\\$&')})`
    return `${this.seconds}${comment}${this.params}`
  }
}

/** `delta-seconds [ comment ] *( SEMI retry-param )`. */
export const retryAfter: HeaderGrammar<RetryAfter> = {
  parse: scanner => {
    const seconds = scanner.number()
    const before = scanner.position
    scanner.skipSpace()
    if (scanner.peek() === OPEN) return new RetryAfter(seconds, parseComment(scanner), parseParams(scanner))
    scanner.position = before
    return new RetryAfter(seconds, '', parseParams(scanner))
  },
  encode: value => value.toString(),
}

/** `"(" *( ctext / quoted-pair / comment ) ")"` without the outer parentheses; inner ones are counted, not nested calls. */
function parseComment(scanner: Scanner): string {
  const { text, end } = scanner
  const from = scanner.position + 1
  let depth = 0
  for (let position = from - 1; position < end; position++) {
    const code = text.charCodeAt(position)
    if (code === BACKSLASH) position++
    else if (code === OPEN) depth++
    else if (code === CLOSE && --depth === 0) {
      scanner.position = position + 1
      return fromWire(unfold(text.slice(from, position)).replace(/\\([\s\S])/g, '$1')).trim()
    }
  }
  return scanner.fail('comment is not closed')
}
