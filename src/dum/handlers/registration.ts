import type { NameAddr } from '../../stack/grammar/name-addr.ts'
import type { Flow } from '../../stack/message/flow.ts'
import type { SipRequest, SipResponse } from '../../stack/message/message.ts'
import type { ResponseTemplate } from '../../stack/message/template.ts'
import type { Profile } from '../profile/profile.ts'

/** Where a registration stands, all its flows taken together. */
export type RegistrationState = 'registering' | 'registered' | 'waiting' | 'removing' | 'removed' | 'over'

/** What a registration says of us; what is left out stays. */
export interface RegistrationChange {
  /** Contacts to be bound; the transport's address unless any were given. A host may be left empty to be filled in. */
  readonly contacts?: readonly (NameAddr | string)[]
  /** Seconds to ask for. */
  readonly expires?: number
}

/** One flow of a registration: one way to the registrar, and what was granted by it. */
export interface RegisteredFlow {
  /** Its `reg-id` (RFC 5626 §4.2); `undefined` where outbound is not used. */
  readonly regId: number | undefined
  readonly isRegistered: boolean
  /** The connection, or the address, that it is registered over. */
  readonly flow: Flow | undefined
}

/** Why a REGISTER was not granted. */
export interface RegistrationFailure {
  /** That of the response, or 408 or 503 where none came. */
  readonly status: number
  readonly reason: string
  readonly response: SipResponse | undefined
  /** Milliseconds until it is tried again; `undefined` where it is not. */
  readonly retryIn: number | undefined
}

/**
 * Our registration of one address of record (RFC 3261 §10.2), which renews itself. It is its own handle: when it is over its
 * verbs throw `ERR_SIP_OVER`, and `end` does nothing.
 */
export interface ClientRegistration {
  readonly aor: string
  readonly state: RegistrationState
  /** Whether the registrar has a binding of ours, as far as is known. */
  readonly isRegistered: boolean
  /** Seconds until the last of our bindings expires; 0 where there is none. */
  readonly expires: number
  /** Our bindings as the registrar listed them. */
  readonly contacts: readonly NameAddr[]
  /** RFC 3608: what other requests of this account take as Route. */
  readonly serviceRoute: readonly NameAddr[]
  /** RFC 3327: the way to us, as the registrar tells it. */
  readonly path: readonly NameAddr[]
  /** RFC 7315 §4.1: addresses that the registrar has for this account besides. */
  readonly associated: readonly NameAddr[]
  /** RFC 5627: URIs that lead to this device; `''` for none. */
  readonly publicGruu: string
  readonly temporaryGruu: string
  readonly flows: readonly RegisteredFlow[]
  /** The account as its other requests use it: Route by Service-Route, Contact by GRUU or by what was learned. */
  readonly outgoing: Profile
  handler: ClientRegistrationHandler
  /** Renews now, also while it waits to try again; registers again what was removed. */
  refresh(): void
  /** Renews with other Contacts, or another time. Contacts that are no longer named are removed by the same request. */
  change(parts: RegistrationChange): void
  addContact(contact: NameAddr | string): void
  /** Removes our bindings; `refresh` brings them back. */
  remove(): void
  /** Removes all bindings of the address of record, those of other devices too (§10.2.2). */
  removeAll(): void
  /** Asks what is bound (§10.2.3); `onBindings` is told. */
  query(): void
  /** Removes our bindings, for good. `onRemoved` is the last that is told. */
  end(): void
}

/** What becomes of a registration of ours. Any of them may return a promise: what follows waits for it, but for the end. */
export interface ClientRegistrationHandler {
  /** The end: refused for good, and no other flow is registered. Default: nothing. */
  onFailure?(registration: ClientRegistration, failure: RegistrationFailure): unknown
  /** Granted: the first time, and each time it is renewed. `response` holds all bindings. */
  onSuccess?(registration: ClientRegistration, response: SipResponse): unknown
  /** Our bindings are removed, as far as the registrar could be reached; after `end` the last that is told. */
  onRemoved?(registration: ClientRegistration): unknown
  /** It failed and is tried again; `refresh()` tries at once, `end()` gives up. */
  onRequestRetry?(registration: ClientRegistration, failure: RegistrationFailure): unknown
  /** With `renew: 'by hand'`: it is time for `refresh()`. */
  onRefreshRequired?(registration: ClientRegistration): unknown
  /** The connection that it was registered over is lost; it is registered anew, nothing needs to be done. */
  onFlowTerminated?(registration: ClientRegistration, flow: Flow): unknown
  /** What `query` found, or why it did not. */
  onBindings?(
    registration: ClientRegistration,
    contacts: readonly NameAddr[],
    failure?: RegistrationFailure,
  ): unknown
}

