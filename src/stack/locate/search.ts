import type { Records, Resolver, SrvRecord } from '../../net/resolver/resolver.ts'
import { familyOf } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import { type Eventual, follow, together } from '../../util/eventual.ts'
import { thenable } from '../../util/guard.ts'
import { printable } from '../../util/log.ts'
import type { Protocol } from '../message/flow.ts'
import { inOrder } from './address-order.ts'
import type { LocatedTarget, LocateStep } from './located.ts'
import { chosenRules } from './naptr.ts'
import { distinct, MAX_TARGETS, type Place, type Sought, shareOf, targetAt } from './place.ts'
import type { Reach } from './reach.ts'
import { type Service, serviceOf, services } from './services.ts'
import { type Below, chosenSrv, isUsableSrv, settledSrv } from './srv.ts'

/** What a search needs of the stack. */
export interface SearchContext {
  readonly resolver: Resolver
  readonly reach: Reach
  readonly below: Below
  /** Counts a record that was passed over because it is malformed. */
  onMalformed(): void
}

/** SRV records to ask for. */
interface Question {
  readonly name: string
  readonly protocol: Protocol
  readonly why: readonly LocateStep[]
}

/** SRV names that are asked for: RFC 3263 knows five transports. */
const MAX_QUESTIONS = 8

const nothing: Records<never> = []

/** One search for the targets of a URI (RFC 3263 §4) or of a response (§5). */
export class Search {
  /** Called when the first address is known. */
  onFirst: (() => void) | undefined
  readonly #context: SearchContext
  readonly #stateless: boolean
  /** What is known of each place, in their order. */
  readonly #known: (readonly LocatedTarget[] | undefined)[] = []
  #error: unknown

  constructor(context: SearchContext, stateless: boolean) {
    this.#context = context
    this.#stateless = stateless
  }

  /** What went wrong last while asking. */
  get error(): unknown {
    return this.#error
  }

