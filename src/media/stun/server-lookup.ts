import { systemRandom } from '../../net/random.ts'
import type { NaptrRecord, Records, Resolver, SrvRecord } from '../../net/resolver/resolver.ts'
import { sharedResolver } from '../../net/resolver/shared.ts'
import { inSrvOrder } from '../../net/resolver/srv-order.ts'
import type { TransportAddress } from '../../stun/ip.ts'
import { type AddressFamily, canonicalAddress, familyOf } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'
import { type RandomSource, Tokens } from '../../util/random.ts'
import type { ServerTransport } from './server-name.ts'

/** One of a server's addresses. */
export interface StunServerLocation extends TransportAddress {
  readonly transport: ServerTransport
  /** The name that a certificate must bear: the one that was given, wherever DNS led (RFC 8489 §6.2.3). */
  readonly domain: string
}

export interface ServerLookupOptions {
  /** Where names lead; by default the resolver that all share, with the system's name servers and hosts file. */
  readonly resolver?: Resolver | undefined
  /** For the choice among SRV records of one priority. */
  readonly random?: RandomSource | undefined
  /** Families of use to the caller; no others are asked for. Default both, IPv6 first. */
  readonly families?: readonly AddressFamily[] | undefined
}

/** A server that has no address, or none of the families asked for. */
export class NoServerAddress extends EnvironmentError {}

/** SRV records of which the addresses are looked up. */
const MOST_TARGETS = 8
/** Addresses of one host that are tried. */
const MOST_ADDRESSES = 16
/** Questions that one server may cost, however its NAPTR records branch. */
const MOST_QUESTIONS = 64

/** @internal The questions that finding one server takes, bounded in number. */
export class ServerLookup {
  readonly #domain: string
  readonly #resolver: Resolver
  readonly #families: readonly AddressFamily[]
  readonly #dice: Tokens
  #questions = 0

  /** `domain` is the server's name as it was given. */
  constructor(domain: string, { resolver, random, families }: ServerLookupOptions) {
    this.#domain = domain
    this.#resolver = resolver ?? sharedResolver()
    this.#dice = new Tokens(random ?? systemRandom)
    this.#families = families ?? [6, 4]
  }

  /** None where the question fails: what comes next is tried (RFC 5928 §3, step 4). */
  async naptr(name: string): Promise<Records<NaptrRecord>> {
    if (!this.#mayAsk()) return []
    try {
      return await this.#resolver.naptr(name)
    } catch {
      return []
    }
  }

  /**
   * Where the SRV records of a name lead, in the order of RFC 2782; undefined where there are none or the question fails.
   * Rejects where the domain says that it has no such service.
   */
  async service(name: string, transport: ServerTransport): Promise<StunServerLocation[] | undefined> {
    const records = await this.#srv(name)
    const [first] = records
    if (first === undefined) return undefined
    if (records.every(({ target }) => target === '')) {
      throw new EnvironmentError(
        'ERR_STUN_SERVER',
        `'${printable(this.#domain)}' says that it has no such service (${printable(name)}): use another server`,
      )
    }
    const usable = records.filter(isUsable)
    const ordered = inSrvOrder(usable, limit => this.#dice.below(limit)).slice(0, MOST_TARGETS)
    return allOf(ordered.map(({ target, port }) => this.addresses(target, port, transport)))
  }

  /** A host's addresses, the families in turn (RFC 8305). Rejects with NoServerAddress, or with the resolver's error. */
  async addresses(host: string, port: number, transport: ServerTransport): Promise<StunServerLocation[]> {
    const numeric = familyOf(host)
    const families = numeric === undefined ? this.#families : this.#families.filter(one => one === numeric)
    const asked = await Promise.allSettled(families.map(family => this.#addresses(host, family)))
    const found = inTurn(asked.map(one => (one.status === 'fulfilled' ? one.value : [])))
    if (found.length > 0) {
      return found
        .slice(0, MOST_ADDRESSES)
        .map(address => ({ address, port, transport, domain: this.#domain }))
    }
    const failed = asked.find(one => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    const kind = this.#families.length === 1 ? `IPv${this.#families[0]} address` : 'address'
    throw new NoServerAddress(
      'ERR_STUN_SERVER',
      `the look-up of '${printable(host)}' gave no ${kind}: check its spelling, or give another server`,
    )
  }

  async #srv(name: string): Promise<Records<SrvRecord>> {
    if (!this.#mayAsk()) return []
    try {
      return await this.#resolver.srv(name)
    } catch {
      return []
    }
  }

  /** A resolver of an application may answer anything: what is no address of that family is passed over. */
  async #addresses(host: string, family: AddressFamily): Promise<string[]> {
    if (familyOf(host) === family) return [canonicalAddress(host) ?? host]
    if (!this.#mayAsk()) return []
    const found = await this.#resolver.addresses(host, family)
    return found.flatMap(address =>
      familyOf(address) === family ? [canonicalAddress(address) ?? address] : [],
    )
  }

  #mayAsk(): boolean {
    return ++this.#questions <= MOST_QUESTIONS
  }
}

/**
 * All locations of what succeeds, in order. Rejects with the first error where nothing does.
 */
export async function allOf(
  lookups: readonly Promise<readonly StunServerLocation[]>[],
): Promise<StunServerLocation[]> {
  const ended = await Promise.allSettled(lookups)
  const found = ended.flatMap(one => (one.status === 'fulfilled' ? one.value : []))
  const failed = ended.find(one => one.status === 'rejected')
  if (found.length === 0 && failed !== undefined) throw failed.reason
  return found
}

/** A target of the root, or port 0, is nobody; a resolver of an application may answer other numbers too. */
function isUsable({ priority, weight, port, target }: SrvRecord): boolean {
  return target !== '' && isWord(priority) && isWord(weight) && isWord(port) && port > 0
}

function isWord(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff
}

/** The first of each list, then the second of each … */
function inTurn(lists: readonly (readonly string[])[]): string[] {
  const longest = Math.max(0, ...lists.map(list => list.length))
  return Array.from({ length: longest }, (_, i) => lists.flatMap(list => list.slice(i, i + 1))).flat()
}
