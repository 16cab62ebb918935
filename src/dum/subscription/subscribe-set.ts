import * as h from '../../stack/headers/index.ts'
import type { SipRequest, SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import type { RequestFailure } from '../../stack/transaction/request-failure.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import { flatCopy } from '../../util/bytes.ts'
import { PeerError } from '../../util/errors.ts'
import type { Timer, TimerOwner } from '../../util/timers.ts'
import type { DumContext } from '../core/context.ts'
import { type Dialog, notifierDialog } from '../dialog/dialog.ts'
import type { DialogMap, ForkedDialogs, UsedDialog } from '../dialog/dialog-map.ts'
import { isOfEvent } from '../event-package/event-package.ts'
import { Exchange, type ExchangeUser, type Sequence } from '../exchange/exchange.ts'
import { withLongerInterval } from '../exchange/interval.ts'
import type { Profile } from '../profile/profile.ts'

/** A dialog of the set, which a NOTIFY made. */
export interface SubscribedDialog extends UsedDialog {
  receive(transaction: ServerTransaction): void
  /** The 2xx to the SUBSCRIBE came from its notifier: for so many seconds. */
  onGranted(expires: number | undefined): void
}

/** Whose SUBSCRIBE it is. */
export interface SubscribeSetUser {
  readonly event: string
  readonly eventId: string | undefined
  /** The subscription of a dialog that a NOTIFY makes: the first, or a fork's. */
  attach(dialog: Dialog, set: SubscribeSet, isFirst: boolean): SubscribedDialog
  onRefused(status: number, response: SipResponse | undefined): void
  /** 64·T1 are over, and no NOTIFY came (Timer N). */
  onNotNotified(): void
}

export interface SubscribeSetParts {
  readonly context: DumContext
  readonly map: DialogMap
  readonly profile: Profile
  readonly user: SubscribeSetUser
  readonly keepsForks: boolean
}

/**
 * A SUBSCRIBE of ours outside dialogs, and the dialogs that NOTIFYs make of it: one for each notifier it was forked to
 * (RFC 6665 §4.4.1, §4.1.4). The 2xx makes none, and may come after a NOTIFY.
 */
export class SubscribeSet implements ForkedDialogs, Sequence, ExchangeUser, TimerOwner<'Timer N'> {
  readonly #parts: SubscribeSetParts
  readonly #exchange: Exchange
  readonly #localTag: string
  readonly #callId: string
  readonly #forks = new Map<string, SubscribedDialog>()
  /** Remote tags of forks that are over: what comes of them makes no new ones. */
  readonly #over = new Set<string>()
  #timerN: Timer | undefined
  #seq = 1
  #isOpen = true
  #hadFork = false
  /** The notifier whose 2xx came before its NOTIFY, and for how long it is. */
  #granted: { readonly tag: string; readonly expires: number | undefined } | undefined

  constructor(parts: SubscribeSetParts, template: RequestTemplate) {
    const { context, profile } = parts
    this.#parts = parts
    this.#localTag = template.from.tag ?? ''
    this.#callId = template.callId
    this.#exchange = new Exchange(context, template, this, this, profile.credentials)
  }

  /** Seconds that were asked for, a 423 heeded. */
  get asked(): number {
    return this.#exchange.template.get(h.Expires) ?? 0
  }

  start(): void {
    this.#parts.map.set(this.#localTag, this)
    this.#exchange.start()
    if (this.#isOpen) this.#startTimerN()
  }

  nextSeq(): number {
    return ++this.#seq
  }

  forkOf(remoteTag: string): UsedDialog | undefined {
    return this.#forks.get(remoteTag)
  }

  get forks(): Iterable<UsedDialog> {
    return this.#forks.values()
  }

  /** Whether a request makes a dialog: a NOTIFY of this event while Timer N runs. */
  takesNew(request: SipRequest): boolean {
    const { user, keepsForks, context } = this.#parts
    if (!this.#isOpen || request.method !== 'NOTIFY' || request.callId !== this.#callId) return false
    if (this.#hadFork && !keepsForks) return false
    if (this.#over.has(request.from.tag ?? '')) return false
    const count = this.#forks.size + this.#over.size
    return count < context.limits.maxForks && isOfEvent(request, user.event, user.eventId)
  }

  receiveNew(transaction: ServerTransaction): void {
    const { request } = transaction
    if (request.try(h.SubscriptionState).value === undefined) {
      transaction.respond(transaction.response(400, 'Subscription-State is missing'))
      return
    }
    let dialog: Dialog
    try {
      dialog = notifierDialog(this.#exchange.template, request)
    } catch (error) {
      if (!(error instanceof PeerError)) throw error
      transaction.respond(transaction.response(400, 'Contact is missing'))
      return
    }
    const isFirst = !this.#hadFork
    this.#hadFork = true
    const fork = this.#parts.user.attach(dialog, this, isFirst)
    this.#forks.set(dialog.remoteTag, fork)
    if (this.#granted?.tag === dialog.remoteTag) fork.onGranted(this.#granted.expires)
    fork.receive(transaction)
  }

  /** A dialog of the set is over. */
  release(remoteTag: string): void {
    this.#forks.delete(remoteTag)
    this.#over.add(remoteTag)
    if (!this.#parts.keepsForks) this.#isOpen = false
    this.#closeIfEmpty()
  }

  /** Nobody waits for its first NOTIFY any more. */
  close(): void {
    this.#isOpen = false
    this.#exchange.leave(() => {})
    this.#closeIfEmpty()
  }

  onTimer(): void {
    this.#isOpen = false
    if (!this.#hadFork) this.#parts.user.onNotNotified()
    this.#closeIfEmpty()
  }

  onFinal(response: SipResponse): void {
    if (response.status >= 300) {
      this.#fail(response.status, response)
      return
    }
    const tag = flatCopy(response.to.tag ?? '')
    const expires = response.try(h.Expires).value
    const fork = this.#forks.get(tag)
    if (fork !== undefined) fork.onGranted(expires)
    else this.#granted = { tag, expires }
  }

  onFailure(failure: RequestFailure): void {
    this.#fail(failure.status, undefined)
  }

  amend(sent: RequestTemplate, response: SipResponse): RequestTemplate | undefined {
    return withLongerInterval(sent, response)
  }

  onRetry(): void {
    this.#startTimerN()
  }

  /** Nobody of those it was forked to accepted, unless a NOTIFY says otherwise. */
  #fail(status: number, response: SipResponse | undefined): void {
    if (this.#hadFork) return
    this.#isOpen = false
    this.#parts.user.onRefused(status, response)
    this.#closeIfEmpty()
  }

  #startTimerN(): void {
    const { timers, timing } = this.#parts.context
    timers.stop(this.#timerN)
    this.#timerN = timers.start(this, 'Timer N', 64 * timing.t1)
  }

  #closeIfEmpty(): void {
    if (this.#isOpen || this.#forks.size > 0) return
    this.#parts.context.timers.stop(this.#timerN)
    this.#parts.map.delete(this.#localTag, this)
  }
}