  /** The targets that are known by now, in their order. */
  get soFar(): readonly LocatedTarget[] {
    return distinct(this.#known.flatMap(targets => targets ?? []))
  }

  /**
   * RFC 3263 §4.1 and §4.2. Rejects with, or throws, an EnvironmentError where nothing is found: ENOTFOUND, or what the
   * resolver said.
   */
  locate(sought: Sought): Eventual<readonly LocatedTarget[]> {
    return follow(this.find(sought), targets => this.foundAny(targets, sought.target))
  }

  /** The targets, each once. @throws EnvironmentError where there are none */
  foundAny(targets: readonly LocatedTarget[], what: string): readonly LocatedTarget[] {
    if (targets.length === 0) throw this.#notFound(what)
    return distinct(targets)
  }

  /** The targets of SRV records at `prefix`, none where there are no records (RFC 3861 §4). */
  locateService(prefix: string, sought: Sought): Eventual<readonly LocatedTarget[] | undefined> {
    const protocol = sought.protocol ?? defaultProtocol(sought.secure)
    return this.#services([{ name: `${prefix}.${sought.target}`, protocol, why: sought.why }], sought)
  }

  /** Asks the resolver; what goes wrong is kept, and the answer is that there is nothing. */
  ask<T>(question: (resolver: Resolver) => Eventual<Records<T>>): Eventual<Records<T>> {
    try {
      const answer = question(this.#context.resolver)
      // a resolver of the application's may have promises of its own
      if (thenable(answer) === undefined) return asRecords(answer)
      return Promise.resolve(answer).then(asRecords, this.#onFailed)
    } catch (error) {
      return this.#onFailed(error)
    }
  }

  /** As `locate`, but empty where nothing is found. */
  find(sought: Sought): Eventual<readonly LocatedTarget[]> {
    const { target, port, secure, why } = sought
    const wanted = sought.protocol
    if (familyOf(target) !== undefined) {
      const service = serviceOf(wanted ?? defaultProtocol(secure))
      return [targetAt(sought, service.protocol, target, port ?? service.defaultPort, [...why, NUMERIC])]
    }
    if (port !== undefined) {
      const protocol = wanted ?? defaultProtocol(secure)
      return this.#places([{ host: target, port, protocol, why }], sought)
    }
    // it is this host by definition (RFC 6761), and no name server is asked for it
    if (isLocalhost(target)) return this.#default(sought)
    if (wanted !== undefined) {
      const question = { name: `${serviceOf(wanted).srv}.${target}`, protocol: wanted, why }
      return follow(this.#services([question], sought), found => found ?? this.#default(sought))
    }
    return follow(
      this.ask(resolver => resolver.naptr(target)),
      records => {
        const { reach, onMalformed } = this.#context
        const rules = chosenRules(records, secure, protocol => reach.speaks(protocol), onMalformed)
        if (rules.length === 0) return this.#withoutNaptr(sought)
        const questions = rules.map(({ record, service }) => ({
          name: record.replacement,
          protocol: service.protocol,
          why: [...why, { by: 'NAPTR', name: target, record } as const],
        }))
        return follow(this.#services(questions, sought), found => found ?? this.#withoutNaptr(sought))
      },
    )
  }

  /** The SRV records of each transport that is spoken here, then the domain's own addresses. */
  #withoutNaptr(sought: Sought): Eventual<readonly LocatedTarget[]> {
    const { target, secure, why } = sought
    // where nobody answers, one wait is enough for both: the resolver joins what is asked again
    if (this.#isUnanswered) void this.#addresses(this.#defaultPlace(sought))
    const { reach } = this.#context
    const spoken = services.filter(service => service.isSecure === secure && reach.speaks(service.protocol))
    const questions = spoken.map(service => question(service, target, why))
    return follow(this.#services(questions, sought), found => found ?? this.#default(sought))
  }

  #default(sought: Sought): Eventual<readonly LocatedTarget[]> {
    return this.#places([this.#defaultPlace(sought)], sought)
  }

  #defaultPlace({ target, secure, protocol: wanted, why }: Sought): Place {
    const { protocol, defaultPort: port } = serviceOf(wanted ?? defaultProtocol(secure))
    const by: readonly LocateStep[] = wanted === undefined ? [...why, { by: 'default', protocol }] : why
    return { host: target, port, protocol, why: by }
  }

  get #isUnanswered(): boolean {
    return this.#error instanceof EnvironmentError && this.#error.code === 'ETIMEOUT'
  }

  /** What the SRV records of some names lead to; `undefined` where none of them has a record. */
  #services(questions: readonly Question[], sought: Sought): Eventual<readonly LocatedTarget[] | undefined> {
    const asked = questions.slice(0, MAX_QUESTIONS)
    const answers = together(asked.map(({ name }) => this.ask(resolver => resolver.srv(name))))
    return follow(answers, all => {
      const places: Place[] = []
      let isThere = false
      for (const [at, records] of all.entries()) {
        const asking = asked[at]
        if (asking === undefined || records.length === 0) continue
        // records of the one that is preferred are there: state would be needed to leave it (§4.4)
        if (this.#stateless && places.length > 0) break
        const usable = this.#usable(records)
        if (usable.length === 0 && !records.some(isRoot)) continue
        isThere = true
        for (const record of this.#chosen(usable)) {
          const { protocol, why } = asking
          const step = { by: 'SRV', name: asking.name, record } as const
          const { target: host, port, weight } = record
          places.push({ host, port, protocol, weight, why: [...why, step] })
        }
      }
      return isThere ? this.#places(places, sought) : undefined
    })
  }

  #usable(records: readonly SrvRecord[]): readonly SrvRecord[] {
    if (records.every(isUsableSrv)) return records
    return records.filter(record => {
      if (isUsableSrv(record)) return true
      if (!isRoot(record)) this.#context.onMalformed()
      return false
    })
  }

  #chosen(records: readonly SrvRecord[]): readonly SrvRecord[] {
    if (this.#stateless) return settledSrv(records, MAX_TARGETS)
    return chosenSrv(records, this.#context.below, MAX_TARGETS)
  }

  #places(places: readonly Place[], sought: Sought): Eventual<readonly LocatedTarget[]> {
    if (places.length > MAX_TARGETS) return this.#places(places.slice(0, MAX_TARGETS), sought)
    const first = this.#known.length
    for (const _ of places) this.#known.push(undefined)
    const found = together(
      places.map((place, at) =>
        follow(this.#addresses(place), addresses => this.#onAddresses(place, addresses, sought, first + at)),
      ),
    )
    return follow(found, all => (all.length === 1 ? (all[0] ?? nothing) : all.flat()))
  }

  /** The addresses of a place, of the families that can be used; of both where the protocol is not spoken at all. */
  #addresses({ host, protocol }: Place): Eventual<readonly string[]> {
    const { reach } = this.#context
    const all = !reach.speaks(protocol)
    const v6 = all || reach.has(protocol, 6) ? this.ask(resolver => resolver.addresses(host, 6)) : nothing
    const v4 = all || reach.has(protocol, 4) ? this.ask(resolver => resolver.addresses(host, 4)) : nothing
    return follow(v6, six =>
      follow(v4, four => {
        if (this.#stateless) return [...this.#numeric(six), ...this.#numeric(four)].sort()
        const reaches = (address: string): boolean => reach.reaches(protocol, address)
        return inOrder(this.#numeric(six), this.#numeric(four), reaches)
      }),
    )
  }

  #onAddresses(
    { host, port, protocol, weight, why }: Place,
    addresses: readonly string[],
    sought: Sought,
    at: number,
  ): readonly LocatedTarget[] {
    const steps: readonly LocateStep[] = [...why, { by: 'address', name: host }]
    const most = addresses.length > MAX_TARGETS ? addresses.slice(0, MAX_TARGETS) : addresses
    const share = this.#stateless && weight !== undefined ? shareOf(weight, most.length) : undefined
    const targets = most.map(address => targetAt(sought, protocol, address, port, steps, host, share))
    this.#known[at] = targets
    if (targets.length > 0) this.onFirst?.()
    return targets
  }

  #numeric(addresses: readonly string[]): readonly string[] {
    if (addresses.every(isNumeric)) return addresses
    return addresses.filter(address => {
      if (isNumeric(address)) return true
      this.#context.onMalformed()
      return false
    })
  }

  readonly #onFailed = (error: unknown): Records<never> => {
    this.#error = error
    return nothing
  }

  #notFound(target: string): EnvironmentError {
    const name = printable(target, 100)
    const cause = this.#error
    if (cause instanceof EnvironmentError) {
      return new EnvironmentError(cause.code, `${name} could not be looked up: ${cause.message}`, { cause })
    }
    const what = `no target for ${name}: NAPTR, SRV and address records lead to none that the open transports could use`
    return new EnvironmentError('ENOTFOUND', what, cause === undefined ? undefined : { cause })
  }
}

const NUMERIC: LocateStep = { by: 'numeric' }

function question(service: Service, target: string, why: readonly LocateStep[]): Question {
  return { name: `${service.srv}.${target}`, protocol: service.protocol, why }
}

/** RFC 3263 §4.1, where nothing else decides. */
function defaultProtocol(secure: boolean): Protocol {
  return secure ? 'TLS' : 'UDP'
}

/** The root as target is no mistake: it says that there is no such service here (RFC 2782). */
function isRoot({ target }: SrvRecord): boolean {
  return target === ''
}

function isLocalhost(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost')
}

/** A resolver may be an application's, and answer anything. */
function asRecords<T>(answer: Eventual<Records<T>>): Records<T> {
  return Array.isArray(answer) ? answer : nothing
}

function isNumeric(address: string): boolean {
  return familyOf(address) !== undefined
}
