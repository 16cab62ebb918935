import { hash64 } from '../../util/hash.ts'
import * as h from '../headers/index.ts'
import { MAGIC_COOKIE } from '../headers/via.ts'
import type { SipRequest } from '../message/message.ts'

/** Stands between the part that makes a branch unique and the part that tells a loop. */
const SEPARATOR = '.'

/**
 * The branch under which a stateless proxy forwards a request (RFC 3261 §16.11): the same for each retransmission,
 * for the ACK to a final response other than 2xx and for the CANCEL. Its first part is made from the received branch,
 * its second tells a loop from a spiral.
 */
export function statelessBranch(request: SipRequest): string {
  const { via } = request
  const { branch } = via
  const unique = branch.startsWith(MAGIC_COOKIE) ? `${branch} ${via.sentBy}` : fieldsOfRfc2543(request)
  return `${MAGIC_COOKIE}${hash64(unique)}${SEPARATOR}${loopPart(request)}`
}

/**
 * What decides where a request goes (RFC 5393 §4.2.1): the Request-URI and Route values it came with. Method, To tag,
 * Max-Forwards and the Proxy headers are left out, for they differ between an INVITE, its ACK and its CANCEL.
 */
function loopPart(request: SipRequest): string {
  const { head, from, callId, cseq } = request
  const fields = `${from.tag ?? ''} ${callId} ${cseq.number} ${head.text.slice(head.subjectStart, head.subjectEnd)}`
  return hash64(request.has(h.Route) ? fields + routesOf(request) : fields)
}

/**
 * The URIs of the Routes, however they are written: a CANCEL may put its INVITE's on one line, or leave out a blank.
 * Where they cannot be read they count as they stand.
 */
function routesOf(request: SipRequest): string {
  const { value: routes } = request.tryAll(h.Route)
  let text = ''
  if (routes !== undefined) {
    for (const { uri } of routes) text += ` ${uri}`
    return text
  }
  const { head } = request
  for (
    let line = head.find(h.Route.id, 'Route');
    line >= 0;
    line = head.find(h.Route.id, 'Route', line + 1)
  ) {
    text += head.text.slice(head.valueStart(line), head.lineEnd(line))
  }
  return text
}

/** §16.11 for a received branch without the magic cookie. */
function fieldsOfRfc2543(request: SipRequest): string {
  const { via, from, callId, cseq, head } = request
  const requestUri = head.text.slice(head.subjectStart, head.subjectEnd)
  return `${via} ${from.tag ?? ''} ${callId} ${cseq.number} ${requestUri}`
}

/**
 * Whether a request has come here before on the very same way (RFC 3261 §16.3, step 4; RFC 5393 §4.2). `isOurs` tells
 * whether a sent-by is this proxy's; a spiral, which comes back with another Request-URI or Route, is no loop.
 */
export function isLoop(request: SipRequest, isOurs: (sentBy: string) => boolean): boolean {
  if (isOurs(request.via.sentBy) && request.via.branch.endsWith(SEPARATOR + loopPart(request))) return true
  let loop: string | undefined
  for (const via of request.each(h.Via, 1)) {
    if (!isOurs(via.sentBy)) continue
    loop ??= SEPARATOR + loopPart(request)
    if (via.branch.endsWith(loop)) return true
  }
  return false
}
