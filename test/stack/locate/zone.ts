import type { NaptrRecord, Records, Resolver, SrvRecord } from '../../../src/net/resolver/resolver.ts'
import { Locator, type LocatorOptions } from '../../../src/stack/locate/locator.ts'
import { Reach } from '../../../src/stack/locate/reach.ts'
import type { Protocol } from '../../../src/stack/message/flow.ts'
import { Counters } from '../../../src/stack/statistics.ts'
import type { Target } from '../../../src/stack/transport/selector.ts'
import { MemoryNetwork } from '../../../src/testing/memory-network.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { EnvironmentError } from '../../../src/util/errors.ts'
import { type RandomSource, seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'

/** A name server's records, as a resolver that answers at once, or later, or never. */
export class Zone implements Resolver {
  /** `NAPTR example.com`, in the order they were asked. */
  readonly asked: string[] = []
  closed = 0
  /** Names that are answered later. */
  readonly slow: Set<string> = new Set()
  /** Names that nobody answers. */
  readonly silent: Set<string> = new Set()
  /** Names whose questions end with an error of this code. */
  readonly broken: Map<string, string> = new Map()
  readonly #naptr = new Map<string, NaptrRecord[]>()
  readonly #srv = new Map<string, SrvRecord[]>()
  readonly #addresses = new Map<string, string[]>()

  /** `NAPTR order preference service replacement`, flag `s`. */
  withNaptr(name: string, ...records: readonly Partial<NaptrRecord>[]): this {
    const whole = { order: 10, preference: 10, flags: 's', service: '', regexp: '', replacement: '' }
    this.#naptr.set(
      name,
      records.map(record => ({ ...whole, ...record })),
    )
    return this
  }

  withSrv(name: string, ...records: readonly (readonly [number, number, number, string])[]): this {
    this.#srv.set(
      name,
      records.map(([priority, weight, port, target]) => ({ priority, weight, port, target })),
    )
    return this
  }

  withAddresses(name: string, ...addresses: readonly string[]): this {
    this.#addresses.set(name, [...addresses])
    return this
  }

  naptr(name: string): Records<NaptrRecord> | Promise<Records<NaptrRecord>> {
    return this.#answer('NAPTR', name, this.#naptr.get(name) ?? [])
  }

  srv(name: string): Records<SrvRecord> | Promise<Records<SrvRecord>> {
    return this.#answer('SRV', name, this.#srv.get(name) ?? [])
  }

  addresses(name: string, family: 4 | 6): Records<string> | Promise<Records<string>> {
    const all = this.#addresses.get(name) ?? []
    return this.#answer(
      family === 4 ? 'A' : 'AAAA',
      name,
      all.filter(address => address.includes(':') === (family === 6)),
    )
  }

  close(): void {
    this.closed++
  }

  #answer<T>(kind: string, name: string, records: readonly T[]): readonly T[] | Promise<readonly T[]> {
    this.asked.push(`${kind} ${name}`)
    const code = this.broken.get(`${kind} ${name}`) ?? this.broken.get(name)
    if (code !== undefined) return Promise.reject(new EnvironmentError(code, `${name}: ${code}`))
    if (this.silent.has(name) || this.silent.has(`${kind} ${name}`)) return new Promise(() => {})
    return this.slow.has(name) ? Promise.resolve(records) : records
  }
}

export const everyProtocol: readonly Protocol[] = ['UDP', 'TCP', 'TLS', 'WS', 'WSS']

export interface Located {
  readonly locator: Locator
  readonly counters: Counters
  readonly clock: SimulatedClock
  readonly timers: Timers
}

/** A locator over a zone, with transports of some protocols at some addresses. */
export function locatorOver(
  zone: Resolver,
  protocols: readonly Protocol[] = everyProtocol,
  options: LocatorOptions = {},
  locals: readonly string[] = ['192.0.2.1'],
  random: RandomSource = seededRandom(1),
): Located {
  const clock = new SimulatedClock()
  const timers = new Timers(clock)
  const network = new MemoryNetwork(timers)
  const transports = protocols.flatMap(protocol =>
    locals.map((address, at) => network.transport(protocol, address, 5060 + at)),
  )
  const counters = new Counters()
  const reach = new Reach(transports)
  const locator = new Locator({ resolver: zone, reach, timers, random, counters }, options)
  return { locator, counters, clock, timers }
}

/** `UDP 192.0.2.2:5060`, with the name to be proven where there is one. */
export function shown(targets: readonly Target[]): string[] {
  return targets.map(
    ({ protocol, address, port, serverName }) =>
      `${protocol} ${address}:${port}${serverName === undefined ? '' : ` as ${serverName}`}`,
  )
}
