import * as h from '../headers/index.ts'
import { sameIgnoringCase } from './chars.ts'
import { UNREADABLE } from './head.ts'
import type { SipMessage } from './message.ts'
import { MALFORMED } from './names.ts'
import { ParseError } from './parse-error.ts'

/** Headers that must stand once (RFC 3261 §8.1.1): a second one could be read instead of the first elsewhere. */
const single = [h.From, h.To, h.CallId, h.CSeq, h.MaxForwards]

/**
 * Checks once what every message needs: version, Via, From, To, Call-ID, CSeq, a readable Content-Length and as much
 * body as it says. After `undefined` the mandatory getters cannot throw. An error's `status` is the answer to give.
 */
export function validate(message: SipMessage): ParseError | undefined {
  try {
    return check(message)
  } catch (error) {
    if (error instanceof ParseError) return error
    throw error
  }
}

function check(message: SipMessage): ParseError | undefined {
  const { head } = message
  const { version } = head
  if (version !== 'SIP/2.0' && !sameIgnoringCase(version, 'SIP/2.0')) return wrongVersion(version)
  let seen = 0
  for (let line = 0; line < head.lineCount; line++) {
    const id = head.idAt(line)
    if (id === MALFORMED)
      return new ParseError('message', `header line ${line + 1} has no colon after its name`)
    for (let i = 0; i < single.length; i++) {
      if (single[i]?.id !== id) continue
      if ((seen & (1 << i)) !== 0) return new ParseError(single[i]?.name ?? '', 'stands twice')
      seen |= 1 << i
    }
  }
  if (message.via.branch === '' && message.via.params.has('branch'))
    return new ParseError('Via', 'branch is empty')
  if (message.from.uri.scheme === '' || message.to.uri.scheme === '')
    return new ParseError('From', 'a URI is needed')
  if (message.callId === '') return new ParseError('Call-ID', 'is empty')
  if (message.isRequest && message.cseq.method !== message.method) {
    return new ParseError('CSeq', `method is not ${message.method}, as in the start line`)
  }
  if (head.contentLength === UNREADABLE)
    return new ParseError('Content-Length', 'one decimal number expected')
  if (head.contentLength > message.bodyBytesReceived) {
    return new ParseError(
      'Content-Length',
      `says ${head.contentLength} where ${message.bodyBytesReceived} bytes follow`,
    )
  }
  return undefined
}

function wrongVersion(version: string): ParseError {
  const isSip = /^SIP\/\d+\.\d+$/i.test(version.slice(0, 20))
  return isSip
    ? new ParseError('start line', 'only SIP/2.0 is spoken here', version, 0, 505)
    : new ParseError('start line', 'SIP/2.0 expected', version, 0)
}