/** One binding of an address of record to a Contact: plain data that a store keeps (RFC 3261 §10.3). Times are Unix times in ms. */
export interface Binding {
  /** The Contact with its parameters, but for `expires`, as wire text: `<sip:bob@192.0.2.4>;q=0.7`. */
  readonly contact: string
  readonly expiresAt: number
  readonly updatedAt: number
  readonly callId: string
  readonly cseq: number
  /** 0 to 1, 1 unless the Contact says. */
  readonly q: number
  /** Path as wire text, topmost first; `''` for none (RFC 3327). */
  readonly path: string
  /** URN of the device, and the number of its flow where outbound applies (RFC 5626 §6). */
  readonly instance?: string
  readonly regId?: number
  /** The address that the REGISTER came from: `udp 192.0.2.4:5060`. */
  readonly source: string
  /** The flow, where the client has it with us: what requests to it take. It means nothing to another process. */
  readonly flow?: Flow
  readonly userAgent: string
  /** RFC 5627: `''` for none; of temporary ones the newest is the last. */
  readonly publicGruu: string
  readonly temporaryGruus: readonly string[]
}

/** What a store knows of an address of record. */
export interface StoredBindings {
  readonly bindings: readonly Binding[]
  /** Changes with each write, so that a write knows whether another came before it; `0` while there is nothing. */
  readonly version: number
}

/**
 * Where bindings are kept. The proxy of a domain reads the same store. Each method answers at once or by a promise; what it
 * throws, or rejects with, fails the REGISTER with 500 and changes nothing.
 */
export interface BindingStore {
  read(aor: string): StoredBindings | PromiseLike<StoredBindings>
  /**
   * Puts all bindings of an address of record in the place of those of `version`, in one step. Answers false, and changes
   * nothing, where the version is another by now.
   */
  write(aor: string, bindings: readonly Binding[], version: number): boolean | PromiseLike<boolean>
  /** Tells of each change, until the function that it answers is called. */
  watch?(listener: (aor: string, bindings: readonly Binding[]) => unknown): () => void
}

/** What a REGISTER does. */
export type RegisterKind = 'add' | 'refresh' | 'remove' | 'remove all' | 'query'

/** A REGISTER of a client, to be answered once. */
export interface ServerRegistration {
  /** In canonical form (RFC 3261 §10.3 step 5): `sip:bob@example.com`. */
  readonly aor: string
  readonly kind: RegisterKind
  readonly request: SipRequest
  /** What was bound, and what will be when it is accepted. */
  readonly before: readonly Binding[]
  readonly after: readonly Binding[]
  readonly isAnswered: boolean
  /** Carries it out, and answers 200 with all bindings; `fill` may add to that. */
  accept(fill?: (response: ResponseTemplate) => void): void
  /** Nothing changes. @throws UsageError for 6xx, which a registrar never sends, and below 300 */
  reject(status: number, reason?: string): void
  /** Answers 200 with these Contacts, each with its `expires`; the store is left alone. */
  provide(contacts: readonly (NameAddr | string)[], fill?: (response: ResponseTemplate) => void): void
}

/**
 * Asked before anything is stored; what is left out accepts. A callback may answer later, within 30 s; later REGISTERs of the
 * same address of record wait meanwhile.
 */
export interface ServerRegistrationHandler {
  /** At least one Contact is new. */
  onAdd?(registration: ServerRegistration): unknown
  /** Known Contacts, at least one of which goes on. */
  onRefresh?(registration: ServerRegistration): unknown
  onRemove?(registration: ServerRegistration): unknown
  /** `Contact: *`. */
  onRemoveAll?(registration: ServerRegistration): unknown
  onQuery?(registration: ServerRegistration): unknown
}
