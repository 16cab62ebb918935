import { type Content, contentsOf } from '../../stack/contents/content.ts'
import type { SubscriptionState } from '../../stack/headers/event.ts'
import * as h from '../../stack/headers/index.ts'
import type { SipRequest } from '../../stack/message/message.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import type { DumContext } from '../core/context.ts'
import { bodyOf, type Description } from '../core/description.ts'
import type { Door } from '../core/door.ts'
import { answering, type RequestDuty } from '../core/request-duty.ts'
import type { Notification } from '../handlers/subscription.ts'
import type { Profile } from '../profile/profile.ts'

/** A NOTIFY that came, as its handler sees it. */
export class NotifyDuty implements Notification {
  readonly request: SipRequest
  readonly subscriptionState: SubscriptionState
  readonly body: Description | undefined
  readonly #duty: RequestDuty

  private constructor(
    context: DumContext,
    profile: Profile,
    transaction: ServerTransaction,
    state: SubscriptionState,
  ) {
    this.request = transaction.request
    this.subscriptionState = state
    this.body = bodyOf(transaction.request)
    this.#duty = answering(context, status => {
      transaction.respond(transaction.response(status).appendBlock(profile.block))
    })
  }

  /** `undefined` where it has no Subscription-State that can be read: then it was answered 400 (RFC 6665 §4.1.3). */
  static of(context: DumContext, profile: Profile, transaction: ServerTransaction): NotifyDuty | undefined {
    const state = transaction.request.try(h.SubscriptionState).value
    if (state !== undefined) return new NotifyDuty(context, profile, transaction, state)
    transaction.respond(transaction.response(400, 'Subscription-State is missing'))
    return undefined
  }

  get state(): string {
    return this.subscriptionState.state
  }

  get isAnswered(): boolean {
    return this.#duty.isAnswered
  }

  contents<T>({ content }: { readonly content: Content<T> }): T | undefined {
    return contentsOf(this.request, content)
  }

  accept(status?: number): void {
    this.#duty.accept(status)
  }

  reject(status: number): void {
    this.#duty.reject(status)
  }

  ask(door: Door, call: () => unknown): void {
    this.#duty.ask(door, call)
  }

  askLast(door: Door, call: () => unknown): void {
    this.#duty.askLast(door, call)
  }
}
