import type { EnvironmentError } from '../../util/errors.ts'
import type { DnsCache } from './cache.ts'
import { type DnsTry, type Entry, failureEntry, foundEntry, keyOf, missingEntry } from './entry.ts'
import { Exchange, type ExchangeRoom, type ExchangeUser } from './exchange.ts'
import { aliasLoop, noServers, rcodeFailure, unanswered } from './failure.ts'
import { type Followed, follow, negativeTtl } from './follow.ts'
import { questionName } from './name.ts'
import type { NameServer, NameServers } from './servers.ts'
import type { DnsAnswer, Question, RecordType, ResourceRecord } from './wire.ts'

/** Milliseconds, but for `tries`. */
interface ResolutionTiming {
  readonly timeout: number
  readonly tries: number
  readonly giveUp: number
  readonly serverRest: number
}

/** Seconds. */
interface Lifetimes {
  readonly minTtl: number
  readonly maxTtl: number
  readonly maxNegativeTtl: number
  readonly failureTtl: number
}

/** What a resolution works with. */
export interface ResolutionRoom extends ExchangeRoom {
  readonly servers: NameServers
  readonly cache: DnsCache
  readonly timing: ResolutionTiming
  readonly lifetimes: Lifetimes
}

/** CNAMEs that one question is led through. */
const MOST_ALIASES = 8

const NXDOMAIN = 3

/**
 * One question until it is answered: the servers in turn, in rounds of growing patience, and on through CNAMEs. A server that
 * was given up is still listened to, and one that has answered with a failure is not asked again.
 */
export class Resolution implements ExchangeUser {
  readonly question: Question
  readonly #room: ResolutionRoom
  readonly #done: (entry: Entry) => void
  readonly #deadline: number
  readonly #exchanges = new Set<Exchange>()
  readonly #aliases: string[] = []
  readonly #tries: DnsTry[] = []
  /** Those that will not do better: they have failed to answer this name, or cannot be reached. */
  readonly #failed = new Set<NameServer>()
  #servers: readonly NameServer[] = []
  #step = 0
  /** No server has answered lately, so that all are asked at once. */
  #isLastResort = false
  #name: string
  #ttl = Number.POSITIVE_INFINITY
  #current: Exchange | undefined
  #ended = false

  /** `done` is told once, before or after `start` has returned. */
  constructor(question: Question, room: ResolutionRoom, done: (entry: Entry) => void) {
    this.question = question
    this.#name = question.name
    this.#room = room
    this.#done = done
    this.#deadline = room.timers.now() + room.timing.giveUp
  }

  start(): void {
    this.#ask(this.question.name)
  }

  /** Gives up; `done` is told the error. */
  cancel(error: EnvironmentError): void {
    this.#end(failureEntry(error, { expires: Number.NEGATIVE_INFINITY, tries: this.#tries }))
  }

  onAnswer(exchange: Exchange, answer: DnsAnswer): void {
    this.#exchanges.delete(exchange)
    exchange.server.avoidUntil = Number.NEGATIVE_INFINITY
    const failure = failureOf(answer)
    this.#tried(exchange, failure ?? 'answer')
    // a server that finds the circle itself says SERVFAIL and shows it
    if (failure === undefined || this.#follow(answer).isLoop) this.#take(answer)
    else this.#fails(exchange)
  }

  onSilent(exchange: Exchange): void {
    this.#tried(exchange, 'ETIMEOUT')
    this.#avoid(exchange.server)
    this.#onGivenUp(exchange)
  }

  onUnreachable(exchange: Exchange, error: EnvironmentError): void {
    this.#exchanges.delete(exchange)
    this.#tried(exchange, error.code)
    this.#avoid(exchange.server)
    this.#fails(exchange)
  }

  #fails(exchange: Exchange): void {
    this.#failed.add(exchange.server)
    this.#onGivenUp(exchange)
  }

  #onGivenUp(exchange: Exchange): void {
    const isOver = this.#isLastResort
      ? [...this.#exchanges].every(other => other.isLate)
      : exchange === this.#current
    if (isOver) this.#next()
  }

