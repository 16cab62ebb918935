import { ParseError } from '../grammar/parse-error.ts'
import { type FrameLimits, frame, type Head } from './head.ts'

const NUL = 0x00
const LF = 0x0a
const CR = 0x0d
const BLANK = 0x20

/**
 * The head of a request that framing refused for a CR, LF or NUL that ends no line, with blanks in their place: what its
 * 400 is made of (RFC 3261 §8.2.6), and nothing else, for it is not what was sent. `undefined` for all other bytes.
 */
export function answerableHead(bytes: Buffer, limits: FrameLimits): Head | undefined {
  const end = bytes.indexOf('\r\n\r\n', 0, 'latin1')
  if (end < 0) return undefined
  const own = Buffer.from(bytes.subarray(0, end + 4))
  let repaired = 0
  for (let at = 0; at < own.length; at++) {
    const code = own[at]
    const isStray = code === NUL || (code === CR && own[at + 1] !== LF) || (code === LF && own[at - 1] !== CR)
    if (!isStray) continue
    own[at] = BLANK
    repaired++
  }
  const head = repaired === 0 ? undefined : frame(own, limits)
  return head === undefined || head instanceof ParseError || !head.isRequest ? undefined : head
}
