import { nameAddr } from '../../stack/grammar/name-addr.ts'
import * as h from '../../stack/headers/index.ts'
import * as p from '../../stack/headers/params.ts'
import { RetryAfter } from '../../stack/headers/retry-after.ts'
import type { SipRequest } from '../../stack/message/message.ts'
import { attempt } from '../../stack/message/reader.ts'
import type { ResponseTemplate } from '../../stack/message/template.ts'
import type { Binding, BindingStore, RegisterKind } from '../handlers/registration.ts'
import { type BindingChange, changeOf } from './binding-rules.ts'
import { type Refusal, type RegisterWish, readWish } from './register-wish.ts'
import { type FullPolicy, fullPolicy, isOfDomain, type RegistrarPolicy } from './registrar-policy.ts'
import { soon } from './soon.ts'

/** What a REGISTER is answered with. */
export interface RegistrarAnswer {
  readonly status: number
  readonly reason: string | undefined
  /** What it did; `undefined` where it was refused. */
  readonly kind: RegisterKind | undefined
  /** What is bound now; of a refusal nothing is told. */
  readonly bindings: readonly Binding[]
  /** Writes into a response of this status what belongs there: all Contacts with what is left of their time, Date, and more. */
  fill(response: ResponseTemplate): ResponseTemplate
}

/** What a REGISTER would do, to be let or refused. */
export interface PendingChange extends BindingChange {
  readonly wish: RegisterWish
  readonly request: SipRequest
}

/** What somebody who is asked says: carry it out, or answer something else. */
export type Decision = 'accept' | RegistrarAnswer

/** Decides over a change; `decided` is called once, now or later. */
export type Decide = (pending: PendingChange, decided: (decision: Decision) => void) => void

/**
 * The rules of a registrar (RFC 3261 §10.3, RFC 5626 §6) as one function of a request, without a DialogUsageManager: a proxy's
 * registrar step. Who the client is, and that he may register this address, has been found out before. Requests of one
 * address of record are done one after the other, each as a whole or not at all.
 * @throws UsageError where the policy cannot be
 */
export function registrar(
  store: BindingStore,
  policy: RegistrarPolicy = {},
): (request: SipRequest) => Promise<RegistrarAnswer> {
  const steps = new RegistrarSteps(store, policy)
  return request => new Promise(resolve => steps.process(request, accept, resolve))
}

/** Whoever may register may: the decision was made before. */
const accept: Decide = (_, decided) => decided('accept')

interface Waiting {
  readonly request: SipRequest
  readonly wish: RegisterWish
  readonly decide: Decide
  readonly answered: (answer: RegistrarAnswer) => void
}

/** Writes that are tried where another node wrote in between. */
const MOST_WRITES = 4
/** Seconds after which who finds too many before him comes again. */
const COME_AGAIN = 5

/** The same with somebody who decides, and answers at once where store and he do. */
export class RegistrarSteps {
  readonly policy: FullPolicy
  readonly #store: BindingStore
  /** By address of record: those behind the one that is being done. */
  readonly #busy = new Map<string, Waiting[]>()

  constructor(store: BindingStore, policy: RegistrarPolicy) {
    this.#store = store
    this.policy = fullPolicy(policy)
  }

  /** Addresses of record that are being done. */
  get busy(): number {
    return this.#busy.size
  }

  /** @throws nothing: what is malformed is answered 400 */
  process(request: SipRequest, decide: Decide, answered: (answer: RegistrarAnswer) => void): void {
    const { policy } = this
    const read = attempt(() => (isOfDomain(policy, request) ? readWish(request) : notFound))
    if (read.value === undefined)
      answered(refusing({ status: 400, reason: `${read.error?.header ?? 'a header'} is malformed` }))
    else if ('status' in read.value) answered(refusing(read.value))
    else this.#enter({ request, wish: read.value, decide, answered })
  }

