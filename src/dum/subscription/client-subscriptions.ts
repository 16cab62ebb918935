import { UsageError } from '../../util/errors.ts'
import type { DumContext } from '../core/context.ts'
import { type Body, type Description, describe } from '../core/description.ts'
import type { DialogMap } from '../dialog/dialog-map.ts'
import { type EventPackage, packageOf } from '../event-package/event-package.ts'
import type { Addressee } from '../exchange/new-request.ts'
import type { ClientSubscription, ClientSubscriptionHandler } from '../handlers/subscription.ts'
import type { Profile } from '../profile/profile.ts'
import { WatchingSubscription } from './client-subscription.ts'
import { SubscribeSet } from './subscribe-set.ts'

export interface SubscribeOptions {
  /** Seconds; 0 asks once, and the state comes with `onTerminated`. The profile's `subscriptionExpires` unless given. */
  readonly expires?: number
  /** `id` of Event, where one dialog carries several subscriptions of a package. */
  readonly id?: string
  /** A filter, or whatever else the package's SUBSCRIBE may carry. */
  readonly body?: Body | Description
  readonly profile?: Profile
  /**
   * What becomes of notifiers beside the first that the SUBSCRIBE was forked to: their NOTIFYs get 481, as most packages
   * say, or each is a subscription of its own, told by `onNewSubscription`. Default `end`.
   */
  readonly forks?: 'end' | 'keep'
}

/** Subscribes (RFC 6665 §4.1). @throws UsageError where too many dialogs are open, ParseError where `to` is no address */
export function subscribe(
  context: DumContext,
  map: DialogMap,
  to: Addressee,
  event: EventPackage | string,
  options: SubscribeOptions & { readonly profile: Profile },
  handler: ClientSubscriptionHandler,
): ClientSubscription {
  if (map.size >= context.limits.maxDialogs)
    throw new UsageError('ERR_SIP_LIMIT', 'too many dialogs are open; raise maxDialogs')
  const { profile, expires = profile.values.subscriptionExpires, id, body, forks = 'end' } = options
  const wanted = {
    profile,
    to,
    event: packageOf(event),
    id,
    expires,
    body: body === undefined ? undefined : describe(body),
  }
  const subscription = new WatchingSubscription({
    context,
    wanted,
    handler,
    begin: (user, template) =>
      new SubscribeSet({ context, map, profile, user, keepsForks: forks === 'keep' }, template),
  })
  subscription.start()
  return subscription
}
