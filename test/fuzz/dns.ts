import { type Answer, encode } from 'dns-packet'
import { DnsResolver } from '../../src/net/resolver/dns-resolver.ts'
import type { DnsChannel, DnsChannelUser, DnsNetwork } from '../../src/net/resolver/network.ts'
import type { RecordType } from '../../src/net/resolver/wire.ts'
import { SimulatedClock } from '../../src/util/clock.ts'
import { EnvironmentError } from '../../src/util/errors.ts'
import { seededRandom, Tokens } from '../../src/util/random.ts'
import { Timers } from '../../src/util/timers.ts'

const SERVER = { address: '192.0.2.53', port: 53 }
const MOST_BYTES = 64 * 1024
const MOST_ENTRIES = 100
/** Longer than the resolver's patience, so that each question has ended. */
const PATIENCE = 20_000
const TYPES = ['A', 'AAAA', 'SRV', 'NAPTR'] as const
const NAMES = ['a.example', 'b.example', '_sip._udp.example', '4.3.2.1.e164.example', 'gone.example']

/** What a run saw, to show that the mutations reach both sides of the checks. */
export interface DnsFuzzReport {
  readonly found: number
  readonly missing: number
  readonly failed: number
  readonly malformed: number
  readonly mismatched: number
  readonly odd: number
}

/**
 * Answers questions of a resolver with mutated messages. Rejects where something else than a typed error comes out, a
 * question never ends, a socket or timer is left, the cache grows past its bounds, or an answer holds what none may.
 */
export async function fuzzDns(count: number, seed: number): Promise<DnsFuzzReport> {
  const dice = new Tokens(seededRandom(seed))
  const clock = new SimulatedClock()
  const timers = new Timers(clock)
  const network = new MutatingNetwork(dice, timers)
  const report = { found: 0, missing: 0, failed: 0 }
  const resolver = new DnsResolver({
    servers: [SERVER.address],
    hosts: false,
    network,
    timers,
    random: seededRandom(seed + 1),
    maxBytes: MOST_BYTES,
    maxEntries: MOST_ENTRIES,
    tries: 2,
  })
  for (let run = 0; run < count; run++) {
    const type = TYPES[dice.below(TYPES.length)] ?? 'A'
    const name = `${dice.below(20)}.${NAMES[dice.below(NAMES.length)]}`
    const asked = ask(resolver, type, name)
    const where = `run ${run} of seed ${seed}, octets ${network.last.toString('hex')}`
    try {
      if (dice.below(50) === 0) clock.advance(dice.below(100_000))
      clock.advance(PATIENCE)
      const found = await asked
      check(found)
      if (found instanceof Error) report.failed++
      else if (found.length === 0) report.missing++
      else report.found++
    } catch (error) {
      throw new Error(where, { cause: error })
    }
    const left = [resolver.pending, network.open, timers.size]
    if (left.some(number => number !== 0))
      throw new Error(`${where}: ${left} questions, sockets, timers are left`)
    const { entries, bytes } = resolver.cached
    if (entries > MOST_ENTRIES || bytes > MOST_BYTES)
      throw new Error(`${where}: ${entries} entries, ${bytes} octets`)
  }
  const { malformed, mismatched, oddRecords } = resolver.counters
  return { ...report, malformed, mismatched, odd: oddRecords }
}

async function ask(
  resolver: DnsResolver,
  type: RecordType,
  name: string,
): Promise<readonly unknown[] | Error> {
  try {
    if (type === 'SRV') return await resolver.srv(name)
    if (type === 'NAPTR') return await resolver.naptr(name)
    return await resolver.addresses(name, type === 'A' ? 4 : 6)
  } catch (error) {
    if (error instanceof EnvironmentError) return error
    throw error
  }
}

/** Names and addresses in answers, and all of an error, are printable ASCII. */
function check(found: readonly unknown[] | Error): void {
  const texts = found instanceof Error ? [found.message.replaceAll('→', '')] : found.map(textOf)
  for (const text of texts) {
    if (!/^[ -~…]*$/.test(text)) throw new Error(`not printable: ${JSON.stringify(text)}`)
  }
}

function textOf(record: unknown): string {
  if (typeof record === 'string') return record
  if (typeof record !== 'object' || record === null) throw new Error(`no record: ${record}`)
  const { replacement = '', target = '' } = record as { replacement?: string; target?: string }
  return `${replacement} ${target}`
}

/** Sends mutated answers to each question: none, one or some. */
class MutatingNetwork implements DnsNetwork {
  open = 0
  last: Buffer = Buffer.alloc(0)
  readonly #dice: Tokens
  readonly #timers: Timers

