import * as h from '../../stack/headers/index.ts'
import type { Flow } from '../../stack/message/flow.ts'
import type { SipRequest, SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import { UsageError } from '../../util/errors.ts'
import { answered } from '../../util/guard.ts'
import type { TimerOwner } from '../../util/timers.ts'
import type { DumContext } from '../core/context.ts'
import { Door } from '../core/door.ts'
import type { Dialog } from '../dialog/dialog.ts'
import { DialogRequests } from '../dialog/dialog-requests.ts'
import type { Usage } from '../dialog/usage.ts'
import { isOfEvent, takesBody } from '../event-package/event-package.ts'
import { retryAfterOf, withLongerInterval } from '../exchange/interval.ts'
import type {
  ClientSubscription,
  ClientSubscriptionHandler,
  ClientSubscriptionState,
  SubscriptionEnd,
} from '../handlers/subscription.ts'
import {
  type ClientSubscriptionEvent,
  ClientSubscriptionMachine,
  type ClientSubscriptionUser,
} from './client-machine.ts'
import { NotifyDuty } from './notify-duty.ts'
import { endsSubscription, pauseAfter, SHORT_LIVED, slowing } from './rest.ts'
import type { SubscribedDialog, SubscribeSet, SubscribeSetUser } from './subscribe-set.ts'
import { Term, type TermTimer } from './term.ts'
import { fillSubscribe, initialSubscribe, type Wanted } from './wanted.ts'

export interface ClientSubscriptionParts {
  readonly context: DumContext
  readonly wanted: Wanted
  readonly handler: ClientSubscriptionHandler
  /** Sends a SUBSCRIBE outside dialogs for it. */
  readonly begin: (user: SubscribeSetUser, template: RequestTemplate) => SubscribeSet
}

/** A subscription of ours: with one notifier, or asked for. */
export class WatchingSubscription
  implements
    ClientSubscription,
    ClientSubscriptionUser,
    SubscribeSetUser,
    SubscribedDialog,
    Usage,
    TimerOwner<TermTimer>
{
  readonly id: string
  data: unknown
  readonly usages: readonly Usage[] = [this]
  readonly #parts: ClientSubscriptionParts
  readonly #machine = new ClientSubscriptionMachine(this)
  readonly #door: Door
  readonly #term: Term
  readonly #isFork: boolean
  #set: SubscribeSet | undefined
  #dialog: Dialog | undefined
  #requests: DialogRequests | undefined
  #begunAt = 0
  /** Subscriptions in a row that ended soon. */
  #attempts = 0
  #isNew = true
  #wasUp = false

  constructor(parts: ClientSubscriptionParts, isFork: boolean = false) {
    const { context, wanted } = parts
    this.#parts = parts
    this.#isFork = isFork
    this.#term = new Term(context, this, wanted.expires)
    this.#door = new Door(context.failed, context.limits.maxWaiting)
    if (isFork) this.id = context.identifiers.newTag()
    else {
      const template = initialSubscribe(context, wanted)
      this.id = template.from.tag ?? ''
      this.#begin(template)
    }
  }

  get event(): string {
    return this.#parts.wanted.event.name
  }

  get eventId(): string | undefined {
    return this.#parts.wanted.id
  }

  get state(): ClientSubscriptionState {
    return this.#machine.state
  }

  get expiresIn(): number {
    return this.#term.expiresIn
  }

  /** @internal it has one from its first NOTIFY on, and only then it is looked up */
  get dialog(): Dialog {
    if (this.#dialog === undefined)
      throw new UsageError('ERR_SIP_STATE', `the subscription ${this.id} has no dialog yet`)
    return this.#dialog
  }

  refresh(): void {
    if (this.state === 'terminated')
      throw new UsageError('ERR_SIP_OVER', `the subscription ${this.id} is over`)
    this.#machine.feed('due')
  }

  end(): void {
    this.#machine.feed('end', { end: { by: 'local' } })
  }

  // of the set

  attach(dialog: Dialog, set: SubscribeSet, isFirst: boolean): SubscribedDialog {
    const subscription = isFirst ? this : new WatchingSubscription(this.#parts, true)
    subscription.#attachTo(dialog, set)
    return subscription
  }

  onRefused(status: number, response: SipResponse | undefined): void {
    const retryAfter = retryAfterOf(response)
    const by = response === undefined ? 'network' : 'remote'
    // what was never granted is not asked for again unless the server says when; what was up outlasts a server's rest
    const isAway =
      this.#wasUp && (by === 'network' || status === 408 || status === 480 || isServerError(status))
    const advised = retryAfter ?? (isAway ? 0 : undefined)
    this.#end({ by, status, ...(retryAfter !== undefined && { retryAfter }) }, advised)
  }

  onNotNotified(): void {
    this.#missNotify(this.#wasUp ? 0 : undefined)
  }

  onGranted(expires: number | undefined): void {
    this.#term.onGranted(expires)
  }

  // of the dialog

  claims(request: SipRequest): boolean {
    return request.method === 'NOTIFY' && isOfEvent(request, this.event, this.eventId)
  }

  receive(transaction: ServerTransaction): void {
    const { context, wanted } = this.#parts
    const { request } = transaction
    const notify = NotifyDuty.of(context, wanted.profile, transaction)
    if (notify === undefined) return
    this.#term.stop('Timer N')
    this.dialog.refreshTarget(request)
    const { state, expires } = notify.subscriptionState
    // of a body that is not understood nobody is told, but what its header says holds
    const isTaken = takesBody(wanted.event, request)
    const told = isTaken ? { notify } : {}
    if (!isTaken)
      transaction.respond(transaction.response(415).setText(h.Accept, wanted.event.accepts.join(', ')))
    // a question is over with its answer, whatever the notifier calls that
    if (state === 'terminated' || wanted.expires === 0) {
      this.#receiveTerminated(notify, isTaken)
      return
    }
    this.#term.onNotified(expires)
    const isPending = state === 'pending' || (state !== 'active' && this.state !== 'active')
    this.#machine.feed(isPending ? 'pending' : 'active', told)
  }

  onFlowFailed(flow: Flow): void {
    const own = this.#dialog?.flow
    if (own === undefined || own.connection !== flow.connection || own.transport !== flow.transport) return
    this.dialog.flow = undefined
    this.#tell(handler => handler.onFlowTerminated?.(this))
    // who has lost many at once does not ask for all of them at once
    this.#term.start('due', 5000 * this.#parts.context.random())
  }

  onTimer(name: TermTimer): void {
    if (name === 'due') this.#machine.feed('due')
    else if (name === 'expired') this.#end({ by: 'timer' }, 0)
    else this.#missNotify(0)
  }

  // what the machine does

  tellUpdate({ notify }: ClientSubscriptionEvent): void {
    if (notify === undefined) return
    this.#tellFirst(notify)
    this.#wasUp = true
    const { handler } = this.#parts
    notify.ask(this.#door, () => {
      if (notify.state === 'pending') return handler.onUpdatePending?.(this, notify)
      if (notify.state === 'active') return handler.onUpdateActive?.(this, notify)
      return handler.onUpdateExtension?.(this, notify)
    })
  }

  release(): void {
    this.#term.end()
    this.#requests?.close()
    const remoteTag = this.#dialog?.remoteTag
    if (remoteTag === undefined) this.#set?.close()
    else this.#set?.release(remoteTag)
    this.#requests = undefined
    this.#dialog = undefined
    this.#set = undefined
  }

  tellTerminated({ notify, end = { by: 'local' } }: ClientSubscriptionEvent): void {
    const call = (): unknown => this.#parts.handler.onTerminated?.(this, end, notify)
    if (notify === undefined) this.#door.tellLast(call)
    else notify.askLast(this.#door, call)
  }

  rest({ notify, rest = 0 }: ClientSubscriptionEvent): void {
    if (notify?.isAnswered === false) notify.accept()
    this.#term.start('due', rest)
  }

  stopResting(): void {
    this.#term.stop('due')
  }

  sendRefresh(): void {
    this.#term.stop('due')
    this.#send()
  }

  sendUnsubscribe(): void {
    if (this.#term.asked === 0) return
    this.#term.asked = 0
    this.#term.stop('due')
    this.#send()
  }

  subscribeAnew(): void {
    this.#term.stop('due')
    this.#isNew = true
    this.#begin(initialSubscribe(this.#parts.context, this.#parts.wanted))
    this.start()
  }

  acceptSilently({ notify }: ClientSubscriptionEvent): void {
    notify?.accept()
  }

  #begin(template: RequestTemplate): void {
    const { begin, handler, context } = this.#parts
    answered(context.failed, () => {
      handler.onReadyToSend?.(this, template)
    })
    this.#set = begin(this, template)
  }

  /** @internal sends the first SUBSCRIBE, when the handle is the application's */
  start(): void {
    this.#set?.start()
  }

  #attachTo(dialog: Dialog, set: SubscribeSet): void {
    const { context, wanted } = this.#parts
    this.#set = set
    this.#term.asked = set.asked
    this.#dialog = dialog
    this.#requests = new DialogRequests(context, dialog, wanted.profile.credentials)
  }

  #receiveTerminated(notify: NotifyDuty, isTaken: boolean): void {
    const { reason, retryAfter } = notify.subscriptionState
    if (isTaken) this.#tellFirst(notify)
    const end: SubscriptionEnd = {
      by: 'remote',
      ...(reason !== undefined && { reason }),
      ...(retryAfter !== undefined && { retryAfter }),
    }
    this.#end(end, pauseAfter(end), isTaken ? notify : undefined)
  }

  #tellFirst(notify: NotifyDuty): void {
    if (!this.#isNew) return
    this.#isNew = false
    this.#begunAt = this.#parts.context.timers.now()
    this.#tell(handler => handler.onNewSubscription?.(this, notify))
  }

  #missNotify(pause: number | undefined): void {
    if (this.state !== 'ending') this.#tell(handler => handler.onNotifyNotReceived?.(this))
    this.#end({ by: 'timer', status: 408 }, pause)
  }

  /** It is over, and asked for again after `pause` seconds unless the application says otherwise. */
  #end(end: SubscriptionEnd, pause: number | undefined, notify?: NotifyDuty): void {
    const rest = this.#isWanted ? this.#restAfter(end, pause) : undefined
    const event = { end, ...(notify !== undefined && { notify }) }
    if (rest === undefined) this.#machine.feed('over', event)
    else this.#machine.feed('over, again', { ...event, rest })
  }

  /** A question that was asked once, and what a fork brought besides, are not asked for again. */
  get #isWanted(): boolean {
    const { state } = this.#machine
    const isUp = state === 'notifyWait' || state === 'pending' || state === 'active'
    return isUp && !this.#isFork && this.#parts.wanted.expires > 0
  }

  #restAfter(end: SubscriptionEnd, advised: number | undefined): number | undefined {
    const { handler, context } = this.#parts
    const chosen = answered(context.failed, () => handler.onRequestRetry?.(this, end))
    if (chosen === false) return undefined
    const pause = chosen ?? advised
    if (pause === undefined || !(pause >= 0)) return undefined
    const wasShort = this.#isNew || context.timers.now() - this.#begunAt < SHORT_LIVED
    this.#attempts = wasShort ? this.#attempts + 1 : 0
    return Math.max(pause, slowing(Math.max(0, this.#attempts - 1))) * 1000
  }

  #send(): void {
    const { context, wanted, handler } = this.#parts
    const fill = (template: RequestTemplate): void => {
      fillSubscribe(template, wanted, this.#term.asked, this.dialog.secure)
      answered(context.failed, () => {
        handler.onReadyToSend?.(this, template)
      })
      this.#term.onSent()
    }
    this.#requests?.send('SUBSCRIBE', fill, {
      onFinal: response => this.#onAnswered(response.status, response),
      onFailure: failure => this.#onAnswered(failure.status, undefined),
      amend: (sent, response) => {
        const longer = withLongerInterval(sent, response)
        this.#term.asked = longer?.get(h.Expires) ?? this.#term.asked
        return longer
      },
    })
  }

  /** A SUBSCRIBE within the dialog was answered (RFC 6665 §4.1.2.2). */
  #onAnswered(status: number, response: SipResponse | undefined): void {
    if (response !== undefined && status < 300) {
      this.dialog.refreshTarget(response)
      if (status === 204) this.#term.stop('Timer N')
      this.onGranted(response.try(h.Expires).value)
      return
    }
    this.#term.stop('Timer N')
    const isOver = this.state === 'ending' || endsSubscription(status)
    const retryAfter = retryAfterOf(response)
    if (isOver) {
      const by = response === undefined ? 'network' : 'remote'
      const end: SubscriptionEnd = { by, status, ...(retryAfter !== undefined && { retryAfter }) }
      this.#end(end, pauseAfter(end))
    } else this.#term.start('due', Math.max(retryAfter ?? 5, this.expiresIn / 2) * 1000)
  }

  #tell(call: (handler: ClientSubscriptionHandler) => unknown): void {
    this.#door.tell(() => call(this.#parts.handler))
  }
}

function isServerError(status: number): boolean {
  return status >= 500 && status < 600
}
