import * as h from '../../stack/headers/index.ts'
import type { SipRequest, SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import { RequestFailure } from '../../stack/transaction/request-failure.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import { flatCopy } from '../../util/bytes.ts'
import { UsageError } from '../../util/errors.ts'
import { answered } from '../../util/guard.ts'
import type { Timer, TimerOwner } from '../../util/timers.ts'
import type { DumContext } from '../core/context.ts'
import { describe } from '../core/description.ts'
import { Door } from '../core/door.ts'
import { RequestDuty } from '../core/request-duty.ts'
import type { Dialog } from '../dialog/dialog.ts'
import type { DialogRequests } from '../dialog/dialog-requests.ts'
import type { Usage } from '../dialog/usage.ts'
import { isOfEvent } from '../event-package/event-package.ts'
import { resourceOf } from '../event-package/resource.ts'
import { expiryFor } from '../exchange/expiry.ts'
import { retryAfterOf } from '../exchange/interval.ts'
import type {
  ExpiryPolicy,
  PublishedState,
  ServerSubscription,
  ServerSubscriptionHandler,
  ServerSubscriptionState,
  SubscriptionEnd,
  WatchedState,
} from '../handlers/subscription.ts'
import { contactFor } from '../profile/contact.ts'
import type { Profile } from '../profile/profile.ts'
import { Notifier, type NotifierUser } from './notifier.ts'
import { endsSubscription } from './rest.ts'
import {
  type ServerSubscriptionEvent,
  ServerSubscriptionMachine,
  type ServerSubscriptionUser,
} from './server-machine.ts'
import { eventOf } from './wanted.ts'

export interface ServerSubscriptionParts {
  readonly context: DumContext
  readonly profile: Profile
  readonly dialog: Dialog
  /** Requests of ours in the dialog, which it may share with a call (REFER, RFC 3515). */
  readonly requests: DialogRequests
  readonly event: string
  readonly id: string | undefined
  readonly policy: ExpiryPolicy
  /** What is granted to the first SUBSCRIBE, in seconds; 0 for one that asks once. */
  readonly expires: number
  readonly handler: ServerSubscriptionHandler
  /** Lets go of the dialog. */
  readonly release: () => void
  /** 202 where a REFER began it (RFC 3515 §2.4.2). Default 200. */
  readonly acceptStatus?: number
}

/** A subscription to us, begun by a SUBSCRIBE, or by a REFER. */
export class WatchedSubscription
  implements ServerSubscription, ServerSubscriptionUser, NotifierUser, Usage, TimerOwner<'expired'>
{
  readonly id: string
  readonly resource: string
  data: unknown
  readonly usages: readonly Usage[] = [this]
  readonly #parts: ServerSubscriptionParts
  readonly #machine = new ServerSubscriptionMachine(this)
  readonly #door: Door
  readonly #notifier: Notifier
  /** The request that began it; only while it is not answered. */
  #first: ServerTransaction | undefined
  #duty: RequestDuty | undefined
  #watched: WatchedState | undefined
  #neutral: WatchedState | undefined
  #wasGranted = false
  #expiresAt = 0
  #expiry: Timer | undefined
  ending: SubscriptionEnd | undefined

  constructor(parts: ServerSubscriptionParts, transaction: ServerTransaction) {
    const { context, dialog } = parts
    this.#parts = parts
    this.#first = transaction
    this.#door = new Door(context.failed, context.limits.maxWaiting)
    this.#notifier = new Notifier(parts.requests, this)
    this.id = dialog.localTag
    this.resource = flatCopy(resourceOf(transaction.request.requestUri))
  }

  get dialog(): Dialog {
    return this.#parts.dialog
  }

  get event(): string {
    return this.#parts.event
  }

  get eventId(): string | undefined {
    return this.#parts.id
  }

  get state(): ServerSubscriptionState {
    return this.#machine.state
  }

  get watcher(): string {
    return this.dialog.remote
  }

  get isPoll(): boolean {
    return this.#parts.expires === 0
  }

  get expiresIn(): number {
    return Math.max(0, Math.ceil((this.#expiresAt - this.#parts.context.timers.now()) / 1000))
  }

  /** @internal asks the application */
  begin(): void {
    const { context, handler } = this.#parts
    const request = this.#first?.request
    if (request === undefined) return
    const refuse = (status: number): void => this.#machine.feed('reject', { status })
    this.#duty = new RequestDuty(context, refuse, () => this.hold())
    this.#duty.ask(this.#door, () => handler.onNewSubscription(this, request))
  }

  grant(state?: WatchedState): void {
    this.#demand('grant')
    if (state !== undefined) this.#watched = checked(state)
    this.#wasGranted = true
    if (this.state === 'active') {
      if (state !== undefined) this.#machine.feed('publish')
      return
    }
    if (this.state === 'received') this.#duty?.take()
    this.#machine.feed(this.#isFirstPoll ? 'answer poll' : 'grant', { expires: this.#parts.expires })
  }

  hold(neutral?: WatchedState): void {
    this.#demand('hold')
    this.#duty?.take()
    if (neutral !== undefined) this.#neutral = checked(neutral)
    this.#machine.feed(this.#isFirstPoll ? 'answer poll' : 'hold', { expires: this.#parts.expires })
  }

  reject(status: number = 403): void {
    this.#demand('reject')
    if (this.state === 'received') this.#duty?.reject(status)
    else this.end('rejected')
  }

  publish(state: WatchedState): void {
    this.#demand('publish')
    this.#watched = checked(state)
    this.#machine.feed('publish')
  }

  end(reason: string = 'noresource', retryAfter?: number): void {
    const end: SubscriptionEnd = {
      by: 'local',
      reason,
      ...(retryAfter !== undefined && { retryAfter }),
    }
    if (this.state === 'received') this.#duty?.withdraw()
    this.#machine.feed('end', { end, status: 480 })
  }

  /** @internal someone published for the resource */
  onPublished(published: PublishedState): void {
    this.#tell(handler => handler.onPublished?.(this, published))
  }

  claims(request: SipRequest): boolean {
    return request.method === 'SUBSCRIBE'
  }

  receive(transaction: ServerTransaction): void {
    const { event, id, policy } = this.#parts
    const { request } = transaction
    const { state } = this
    if (!isOfEvent(request, event, id)) {
      // a dialog of its own is asked of every subscription (RFC 6665 §4.5.2)
      transaction.respond(403)
      return
    }
    if (state === 'closing' || state === 'terminated') {
      transaction.respond(481)
      return
    }
    const granted = expiryFor(request, policy)
    if ('least' in granted) {
      transaction.respond(transaction.response(423).set(h.MinExpires, granted.least))
      return
    }
    this.dialog.refreshTarget(request)
    const { expires } = granted
    this.#machine.feed(expires === 0 ? 'unsubscribe' : 'refresh', {
      transaction,
      expires,
      ...(expires === 0 && { end: { by: 'remote', reason: 'timeout' } }),
    })
  }

  onTimer(): void {
    this.#machine.feed('expired', { end: { by: 'timer', reason: 'timeout' } })
  }

  // of its NOTIFYs

  /** @internal of a subscription that was never granted the neutral state alone */
  get visible(): WatchedState | undefined {
    return this.#wasGranted ? this.#watched : this.#neutral
  }

  fill(notify: RequestTemplate): void {
    const { profile, dialog, event, id, handler, context } = this.#parts
    notify.appendBlock(profile.block)
    notify.set(h.Contact, contactFor(profile, dialog.secure)).set(h.Event, eventOf(event, id))
    answered(context.failed, () => {
      handler.onReadyToSend?.(this, notify)
    })
  }

  onUnmade(error: unknown): void {
    this.#tell(handler => handler.onError?.(this, error))
  }

  /** RFC 6665 §4.2.2. */
  onNotified(wasLast: boolean, answer: SipResponse | RequestFailure): void {
    const { status } = answer
    if (answer instanceof RequestFailure) this.#tell(handler => handler.onError?.(this, answer))
    else if (status >= 300) this.#tell(handler => handler.onNotifyRejected?.(this, answer))
    else {
      this.dialog.refreshTarget(answer)
      this.#tell(handler => handler.onNotifyAccepted?.(this, answer))
    }
    if (wasLast) this.#machine.feed('notified')
    else if (endsSubscription(status) || status === 408) {
      const isAnswer = !(answer instanceof RequestFailure)
      const retryAfter = isAnswer ? retryAfterOf(answer) : undefined
      const by = isAnswer ? 'remote' : 'network'
      this.#machine.feed('lost', { end: { by, status, ...(retryAfter !== undefined && { retryAfter }) } })
    }
  }

  // what the machine does

  accept(): void {
    const transaction = this.#first
    this.#first = undefined
    if (transaction === undefined) return
    this.#respond(transaction, this.#parts.acceptStatus ?? 200, this.#parts.expires)
  }

  refuse({ status = 403 }: ServerSubscriptionEvent): void {
    const transaction = this.#first
    this.#first = undefined
    transaction?.respond(transaction.response(status).appendBlock(this.#parts.profile.block))
  }

  acceptRefresh({ transaction, expires = 0 }: ServerSubscriptionEvent): void {
    if (transaction !== undefined) this.#respond(transaction, 200, expires)
  }

  startExpiry({ expires = 0 }: ServerSubscriptionEvent): void {
    const { timers } = this.#parts.context
    timers.stop(this.#expiry)
    this.#expiresAt = timers.now() + expires * 1000
    this.#expiry = timers.start(this, 'expired', expires * 1000)
  }

  notify(): void {
    this.#notifier.notify()
  }

  notifyLast({ end = { by: 'remote', reason: 'timeout' } }: ServerSubscriptionEvent): void {
    this.#parts.context.timers.stop(this.#expiry)
    this.#expiry = undefined
    this.ending = end
    this.notify()
  }

  tellRefresh({ transaction }: ServerSubscriptionEvent): void {
    if (transaction === undefined) return
    const { request } = transaction
    this.#tell(handler => handler.onRefresh?.(this, request))
  }

  tellExpired(): void {
    this.#tell(handler => handler.onExpired?.(this))
  }

  tellExpiredByClient({ transaction }: ServerSubscriptionEvent): void {
    if (transaction === undefined) return
    const { request } = transaction
    this.#tell(handler => handler.onExpiredByClient?.(this, request))
  }

  release(): void {
    const { context, release } = this.#parts
    context.timers.stop(this.#expiry)
    this.#expiry = undefined
    this.#expiresAt = 0
    release()
  }

  tellTerminated({ end }: ServerSubscriptionEvent): void {
    const why = this.ending ?? end ?? { by: 'network' }
    this.#door.tellLast(() => this.#parts.handler.onTerminated?.(this, why))
  }

  get #isFirstPoll(): boolean {
    return this.isPoll && this.state === 'received'
  }

  #respond(transaction: ServerTransaction, status: number, expires: number): void {
    const { profile, dialog } = this.#parts
    const response = transaction.response(status).appendBlock(profile.block)
    transaction.respond(response.set(h.Contact, contactFor(profile, dialog.secure)).set(h.Expires, expires))
  }

  #tell(call: (handler: ServerSubscriptionHandler) => unknown): void {
    this.#door.tell(() => call(this.#parts.handler))
  }

  #demand(verb: 'grant' | 'hold' | 'reject' | 'publish'): void {
    const { state } = this
    if (state === 'closing' || state === 'terminated')
      throw new UsageError('ERR_SIP_OVER', `the subscription ${this.id} is over`)
    if (verb === 'hold' && state !== 'received')
      throw new UsageError('ERR_SIP_STATE', 'only a new subscription can be held')
  }
}

/** A body is kept as its text: what its maker does with it later changes nothing. */
function checked(state: WatchedState): WatchedState {
  return typeof state === 'function' ? state : describe(state)
}
