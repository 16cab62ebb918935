import { type NameAddr, nameAddr } from '../../stack/grammar/name-addr.ts'
import { noParams } from '../../stack/grammar/params.ts'
import * as h from '../../stack/headers/index.ts'
import { HeaderBlock } from '../../stack/message/block.ts'
import type { Flow } from '../../stack/message/flow.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import { attempt } from '../../stack/message/reader.ts'
import { UsageError } from '../../util/errors.ts'
import type { DumContext } from '../core/context.ts'
import { Door } from '../core/door.ts'
import type {
  ClientRegistration,
  ClientRegistrationHandler,
  RegistrationChange,
  RegistrationFailure,
  RegistrationState,
} from '../handlers/registration.ts'
import { contactFor } from '../profile/contact.ts'
import type { Profile } from '../profile/profile.ts'
import type { Account, RegisterOptions } from './account.ts'
import type { FlowLosses } from './flow-losses.ts'
import type { FlowOwner } from './flow-owner.ts'
import { isOpen } from './granted.ts'
import { RegistrationFlow } from './registration-flow.ts'

/** What a registration is made of. */
export interface RegistrationParts {
  readonly context: DumContext
  readonly account: Account
  readonly losses: FlowLosses
  readonly options: RegisterOptions
  readonly handler: ClientRegistrationHandler
  /** It is over: nothing of it is left. */
  readonly release: (registration: Registration) => void
}

/** Edge proxies of one registration at the most: a flow over each. */
const MOST_FLOWS = 8

/** The registration of one address of record, over one flow or several. */
export class Registration implements ClientRegistration, FlowOwner<RegistrationFlow> {
  readonly context: DumContext
  readonly account: Account
  readonly losses: FlowLosses
  asked: number
  handler: ClientRegistrationHandler
  readonly flows: RegistrationFlow[]
  readonly #door: Door
  readonly #release: (registration: Registration) => void
  /** Those that were given; `undefined` for the profile's. */
  #contacts: readonly NameAddr[] | undefined
  #isEnding = false

  /** @throws UsageError where more is bound by outbound than one Contact (RFC 5626 §6), or too many proxies are named */
  constructor({ context, account, losses, options, handler, release }: RegistrationParts) {
    this.context = context
    this.account = account
    this.losses = losses
    this.handler = handler
    this.asked = options.expires ?? account.profile.values.registrationExpires
    this.#contacts = options.contacts?.map(addressOf)
    this.#door = new Door(context.failed, context.limits.maxWaiting)
    this.#release = release
    const { outbound } = options
    const routes = account.profile.values.outboundProxy
    const proxies = outbound?.proxies?.map(addressOf) ?? routes
    if (outbound === undefined) this.flows = [new RegistrationFlow(this, undefined, routes)]
    else if (proxies.length > MOST_FLOWS)
      throw new UsageError(
        'ERR_SIP_OUTBOUND',
        `${proxies.length} proxies are named; ${MOST_FLOWS} at the most`,
      )
    else if (proxies.length === 0) this.flows = [new RegistrationFlow(this, 1, routes)]
    else this.flows = proxies.map((proxy, at) => new RegistrationFlow(this, at + 1, [proxy]))
    this.#check()
  }

  /** @internal the handle is known to the application before anything is told */
  start(): void {
    for (const flow of this.flows) flow.soft.start()
  }

  get aor(): string {
    return nameAddr(this.account.aor).uri.toString()
  }

