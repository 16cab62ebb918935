import * as h from '../../stack/headers/index.ts'
import { Reason } from '../../stack/headers/reason.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import type { RequestFailure } from '../../stack/transaction/request-failure.ts'
import type { Timer, TimerOwner } from '../../util/timers.ts'
import { type CallOutcome, outcome } from '../call-record/outcome.ts'
import { CallTimes, type Timeline } from '../call-record/timeline.ts'
import type { DumContext } from '../core/context.ts'
import type { Description } from '../core/description.ts'
import { Door } from '../core/door.ts'
import { uacDialog } from '../dialog/dialog.ts'
import type { DialogMap, ForkedDialogs, UsedDialog } from '../dialog/dialog-map.ts'
import { Exchange, type ExchangeUser } from '../exchange/exchange.ts'
import { type Addressee, newRequest } from '../exchange/new-request.ts'
import type {
  ClientInvite,
  ClientInviteHandler,
  ClientInviteSession,
  Offer,
  OfferRequest,
} from '../handlers/invite.ts'
import type { Profile } from '../profile/profile.ts'
import { Attempt, type AttemptEvent, type AttemptUser } from './attempt.ts'
import type { CallEvent } from './call.ts'
import { ClientSession, type ForkParent } from './client-session.ts'
import { askForTimer, withLongerTimer } from './timer-terms.ts'

export interface ClientInviteParts {
  readonly context: DumContext
  readonly map: DialogMap
  readonly profile: Profile
  readonly handler: ClientInviteHandler
  readonly to: Addressee
  readonly offer: Description | undefined
  /** Another session's duty that this call fulfils: its answer, or the offer that it makes, is given to that. */
  readonly given: Offer | OfferRequest | undefined
  /** What becomes of forks that are accepted after the first. */
  readonly forks: 'end' | 'keep'
}

