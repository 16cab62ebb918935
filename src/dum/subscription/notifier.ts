import { noParams, type Params } from '../../stack/grammar/params.ts'
import { SubscriptionState } from '../../stack/headers/event.ts'
import * as h from '../../stack/headers/index.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import type { RequestFailure } from '../../stack/transaction/request-failure.ts'
import { describe } from '../core/description.ts'
import type { DialogRequests } from '../dialog/dialog-requests.ts'
import type { SubscriptionEnd, WatchedState } from '../handlers/subscription.ts'

/** Whose NOTIFYs they are. */
export interface NotifierUser {
  /** `pending` or `active`, until the end is there. */
  readonly state: string
  readonly expiresIn: number
  /** Why it is over: then the next NOTIFY is the last. */
  readonly ending: SubscriptionEnd | undefined
  /** What may be told now. */
  readonly visible: WatchedState | undefined
  /** Contact, Event, and what the application has to say. */
  fill(notify: RequestTemplate): void
  onUnmade(error: unknown): void
  onNotified(wasLast: boolean, answer: SipResponse | RequestFailure): void
}

/** Sends the NOTIFYs of a subscription one at a time; what has changed meanwhile goes next, as it is then. */
export class Notifier {
  readonly #requests: DialogRequests
  readonly #user: NotifierUser
  #isNotifying = false
  #isStale = false

  constructor(requests: DialogRequests, user: NotifierUser) {
    this.#requests = requests
    this.#user = user
  }

  notify(): void {
    this.#isStale = true
    this.#sendIfStale()
  }

  #sendIfStale(): void {
    if (!this.#isStale || this.#isNotifying) return
    this.#isStale = false
    this.#isNotifying = true
    let isLast = false
    const fill = (template: RequestTemplate): void => {
      // decided when it goes: in a dialog that is shared it may have waited
      isLast = this.#user.ending !== undefined
      this.#fill(template)
    }
    const isTaken = this.#requests.send('NOTIFY', fill, {
      onFinal: response => this.#onEnd(isLast, response),
      onFailure: failure => this.#onEnd(isLast, failure),
    })
    if (isTaken) return
    this.#isNotifying = false
    this.#isStale = true
  }

  #onEnd(wasLast: boolean, answer: SipResponse | RequestFailure): void {
    this.#isNotifying = false
    this.#user.onNotified(wasLast, answer)
    this.#sendIfStale()
  }

  #fill(template: RequestTemplate): void {
    const { visible } = this.#user
    template.set(h.SubscriptionState, this.#stateNow())
    try {
      if (visible !== undefined)
        describe(typeof visible === 'function' ? visible() : visible).writeTo(template)
    } catch (error) {
      this.#user.onUnmade(error)
    }
    this.#user.fill(template)
  }

  #stateNow(): SubscriptionState {
    const { ending, state, expiresIn } = this.#user
    if (ending === undefined)
      return new SubscriptionState(state, noParams.withText('expires', String(expiresIn)))
    const { reason = 'noresource', retryAfter } = ending
    const params: Params = noParams.withText('reason', reason)
    return new SubscriptionState(
      'terminated',
      retryAfter === undefined ? params : params.withText('retry-after', String(retryAfter)),
    )
  }
}
