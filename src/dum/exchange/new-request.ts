import type { Method } from '../../stack/grammar/method.ts'
import { NameAddr, nameAddr } from '../../stack/grammar/name-addr.ts'
import { Uri } from '../../stack/grammar/uri.ts'
import * as h from '../../stack/headers/index.ts'
import { request } from '../../stack/message/build.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import type { DumContext } from '../core/context.ts'
import { contactFor } from '../profile/contact.ts'
import type { Profile } from '../profile/profile.ts'

/** Whom a request is for. */
export type Addressee = NameAddr | Uri | string

/**
 * A request of ours outside dialogs (RFC 3261 §8.1.1), with what the profile says. `hasContact`: whether it may make a
 * dialog, or names us for later requests.
 * @throws ParseError where `to` is no address
 */
export function newRequest(
  context: DumContext,
  profile: Profile,
  method: Method,
  to: Addressee,
  hasContact: boolean,
): RequestTemplate {
  const target = to instanceof NameAddr ? to : nameAddr(to instanceof Uri ? `<${to}>` : to)
  const { aor, outboundProxy } = profile.values
  const contact = hasContact ? { contact: contactFor(profile, target.uri.secure) } : {}
  const template = request(method, target.uri, { from: aor, to: target, ...contact }, context.identifiers)
  if (outboundProxy.length > 0) template.set(h.Route, ...outboundProxy)
  return template.appendBlock(profile.block)
}