  get state(): RegistrationState {
    const { flows } = this
    if (this.#door.isShut) return 'over'
    const has = (...states: readonly string[]): boolean =>
      flows.some(({ soft }) => states.includes(soft.state))
    if (has('leaving', 'removing')) return 'removing'
    if (this.isRegistered) return 'registered'
    if (has('adding', 'renewing')) return 'registering'
    return has('waiting') ? 'waiting' : 'removed'
  }

  get isRegistered(): boolean {
    return this.flows.some(flow => flow.isRegistered)
  }

  get expires(): number {
    const last = Math.max(0, ...this.flows.map(({ soft }) => soft.expiresAt))
    return Math.max(0, Math.round((last - this.context.timers.now()) / 1000))
  }

  get contacts(): readonly NameAddr[] {
    return this.flows.flatMap(({ granted }) => (granted?.bound ?? []).map(text => nameAddr(text)))
  }

  get serviceRoute(): readonly NameAddr[] {
    return this.#list(h.ServiceRoute, 'serviceRoute')
  }

  get path(): readonly NameAddr[] {
    return this.#list(h.Path, 'path')
  }

  get associated(): readonly NameAddr[] {
    return this.#list(h.PAssociatedUri, 'associated')
  }

  get publicGruu(): string {
    return this.#first('publicGruu')
  }

  get temporaryGruu(): string {
    return this.#first('temporaryGruu')
  }

  get outgoing(): Profile {
    const { profile, aor } = this.account
    const { serviceRoute, publicGruu } = this
    const [bound] = this.contacts
    const contact = publicGruu === '' ? bound?.with({ params: noParams }) : `<${publicGruu}>`
    return profile.with({
      aor,
      ...(serviceRoute.length > 0 && { outboundProxy: serviceRoute }),
      ...(contact !== undefined && { contact }),
    })
  }

  refresh(): void {
    this.#live()
    for (const { soft } of this.flows) soft.begin()
  }

  change({ contacts, expires }: RegistrationChange): void {
    this.#live()
    const before = this.#contacts
    if (contacts !== undefined) this.#contacts = contacts.map(addressOf)
    try {
      this.#check()
    } catch (error) {
      this.#contacts = before
      throw error
    }
    if (expires !== undefined) this.asked = expires
    for (const flow of this.flows) flow.change()
  }

  addContact(contact: NameAddr | string): void {
    this.change({ contacts: [...this.wanted, contact] })
  }

  remove(): void {
    this.#live()
    for (const flow of this.flows) flow.withdraw()
  }

  removeAll(): void {
    this.#live()
    for (const [at, flow] of this.flows.entries()) flow.withdraw(at === 0)
  }

  query(): void {
    this.#live()
    this.flows[0]?.query()
  }

  end(): void {
    if (this.#isEnding || this.#door.isShut) return
    this.#isEnding = true
    const wasAtRest = this.#isAtRest
    for (const { soft } of this.flows) soft.remove()
    if (wasAtRest) this.#finish(() => this.handler.onRemoved?.(this))
  }

  /** @internal */
  get wanted(): readonly NameAddr[] {
    if (this.#contacts !== undefined) return this.#contacts
    const { profile, registrar, aor } = this.account
    const contact = contactFor(profile, registrar.startsWith('sips:'))
    const isPlain = isOpen(contact.uri) && contact.uri.rawUser === undefined
    return [isPlain ? contact.with({ uri: contact.uri.with({ user: nameAddr(aor).uri.user }) }) : contact]
  }

  /** @internal */
  othersStand(flow: RegistrationFlow): boolean {
    return this.flows.some(other => other !== flow && other.isRegistered)
  }

  /** @internal */
  onGranted(_flow: RegistrationFlow, response: SipResponse): void {
    this.#door.tell(() => this.handler.onSuccess?.(this, response))
  }

  /** @internal */
  onWaiting(_flow: RegistrationFlow, failure: RegistrationFailure): void {
    this.#door.tell(() => this.handler.onRequestRetry?.(this, failure))
  }

  /** @internal one of several flows that is refused is no end */
  onRefused(_flow: RegistrationFlow, failure: RegistrationFailure): void {
    if (!this.#isAtRest) this.#door.tell(() => this.handler.onRequestRetry?.(this, failure))
    else this.#finish(() => this.handler.onFailure?.(this, failure))
  }

  /** @internal */
  onRemoved(): void {
    if (!this.#isAtRest) return
    const tell = (): unknown => this.handler.onRemoved?.(this)
    if (this.#isEnding) this.#finish(tell)
    else this.#door.tell(tell)
  }

  /** @internal */
  onDue(): void {
    this.#door.tell(() => this.handler.onRefreshRequired?.(this))
  }

  /** @internal */
  onFlowLost(flow: Flow): void {
    this.#door.tell(() => this.handler.onFlowTerminated?.(this, flow))
  }

  /** @internal without outbound one flow holds the one binding that there is */
  onNoOutbound(flow: RegistrationFlow, isGranted: boolean): void {
    const others = this.flows.filter(other => other !== flow)
    const isFirst = flow === this.flows[0] || others.every(other => other.isAtRest)
    if (isFirst) for (const other of others) other.abandon()
    if (isGranted) return
    if (isFirst) {
      flow.regId = undefined
      flow.soft.forget()
    } else flow.abandon()
  }

  /** @internal */
  onBindings(contacts: readonly NameAddr[], failure?: RegistrationFailure): void {
    this.#door.tell(() => this.handler.onBindings?.(this, contacts, failure))
  }

  get #isAtRest(): boolean {
    return this.flows.every(flow => flow.isAtRest)
  }

  #finish(tell: () => unknown): void {
    this.#release(this)
    this.#door.tellLast(tell)
  }

  #live(): void {
    if (this.#isEnding || this.#door.isShut)
      throw new UsageError('ERR_SIP_OVER', `the registration of ${this.account.aor} is over; make a new one`)
  }

  #check(): void {
    if (this.flows[0]?.regId !== undefined && this.wanted.length > 1)
      throw new UsageError('ERR_SIP_OUTBOUND', 'outbound binds one Contact; leave the others out')
  }

  #first(what: 'publicGruu' | 'temporaryGruu' | 'serviceRoute' | 'path' | 'associated'): string {
    for (const { granted } of this.flows)
      if (granted !== undefined && granted[what] !== '') return granted[what]
    return ''
  }

  #list(header: typeof h.Path, what: 'serviceRoute' | 'path' | 'associated'): readonly NameAddr[] {
    const text = this.#first(what)
    if (text === '') return []
    const block = new HeaderBlock(`${header.name}: ${text}\r\n`)
    return attempt(() => block.all(header)).value ?? []
  }
}

function addressOf(contact: NameAddr | string): NameAddr {
  return typeof contact === 'string' ? nameAddr(contact) : contact
}
