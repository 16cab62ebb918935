import { sameIgnoringCase } from '../grammar/chars.ts'
import { ID_COUNT, MALFORMED } from '../grammar/names.ts'
import { ParseError } from '../grammar/parse-error.ts'
import * as h from '../headers/index.ts'
import { ABSENT, UNREADABLE } from './head.ts'
import type { SipMessage } from './message.ts'

/** Headers that must stand once (RFC 3261 §8.1.1): a second one could be read instead of the first elsewhere. */
const single = [h.From, h.To, h.CallId, h.CSeq, h.MaxForwards]
/** A bit for each of them, by id; 0 for what may be repeated. */
const singleBits = new Uint8Array(ID_COUNT)
for (const [index, { id }] of single.entries()) singleBits[id] = 1 << index

/**
 * Checks once what every message needs: version, a request's Request-URI without headers (RFC 3261 §19.1.1), Via, From,
 * To, Call-ID, CSeq, a readable Content-Length and as much body as it says. After `undefined` the mandatory getters cannot throw. An error's `status` is the answer to give.
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
  if (!head.isSip2 && !sameIgnoringCase(head.version, 'SIP/2.0')) return wrongVersion(head.version)
  if (head.contentLength === UNREADABLE)
    return new ParseError('Content-Length', 'one decimal number expected')
  let seen = 0
  for (let line = 0; line < head.lineCount; line++) {
    const id = head.idAt(line)
    if (id === MALFORMED)
      return new ParseError('message', `header line ${line + 1} has no colon after its name`)
    const bit = singleBits[id] as number
    if ((seen & bit) !== 0)
      return new ParseError(single.find(header => header.id === id)?.name ?? '', 'stands twice')
    seen |= bit
  }
  if (message.via.branch === '' && message.via.params.has('branch'))
    return new ParseError('Via', 'branch is empty')
  if (message.from.uri.scheme === '' || message.to.uri.scheme === '')
    return new ParseError('From', 'a URI is needed')
  if (message.callId === '') return new ParseError('Call-ID', 'is empty')
  const { cseq } = message
  if (message.isRequest) {
    if (message.requestUri.headers !== '') return new ParseError('Request-URI', 'headers cannot stand here')
    if (cseq.method !== message.method) {
      return new ParseError('CSeq', `method is not ${message.method}, as in the start line`)
    }
  }
  if (head.contentLength > message.bodyBytesReceived) {
    return new ParseError(
      'Content-Length',
      `says ${head.contentLength} where ${message.bodyBytesReceived} bytes follow`,
    )
  }
  if (head.contentLength !== ABSENT && head.contentLength < message.bodyBytesReceived && isOfOne(message)) {
    return new ParseError(
      'Content-Length',
      `says ${head.contentLength} where ${message.bodyBytesReceived} bytes follow; a WebSocket message holds one of SIP`,
    )
  }
  return undefined
}

/** RFC 7118 §5; blank lines behind a message hurt nobody. */
function isOfOne({ source, head, bytes }: SipMessage): boolean {
  if (source?.protocol !== 'WS' && source?.protocol !== 'WSS') return false
  return bytes.subarray(head.end + head.contentLength).some(byte => byte !== CR && byte !== LF)
}

const CR = 0x0d
const LF = 0x0a

function wrongVersion(version: string): ParseError {
  const isSip = /^SIP\/\d+\.\d+$/i.test(version.slice(0, 20))
  return isSip
    ? new ParseError('start line', 'only SIP/2.0 is spoken here', version, 0, 505)
    : new ParseError('start line', 'SIP/2.0 expected', version, 0)
}