  constructor(dice: Tokens, timers: Timers) {
    this.#dice = dice
    this.#timers = timers
  }

  udp(_: unknown, user: DnsChannelUser): DnsChannel {
    return this.#channel(user)
  }

  tcp(_: unknown, user: DnsChannelUser): DnsChannel {
    return this.#channel(user)
  }

  #channel(user: DnsChannelUser): DnsChannel {
    const dice = this.#dice
    let isOpen = true
    this.open++
    return {
      send: query => {
        for (let i = dice.below(4); i > 0; i--) {
          const bytes = mutated(dice, answerTo(dice, Buffer.from(query)))
          this.#timers.after(dice.below(3000), () => {
            if (!isOpen) return
            this.last = Buffer.from(bytes)
            user.onMessage(bytes, SERVER.address, SERVER.port)
          })
        }
        if (dice.below(20) === 0) {
          this.#timers.after(dice.below(3000), () => {
            if (isOpen) user.onChannelFailure(new EnvironmentError('ECONNREFUSED', 'refused'))
          })
        }
      },
      close: () => {
        if (isOpen) this.open--
        isOpen = false
      },
    }
  }
}

/** A whole answer to start from: the question as it was sent, and records that may belong to it. */
function answerTo(dice: Tokens, query: Buffer): Buffer {
  const end = query.indexOf(0, 12) + 5
  const question = query.subarray(12, end)
  const records = encode({
    type: 'response',
    questions: [],
    answers: some(dice, 4),
    authorities: some(dice, 2),
    additionals: some(dice, 3),
  })
  const head = Buffer.from(records.subarray(0, 12))
  query.copy(head, 0, 0, 2)
  head.writeUInt16BE(
    0x8180 | (dice.below(4) === 0 ? dice.below(6) : 0) | (dice.below(20) === 0 ? 0x200 : 0),
    2,
  )
  head.writeUInt16BE(1, 4)
  const body = Buffer.from(records.subarray(12))
  // some records are of the name that was asked for, by a pointer to it
  const whole = Buffer.concat([head, question, body])
  return dice.below(2) === 0 ? whole : pointed(whole, 12 + question.length)
}

/** The first owner name replaced by a pointer to the question. */
function pointed(bytes: Buffer, start: number): Buffer {
  let end = start
  while (end < bytes.length && bytes[end] !== 0) end += 1 + (bytes[end] ?? 0)
  return Buffer.concat([bytes.subarray(0, start), Buffer.from([0xc0, 12]), bytes.subarray(end + 1)])
}

function some(dice: Tokens, most: number): Answer[] {
  return Array.from({ length: dice.below(most) }, () => record(dice))
}

function record(dice: Tokens): Answer {
  const name = `${dice.below(20)}.${NAMES[dice.below(NAMES.length)]}`
  const other = `${dice.below(20)}.${NAMES[dice.below(NAMES.length)]}`
  const ttl = dice.below(3) === 0 ? dice.below(2 ** 32) : dice.below(300)
  switch (dice.below(7)) {
    case 0:
      return { type: 'A', name, ttl, data: '192.0.2.1' }
    case 1:
      return { type: 'AAAA', name, ttl, data: '2001:db8::1' }
    case 2:
      return { type: 'CNAME', name, ttl, data: other }
    case 3:
      return { type: 'SRV', name, ttl, data: { priority: 1, weight: 2, port: 5060, target: other } }
    case 4: {
      const data = {
        order: 1,
        preference: 2,
        flags: 's',
        services: 'SIP+D2U',
        regexp: '',
        replacement: other,
      }
      return { type: 'NAPTR', name, ttl, data }
    }
    case 5: {
      const data = {
        mname: other,
        rname: other,
        serial: 1,
        refresh: 1,
        retry: 1,
        expire: 1,
        minimum: dice.below(600),
      }
      return { type: 'SOA', name: 'example', ttl, data }
    }
    default:
      return { type: 'TXT', name, ttl, data: 'text' }
  }
}

/** None, one or some octets changed, pointers put in, the end cut off, or more put behind. */
function mutated(dice: Tokens, original: Buffer): Buffer {
  const bytes = Buffer.from(original)
  for (let i = dice.below(4); i > 0; i--) bytes[dice.below(bytes.length)] = dice.byte()
  if (dice.below(4) === 0)
    bytes.writeUInt16BE(0xc000 | dice.below(bytes.length), dice.below(bytes.length - 1))
  const kind = dice.below(8)
  if (kind === 0) return bytes.subarray(0, dice.below(bytes.length))
  return kind === 1 ? Buffer.concat([bytes, Buffer.alloc(dice.below(12))]) : bytes
}
