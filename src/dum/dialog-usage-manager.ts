import type { Method } from '../stack/grammar/method.ts'
import type { NameAddr } from '../stack/grammar/name-addr.ts'
import type { Uri } from '../stack/grammar/uri.ts'
import type { SipStack } from '../stack/stack.ts'
import type { ServerTransaction } from '../stack/transaction/server-transaction.ts'
import { UsageError } from '../util/errors.ts'
import type { RandomSource } from '../util/random.ts'
import type { DumContext } from './core/context.ts'
import { DumCounters } from './core/counters.ts'
import type { Body, Description } from './core/description.ts'
import { checkedLimits, type DumLimits } from './core/limits.ts'
import { Lines } from './core/line.ts'
import { DialogMap } from './dialog/dialog-map.ts'
import { Dispatch } from './dispatch.ts'
import type { EventPackage } from './event-package/event-package.ts'
import type { Addressee } from './exchange/new-request.ts'
import type { ClientInvite, ClientInviteHandler, Offering, ServerInviteHandler } from './handlers/invite.ts'
import type {
  OutOfDialogArrivalHandler,
  OutOfDialogHandler,
  OutOfDialogRequest,
} from './handlers/out-of-dialog.ts'
import type { PagerArrivalHandler, PagerHandler, PagerMessage } from './handlers/pager.ts'
import type {
  ClientPublication,
  ClientPublicationHandler,
  ServerPublicationHandler,
} from './handlers/publication.ts'
import type {
  BindingStore,
  ClientRegistration,
  ClientRegistrationHandler,
  ServerRegistrationHandler,
} from './handlers/registration.ts'
import type {
  ClientSubscription,
  ClientSubscriptionHandler,
  ExpiryPolicy,
  ServerSubscriptionHandler,
} from './handlers/subscription.ts'
import { DialogSet } from './invite/client-invite.ts'
import { firstOffering, receiveCall } from './invite/new-call.ts'
import {
  answerOptions,
  assertAlone,
  type OutOfDialogOptions,
  receiveOutOfDialog,
  sendOutOfDialog,
} from './out-of-dialog/out-of-dialog.ts'
import { type MessageOptions, Pager } from './pager/pager.ts'
import type { ProfileParts } from './profile/parts.ts'
import { Profile } from './profile/profile.ts'
import { MemoryPublicationStore } from './publication/memory-store.ts'
import { type PublicationOptions, type PublishOptions, publish } from './publication/publish.ts'
import { ServerPublications } from './publication/server-publications.ts'
import type { RegisterOptions } from './registration/account.ts'
import type { RegistrarPolicy } from './registration/registrar-policy.ts'
import { Registrations } from './registration/registrations.ts'
import { Registrar } from './registration/server-registration.ts'
import { type SubscribeOptions, subscribe } from './subscription/client-subscriptions.ts'
import { ServerSubscriptions } from './subscription/server-subscriptions.ts'

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
  readonly #subscriptions: ServerSubscriptions
  readonly #publications: ServerPublications
  readonly #pager: Pager
  readonly #publishing: Lines

  constructor(stack: SipStack, options: DialogUsageManagerOptions = {}) {
    const { profile = {} } = options
    this.#stack = stack
    this.profile = profile instanceof Profile ? profile : new Profile(profile)
    const { counters } = this
    this.#context = {
      stack,
      timers: stack.timers,
      timing: stack.shared.timing,
      date: stack.shared.date,
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
    this.#subscriptions = new ServerSubscriptions(this.#context, this.#map, this.profile)
    this.#publications = new ServerPublications(this.#context, this.profile, published =>
      this.#subscriptions.onPublished(published),
    )
    this.#pager = new Pager(this.#context)
    this.#publishing = new Lines(this.#context.limits.maxWaiting)
    this.#dispatch.take('OPTIONS', transaction => this.#receiveOptions(transaction))
    // a NOTIFY of no subscription of ours (RFC 6665 §4.1.3)
    this.#dispatch.take('NOTIFY', transaction => transaction.respond(481))
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
    this.#dispatch.take('INVITE', transaction =>
      receiveCall(this.#context, this.#map, this.#dispatch, this.profile, transaction, handler),
    )
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

  /** Subscribes to a package at `to` (RFC 6665 §4.1): see docs/subscriptions.md. */
  subscribe(
    to: Addressee,
    event: EventPackage | string,
    options: SubscribeOptions,
    handler: ClientSubscriptionHandler,
  ): ClientSubscription {
    const all = { profile: this.profile, ...options }
    return subscribe(this.#context, this.#map, to, event, all, handler)
  }

  /** Takes subscriptions to a package (RFC 6665 §4.2). `policy` says how long they last. */
  onSubscribe(
    event: EventPackage | string,
    handler: ServerSubscriptionHandler,
    policy: ExpiryPolicy = {},
  ): void {
    this.#subscriptions.on(event, handler, policy)
    this.#dispatch.take('SUBSCRIBE', transaction => this.#subscriptions.receive(transaction))
  }

  /** Publishes a state (RFC 3903 §4), and keeps it published until its handle's `end`. */
  publish(
    to: Addressee,
    event: EventPackage | string,
    body: Body | Description,
    options: PublishOptions,
    handler: ClientPublicationHandler,
  ): ClientPublication {
    const all = { profile: this.profile, ...options }
    return publish(this.#context, this.#publishing, to, event, body, all, handler)
  }

  /** Takes publications of a package (RFC 3903 §6); who watches the same is told by `onPublished`. */
  onPublish(
    event: EventPackage | string,
    handler: ServerPublicationHandler,
    options: PublicationOptions = {},
  ): void {
    const { store = new MemoryPublicationStore(), ...policy } = options
    this.#publications.on(event, handler, policy, store)
    this.#dispatch.take('PUBLISH', transaction => this.#publications.receive(transaction))
  }

  /** Sends a MESSAGE (RFC 3428), when those before it to the same target are answered. */
  message(
    to: Addressee,
    body: Body | Description,
    options: MessageOptions = {},
    handler: PagerHandler = {},
  ): PagerMessage {
    return this.#pager.send(to, body, { profile: this.profile, ...options }, handler)
  }

  /** Takes MESSAGEs outside dialogs. */
  onMessage(handler: PagerArrivalHandler): void {
    this.#dispatch.take('MESSAGE', transaction => this.#pager.receive(transaction, this.profile, handler))
  }

  /** Sends a request that makes no dialog: OPTIONS, or a method of one's own. */
  request(
    method: Method,
    to: Addressee,
    options: OutOfDialogOptions = {},
    handler: OutOfDialogHandler = {},
  ): OutOfDialogRequest {
    return sendOutOfDialog(this.#context, method, to, { profile: this.profile, ...options }, handler)
  }

  /** Takes requests of a method outside dialogs. OPTIONS is answered without (RFC 3261 §11.2). */
  onRequest(method: Method, handler: OutOfDialogArrivalHandler): void {
    assertAlone(method)
    this.#dispatch.take(method, transaction =>
      receiveOutOfDialog(this.#context, this.profile, transaction, handler),
    )
  }

  #receiveOptions(transaction: ServerTransaction): void {
    const events = [...this.#subscriptions.events, ...this.#publications.events]
    answerOptions(this.profile, transaction, { methods: this.#dispatch.methods, events })
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