/** A call of ours: the INVITE with its retries, and the dialogs that it makes (RFC 3261 §12.1.2, a dialog set). */
export class DialogSet
  implements ClientInvite, ForkedDialogs, ForkParent, AttemptUser, ExchangeUser, TimerOwner
{
  readonly id: string
  readonly #parts: ClientInviteParts
  readonly #attempt = new Attempt(this)
  readonly #exchange: Exchange
  readonly #door: Door
  readonly #times: CallTimes
  readonly #forks = new Map<string, ClientSession>()
  #seq = 1
  #isAccepted = false
  #stale: Timer | undefined
  #response: SipResponse | undefined

  constructor(parts: ClientInviteParts) {
    const { context, profile } = parts
    this.#parts = parts
    this.#door = new Door(context.failed, context.limits.maxWaiting)
    this.#times = new CallTimes(context.date(), context.timers.now())
    const template = invite(parts)
    this.id = template.from.tag ?? ''
    this.#exchange = new Exchange(context, template, this, this, profile.credentials, {})
  }

  get sessions(): readonly ClientInviteSession[] {
    return [...this.#forks.values()]
  }

  /** Those that hear of flows that fail. */
  get forks(): readonly UsedDialog[] {
    return [...this.#forks.values()]
  }

  get timeline(): Timeline {
    return this.#times.timeline
  }

  get sent(): RequestTemplate {
    return this.#exchange.template
  }

  start(): void {
    const { context, map, profile } = this.#parts
    map.set(this.id, this)
    context.counters.callsOut++
    this.#stale = context.timers.start(this, 'stale call', profile.values.staleCall * 1000)
    this.#exchange.start()
  }

  end(why?: CallOutcome | Reason | number): void {
    if (this.#isAccepted) for (const session of [...this.#forks.values()]) session.end(why)
    this.#attempt.feed('hang up', { outcome: cancelled(why) })
  }

  nextSeq(): number {
    return ++this.#seq
  }

  forkOf(remoteTag: string): UsedDialog | undefined {
    return this.#forks.get(remoteTag)
  }

  onTimer(): void {
    const end = outcome({ kind: 'Timeout', by: 'timer', status: 408 })
    for (const session of [...this.#forks.values()])
      session.tell(handler => handler.onStaleCallTimeout?.(session))
    this.#attempt.feed('hang up', { outcome: end })
  }

  // of the exchange

  onProvisional(response: SipResponse): void {
    this.#attempt.feed('1xx')
    // the end was told
    if (this.#attempt.state === 'cancelling') return
    const { handler, context } = this.#parts
    if (response.status === 100) {
      this.#times.mark('trying', context.timers.now())
      this.#door.tell(() => handler.onTrying?.(this, response))
      return
    }
    const session = this.#forkFor(response, true)
    if (session !== undefined) session.receiveProvisional(response)
    else if (response.to.tag === undefined)
      this.#door.tell(() => handler.onNonDialogCreatingProvisional?.(this, response))
  }

  onFinal(response: SipResponse): void {
    this.#response = response
    if (response.status >= 300) {
      this.#attempt.feed('refused', { outcome: refused(response) })
      return
    }
    const wasCancelled = this.#attempt.state === 'cancelling'
    const isWanted = !wasCancelled && (!this.#isAccepted || this.#parts.forks === 'keep')
    this.#attempt.feed('2xx')
    this.#parts.context.timers.stop(this.#stale)
    const session = this.#forkFor(response, isWanted)
    if (session === undefined) return
    const wasFirst = !this.#isAccepted
    this.#isAccepted = true
    session.receiveAccept(response, !session.isOver)
    if (wasFirst && this.#parts.forks === 'end') {
      for (const other of [...this.#forks.values()]) if (other !== session) other.fail()
    }
  }

  onFailure(failure: RequestFailure): void {
    const kind = failure.status === 408 ? 'Timeout' : failure.status === 487 ? 'LocalCancel' : 'Error'
    const by = kind === 'LocalCancel' ? 'local' : 'network'
    this.#attempt.feed('refused', { outcome: outcome({ kind, by, status: failure.status }) })
  }

  onRetry(): void {
    this.#attempt.feed('retry')
    this.#attempt.feed('sent')
  }

  onTarget(): void {
    this.endForks()
  }

  amend(sent: RequestTemplate, response: SipResponse): RequestTemplate | undefined {
    return response.status === 422 ? withLongerTimer(sent, response) : undefined
  }

  onAcceptedOver(): void {
    this.#attempt.feed('over')
  }

  // of the forks

  isOnlyFork(session: ClientSession): boolean {
    return !this.#isAccepted && [...this.#forks.values()].every(fork => fork === session)
  }

  cancel(event: CallEvent): void {
    this.#attempt.feed('hang up', event)
  }

  // what the attempt has done

  sendCancel({ outcome: end }: AttemptEvent): void {
    for (const session of [...this.#forks.values()]) session.quit()
    this.#exchange.cancel(...(end?.reasons ?? []))
  }

  stopRetry(): void {
    this.#exchange.leave(() => {})
  }

  endForks(): void {
    for (const session of [...this.#forks.values()]) session.fail()
  }

  tellFailure({ outcome: end }: AttemptEvent): void {
    this.#parts.context.timers.stop(this.#stale)
    this.#times.mark('ended', this.#parts.context.timers.now())
    const why = end ?? outcome({ kind: 'Error', by: 'local' })
    const { handler } = this.#parts
    this.#door.tellLast(() => handler.onFailure?.(this, why, this.#response))
  }

  /** The map keeps the dialogs that are left, each under the tag that they share. */
  dissolve(): void {
    const { map, context } = this.#parts
    context.timers.stop(this.#stale)
    const left = [...this.#forks.values()]
    if (left.length > 1) return
    map.delete(this.id, this)
    const [last] = left
    if (last !== undefined) map.set(this.id, last)
  }

  /** The fork that answered; one that nobody wants is made all the same, to be ended, but the application hears nothing of it. */
  #forkFor(response: SipResponse, isWanted: boolean): ClientSession | undefined {
    // a 2xx without tag makes a dialog with a null one (RFC 3261 §12.1.2)
    const tag = response.to.tag ?? (response.status < 200 ? undefined : '')
    if (tag === undefined) return undefined
    const known = this.#forks.get(tag)
    if (known !== undefined) return known
    const { context, profile, handler, offer, given } = this.#parts
    // the first that is accepted is taken in place of those that ring
    const isTaken =
      this.#forks.size < context.limits.maxForks || (response.status >= 200 && isWanted && !this.#isAccepted)
    if (!isTaken) {
      context.counters.refusedByLimit++
      if (response.status < 200) return undefined
    }
    const dialog = uacDialog(this.sent, response)
    dialog.localSeq = Math.max(dialog.localSeq, this.#seq)
    const release = (): void => this.#onReleased(session)
    const session: ClientSession = new ClientSession(
      { context, dialog, profile, times: this.#times, release },
      this,
      handler,
      { offer, given },
    )
    if (isTaken) this.#forks.set(dialog.remoteTag, session)
    if (isTaken && isWanted) session.tell(() => handler.onNewSession?.(session, response))
    else session.door.shut()
    return session
  }

  #onReleased(session: ClientSession): void {
    const { map } = this.#parts
    // one that is made again by a late 2xx goes on counting (RFC 3261 §12.2.1.1)
    this.#seq = Math.max(this.#seq, session.dialog.localSeq)
    if (this.#forks.get(session.remoteTag) === session) this.#forks.delete(session.remoteTag)
    map.delete(this.id, session)
    if (this.#attempt.state === 'ended' && this.#forks.size === 0) map.delete(this.id, this)
  }
}

function invite({ context, profile, to, offer }: ClientInviteParts): RequestTemplate {
  const { required, reliableUac, supported } = profile.values
  const template = newRequest(context, profile, 'INVITE', to, true)
  const needed = reliableUac === 'required' ? [...required, '100rel'] : required
  if (needed.length > 0) template.set(h.Require, ...needed)
  if (reliableUac === 'never') template.set(h.Supported, ...supported.filter(tag => tag !== '100rel'))
  askForTimer(template, profile)
  offer?.writeTo(template)
  return template
}

function refused(response: SipResponse): CallOutcome {
  const reasons = response.tryAll(h.Reason).value ?? []
  return outcome({ kind: 'Rejected', by: 'remote', status: response.status, reasons })
}

function cancelled(why: CallOutcome | Reason | number | undefined): CallOutcome {
  const reasons = why instanceof Reason ? [why] : typeof why === 'object' ? why.reasons : []
  return outcome({ kind: 'LocalCancel', by: 'local', reasons })
}