  #enter(waiting: Waiting): void {
    const { aor } = waiting.wish
    const line = this.#busy.get(aor)
    if (line === undefined ? this.#busy.size < this.policy.maxBusy : line.length < this.policy.maxWaiting) {
      if (line !== undefined) line.push(waiting)
      else {
        this.#busy.set(aor, [])
        this.#begin(waiting)
      }
    } else waiting.answered(refusing(tooMany))
  }

  #begin(waiting: Waiting): void {
    this.#change(waiting, MOST_WRITES, undefined)
  }

  /** Reads, asks, writes; `decided` where it was asked before, and another wrote in between. */
  #change(waiting: Waiting, tries: number, decided: BindingChange | undefined): void {
    const { wish, request, decide } = waiting
    const { policy } = this
    this.#ask(
      waiting,
      () => this.#store.read(wish.aor),
      ({ bindings, version }) => {
        const flow = wish.isDirect ? request.source : undefined
        const { limits, newToken } = policy
        const change = changeOf(bindings, wish, { now: policy.now(), limits, flow, newToken })
        if ('status' in change) this.#end(waiting, refusing(change))
        else if (decided !== undefined) this.#write(waiting, change, version, tries)
        else
          decide({ ...change, wish, request }, decision => {
            if (decision === 'accept') this.#write(waiting, change, version, tries)
            else this.#end(waiting, decision)
          })
      },
    )
  }

  #write(waiting: Waiting, change: BindingChange, version: number, tries: number): void {
    if (change.kind === 'query') {
      this.#end(waiting, this.#granting(waiting.wish, change))
      return
    }
    this.#ask(
      waiting,
      () => this.#store.write(waiting.wish.aor, change.after, version),
      isWritten => {
        if (isWritten) this.#end(waiting, this.#granting(waiting.wish, change))
        else if (tries > 1) this.#change(waiting, tries - 1, change)
        else this.#end(waiting, refusing(serverError))
      },
    )
  }

  #ask<T>(waiting: Waiting, ask: () => T | PromiseLike<T>, done: (value: T) => void): void {
    const { timers, storeTimeout, failed } = this.policy
    const fail = (error: unknown): void => {
      this.#end(waiting, refusing(serverError))
      failed(error)
    }
    soon(
      ask,
      { timers, within: storeTimeout },
      value => {
        // what a store answers is the application's, and may be anything
        try {
          done(value)
        } catch (error) {
          fail(error)
        }
      },
      fail,
    )
  }

  #end({ wish, answered }: Waiting, answer: RegistrarAnswer): void {
    const next = this.#busy.get(wish.aor)?.shift()
    if (next === undefined) this.#busy.delete(wish.aor)
    try {
      answered(answer)
    } finally {
      if (next !== undefined) this.#begin(next)
    }
  }

  #granting(wish: RegisterWish, { kind, after }: BindingChange): RegistrarAnswer {
    const { policy } = this
    return {
      status: 200,
      reason: undefined,
      kind,
      bindings: after,
      fill: response => fillGrant(response, wish, after, policy),
    }
  }
}

/** A 200 of RFC 3261 §10.3 step 8. */
function fillGrant(
  response: ResponseTemplate,
  wish: RegisterWish,
  bindings: readonly Binding[],
  { now, serviceRoute }: FullPolicy,
): ResponseTemplate {
  const time = now()
  const contacts = bindings
    .filter(({ expiresAt }) => expiresAt > time)
    .map(binding => listed(binding, time, wish))
  response.set(h.Date, time).set(h.Contact, ...contacts)
  const tags: string[] = []
  if (wish.supports.path && wish.path !== '') {
    response.setText(h.Path, wish.path)
    tags.push('path')
  }
  if (wish.supports.outbound && wish.contacts.some(({ regId }) => regId !== undefined)) {
    response.set(h.Require, 'outbound')
    tags.push('outbound')
  }
  if (serviceRoute.length > 0) response.set(h.ServiceRoute, ...serviceRoute)
  if (tags.length > 0) response.set(h.Supported, ...tags)
  return response
}

function listed(
  { contact, expiresAt, publicGruu, temporaryGruus }: Binding,
  time: number,
  { supports }: RegisterWish,
): ReturnType<typeof nameAddr> {
  let own = nameAddr(contact).withParam(p.expires, Math.ceil((expiresAt - time) / 1000))
  if (!supports.gruu) return own
  const temporary = temporaryGruus.at(-1)
  if (publicGruu !== '') own = own.withParam(p.pubGruu, publicGruu)
  return temporary === undefined ? own : own.withParam(p.tempGruu, temporary)
}

const notFound: Refusal = { status: 404, reason: 'Not Found' }
const serverError: Refusal = { status: 500, reason: 'Server Error' }
const tooMany: Refusal = { status: 503, reason: 'Too many REGISTERs wait' }

/** An answer that changes nothing. */
export function refusing({ status, reason, minExpires }: Refusal): RegistrarAnswer {
  return {
    status,
    reason,
    kind: undefined,
    bindings: [],
    fill: response => {
      if (minExpires !== undefined) response.set(h.MinExpires, minExpires)
      if (status === 503) response.set(h.RetryAfter, new RetryAfter(COME_AGAIN))
      return response
    },
  }
}
