import { type AddressFamily, canonicalAddress, familyOf, unbracketed } from '../../util/address.ts'
import { printable } from '../../util/log.ts'
import { Tokens } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import { systemTimers } from '../clock.ts'
import { systemRandom } from '../random.ts'
import { DnsCache } from './cache.ts'
import { type DnsCounters, dnsCounters } from './counters.ts'
import { addressEntry, type Entry, failureEntry, keyOf, noSuchName } from './entry.ts'
import { type Answered, type DnsExplanation, explained } from './explanation.ts'
import { closed, notAsked, tooMany } from './failure.ts'
import { HostsFile, hostsSource } from './hosts.ts'
import { isWithin, questionName } from './name.ts'
import { systemNetwork } from './network.ts'
import { type DnsLimits, type DnsOptions, dnsLimits } from './options.ts'
import { Resolution, type ResolutionRoom } from './resolution.ts'
import type { NaptrRecord, Records, Resolver, SrvRecord } from './resolver.ts'
import { NameServers, systemServers } from './servers.ts'
import type { RecordType } from './wire.ts'

/** A question under way or in line, and who waits for it. */
interface Pending {
  readonly resolution: Resolution
  readonly answer: Promise<Entry>
}

/**
 * A stub resolver (RFC 1034) for NAPTR, SRV, A and AAAA: it asks recursive name servers, by default the system's, over
 * UDP and TCP, and keeps their answers as long as they may be kept. Names are fully qualified: there are no search
 * domains. It opens its first socket and reads its first file when the first name is asked for, and holds neither
 * sockets nor timers while nothing is under way.
 */
export class DnsResolver implements Resolver {
  readonly counters: DnsCounters = dnsCounters()
  readonly #limits: DnsLimits
  readonly #timers: Timers
  readonly #hosts: HostsFile | undefined
  readonly #cache: DnsCache
  readonly #room: ResolutionRoom
  readonly #pending = new Map<string, Pending>()
  readonly #line: Resolution[] = []
  #underWay = 0
  #isStarting = false
  #closed = false

