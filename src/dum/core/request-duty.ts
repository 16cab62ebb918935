import { UsageError } from '../../util/errors.ts'
import { thenable } from '../../util/guard.ts'
import type { Timer, TimerOwner } from '../../util/timers.ts'
import type { DumContext } from './context.ts'
import type { Door } from './door.ts'

/** A request is answered by default at the latest after this many T1, when its client has waited for half of its time. */
const PATIENCE = 32

/**
 * What answers a request of a peer's, once: its handler, or, where that said nothing until it was done, the default. A
 * handler that throws answers 500.
 */
export class RequestDuty implements TimerOwner<'stale'> {
  readonly #context: DumContext
  #answer: ((status: number) => void) | undefined
  #byDefault: (() => void) | undefined
  #stale: Timer | undefined

  constructor(context: DumContext, answer: (status: number) => void, byDefault: () => void) {
    this.#context = context
    this.#answer = answer
    this.#byDefault = byDefault
  }

  get isAnswered(): boolean {
    return this.#answer === undefined
  }

  /** @throws UsageError `ERR_SIP_ANSWERED` the second time */
  accept(status: number = 200): void {
    this.#settle(checked(status, 200, 299))
  }

  /** @throws UsageError `ERR_SIP_ANSWERED` the second time */
  reject(status: number): void {
    this.#settle(checked(status, 300, 699))
  }

  /** It was answered otherwise, or is over: nothing is sent any more. @throws UsageError the second time */
  take(): void {
    if (this.#answer === undefined)
      throw new UsageError('ERR_SIP_ANSWERED', 'the request was answered already, or is withdrawn')
    this.withdraw()
  }

  withdraw(): void {
    this.#answer = undefined
    this.#byDefault = undefined
    this.#context.timers.stop(this.#stale)
    this.#stale = undefined
  }

  /** Asks the handler, and answers by default what it leaves unanswered. */
  ask(door: Door, call: () => unknown): void {
    if (door.isShut) this.#byDefault?.()
    else {
      this.#wait()
      door.tell(() => this.#run(call))
    }
  }

  /** The same for the last that the handler hears. */
  askLast(door: Door, call: () => unknown): void {
    if (door.isShut) this.#byDefault?.()
    else {
      this.#wait()
      door.tellLast(() => this.#run(call))
    }
  }

  onTimer(): void {
    this.#stale = undefined
    this.#context.counters.staleDuties++
    this.#byDefault?.()
  }

  #wait(): void {
    if (this.isAnswered) return
    this.#stale = this.#context.timers.start(this, 'stale', PATIENCE * this.#context.timing.t1)
  }

  #run(call: () => unknown): unknown {
    let pending: PromiseLike<unknown> | undefined
    try {
      pending = thenable(call())
    } catch (error) {
      this.#fail()
      throw error
    }
    if (pending === undefined) this.#byDefault?.()
    else
      pending.then(
        () => this.#byDefault?.(),
        () => this.#fail(),
      )
    return pending
  }

  #fail(): void {
    if (!this.isAnswered) this.#settle(500)
  }

  #settle(status: number): void {
    const answer = this.#answer
    this.take()
    answer?.(status)
  }
}

/** A duty whose default is 200; `respond` makes the response, and sends it. */
export function answering(context: DumContext, respond: (status: number) => void): RequestDuty {
  const duty: RequestDuty = new RequestDuty(context, respond, () => duty.accept())
  return duty
}

function checked(status: number, least: number, most: number): number {
  if (Number.isInteger(status) && status >= least && status <= most) return status
  throw new UsageError('ERR_SIP_STATUS', `${status} is no status of ${least} to ${most}`)
}
