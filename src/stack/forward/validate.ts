import * as h from '../headers/index.ts'
import type { SipRequest } from '../message/message.ts'
import type { ResponseTemplate } from '../message/template.ts'
import { isLoop } from './branch.ts'

/** RFC 3261 §20.22. */
const MOST_FORWARDS = 255

/** What validation needs of the stack. */
export interface ForwardingStack {
  statelessResponse(request: SipRequest, status: number, reason?: string): ResponseTemplate
  isOurSentBy(sentBy: string): boolean
}

/**
 * Request validation of RFC 3261 §16.3: scheme, Max-Forwards, loop, Proxy-Require. Answers the refusal to give (400,
 * 416, 420, 482, 483), or `undefined` where the request may be forwarded. `supported` are option tags that the proxy
 * understands. ACK and CANCEL are never refused for Proxy-Require (§20.29).
 */
export function validateForForwarding(
  stack: ForwardingStack,
  request: SipRequest,
  supported: readonly string[] = [],
): ResponseTemplate | undefined {
  let refusal = checkUri(stack, request)
  refusal ??= checkMaxForwards(stack, request)
  refusal ??= checkLoop(stack, request)
  refusal ??= checkProxyRequire(stack, request, supported)
  return refusal
}

function checkUri(stack: ForwardingStack, request: SipRequest): ResponseTemplate | undefined {
  const { value: uri, error } = request.tryRequestUri()
  if (error !== undefined)
    return stack.statelessResponse(request, 400, `Bad Request - ${error.message.split('\n')[0]}`)
  return uri.isSip || uri.scheme === 'tel' ? undefined : stack.statelessResponse(request, 416)
}

function checkMaxForwards(stack: ForwardingStack, request: SipRequest): ResponseTemplate | undefined {
  const { value = 70, error } = request.try(h.MaxForwards)
  if (error !== undefined)
    return stack.statelessResponse(request, 400, `Bad Request - ${error.message.split('\n')[0]}`)
  if (value > MOST_FORWARDS)
    return stack.statelessResponse(request, 400, `Bad Request - Max-Forwards: above ${MOST_FORWARDS}`)
  return value === 0 ? stack.statelessResponse(request, 483) : undefined
}

function checkLoop(stack: ForwardingStack, request: SipRequest): ResponseTemplate | undefined {
  try {
    return isLoop(request, sentBy => stack.isOurSentBy(sentBy))
      ? stack.statelessResponse(request, 482)
      : undefined
  } catch {
    return stack.statelessResponse(request, 400, 'Bad Request - malformed Via')
  }
}

function checkProxyRequire(
  stack: ForwardingStack,
  request: SipRequest,
  supported: readonly string[],
): ResponseTemplate | undefined {
  if (request.method === 'ACK' || request.method === 'CANCEL' || !request.has(h.ProxyRequire))
    return undefined
  const { value, error } = request.tryAll(h.ProxyRequire)
  if (error !== undefined)
    return stack.statelessResponse(request, 400, `Bad Request - ${error.message.split('\n')[0]}`)
  const unknown = value.filter(tag => !supported.some(known => known.toLowerCase() === tag.toLowerCase()))
  return unknown.length === 0
    ? undefined
    : stack.statelessResponse(request, 420).set(h.Unsupported, ...unknown)
}
