import { Resolver as CaresResolver } from 'node:dns/promises'
import { DnsResolver, type Records, type Resolver } from 'resip/stack'
import { Named } from '../test/peers/named.ts'
import type { Measurement } from './measurement.ts'
import { median } from './median.ts'

const ZONE = `
@ NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp
_sip._udp SRV 0 0 5060 host
host A 192.0.2.1
host AAAA 2001:db8::1
*.many A 192.0.2.2
*.naptr NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp
`
const CHAINS = 200_000
const QUESTIONS = 4000
/** Questions under way at a time. */
const WINDOW = 64
const ROUNDS = 5

/** Look-ups a second: from the cache, and of a BIND on loop-back, where node:dns (c-ares) asks the same in turn. */
export async function dns(): Promise<Measurement[]> {
  const named = await Named.start({ 'bench.test': ZONE })
  const resolver = new DnsResolver({ servers: [named.server], hosts: false })
  const cares = new CaresResolver()
  cares.setServers([named.server])
  try {
    return [
      await cachedChains(resolver),
      await uncached(
        'A',
        name => resolver.addresses(`${name}.many.bench.test`, 4),
        name => cares.resolve4(`${name}.many.bench.test`),
      ),
      await uncached(
        'NAPTR',
        name => resolver.naptr(`${name}.naptr.bench.test`),
        name => cares.resolveNaptr(`${name}.naptr.bench.test`),
      ),
    ]
  } finally {
    resolver.close()
    await named.stop()
  }
}

/** NAPTR → SRV → A, all kept; not one question goes out. */
async function cachedChains(resolver: DnsResolver): Promise<Measurement> {
  await resolver.naptr('bench.test')
  await resolver.srv('_sip._udp.bench.test')
  await resolver.addresses('host.bench.test', 4)
  const { sent } = resolver.counters
  const rates: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const begin = performance.now()
    for (let i = 0; i < CHAINS; i++) {
      if (chain(resolver) !== '192.0.2.1') throw new Error('a chain leads elsewhere')
    }
    if (round > 0) rates.push((1000 * CHAINS) / (performance.now() - begin))
  }
  if (resolver.counters.sent !== sent) throw new Error('what is kept was asked for')
  return {
    bench: 'dns',
    case: 'NAPTR → SRV → A, cached',
    value: median(rates),
    unit: 'chains/s',
    note: 'node:dns keeps nothing',
  }
}

function chain(resolver: Resolver): string | undefined {
  const [naptr] = atOnce(resolver.naptr('bench.test'))
  const [srv] = atOnce(resolver.srv(naptr?.replacement ?? ''))
  return atOnce(resolver.addresses(srv?.target ?? '', 4))[0]
}

function atOnce<T>(found: Records<T> | Promise<Records<T>>): Records<T> {
  if (found instanceof Promise) throw new Error('a kept answer comes by promise')
  return found
}

type Ask = (name: string) => unknown

/** Names that nobody has asked for, both resolvers in turn; the medians of the rounds. */
async function uncached(type: string, ours: Ask, theirs: Ask): Promise<Measurement> {
  const rates: [number[], number[]] = [[], []]
  for (let round = 0; round <= ROUNDS; round++) {
    const pair = [await perSecond(ours, `o${round}`), await perSecond(theirs, `t${round}`)]
    if (round > 0) pair.forEach((rate, i) => void rates[i]?.push(rate))
  }
  return {
    bench: 'dns',
    case: `${type}, uncached, of BIND on loop-back, ${WINDOW} at a time`,
    value: median(rates[0]),
    unit: 'questions/s',
    peers: { 'node:dns (c-ares)': median(rates[1]) },
  }
}

async function perSecond(ask: Ask, prefix: string): Promise<number> {
  let next = 0
  const asker = async (): Promise<void> => {
    while (next < QUESTIONS) await ask(`${prefix}-${next++}`)
  }
  const begin = performance.now()
  await Promise.all(Array.from({ length: WINDOW }, asker))
  return (1000 * QUESTIONS) / (performance.now() - begin)
}