  /** Throws a UsageError for a server that is no numeric address with a port, and for a number that cannot be. */
  constructor(options: DnsOptions = {}) {
    const limits = dnsLimits(options)
    const { timers = systemTimers, random = systemRandom } = options
    const now = (): number => timers.now()
    this.#limits = limits
    this.#timers = timers
    this.#cache = new DnsCache(limits)
    const source = options.hostsSource ?? (options.hosts === false ? undefined : hostsSource(options.hosts))
    this.#hosts = source && new HostsFile(source, now)
    this.#room = {
      servers: new NameServers(options.servers ?? options.systemServers ?? systemServers, now),
      cache: this.#cache,
      network: options.network ?? systemNetwork(random),
      timers,
      dice: new Tokens(random),
      counters: this.counters,
      timing: limits,
      lifetimes: limits,
    }
  }

  naptr(name: string): Records<NaptrRecord> | Promise<Records<NaptrRecord>> {
    return answer(this.#find('NAPTR', name), naptrOf)
  }

  srv(name: string): Records<SrvRecord> | Promise<Records<SrvRecord>> {
    return answer(this.#find('SRV', name), srvOf)
  }

  addresses(name: string, family: AddressFamily): Records<string> | Promise<Records<string>> {
    const known = this.#known(name, family)
    if (known === undefined) return answer(this.#find(family === 4 ? 'A' : 'AAAA', name), addressesOf)
    this.counters.known++
    return known.entry.addresses
  }

  /**
   * The same answer, and how it came about: from where, by which server, through which CNAMEs, how long it took and how long
   * it holds. Never rejects: a failure is part of the answer.
   */
  async explain(name: string, type: RecordType): Promise<DnsExplanation> {
    const began = this.#timers.now()
    const answered = await this.#answered(name, type)
    return explained(questionName(name) ?? printable(name), type, answered, began, this.#timers.now())
  }

  /** Questions under way and in line. */
  get pending(): number {
    return this.#pending.size
  }

  /** Answers kept, and the octets that they take as estimated. */
  get cached(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.#cache.size, bytes: this.#cache.bytes }
  }

  /** Forgets all answers; what is under way goes on. */
  flush(): void {
    this.#cache.clear()
  }

  /** Gives up all questions (ECANCELLED), closes the sockets and forgets all answers. */
  close(): void {
    this.#closed = true
    this.#line.length = 0
    for (const { resolution } of [...this.#pending.values()]) resolution.cancel(closed(resolution.question))
    this.#cache.clear()
  }

  async #answered(name: string, type: RecordType): Promise<Answered> {
    const family = type === 'A' ? 4 : type === 'AAAA' ? 6 : undefined
    const known = family && this.#known(name, family)
    if (known !== undefined) return known
    const found = this.#find(type, name)
    if (found instanceof Promise) return { source: 'server', entry: await found }
    return { source: found === noSuchName ? 'special' : 'cache', entry: found }
  }

  /** What needs no server: numbers, the hosts file, and the loop-back names (RFC 6761). */
  #known(name: string, family: AddressFamily): Answered | undefined {
    const numeric = unbracketed(name)
    const own = familyOf(numeric)
    if (own !== undefined) {
      const addresses = own === family ? [canonicalAddress(numeric) ?? numeric] : []
      return { source: 'numeric', entry: addressEntry(Object.freeze(addresses)) }
    }
    const asked = questionName(name)
    if (asked === undefined) return undefined
    const listed = this.#hosts?.addresses(asked, family)
    if (listed !== undefined) return { source: 'hosts', entry: addressEntry(listed) }
    return isWithin(asked, 'localhost') ? { source: 'special', entry: LOOPBACK[family] } : undefined
  }

  #find(type: RecordType, name: string): Entry | Promise<Entry> {
    const asked = questionName(name)
    if (asked === undefined || isWithin(asked, 'invalid') || isWithin(asked, 'localhost')) {
      this.counters.known++
      return noSuchName
    }
    const key = keyOf(type, asked)
    const known = this.#cache.fresh(key, this.#timers.now())
    if (known !== undefined) {
      this.counters.cached++
      return known
    }
    const pending = this.#pending.get(key)
    if (pending !== undefined) {
      this.counters.joined++
      return pending.answer
    }
    return this.#ask(key, { type, name: asked })
  }

  #ask(key: string, question: { readonly type: RecordType; readonly name: string }): Entry | Promise<Entry> {
    const { maxQuestions, maxWaiting } = this.#limits
    if (this.#closed) return failureEntry(closed(question), NEVER_KEPT)
    const isFull = this.#underWay >= maxQuestions
    if (isFull && this.#line.length >= maxWaiting) {
      this.counters.refused++
      return failureEntry(tooMany(question, maxWaiting), NEVER_KEPT)
    }
    this.counters.asked++
    let settle: (entry: Entry) => void = () => {}
    const promise = new Promise<Entry>(resolve => {
      settle = resolve
    })
    const resolution = new Resolution(question, this.#room, entry => {
      this.#pending.delete(key)
      this.#cache.put(key, entry, this.#timers.now())
      settle(entry)
      this.#onEnded()
    })
    this.#pending.set(key, { resolution, answer: promise })
    if (isFull) this.#line.push(resolution)
    else this.#start(resolution)
    return promise
  }

  #start(resolution: Resolution): void {
    this.#underWay++
    try {
      resolution.start()
    } catch (cause) {
      // what was given to this resolver threw; who asks must hear of it all the same
      resolution.cancel(notAsked(resolution.question, cause))
    }
  }

  /** In a loop, for where a question fails at once the next one may as well, and thousands may be in line. */
  #onEnded(): void {
    this.#underWay--
    if (this.#isStarting) return
    this.#isStarting = true
    while (this.#underWay < this.#limits.maxQuestions) {
      const next = this.#line.shift()
      if (next === undefined) break
      this.#start(next)
    }
    this.#isStarting = false
  }
}

const NEVER_KEPT = { expires: Number.NEGATIVE_INFINITY }

const LOOPBACK = {
  4: addressEntry(Object.freeze(['127.0.0.1'])),
  6: addressEntry(Object.freeze(['::1'])),
} as const

const naptrOf = (entry: Entry): Records<NaptrRecord> => entry.naptr
const srvOf = (entry: Entry): Records<SrvRecord> => entry.srv
const addressesOf = (entry: Entry): Records<string> => entry.addresses

/** At once where it is known; an error comes by promise in either case. */
function answer<T>(
  found: Entry | Promise<Entry>,
  recordsOf: (entry: Entry) => Records<T>,
): Records<T> | Promise<Records<T>> {
  if (found instanceof Promise) return found.then(entry => settled(entry, recordsOf))
  return found.error === undefined ? recordsOf(found) : Promise.reject(found.error)
}

function settled<T>(entry: Entry, recordsOf: (entry: Entry) => Records<T>): Records<T> {
  if (entry.error !== undefined) throw entry.error
  return recordsOf(entry)
}
