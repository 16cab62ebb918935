import type { Uri } from '../grammar/uri.ts'
import { lrParam, maddrParam } from '../grammar/uri-params.ts'
import * as h from '../headers/index.ts'
import type { RequestTemplate } from '../message/template.ts'

/**
 * Route information preprocessing (RFC 3261 §16.4): undoes what a strict router did to the Request-URI, takes out a
 * `maddr` that means us, and removes our own Routes from the front, both of a pair (RFC 5658). Answers the last of them,
 * where there was one: then the request follows a dialog's way, and that Route is of the side it goes to.
 * @throws ParseError where a Route that must be read is malformed
 */
export function popOwnRoutes(out: RequestTemplate, isOurs: (uri: Uri) => boolean): Uri | undefined {
  let popped: Uri | undefined
  const { requestUri } = out
  if (requestUri.isSip && requestUri.param(lrParam) && isOurs(requestUri) && out.has(h.Route)) {
    const routes = out.all(h.Route)
    const last = routes.at(-1)
    popped = requestUri
    if (last !== undefined) out.requestUri = last.uri
    out.set(h.Route, ...routes.slice(0, -1))
  } else if (requestUri.isSip && requestUri.params.has('maddr')) {
    const host = requestUri.param(maddrParam)
    if (host !== undefined && isOurs(requestUri.with({ host }))) {
      out.requestUri = requestUri.withoutParam('maddr').withoutParam('transport').with({ port: undefined })
    }
  }
  for (let first = out.get(h.Route); first !== undefined && isOurs(first.uri); first = out.get(h.Route)) {
    out.removeFirst(h.Route)
    popped = first.uri
  }
  return popped
}
