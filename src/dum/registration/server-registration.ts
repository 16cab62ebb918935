import type { NameAddr } from '../../stack/grammar/name-addr.ts'
import { nameAddr } from '../../stack/grammar/name-addr.ts'
import * as h from '../../stack/headers/index.ts'
import type { SipRequest } from '../../stack/message/message.ts'
import type { ResponseTemplate } from '../../stack/message/template.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import { UsageError } from '../../util/errors.ts'
import type { Timer } from '../../util/timers.ts'
import type { DumContext } from '../core/context.ts'
import { Door } from '../core/door.ts'
import type {
  Binding,
  BindingStore,
  RegisterKind,
  ServerRegistration,
  ServerRegistrationHandler,
} from '../handlers/registration.ts'
import type { Profile } from '../profile/profile.ts'
import {
  type Decision,
  type PendingChange,
  type RegistrarAnswer,
  RegistrarSteps,
  refusing,
} from './registrar.ts'
import type { RegistrarPolicy } from './registrar-policy.ts'

/** A duty that nobody fulfils ends before the client gives up (RFC 3261 §17.1.2.2), in ms. */
const STALE = 30_000
const STALE_STATUS = 504

/** Takes REGISTERs: the rules are {@link RegistrarSteps}, and an application's handler is asked before anything is stored. */
export class Registrar {
  readonly #context: DumContext
  readonly #profile: Profile
  readonly #handler: ServerRegistrationHandler
  readonly #steps: RegistrarSteps

  /** @throws UsageError where the policy cannot be */
  constructor(
    context: DumContext,
    profile: Profile,
    handler: ServerRegistrationHandler,
    store: BindingStore,
    policy: RegistrarPolicy,
  ) {
    const { timers, identifiers } = context
    this.#context = context
    this.#profile = profile
    this.#handler = handler
    const newToken = (): string => identifiers.newCallId()
    this.#steps = new RegistrarSteps(store, {
      timers,
      now: context.date,
      newToken,
      failed: context.stack.shared.failed,
      ...policy,
    })
  }

  receive(transaction: ServerTransaction): void {
    let fill: ((response: ResponseTemplate) => void) | undefined
    this.#steps.process(
      transaction.request,
      (pending, decided) => {
        const duty = new RegistrationDuty(this.#context, pending, (decision, filled) => {
          fill = filled
          decided(decision)
        })
        duty.begin(this.#handler)
      },
      answer => this.#answer(transaction, answer, fill),
    )
  }

  #answer(
    transaction: ServerTransaction,
    answer: RegistrarAnswer,
    fill: ((response: ResponseTemplate) => void) | undefined,
  ): void {
    if (transaction.isAnswered) return
    const response = transaction.response(answer.status, answer.reason)
    response.appendBlock(this.#profile.block)
    answer.fill(response)
    this.#giveFlowTimer(transaction.request, response)
    if (fill !== undefined && answer.status === 200) {
      try {
        fill(response)
      } catch (error) {
        this.#context.failed(error)
      }
    }
    transaction.respond(response)
  }

  /** RFC 5626 §5.4: a client whose flow is with us is told how often to be heard. */
  #giveFlowTimer(request: SipRequest, response: ResponseTemplate): void {
    const { flowTimer } = this.#steps.policy
    const { source } = request
    if (flowTimer === undefined || source === undefined || request.all(h.Via).length > 1) return
    this.#context.stack.flows.giveFlowTimer(response, source, flowTimer)
  }
}

type Fill = ((response: ResponseTemplate) => void) | undefined

/** One REGISTER that an application is asked about, once. */
class RegistrationDuty implements ServerRegistration {
  readonly aor: string
  readonly kind: RegisterKind
  readonly request: SipRequest
  readonly before: readonly Binding[]
  readonly after: readonly Binding[]
  readonly #context: DumContext
  readonly #timer: Timer
  #decided: ((decision: Decision, fill: Fill) => void) | undefined

  constructor(
    context: DumContext,
    { wish, kind, request, before, after }: PendingChange,
    decided: (decision: Decision, fill: Fill) => void,
  ) {
    this.#context = context
    this.#decided = decided
    this.aor = wish.aor
    this.kind = kind
    this.request = request
    this.before = before
    this.after = after
    this.#timer = context.timers.after(STALE, () => this.#onStale())
  }

  begin(handler: ServerRegistrationHandler): void {
    const callback = callbackOf(handler, this.kind)
    if (callback === undefined) {
      this.accept()
      return
    }
    const { failed, limits } = this.#context
    const door = new Door(failed, limits.maxWaiting)
    door.tell(
      () => callback.call(handler, this),
      () => this.#decide(refusing({ status: 500, reason: 'Server Error' }), undefined),
    )
  }

  get isAnswered(): boolean {
    return this.#decided === undefined
  }

  accept(fill?: (response: ResponseTemplate) => void): void {
    this.#check()
    this.#decide('accept', fill)
  }

  reject(status: number, reason?: string): void {
    if (!(Number.isInteger(status) && status >= 300 && status < 600 && status !== 408))
      throw new UsageError(
        'ERR_SIP_STATUS',
        `${status} refuses no REGISTER; one of 300 to 599, but for 408, is needed`,
      )
    this.#check()
    this.#decide({ ...refusing({ status, reason: '' }), reason }, undefined)
  }

  provide(contacts: readonly (NameAddr | string)[], fill?: (response: ResponseTemplate) => void): void {
    const listed = contacts.map(contact => (typeof contact === 'string' ? nameAddr(contact) : contact))
    this.#check()
    const answer: RegistrarAnswer = {
      status: 200,
      reason: undefined,
      kind: this.kind,
      bindings: [],
      fill: response => response.set(h.Contact, ...listed),
    }
    this.#decide(answer, fill)
  }

  #check(): void {
    if (this.#decided === undefined)
      throw new UsageError('ERR_SIP_ANSWERED', `the REGISTER of ${this.aor} was answered already`)
  }

  #decide(decision: Decision, fill: Fill): void {
    const decided = this.#decided
    this.#decided = undefined
    this.#context.timers.stop(this.#timer)
    decided?.(decision, fill)
  }

  #onStale(): void {
    this.#context.counters.staleDuties++
    this.#decide(refusing({ status: STALE_STATUS, reason: 'nobody decided in time' }), undefined)
  }
}

function callbackOf(
  handler: ServerRegistrationHandler,
  kind: RegisterKind,
): ((this: ServerRegistrationHandler, registration: ServerRegistration) => unknown) | undefined {
  switch (kind) {
    case 'add':
      return handler.onAdd
    case 'refresh':
      return handler.onRefresh
    case 'remove':
      return handler.onRemove
    case 'remove all':
      return handler.onRemoveAll
    case 'query':
      return handler.onQuery
  }
}
