import type { NameAddr } from '../../stack/grammar/name-addr.ts'
import { nameAddr } from '../../stack/grammar/name-addr.ts'
import { systemIdentifiers } from '../../stack/message/identifiers.ts'
import type { SipRequest } from '../../stack/message/message.ts'
import { UsageError } from '../../util/errors.ts'
import type { Failed } from '../../util/guard.ts'
import type { Timers } from '../../util/timers.ts'
import { type BindingLimits, bindingLimits } from './binding-rules.ts'

/** What a registrar does, and for whom. All of it may be left out. */
export interface RegistrarPolicy extends Partial<BindingLimits> {
  /** Domains whose addresses of record are kept; those of others are answered 404. All unless given. */
  readonly domains?: readonly string[]
  /** What a 2xx says as Service-Route (RFC 3608). */
  readonly serviceRoute?: readonly (NameAddr | string)[]
  /** Seconds of Flow-Timer for clients whose flow is with us (RFC 5626 §5.4); none unless given. */
  readonly flowTimer?: number
  /** Unix time in ms. Default the system's. */
  readonly now?: () => number
  /** Makes what is unguessable, for temporary GRUUs. */
  readonly newToken?: () => string
  /** Bounds the time that a store, or a handler, may take; without it they are waited for. */
  readonly timers?: Timers
  /** Milliseconds for each answer of the store. Default 10,000. */
  readonly storeTimeout?: number
  /** REGISTERs of one address of record that may wait behind one that is being done; one more is answered 503. Default 32. */
  readonly maxWaiting?: number
  /** Addresses of record that are being done at a time; one more is answered 503. Default 10,000. */
  readonly maxBusy?: number
  /** Told what the store threw, or rejected with. */
  readonly failed?: Failed
}

/** A policy in which nothing is left out. */
export interface FullPolicy {
  readonly limits: BindingLimits
  readonly domains: ReadonlySet<string> | undefined
  readonly serviceRoute: readonly NameAddr[]
  readonly flowTimer: number | undefined
  readonly now: () => number
  readonly newToken: () => string
  readonly timers: Timers | undefined
  readonly storeTimeout: number
  readonly maxWaiting: number
  readonly maxBusy: number
  readonly failed: Failed
}

/** @throws UsageError where a number is none, ParseError where a Service-Route cannot be read */
export function fullPolicy(policy: RegistrarPolicy): FullPolicy {
  const { minExpires, maxExpires, defaultExpires, maxContacts } = { ...bindingLimits, ...policy }
  const { storeTimeout = 10_000, maxWaiting = 32, maxBusy = 10_000 } = policy
  const numbers = { minExpires, maxExpires, defaultExpires, maxContacts, storeTimeout, maxWaiting, maxBusy }
  for (const [name, value] of Object.entries(numbers)) {
    if (!(typeof value === 'number' && value >= 0 && value <= 0xffffffff))
      throw new UsageError('ERR_SIP_POLICY', `${name} is ${value}; a number of 0 or more is needed`)
  }
  if (minExpires > maxExpires)
    throw new UsageError('ERR_SIP_POLICY', `minExpires ${minExpires} is more than maxExpires ${maxExpires}`)
  return {
    limits: { minExpires, maxExpires, defaultExpires, maxContacts },
    domains: policy.domains && new Set(policy.domains.map(domain => domain.toLowerCase())),
    serviceRoute: (policy.serviceRoute ?? []).map(route =>
      typeof route === 'string' ? nameAddr(route) : route,
    ),
    flowTimer: policy.flowTimer,
    now: policy.now ?? Date.now,
    newToken: policy.newToken ?? (() => systemIdentifiers.newCallId()),
    timers: policy.timers,
    storeTimeout,
    maxWaiting,
    maxBusy,
    failed: policy.failed ?? (() => {}),
  }
}

/** Whether the address of record of a REGISTER is one of ours (RFC 3261 §10.3 step 5). */
export function isOfDomain({ domains }: FullPolicy, request: SipRequest): boolean {
  if (domains === undefined) return true
  const { to, requestUri } = request
  return domains.has(to.uri.host.toLowerCase()) && domains.has(requestUri.host.toLowerCase())
}
