import type { NameAddr } from '../stack/grammar/name-addr.ts'
import type { Uri } from '../stack/grammar/uri.ts'
import * as h from '../stack/headers/index.ts'
import { SessionInterval } from '../stack/headers/session-timer.ts'
import type { SipStack } from '../stack/stack.ts'
import type { ServerTransaction } from '../stack/transaction/server-transaction.ts'
import { UsageError } from '../util/errors.ts'
import type { RandomSource } from '../util/random.ts'
import { CallTimes } from './call-record/timeline.ts'
import type { DumContext } from './core/context.ts'
import { DumCounters } from './core/counters.ts'
import { describe } from './core/description.ts'
import { checkedLimits, type DumLimits } from './core/limits.ts'
import { uasDialog } from './dialog/dialog.ts'
import { DialogMap } from './dialog/dialog-map.ts'
import { Dispatch } from './dispatch.ts'
import type { ClientInvite, ClientInviteHandler, Offering, ServerInviteHandler } from './handlers/invite.ts'
import type {
  BindingStore,
  ClientRegistration,
  ClientRegistrationHandler,
  ServerRegistrationHandler,
} from './handlers/registration.ts'
import { DialogSet } from './invite/client-invite.ts'
import type { FirstOffering } from './invite/client-session.ts'
import { OfferDuty, OfferRequestDuty } from './invite/duty.ts'
import { ServerSession } from './invite/server-session.ts'
import { termsFor } from './invite/timer-terms.ts'
import type { ProfileParts } from './profile/parts.ts'
import { Profile } from './profile/profile.ts'
import type { RegisterOptions } from './registration/account.ts'
import type { RegistrarPolicy } from './registration/registrar-policy.ts'
import { Registrations } from './registration/registrations.ts'
import { Registrar } from './registration/server-registration.ts'

export interface DialogUsageManagerOptions {
  /** The master profile. */
  readonly profile?: Profile | ProfileParts
  readonly limits?: Partial<DumLimits>
}

export interface InviteOptions {
  /**
   * What the INVITE offers; without it the called side makes the offer. Another session's offer, or request for one, may be
   * given on: then this call's answer, or offer, is given back to that.
   */
  readonly offer?: Offering
  /** The account's profile; the master's unless given. */
  readonly profile?: Profile
  /** What becomes of forks that are accepted after the first: ended, or each kept as a call of its own. Default `end`. */
  readonly forks?: 'end' | 'keep'
}

/**
 * Dialogs and what they are used for, over a stack: what an application holds. It makes usages, and takes handlers for
 * those that peers begin.
 */
export class DialogUsageManager {
  readonly counters: DumCounters = new DumCounters()
  readonly profile: Profile
  readonly #context: DumContext
  readonly #map = new DialogMap()
  readonly #dispatch: Dispatch
  readonly #stack: SipStack
  readonly #registrations: Registrations

  constructor(stack: SipStack, options: DialogUsageManagerOptions = {}) {
    const { profile = {} } = options
    this.#stack = stack
    this.profile = profile instanceof Profile ? profile : new Profile(profile)
    const { counters } = this
    this.#context = {
      stack,
      timers: stack.timers,
      timing: stack.shared.timing,
      identifiers: stack.identifiers,
      limits: checkedLimits(options.limits),
      counters,
      random: fractions(stack.shared.random),
      failed: error => {
        counters.handlerErrors++
        stack.shared.failed(error)
      },
    }
    this.#dispatch = new Dispatch(this.#context, this.#map)
    this.#registrations = new Registrations(this.#context)
    stack.addUser(this.#dispatch)
  }

  /** How many dialogs, and calls of ours that have none yet, there are. */
  get dialogCount(): number {
    return this.#map.size
  }

  /** Calls. The handler hears of each fork; `onFailure` that nobody accepted. */
  invite(to: NameAddr | Uri | string, options: InviteOptions, handler: ClientInviteHandler): ClientInvite {
    if (this.#map.size >= this.#context.limits.maxDialogs)
      throw new UsageError('ERR_SIP_LIMIT', 'too many dialogs are open; raise maxDialogs')
    const { offer, profile = this.profile, forks = 'end' } = options
    const set = new DialogSet({
      context: this.#context,
      map: this.#map,
      profile,
      handler,
      to,
      ...firstOffering(offer),
      forks,
    })
    set.start()
    return set
  }

  /** Takes calls. */
  onInvite(handler: ServerInviteHandler): void {
    this.#dispatch.take('INVITE', transaction => this.#receiveInvite(transaction, handler))
  }

  /** How many registrations of ours there are. */
  get registrationCount(): number {
    return this.#registrations.size
  }

  /**
   * Registers an address of record (RFC 3261 §10.2), and keeps it registered.
   * @throws ParseError, UsageError where it cannot be registered
   */
  register(
    what: Profile | NameAddr | Uri | string,
    options: RegisterOptions,
    handler: ClientRegistrationHandler,
  ): ClientRegistration {
    return this.#registrations.register(what, options, handler, this.profile)
  }

  /**
   * Takes REGISTERs, as the registrar of the domains that the policy names.
   * @throws UsageError where the policy cannot be
   */
  onRegister(handler: ServerRegistrationHandler, store: BindingStore, policy: RegistrarPolicy = {}): void {
    const registrar = new Registrar(this.#context, this.profile, handler, store, policy)
    this.#dispatch.take('REGISTER', transaction => registrar.receive(transaction))
  }

  #receiveInvite(transaction: ServerTransaction, handler: ServerInviteHandler): void {
    const { timers, counters } = this.#context
    const { request } = transaction
    const contact = request.try(h.Contact).value
    if (contact === undefined || contact.isWildcard) {
      counters.withoutContact++
      transaction.respond(transaction.response(400, 'Contact is missing'))
      return
    }
    const dialog = uasDialog(request, transaction.localTag)
    const release = (): void => this.#map.delete(dialog.localTag, session)
    const times = new CallTimes(Date.now(), timers.now())
    const parts = { context: this.#context, dialog, profile: this.profile, times, release }
    const terms = termsFor(request, this.profile)
    if ('least' in terms) {
      transaction.respond(transaction.response(422).set(h.MinSE, new SessionInterval(terms.least)))
      return
    }
    counters.callsIn++
    const session: ServerSession = new ServerSession(parts, transaction, handler, terms)
    this.#map.set(dialog.localTag, session)
    this.#dispatch.hold(transaction, session)
    session.begin(handler)
  }

  /** Ends every call, and nothing is taken any more. */
  async shutdown(): Promise<void> {
    this.#stack.removeUser(this.#dispatch)
  }
}

/** Random numbers of 0 up to 1, of 32 bits each. */
function fractions(random: RandomSource): () => number {
  const octets = new Uint8Array(4)
  const view = new DataView(octets.buffer)
  return () => {
    random.fill(octets)
    return view.getUint32(0) / 2 ** 32
  }
}

/** What an INVITE carries, and the duty that it fulfils where it was given on. */
function firstOffering(offering: Offering | undefined): FirstOffering {
  if (offering === undefined) return { offer: undefined, given: undefined }
  if (offering instanceof OfferDuty || offering instanceof OfferRequestDuty) {
    offering.isGiven = true
    return { offer: offering instanceof OfferDuty ? offering.body : undefined, given: offering }
  }
  if ('isAnswered' in offering)
    throw new UsageError('ERR_SIP_OFFER', 'a duty that a session told of is needed, or a description')
  return { offer: describe(offering), given: undefined }
}
