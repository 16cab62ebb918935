import * as h from '../../stack/headers/index.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import { flatCopy } from '../../util/bytes.ts'
import type { DumContext } from '../core/context.ts'
import { uasDialog } from '../dialog/dialog.ts'
import type { DialogMap } from '../dialog/dialog-map.ts'
import { DialogRequests } from '../dialog/dialog-requests.ts'
import { type EventPackage, isAcceptable, packageOf } from '../event-package/event-package.ts'
import { expiryFor } from '../exchange/expiry.ts'
import type { ExpiryPolicy, PublishedState, ServerSubscriptionHandler } from '../handlers/subscription.ts'
import type { Profile } from '../profile/profile.ts'
import { WatchedSubscription } from './server-subscription.ts'

interface Watched {
  readonly event: EventPackage
  readonly handler: ServerSubscriptionHandler
  readonly policy: ExpiryPolicy
}

/** Takes SUBSCRIBEs that begin subscriptions to us (RFC 6665 §4.2.1.1), each package with its handler. */
export class ServerSubscriptions {
  readonly #context: DumContext
  readonly #map: DialogMap
  readonly #profile: Profile
  readonly #packages = new Map<string, Watched>()
  /** By event and resource. */
  readonly #subscriptions = new Map<string, readonly WatchedSubscription[]>()

  constructor(context: DumContext, map: DialogMap, profile: Profile) {
    this.#context = context
    this.#map = map
    this.#profile = profile
  }

  /** Packages that are watched here, for Allow-Events. */
  get events(): readonly string[] {
    return [...this.#packages.keys()]
  }

  on(event: EventPackage | string, handler: ServerSubscriptionHandler, policy: ExpiryPolicy): void {
    const watched = packageOf(event)
    this.#packages.set(watched.name, { event: watched, handler, policy })
  }

  receive(transaction: ServerTransaction): void {
    const { request } = transaction
    const asked = request.try(h.Event).value
    const watched = this.#packages.get(asked?.package ?? '')
    if (asked === undefined || watched === undefined) {
      transaction.respond(transaction.response(489).set(h.AllowEvents, ...this.events))
      return
    }
    const contact = request.try(h.Contact).value
    if (contact === undefined || contact.isWildcard) {
      this.#context.counters.withoutContact++
      transaction.respond(transaction.response(400, 'Contact is missing'))
      return
    }
    const { event, policy } = watched
    if (!isAcceptable(event, request)) {
      transaction.respond(transaction.response(406).setText(h.Accept, event.accepts.join(', ')))
      return
    }
    const granted = expiryFor(request, policy)
    if ('least' in granted) {
      transaction.respond(transaction.response(423).set(h.MinExpires, granted.least))
      return
    }
    this.#begin(transaction, watched, asked.id, granted.expires)
  }

  /** What was published for a resource is told to those who watch it. */
  onPublished(published: PublishedState): void {
    const watching = this.#subscriptions.get(keyOf(published.event, published.resource))
    for (const subscription of watching ?? []) subscription.onPublished(published)
  }

  #begin(
    transaction: ServerTransaction,
    { event, handler, policy }: Watched,
    id: string | undefined,
    expires: number,
  ): void {
    const context = this.#context
    const profile = this.#profile
    const dialog = uasDialog(transaction.request, transaction.localTag)
    const requests = new DialogRequests(context, dialog, profile.credentials)
    const release = (): void => {
      requests.close()
      this.#map.delete(dialog.localTag, subscription)
      this.#forget(subscription)
    }
    const subscription: WatchedSubscription = new WatchedSubscription(
      {
        context,
        profile,
        dialog,
        requests,
        event: event.name,
        id: id === undefined ? undefined : flatCopy(id),
        policy,
        expires,
        handler,
        release,
      },
      transaction,
    )
    this.#map.set(dialog.localTag, subscription)
    const key = keyOf(subscription.event, subscription.resource)
    this.#subscriptions.set(key, [...(this.#subscriptions.get(key) ?? []), subscription])
    subscription.begin()
  }

  #forget(subscription: WatchedSubscription): void {
    const key = keyOf(subscription.event, subscription.resource)
    const others = this.#subscriptions.get(key)?.filter(other => other !== subscription) ?? []
    if (others.length === 0) this.#subscriptions.delete(key)
    else this.#subscriptions.set(key, others)
  }
}

function keyOf(event: string, resource: string): string {
  return `${event} ${resource}`
}
