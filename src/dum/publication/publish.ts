import type { DumContext } from '../core/context.ts'
import { type Body, type Description, describe } from '../core/description.ts'
import type { Lines } from '../core/line.ts'
import { type EventPackage, packageOf } from '../event-package/event-package.ts'
import type { Addressee } from '../exchange/new-request.ts'
import type {
  ClientPublication,
  ClientPublicationHandler,
  PublicationStore,
} from '../handlers/publication.ts'
import type { ExpiryPolicy } from '../handlers/subscription.ts'
import type { Profile } from '../profile/profile.ts'
import { PublishedByUs } from './client-publication.ts'

export interface PublishOptions {
  /** Seconds; the profile's `publicationExpires` unless given. */
  readonly expires?: number
  readonly profile?: Profile
}

/** How publications of others are kept. */
export interface PublicationOptions extends ExpiryPolicy {
  /** Where; in memory unless given. */
  readonly store?: PublicationStore
}

/** Publishes (RFC 3903 §4). @throws ParseError where `to` is no address */
export function publish(
  context: DumContext,
  lines: Lines,
  to: Addressee,
  event: EventPackage | string,
  body: Body | Description,
  options: PublishOptions & { readonly profile: Profile },
  handler: ClientPublicationHandler,
): ClientPublication {
  const { profile, expires = profile.values.publicationExpires } = options
  const publication = new PublishedByUs({
    context,
    lines,
    profile,
    to,
    event: packageOf(event),
    body: describe(body),
    expires,
    handler,
  })
  publication.start()
  return publication
}
