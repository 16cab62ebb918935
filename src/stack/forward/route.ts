import { unbracketed } from '../../util/address.ts'
import type { NameAddr } from '../grammar/name-addr.ts'
import type { Uri } from '../grammar/uri.ts'
import { lrParam, maddrParam } from '../grammar/uri-params.ts'
import * as h from '../headers/index.ts'
import { attempt } from '../message/reader.ts'
import type { RequestTemplate } from '../message/template.ts'
import { isHost } from './host.ts'

/**
 * Route information preprocessing (RFC 3261 §16.4): undoes what a strict router did to the Request-URI, takes out a
 * `maddr` that means us, and removes our own Routes from the front, both of a pair (RFC 5658). Answers whether there
 * was one: then the request follows a dialog's way.
 * @throws ParseError where a Route that must be read is malformed
 */
export function popOwnRoutes(out: RequestTemplate, isOurs: (uri: Uri) => boolean): boolean {
  let popped = false
  const { requestUri } = out
  if (requestUri.isSip && requestUri.param(lrParam) && isOurs(requestUri) && out.has(h.Route)) {
    const routes = out.all(h.Route)
    const last = routes.at(-1)
    if (last !== undefined) out.requestUri = last.uri
    out.set(h.Route, ...routes.slice(0, -1))
    popped = true
  } else if (requestUri.isSip && requestUri.params.has('maddr')) {
    const host = unbracketed(requestUri.param(maddrParam) ?? '')
    if (isHost(host) && isOurs(requestUri.with({ host }))) {
      out.requestUri = requestUri.withoutParam('maddr').withoutParam('transport').with({ port: undefined })
    }
  }
  if (!out.has(h.Route)) return popped
  let own = 0
  for (const { uri } of routesOf(out)) {
    if (!isOurs(uri)) break
    own++
  }
  if (own > 0) out.removeFirst(h.Route, own)
  return popped || own > 0
}

/** All Routes; where one cannot be read, one after the other up to it. */
function routesOf(out: RequestTemplate): Iterable<NameAddr> {
  return attempt(() => out.all(h.Route)).value ?? out.each(h.Route)
}
