import { noParams } from '../../stack/grammar/params.ts'
import { Event } from '../../stack/headers/event.ts'
import * as h from '../../stack/headers/index.ts'
import { mime } from '../../stack/headers/mime.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import type { DumContext } from '../core/context.ts'
import type { Description } from '../core/description.ts'
import type { EventPackage } from '../event-package/event-package.ts'
import { type Addressee, newRequest } from '../exchange/new-request.ts'
import { contactFor } from '../profile/contact.ts'
import type { Profile } from '../profile/profile.ts'

/** What a subscription of ours asks for. */
export interface Wanted {
  readonly profile: Profile
  readonly to: Addressee
  readonly event: EventPackage
  readonly id: string | undefined
  /** Seconds; 0 to ask once (RFC 6665 §4.4.3). */
  readonly expires: number
  /** A filter, say. */
  readonly body: Description | undefined
}

/** Event as it is written, `dialog;id=7`. */
export function eventOf(event: string, id: string | undefined): Event {
  return new Event(event, id === undefined ? noParams : noParams.withText('id', id))
}

/** The SUBSCRIBE that begins it (RFC 6665 §4.1.2.1), with a new Call-ID and tag. */
export function initialSubscribe(context: DumContext, wanted: Wanted): RequestTemplate {
  const template = newRequest(context, wanted.profile, 'SUBSCRIBE', wanted.to, true)
  fill(template, wanted, wanted.expires)
  return template
}

/** A SUBSCRIBE within its dialog: a refresh, or with 0 an end. */
export function fillSubscribe(
  template: RequestTemplate,
  wanted: Wanted,
  expires: number,
  secure: boolean,
): void {
  template.appendBlock(wanted.profile.block).set(h.Contact, contactFor(wanted.profile, secure))
  fill(template, wanted, expires)
}

function fill(template: RequestTemplate, wanted: Wanted, expires: number): void {
  const { event, id, body } = wanted
  template.set(h.Event, eventOf(event.name, id)).set(h.Expires, expires)
  if (event.accepts.length > 0) template.set(h.Accept, ...event.accepts.map(mime))
  body?.writeTo(template)
}
