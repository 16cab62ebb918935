import { DnsResolver } from '../../net/resolver/dns-resolver.ts'
import type { DnsOptions } from '../../net/resolver/options.ts'
import type { Resolver } from '../../net/resolver/resolver.ts'
import { sharedResolver } from '../../net/resolver/shared.ts'
import { UsageError } from '../../util/errors.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import type { Uri } from '../grammar/uri.ts'
import type { Counters } from '../statistics.ts'
import type { Target } from '../transport/selector.ts'
import type { Transport } from '../transport/transport.ts'
import type { Locate } from './locate.ts'
import { explained, type LocatedTarget, type LocateStep } from './located.ts'
import { Locator, type LocatorOptions } from './locator.ts'
import { Reach } from './reach.ts'

/** How a stack finds targets. */
export interface LocatingOptions {
  /** Finds targets for a URI; RFC 3263 over `dns` unless given. */
  readonly locate?: Locate
  /**
   * How names are looked up: options of a resolver of the stack's own, or another one, which the stack does not close. By
   * default the one that all share which are given none, STUN and TURN clients too; a stack with a clock or randomness
   * of its own has a resolver of its own.
   */
  readonly dns?: DnsOptions | Resolver
  /** Options of RFC 3263's locator: ENUM, time limits, the grey list. */
  readonly locator?: LocatorOptions
}

/** A target, and why it was chosen. */
export interface Explanation {
  readonly target: Target
  /** In words, safe to print; empty where an application's Locate chose it. */
  readonly why: string
  /** The records that led to it, in their order. */
  readonly steps: readonly LocateStep[]
  /** Whether it stands behind others because it failed a short while ago. */
  readonly isSetBack: boolean
}

export interface LocatingContext {
  readonly timers: Timers
  readonly random: RandomSource
  /** Both are the system's. */
  readonly isOfSystem: boolean
  readonly counters: Counters
  /** Those that are open; told anew each time it is iterated. */
  readonly transports: Iterable<Transport>
}

/** What finds a stack's targets, and the resolver below it, which asks and opens nothing before a name must be looked up. */
export class Locating {
  readonly locate: Locate
  readonly #own: DnsResolver | undefined
  readonly #locator: Locator | undefined

  constructor({ locate, dns, locator }: LocatingOptions, context: LocatingContext) {
    if (locate !== undefined) {
      this.locate = locate
      return
    }
    const { timers, random, isOfSystem, counters, transports } = context
    let resolver: Resolver
    if (isResolver(dns)) resolver = dns
    else if (dns === undefined && isOfSystem) resolver = sharedResolver()
    else resolver = this.#own = new DnsResolver({ timers, random, ...dns })
    this.locate = this.#locator = new Locator(
      { resolver, reach: new Reach(transports), timers, random, counters },
      locator,
    )
  }

  /** See `SipStack.locate`. */
  async explain(uri: Uri): Promise<readonly Explanation[]> {
    const found = await this.locate.locate(uri, { stateless: false })
    return found.map(target => {
      const steps = isLocated(target) ? target.why : []
      const isSetBack = this.locate.isAvailable?.(target) === false
      return { target, why: explained(steps), steps, isSetBack }
    })
  }

  /** Ends what is being looked up, and closes the resolver where it is the stack's own. */
  close(): void {
    this.#locator?.close()
    this.#own?.close()
  }
}

/** @throws UsageError for what is neither a resolver nor options of one */
function isResolver(dns: DnsOptions | Resolver | undefined): dns is Resolver {
  if (dns === undefined) return false
  if (typeof dns !== 'object' || dns === null)
    throw new UsageError('ERR_DNS_OPTION', 'dns is no object; give options of DnsResolver, or a resolver')
  return 'addresses' in dns && typeof dns.addresses === 'function'
}

function isLocated(target: Target): target is LocatedTarget {
  return 'why' in target && Array.isArray(target.why)
}
