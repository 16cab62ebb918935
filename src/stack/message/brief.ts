import { printable } from '../../util/log.ts'
import { CallId, CSeq } from '../headers/index.ts'
import type { SipMessage } from './message.ts'

/** A message in one line that is safe to log: start line, Call-ID, and where it came from. */
export function brief(message: SipMessage): string {
  const { head, source } = message
  const subject = printable(head.text.slice(head.subjectStart, head.subjectEnd), 80)
  const what = message.isRequest
    ? `${printable(message.method, 32)} ${subject}`
    : `SIP/2.0 ${message.status} ${printable(message.try(CSeq).value?.method ?? '?', 32)}`
  const callId = printable(message.try(CallId).value ?? '?', 80)
  const from = source ? ` from ${source.address}:${source.port} ${source.protocol.toLowerCase()}` : ''
  return `${what} cid=${callId}${from}`
}
