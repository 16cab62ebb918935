import { describe, expect, it } from 'vitest'
import {
  addressText,
  BindingServer,
  type NatBehavior,
  NatBehaviorDiscovery,
  natBehaviorMachine,
  type TransportAddress,
} from '../../../src/media/stun/index.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { openCells } from '../../../src/util/machine.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'

const inside = { address: '10.0.0.5', port: 5000 }
const primary = { address: '192.0.2.1', port: 3478 }
const alternate = { address: '192.0.2.2', port: 3479 }
const kinds = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'] as const
type Kind = (typeof kinds)[number]

interface Nat {
  mapping: Kind | 'none'
  filtering: Kind
  hairpin?: boolean
}

interface Scene {
  nat: Nat
  server?: BindingServer
  blocked?: boolean
  hairpin?: boolean
}

/** What the discovery finds behind a simulated NAT; and how many datagrams it sent. */
function discover({
  nat,
  server = new BindingServer({ other: alternate }),
  blocked,
  hairpin = false,
}: Scene) {
  const clock = new SimulatedClock()
  const mappings = new Map<string, TransportAddress>()
  const open = new Set<string>()
  const results: NatBehavior[] = []
  const scope = (kind: Kind | 'none', remote: TransportAddress): string =>
    kind === 'address-dependent'
      ? remote.address
      : kind === 'address-and-port-dependent'
        ? addressText(remote)
        : ''
  const mapped = (remote: TransportAddress): TransportAddress => {
    if (nat.mapping === 'none') return inside
    const key = scope(nat.mapping, remote)
    const one = mappings.get(key) ?? { address: '198.51.100.7', port: 40_000 + mappings.size }
    mappings.set(key, one)
    return one
  }
  const send = (bytes: Uint8Array, to: TransportAddress): void => {
    if (blocked) return
    const from = mapped(to)
    open.add(`${from.port} ${scope(nat.filtering, to)}`)
    if (to.address === from.address) {
      if (nat.hairpin) discovery.receive(bytes, from)
      return
    }
    const { answer } = server.receive(bytes, from, to)
    if (answer === undefined || !open.has(`${answer.to.port} ${scope(nat.filtering, answer.from)}`)) return
    discovery.receive(answer.bytes, answer.from)
  }
  const discovery: NatBehaviorDiscovery = new NatBehaviorDiscovery({
    transport: { reliable: false, send },
    server: primary,
    local: inside,
    timers: new Timers(clock),
    random: seededRandom(3),
    hairpin,
    onResult: result => results.push(result),
  })
  discovery.start()
  clock.advance(300_000)
  expect(results).toHaveLength(1)
  return results[0]
}

describe('NAT behaviour discovery (RFC 5780 §4)', () => {
  it('has a row or a reason for every state and input', () => {
    expect(openCells(natBehaviorMachine)).toEqual([])
  })

  it.each(kinds.flatMap(mapping => kinds.map(filtering => ({ mapping, filtering }))))(
    '§4.3, §4.4: finds $mapping mapping and $filtering filtering',
    nat => {
      expect(discover({ nat })).toMatchObject({ reachable: true, supported: true, translated: true, ...nat })
    },
  )

  it('§4.3: finds that there is no NAT, but a firewall', () => {
    const found = discover({ nat: { mapping: 'none', filtering: 'address-dependent' } })
    expect(found).toMatchObject({ translated: false, mapped: inside, mapping: 'endpoint-independent' })
    expect(found?.filtering).toBe('address-dependent')
  })

  it('§4.2: finds that UDP does not reach the server', () => {
    const found = discover({ nat: { mapping: 'none', filtering: 'endpoint-independent' }, blocked: true })
    expect([found?.reachable, found?.mapped, found?.failure?.code]).toEqual([
      false,
      undefined,
      'ERR_STUN_TIMEOUT',
    ])
  })

  it('§4.3: says so where the server has no OTHER-ADDRESS', () => {
    const nat = { mapping: 'address-dependent', filtering: 'address-dependent' } as const
    const found = discover({ nat, server: new BindingServer() })
    expect(found).toMatchObject({ reachable: true, supported: false, translated: true, failure: undefined })
    expect([found?.mapping, found?.filtering, found?.mapped?.port]).toEqual([undefined, undefined, 40_000])
  })

  it('says nothing of filters where the server answers from the address that was asked', () => {
    const lazy = new BindingServer({ other: alternate })
    const receive = lazy.receive.bind(lazy)
    lazy.receive = (bytes, source, local) => {
      const { answer } = receive(bytes, source, local)
      return answer === undefined ? {} : { answer: { ...answer, from: local } }
    }
    const nat = { mapping: 'address-dependent', filtering: 'endpoint-independent' } as const
    expect(discover({ nat, server: lazy })).toMatchObject({
      mapping: 'address-dependent',
      filtering: undefined,
    })
  })

  it('tests hairpinning where asked to', () => {
    const nat = { mapping: 'endpoint-independent', filtering: 'endpoint-independent' } as const
    expect(discover({ nat })?.hairpinning).toBeUndefined()
    expect(discover({ nat, hairpin: true })?.hairpinning).toBe(false)
    expect(discover({ nat: { ...nat, hairpin: true }, hairpin: true })?.hairpinning).toBe(true)
  })
})
