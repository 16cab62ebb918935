import { UsageError } from '../../util/errors.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import type { HostsSource } from './hosts.ts'
import type { DnsNetwork } from './network.ts'

export interface DnsOptions {
  /**
   * Name servers in the order in which they are asked: `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:5353`. By default the
   * system's, looked up anew each half minute in which somebody asks.
   */
  readonly servers?: readonly string[]
  /** Another hosts file than the system's, or `false` for none. */
  readonly hosts?: string | false
  /** Milliseconds that a server has to answer in the first round; twice as many in each later one. Default 1,000. */
  readonly timeout?: number
  /** Rounds through the servers. Default 3. */
  readonly tries?: number
  /** Milliseconds after which a question is given up, whatever is left to try. Default 5,000. */
  readonly giveUp?: number
  /** Milliseconds for which a server that was silent is asked last. Default 30,000. */
  readonly serverRest?: number
  /** Seconds that an answer is kept at the least, whatever its TTL. Default 0: one with a TTL of 0 is asked for each time. */
  readonly minTtl?: number
  /** Seconds that an answer is kept at the most. Default 86,400. */
  readonly maxTtl?: number
  /** Seconds that it is remembered at the most that a name, or a type of it, is not there (RFC 2308). Default 900. */
  readonly maxNegativeTtl?: number
  /** Seconds for which a failure, or a missing name without an SOA, is not asked for again. Default 5. */
  readonly failureTtl?: number
  /** Answers kept. Default 4,096. */
  readonly maxEntries?: number
  /** Octets of the answers kept, estimated. Default 8 MiB. */
  readonly maxBytes?: number
  /** Questions under way at a time, each with a socket or a few. Default 256; more wait in line. */
  readonly maxQuestions?: number
  /** Questions that wait in line; more are refused (ERR_DNS_BUSY). Default 10,000. */
  readonly maxWaiting?: number
  readonly timers?: Timers
  readonly random?: RandomSource
  /** @internal For tests: another network, hosts file and set-up of the system. */
  readonly network?: DnsNetwork
  /** @internal */
  readonly hostsSource?: HostsSource
  /** @internal */
  readonly systemServers?: () => readonly string[]
}

/** The numbers among the options. */
export type DnsLimits = Required<
  Omit<DnsOptions, 'servers' | 'hosts' | 'timers' | 'random' | 'network' | 'hostsSource' | 'systemServers'>
>

const DEFAULTS: DnsLimits = {
  timeout: 1000,
  tries: 3,
  giveUp: 5_000,
  serverRest: 30_000,
  minTtl: 0,
  maxTtl: 86_400,
  maxNegativeTtl: 900,
  failureTtl: 5,
  maxEntries: 4096,
  maxBytes: 8 * 1024 * 1024,
  maxQuestions: 256,
  maxWaiting: 10_000,
}

/** What may be 0; the others are 1 at the least. */
const MAY_BE_NONE: ReadonlySet<string> = new Set([
  'serverRest',
  'minTtl',
  'maxTtl',
  'maxNegativeTtl',
  'failureTtl',
  'maxWaiting',
])

/** The options with their defaults; throws a UsageError for what is no such number. */
export function dnsLimits(options: DnsOptions): DnsLimits {
  checkKinds(options)
  const limits = { ...DEFAULTS }
  for (const name of Object.keys(DEFAULTS) as (keyof DnsLimits)[]) {
    const value = options[name] ?? DEFAULTS[name]
    if (!Number.isSafeInteger(value) || value < (MAY_BE_NONE.has(name) ? 0 : 1)) {
      throw new UsageError('ERR_DNS_OPTION', `dns: ${name} is ${value}; give a whole number, 1 or more`)
    }
    limits[name] = value
  }
  return limits
}

function checkKinds({ servers, hosts }: DnsOptions): void {
  const isList = Array.isArray(servers) && servers.every(server => typeof server === 'string')
  if (servers !== undefined && !isList)
    throw new UsageError('ERR_DNS_OPTION', 'dns: servers is no list of texts; give the address of each')
  if (hosts !== undefined && hosts !== false && typeof hosts !== 'string')
    throw new UsageError('ERR_DNS_OPTION', 'dns: hosts is neither the path of a file nor false')
}
