import { MAGIC_COOKIE } from '../headers/via.ts'
import type { SipMessage, SipRequest } from '../message/message.ts'

/**
 * The key of the server transaction that a request belongs to (RFC 3261 §17.2.3): branch, sent-by and method, an ACK
 * counting as its INVITE; for a branch of RFC 2543 everything that makes a request of that time unique.
 */
export function serverKey(request: SipRequest): string {
  return keyFor(request, request.method === 'ACK' ? 'INVITE' : request.method)
}

/** The key of the server transaction that a CANCEL is meant for, if that is one of `method` (§9.2). */
export function cancelledKey(cancel: SipRequest, method: string): string {
  return keyFor(cancel, method)
}

function keyFor(request: SipRequest, method: string): string {
  const { via } = request
  const { branch } = via
  // methods are letters and a branch is a token: the blanks keep the parts apart
  if (isUnique(branch)) return `${branch} ${via.sentBy} ${method}`
  const { from, callId, cseq, head } = request
  const requestUri = head.text.slice(head.subjectStart, head.subjectEnd)
  return `2543 ${requestUri} ${from.tag ?? ''} ${callId} ${cseq.number} ${via} ${method}`
}

/** Whether a request has a branch of RFC 2543, so that its ACK is matched by its To tag as well. */
export function isRfc2543(request: SipRequest): boolean {
  return !isUnique(request.via.branch)
}

/** The cookie alone identifies nothing (RFC 4475 §3.2.1). */
function isUnique(branch: string): boolean {
  return branch.length > MAGIC_COOKIE.length && branch.startsWith(MAGIC_COOKIE)
}

/** The key of the client transaction that a request starts or a response belongs to (§17.1.3). */
export function clientKey(branch: string, method: string): string {
  return method === 'CANCEL' ? `${branch} CANCEL` : branch
}

/** The key by which a response finds its transaction. */
export function responseKey(response: SipMessage): string {
  return clientKey(response.via.branch, response.cseq.method)
}
