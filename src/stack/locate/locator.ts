import type { NaptrRecord, Resolver } from '../../net/resolver/resolver.ts'
import { familyOf, unbracketed } from '../../util/address.ts'
import { EnvironmentError, PeerError, UsageError } from '../../util/errors.ts'
import { type Eventual, follow, together } from '../../util/eventual.ts'
import { printable } from '../../util/log.ts'
import { type RandomSource, Tokens } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import { isNobodys } from '../grammar/host.ts'
import type { Uri } from '../grammar/uri.ts'
import { maddrParam, transportParam } from '../grammar/uri-params.ts'
import { user } from '../headers/params.ts'
import type { Via } from '../headers/via.ts'
import type { Protocol } from '../message/flow.ts'
import type { Counters } from '../statistics.ts'
import { canConnectTo } from '../transport/response-way.ts'
import type { Target } from '../transport/selector.ts'
import { type Closable, inTime } from './deadline.ts'
import { defaultEnumDomains, type EnumOptions, e164Of, enumName, numberRules } from './enum.ts'
import { GreyList, type GreyListOptions } from './grey-list.ts'
import type { Locate, LocateOptions, TargetOutcome } from './locate.ts'
import type { LocatedTarget, LocateStep } from './located.ts'
import type { Sought } from './place.ts'
import { presenceDomain, presenceService } from './presence.ts'
import type { Reach } from './reach.ts'
import { Search, type SearchContext } from './search.ts'
import { protocolNamed, serviceOf, transportNames } from './services.ts'

export interface LocatorOptions extends GreyListOptions {
  /** Looks numbers up (RFC 6116); they lead nowhere unless given. */
  readonly enum?: EnumOptions
  /** Milliseconds that a search may take in all; what is known then is used. Default 10,000. */
  readonly locateTimeout?: number
  /** Milliseconds that the others have once the first address is known. Default 1,000. */
  readonly locateGrace?: number
}

/** What a locator needs of the stack. */
export interface LocatorContext {
  readonly resolver: Resolver
  readonly reach: Reach
  readonly timers: Timers
  readonly random: RandomSource
  readonly counters: Pick<Counters, 'malformedRecords'>
}

const NO_STEPS: readonly LocateStep[] = []

/**
 * Locates SIP servers by RFC 3263: NAPTR, SRV, A and AAAA, in the order to try them. Answers at once where the resolver
 * does. A target that failed a short while ago stands behind the others, but for stateless look-ups, whose order is
 * always the same.
 */
export class Locator implements Locate {
  readonly #context: SearchContext
  readonly #timers: Timers
  readonly #grey: GreyList
  readonly #options: LocatorOptions
  /** Searches that wait for the resolver. */
  readonly #open = new Set<Closable>()