  #avoid(server: NameServer): void {
    server.avoidUntil = this.#room.timers.now() + this.#room.timing.serverRest
  }

  #tried({ server, transport, began }: Exchange, result: string): void {
    const milliseconds = this.#room.timers.now() - began
    this.#tries.push({ server: server.text, transport, milliseconds, result })
  }

  #ask(name: string): void {
    this.#closeExchanges()
    this.#name = name
    this.#servers = this.#room.servers.inOrder()
    this.#failed.clear()
    this.#step = 0
    const now = this.#room.timers.now()
    this.#isLastResort = now < this.#deadline && this.#servers.every(server => server.avoidUntil > now)
    if (this.#servers.length === 0) this.#fail(noServers(this.question))
    else if (this.#isLastResort) this.#askAll()
    else this.#next()
  }

  #next(): void {
    const { timing, timers } = this.#room
    const left = this.#deadline - timers.now()
    for (; left > 0 && this.#step < timing.tries * this.#servers.length; this.#step++) {
      const server = this.#servers[this.#step % this.#servers.length]
      if (server === undefined || this.#failed.has(server)) continue
      const timeout = timing.timeout * 2 ** Math.floor(this.#step / this.#servers.length)
      this.#step++
      const exchange = this.#exchangeWith(server, timeout)
      this.#current = exchange
      exchange.start()
      return
    }
    this.#fail(unanswered(this.question, this.#tries))
  }

  /**
   * Each was silent or gone a moment ago: to wait for one after the other again would make everybody who asks wait as
   * long, so that all get one question with the second round's patience.
   */
  #askAll(): void {
    const { timing } = this.#room
    this.#step = timing.tries * this.#servers.length
    for (const exchange of this.#servers.map(server => this.#exchangeWith(server, 2 * timing.timeout))) {
      if (!this.#ended) exchange.start()
    }
  }

  #exchangeWith(server: NameServer, timeout: number): Exchange {
    const question = { name: this.#name, type: this.question.type }
    const exchange = new Exchange(question, server, timeout, this.#deadline, this.#room, this)
    this.#exchanges.add(exchange)
    return exchange
  }

  #take(answer: DnsAnswer): void {
    const { aliases, end, records, ttl, isLoop } = this.#follow(answer)
    this.#ttl = Math.min(this.#ttl, ttl)
    this.#aliases.push(...aliases)
    if (isLoop || this.#aliases.length > MOST_ALIASES) {
      this.#fail(aliasLoop(this.question, [this.question.name, ...this.#aliases.slice(0, MOST_ALIASES + 1)]))
    } else if (records.length > 0) {
      this.#keepAdditional(records, answer.additionals)
      this.#end(foundEntry(records, this.#origin(this.#expiry(this.#ttl))))
    } else {
      const negative = negativeTtl(answer.authorities, end)
      if (answer.rcode === NXDOMAIN) this.#misses('no-such-name', negative)
      else if (negative !== undefined || aliases.length === 0 || questionName(end) === undefined) {
        this.#misses('no-data', negative)
      } else this.#askOn(end)
    }
  }

  #follow(answer: DnsAnswer): Followed {
    const { name, type } = this.question
    return follow(answer.answers, this.#name, type, [name, ...this.#aliases])
  }

  /** A server may leave the end of the chain to us (RFC 1034). */
  #askOn(name: string): void {
    const { cache, timers } = this.#room
    const known = cache.fresh(keyOf(this.question.type, name), timers.now())
    if (known === undefined) this.#ask(name)
    else {
      const aliases = [...this.#aliases, ...known.aliases]
      const expires = Math.min(known.expires, this.#expiry(this.#ttl))
      this.#end({ ...known, ...this.#origin(expires), aliases, additional: false })
    }
  }

  #misses(outcome: 'no-data' | 'no-such-name', negative: number | undefined): void {
    const { maxNegativeTtl, failureTtl } = this.#room.lifetimes
    // RFC 2308: without an SOA it should not be kept; for a moment it is, lest a flood of the same be asked for
    const ttl = Math.min(this.#ttl, maxNegativeTtl, negative ?? failureTtl)
    this.#end(missingEntry(outcome, this.#origin(this.#expiry(ttl))))
  }

  #fail(error: EnvironmentError): void {
    const expires = this.#room.timers.now() + 1000 * this.#room.lifetimes.failureTtl
    this.#end(failureEntry(error, this.#origin(expires)))
  }

  #origin(expires: number): { expires: number; aliases: readonly string[]; tries: readonly DnsTry[] } {
    return { expires, aliases: this.#aliases, tries: this.#tries }
  }

  #expiry(ttl: number): number {
    const { minTtl, maxTtl } = this.#room.lifetimes
    return this.#room.timers.now() + 1000 * Math.min(Math.max(ttl, minTtl), maxTtl)
  }

  /**
   * Of the additional section only the addresses of the targets that the same answer names are kept: it comes from the server
   * that we would ask for them next.
   */
  #keepAdditional(records: readonly ResourceRecord[], additionals: readonly ResourceRecord[]): void {
    const targets = new Set<string>()
    for (const record of records) if (record.type === 'SRV') targets.add(record.value.target)
    for (const target of targets) {
      for (const type of ADDRESS_TYPES) {
        const found = additionals.filter(record => record.type === type && record.name === target)
        if (found.length > 0) this.#keep(type, target, found)
      }
    }
  }

  #keep(type: RecordType, name: string, records: readonly ResourceRecord[]): void {
    const { cache, timers } = this.#room
    const ttl = Math.min(...records.map(record => record.ttl))
    const origin = { expires: this.#expiry(ttl), tries: this.#tries }
    cache.put(keyOf(type, name), foundEntry(records, origin, true), timers.now())
  }

  #end(entry: Entry): void {
    if (this.#ended) return
    this.#ended = true
    this.#closeExchanges()
    Object.freeze(this.#aliases)
    Object.freeze(this.#tries)
    this.#done(entry)
  }

  #closeExchanges(): void {
    for (const exchange of this.#exchanges) exchange.close()
    this.#exchanges.clear()
    this.#current = undefined
  }
}

const ADDRESS_TYPES = ['A', 'AAAA'] as const

/** What a response that settles nothing is called; undefined for an answer. */
function failureOf({
  truncated,
  rcode,
  answers,
  authorities,
  authoritative,
  recursionAvailable,
}: DnsAnswer): string | undefined {
  // over TCP too: what it cut off may be what was asked for
  if (truncated) return 'EBADRESP'
  if (rcode !== 0 && rcode !== NXDOMAIN) return rcodeFailure(rcode)
  // a referral: it answers for its own zones alone
  const isEmpty = answers.length === 0 && !authorities.some(record => record.type === 'SOA')
  return isEmpty && !authoritative && !recursionAvailable ? 'EREFUSED' : undefined
}
