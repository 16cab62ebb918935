import type { SipRequest, SipResponse } from '../../stack/message/message.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import { outcome } from '../call-record/outcome.ts'
import type { Description } from '../core/description.ts'
import { exchangeOf, verb } from './legality.ts'
import type { ChangeUser, Modifiable, RunningTimer, Wanted } from './modifiable.ts'
import { Modification, type ModificationUser } from './modification.ts'
import { OwnChange } from './own-change.ts'
import { SessionTimer, type SessionTimerUser } from './session-timer.ts'
import { TheirChange } from './their-change.ts'
import { type TimerTerms, termsOfAnswer } from './timer-terms.ts'

/** What changes a session: one re-INVITE or UPDATE at a time, of either side, what waits for its turn, and the timer. */
export class Modifier implements ModificationUser, SessionTimerUser, ChangeUser {
  readonly #session: Modifiable
  readonly #modification: Modification
  readonly #own: OwnChange
  readonly #their: TheirChange
  #timer: SessionTimer | undefined
  /** What waits for its turn; a newer one takes its place. */
  #wanted: Wanted | undefined
  #wantsRefresh = false

  constructor(session: Modifiable) {
    this.#session = session
    this.#modification = new Modification(session.context.timers, this)
    this.#own = new OwnChange(session, this.#modification, this)
    this.#their = new TheirChange(session, this.#modification, terms => this.grantTimer(terms))
  }

  get isIdle(): boolean {
    return this.#modification.isIdle
  }

  isLegal(name: 'offer' | 'request offer' | 'refresh' | 'in session'): boolean {
    return verb(this.#session.role, this.#session.state, name) !== 'illegal'
  }

  /** Does it when its turn comes. What waited before is not done: its reply hears 491. */
  want(wanted: Wanted): void {
    const replaced = this.#wanted
    this.#wanted = wanted
    if (replaced !== undefined) this.#own.refuse(replaced, 491)
    this.tryNext()
  }

  refresh(): void {
    this.#wantsRefresh = true
    this.tryNext()
  }

  /** What waits is begun, if it may be now. */
  tryNext(): void {
    const session = this.#session
    if (session.isOver || !this.#modification.isIdle || this.#modification.isPausing) return
    const open = exchangeOf(this.#modification.state, session.isFirstOfferOpen, session.isFirstAcked)
    if (open !== 'quiet') return
    const wanted = this.#wanted
    const name = wanted?.describe === undefined ? 'request offer' : 'offer'
    if (wanted !== undefined && this.#own.mayBegin && verb(session.role, session.state, name) === 'now') {
      this.#wanted = undefined
      if (!this.#own.begin(wanted)) this.tryNext()
    } else if (
      this.#wantsRefresh &&
      this.#own.mayBegin &&
      verb(session.role, session.state, 'refresh') === 'now'
    ) {
      this.#wantsRefresh = false
      this.#own.refresh()
    }
  }

  receiveInvite(transaction: ServerTransaction): void {
    this.#their.receiveInvite(transaction)
  }

  receiveUpdate(transaction: ServerTransaction): void {
    this.#their.receiveUpdate(transaction)
  }

  receiveAck(ack: SipRequest): void {
    this.#their.receiveAck(ack)
  }

  receiveCancel(transaction: ServerTransaction): void {
    this.#their.receiveCancel(transaction)
  }

  /** Ours was answered. */
  tellAnswer(answer: Description): void {
    const { reply } = this.#their
    if (reply !== undefined) this.#own.tellAnswer(answer, reply)
    else this.#own.tellAnswer(answer)
  }

  /** A 2xx to INVITE or UPDATE went, or came. */
  grantTimer({ interval, byUs }: TimerTerms): void {
    if (interval === undefined && this.#timer === undefined) return
    this.#timer ??= new SessionTimer(this.#session.context.timers, this)
    this.#timer.receive2xx(interval, byUs)
  }

  /** The call is over: nothing is begun any more, and what is open is withdrawn. */
  end(): void {
    const waiting = this.#wanted
    this.#wanted = undefined
    this.#timer?.end()
    this.#own.end()
    this.#their.end()
    this.#modification.feed('end')
    if (waiting?.reply !== undefined) this.#own.refuse(waiting, 487)
  }

  // of our own changes

  get runningTimer(): RunningTimer | undefined {
    const timer = this.#timer
    return timer === undefined || timer.interval === 0
      ? undefined
      : { interval: timer.interval, isRefresher: timer.isRefresher }
  }

  onGranted(response: SipResponse): void {
    this.#session.dialog.refreshTarget(response)
    this.grantTimer(termsOfAnswer(response))
  }

  onAgain(wanted: Wanted | undefined, wasRefresh: boolean): void {
    this.#wanted ??= wanted
    this.#wantsRefresh ||= wasRefresh
  }

  onRefreshRefused(status: number, isLost: boolean): void {
    this.#timer?.receiveRefusal(status, isLost)
  }

  // of the machines

  sendRefresh(): void {
    this.refresh()
  }

  onExpired(): void {
    const session = this.#session
    session.tell(handler => handler.onSessionExpired?.(session))
    session.lose({ outcome: outcome({ kind: 'Timeout', by: 'timer', status: 408 }) })
  }

  cancelReinvite(): void {
    const session = this.#session
    session.tell(handler => handler.onStaleReInviteTimeout?.(session))
    session.requests.cancelInvite()
  }

  onModificationIdle(): void {
    this.#session.onChangeOver()
    this.tryNext()
  }

  onModificationLost(): void {
    this.#session.lose({ outcome: outcome({ kind: 'Error', by: 'network', status: 481 }) })
  }
}