  /** @throws UsageError for a number that cannot be one of its options */
  constructor(context: LocatorContext, options: LocatorOptions = {}) {
    checkNumbers(options)
    const { resolver, reach, timers, counters } = context
    const tokens = new Tokens(context.random)
    this.#context = {
      resolver,
      reach,
      below: limit => tokens.below(limit),
      onMalformed: () => {
        counters.malformedRecords++
      },
    }
    this.#timers = timers
    this.#options = options
    this.#grey = new GreyList(() => timers.now(), options)
  }

  /**
   * Throws, or rejects with, an EnvironmentError: ERR_SIP_SCHEME for a URI that leads nowhere, ENOTFOUND, or what the
   * resolver said; a PeerError for a transport that nobody speaks.
   */
  locate(uri: Uri, { stateless }: LocateOptions): Eventual<readonly LocatedTarget[]> {
    const search = new Search(this.#context, stateless)
    const found = this.#inTime(search, this.#search(search, uri), uri)
    if (stateless) return found
    return follow(found, targets => this.#grey.order(targets))
  }

  /**
   * RFC 3263 §5, RFC 3261 §18.2.2. The order is always the same, for a response may be sent again. Throws a PeerError
   * where nobody can connect to, as to a WebSocket client (RFC 7118 §5.3).
   */
  locateResponse(via: Via): Eventual<readonly LocatedTarget[]> {
    const protocol = protocolNamed(via.transport)
    if (protocol === undefined) throw unknownTransport(via.transport)
    // datagrams go back to the port they came from (RFC 3581 §4), a new connection to that of sent-by (§18.2.2)
    const port = protocol === 'UDP' ? (via.rport ?? via.port) : via.port
    const target = unbracketed(via.received ?? via.host).toLowerCase()
    const host = unbracketed(via.host).toLowerCase()
    if (!canConnectTo(via, protocol)) throw nobodysHost(host)
    const { isSecure: secure } = serviceOf(protocol)
    const search = new Search(this.#context, true)
    // whoever is connected to must prove to be whom the request named, wherever it came from (RFC 5922 §7.3)
    const domain = host === target ? nameIn(host) : host
    const sought = { target, port, protocol, secure, domain, why: NO_STEPS }
    return this.#inTime(search, search.locate(sought), via.sentBy)
  }

  report(target: Target, outcome: TargetOutcome, retryAfter?: number): void {
    this.#grey.report(target, outcome, retryAfter)
  }

  isAvailable(target: Target): boolean {
    return this.#grey.remaining(target) === 0
  }

  /** Ends what is being looked up (ECANCELLED), and leaves no timer. */
  close(): void {
    for (const waiting of [...this.#open]) waiting.close()
  }

  #inTime(
    search: Search,
    found: Eventual<readonly LocatedTarget[]>,
    what: Uri | string,
  ): Eventual<readonly LocatedTarget[]> {
    if (!(found instanceof Promise)) return found
    const { locateTimeout: whole = 10_000, locateGrace: grace = 1000 } = this.#options
    return inTime(this.#timers, { whole, grace }, this.#open, search, found, what)
  }

  #search(search: Search, uri: Uri): Eventual<readonly LocatedTarget[]> {
    const service = presenceService(uri)
    if (service !== undefined) return this.#presence(search, uri, service)
    const { enum: numbers } = this.#options
    if (uri.isSip) {
      const to = uri.param(maddrParam) ?? uri.host
      if (isNobodys(to)) throw nobodysHost(to)
      const isPhone = numbers?.userPhone === true && uri.param(user) === 'phone'
      const number = isPhone ? e164Of(uri.user?.split(';', 1)[0]) : undefined
      if (number === undefined) return search.locate(soughtBy(uri, NO_STEPS))
      return follow(this.#number(search, number), found => found ?? search.locate(soughtBy(uri, NO_STEPS)))
    }
    const number = uri.scheme === 'tel' && numbers !== undefined ? e164Of(uri.user) : undefined
    if (number === undefined) throw cannotBeSentTo(uri)
    return follow(this.#number(search, number), found => {
      if (found === undefined)
        throw new EnvironmentError('ENOTFOUND', `${number} has no record that leads to a sip URI`)
      return found
    })
  }

  /** RFC 3861 §4: the SRV records of the service; without them the domain's own servers. */
  #presence(search: Search, uri: Uri, service: string): Eventual<readonly LocatedTarget[]> {
    const target = presenceDomain(uri)
    if (target === undefined) throw cannotBeSentTo(uri)
    const sought: Sought = {
      target,
      port: undefined,
      protocol: undefined,
      secure: false,
      domain: target,
      why: NO_STEPS,
    }
    return follow(search.locateService(service, sought), found =>
      found === undefined ? search.locate(sought) : search.foundAny(found, target),
    )
  }

  /** Where a number's records lead: the first zone that has any decides. */
  #number(search: Search, number: string, at: number = 0): Eventual<readonly LocatedTarget[] | undefined> {
    const { domain = defaultEnumDomains } = this.#options.enum ?? {}
    const zone = (typeof domain === 'string' ? [domain] : domain)[at]
    if (zone === undefined) return undefined
    const name = enumName(number, zone)
    return follow(
      search.ask<NaptrRecord>(resolver => resolver.naptr(name)),
      records => {
        const rules = numberRules(records, number, this.#context.onMalformed)
        if (rules.length === 0) return this.#number(search, number, at + 1)
        const found = rules.map(({ uri, record }) =>
          search.find(soughtBy(uri, [{ by: 'ENUM', name, record, uri: String(uri) }])),
        )
        return follow(together(found), all => search.foundAny(all.flat(), number))
      },
    )
  }
}

function checkNumbers({ enum: _, ...numbers }: LocatorOptions): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (!(typeof value === 'number' && value >= 0))
      throw new UsageError('ERR_SIP_LIMIT', `locator.${name} is ${value}; a number of 0 or more is needed`)
  }
}

/** What a sip or sips URI asks for. */
function soughtBy(uri: Uri, why: readonly LocateStep[]): Sought {
  const target = (uri.param(maddrParam) ?? unbracketed(uri.host)).toLowerCase()
  const { secure } = uri
  // who gives an address beside the domain still means the domain
  const domain = nameIn(target) ?? nameIn(unbracketed(uri.host).toLowerCase())
  return { target, port: uri.port, protocol: protocolOf(uri), secure, domain, why }
}

/** The protocol that a URI names; sips is never left without TLS, whatever it names (RFC 5630 §3.1.3). */
function protocolOf(uri: Uri): Protocol | undefined {
  const name = uri.param(transportParam)
  if (name === undefined) return undefined
  const protocol = protocolNamed(name)
  if (protocol === undefined) throw unknownTransport(name)
  return uri.secure ? secured(protocol) : protocol
}

/** The port that a sip or sips URI means where it has none, and its host is an address (RFC 3263 §4.2). */
export function defaultPortOf(uri: Uri): number {
  const named = protocolNamed(uri.param(transportParam) ?? '')
  const protocol = named === undefined || !uri.secure ? named : secured(named)
  return serviceOf(protocol ?? (uri.secure ? 'TLS' : 'UDP')).defaultPort
}

function secured(protocol: Protocol): Protocol {
  return protocol === 'WS' || protocol === 'WSS' ? 'WSS' : 'TLS'
}

function nameIn(target: string): string | undefined {
  return familyOf(target) === undefined ? target : undefined
}

function cannotBeSentTo(uri: Uri): EnvironmentError {
  return new EnvironmentError(
    'ERR_SIP_SCHEME',
    `a ${printable(uri.scheme, 32)} URI cannot be sent to; give a sip URI as next hop`,
  )
}

/** Found out without asking anybody (RFC 6761 §6.4); who registered such a Contact is reached by its flow (RFC 7118 §5). */
function nobodysHost(host: string): PeerError {
  const what = `nobody can connect to ${printable(host, 100)}: only the connection that it made leads there`
  return new PeerError('ERR_SIP_HOST', what, 480)
}

/**
 * What a peer wrote into a URI or a Via leaves no target, for which §16.5 has 480: a 503 would say that we are the ones
 * who fail.
 */
function unknownTransport(name: string): PeerError {
  return new PeerError(
    'ERR_SIP_TRANSPORT',
    `transport ${printable(name, 32)} is not known; one of ${transportNames} is`,
    480,
  )
}
