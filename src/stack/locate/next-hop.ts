import type { Uri } from '../grammar/uri.ts'
import { lrParam } from '../grammar/uri-params.ts'
import * as h from '../headers/index.ts'
import type { RequestTemplate } from '../message/template.ts'

/** Where a request goes: to the first Route, or to the Request-URI (RFC 3261 §8.1.2). */
export function nextHopOf(template: RequestTemplate): Uri {
  return template.get(h.Route)?.uri ?? template.requestUri
}

/**
 * A first Route without `lr` is a strict router: its URI becomes the Request-URI, and the Request-URI the last Route
 * (RFC 3261 §16.6, step 6).
 */
export function strictlyRouted(template: RequestTemplate): RequestTemplate {
  const first = template.get(h.Route)
  if (first === undefined || first.uri.param(lrParam)) return template
  const routed = template.derive()
  const target = first.with({ displayName: '', uri: template.requestUri, params: first.params })
  routed.removeFirst(h.Route).append(h.Route, target)
  routed.requestUri = first.uri
  return routed
}
