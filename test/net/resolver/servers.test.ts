import { describe, expect, it } from 'vitest'
import { DnsResolver } from '../../../src/net/resolver/dns-resolver.ts'
import type { DnsChannelUser, DnsNetwork } from '../../../src/net/resolver/network.ts'
import { NameServers, nameServer } from '../../../src/net/resolver/servers.ts'
import { EnvironmentError } from '../../../src/util/errors.ts'
import { a, cname, DnsWorld, isAsked, type Reply, type Server, soa } from './world.ts'

const TWO = { servers: ['192.0.2.53', '[2001:db8::53]:5353'] }
const good: Server = ({ name }) => ({ answers: [a(name, '192.0.2.1')] })

async function failure(promise: unknown): Promise<EnvironmentError> {
  const error = await Promise.resolve(promise).then(
    () => undefined,
    reason => reason,
  )
  if (error instanceof EnvironmentError) return error
  throw new Error('no typed error')
}

describe('several name servers', () => {
  it('are asked in turn, each in its time, and the silent one is asked last for a while', async () => {
    const world = new DnsWorld()
    world.servers.set('[2001:db8::53]:5353', good)
    const resolver = world.resolver(TWO)
    const first = resolver.addresses('a.example', 4)
    await world.advance(1010)
    expect(await first).toEqual(['192.0.2.1'])
    const second = resolver.addresses('b.example', 4)
    await world.advance(10)
    expect(await second).toEqual(['192.0.2.1'])
    await world.advance(29_980)
    expect(isAsked(resolver.addresses('c.example', 4))).toBe(true)
    expect(world.ladder).toEqual([
      '0 → A a.example 192.0.2.53',
      '1000 → A a.example 2001:db8::53',
      '1010 → A b.example 2001:db8::53',
      '31000 → A c.example 192.0.2.53',
    ])
    resolver.close()
  })

  it('are asked in rounds of twice the patience each, until no time or try is left', async () => {
    const world = new DnsWorld()
    const resolver = world.resolver({ ...TWO, tries: 4, giveUp: 15_000 })
    const asked = failure(resolver.srv('example.org'))
    await world.advance(15_000)
    const error = await asked
    expect(world.ladder.map(line => line.replace(' → SRV example.org', ''))).toEqual([
      '0 192.0.2.53',
      '1000 2001:db8::53',
      '2000 192.0.2.53',
      '4000 2001:db8::53',
      '6000 192.0.2.53',
      '10000 2001:db8::53',
      '14000 192.0.2.53',
    ])
    expect(error.code).toBe('ETIMEOUT')
    expect(error.message).toContain("SRV of 'example.org' was not found out: no name server answered")
    expect(error.message).toContain('[2001:db8::53]:5353 udp ETIMEOUT after 4000 ms')
    expect([world.open, world.timers.size, resolver.counters.silent]).toEqual([0, 0, 7])
  })

  it('that were all silent lately are asked at once, in one round', async () => {
    const world = new DnsWorld()
    const resolver = world.resolver({ ...TWO, tries: 1 })
    const first = failure(resolver.addresses('a.example', 4))
    await world.advance(2000)
    await first
    const second = failure(resolver.addresses('b.example', 4))
    await world.advance(1999)
    expect(world.open).toBe(2)
    await world.advance(1)
    expect((await second).message).toContain('192.0.2.53:53 udp ETIMEOUT after 2000 ms')
    expect(world.ladder.slice(2)).toEqual([
      '2000 → A b.example 192.0.2.53',
      '2000 → A b.example 2001:db8::53',
    ])
    world.serve('192.0.2.53', () => 'refuse')
    world.servers.set('[2001:db8::53]:5353', ({ name }) => ({ delay: 1900, answers: [a(name, '192.0.2.1')] }))
    const third = resolver.addresses('c.example', 4)
    await world.advance(1900)
    expect(await third).toEqual(['192.0.2.1'])
    expect([world.open, world.timers.size]).toEqual([0, 0])
  })

  it.each([1, 2, 3])('a question to %i that are dead is given up after 5 s', async count => {
    const world = new DnsWorld()
    const resolver = world.resolver({ servers: ['192.0.2.1', '192.0.2.2', '192.0.2.3'].slice(0, count) })
    const asked = failure(resolver.addresses('a.example', 4))
    await world.advance(5000)
    expect((await asked).code).toBe('ETIMEOUT')
    expect([world.open, world.timers.size]).toEqual([0, 0])
  })

  it('a question that cannot be asked ends with an error, and so do all behind it', async () => {
    const world = new DnsWorld()
    let list = ['192.0.2.53']
    const resolver = new DnsResolver({
      hosts: false,
      network: world,
      timers: world.timers,
      systemServers: () => list,
      maxQuestions: 1,
      tries: 1,
      timeout: 31_000,
      giveUp: 40_000,
    })
    const first = failure(resolver.addresses('a.example', 4))
    const others = Array.from({ length: 10_000 }, (_, i) => failure(resolver.addresses(`b${i}.example`, 4)))
    list = []
    await world.advance(31_000)
    expect((await first).code).toBe('ETIMEOUT')
    expect(new Set((await Promise.all(others)).map(({ code }) => code))).toEqual(new Set(['ENOSERVER']))
    expect([resolver.pending, world.timers.size]).toEqual([0, 0])
  })

  it('a set-up of the system that throws is an error of the question', async () => {
    const world = new DnsWorld()
    const resolver = new DnsResolver({
      hosts: false,
      network: world,
      timers: world.timers,
      systemServers: () => {
        throw new Error('no settings')
      },
    })
    expect(await failure(resolver.addresses('a.example', 4))).toMatchObject({ code: 'ERR_SYSTEM' })
    expect(resolver.pending).toBe(0)
  })

  it('a refusing port gives way at once', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', () => 'refuse')
    world.servers.set('[2001:db8::53]:5353', good)
    const resolver = world.resolver(TWO)
    const found = resolver.addresses('a.example', 4)
    await world.advance(11)
    expect(await found).toEqual(['192.0.2.1'])
    expect((await resolver.explain('a.example', 'A')).tries).toEqual([
      { server: '192.0.2.53:53', transport: 'udp', milliseconds: 1, result: 'ECONNREFUSED' },
      { server: '[2001:db8::53]:5353', transport: 'udp', milliseconds: 10, result: 'answer' },
    ])
  })

  it('an answer that comes late is one', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ name }) => ({ delay: 1500, answers: [a(name, '192.0.2.2')] }))
    const resolver = world.resolver(TWO)
    const found = resolver.addresses('a.example', 4)
    await world.advance(1500)
    expect(await found).toEqual(['192.0.2.2'])
    expect([resolver.counters.late, world.open, world.timers.size]).toEqual([1, 0, 0])
  })

  it.each([
    [2, 'ESERVFAIL'],
    [5, 'EREFUSED'],
    [9, 'ESERVFAIL'],
  ])('one that answers with code %i gives way to the next, and is not asked again', async (rcode, code) => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', () => ({ rcode }))
    world.servers.set('[2001:db8::53]:5353', ({ name }) =>
      name === 'a.example' ? { answers: [a(name, '192.0.2.1')] } : { rcode },
    )
    const resolver = world.resolver(TWO)
    const found = resolver.addresses('a.example', 4)
    await world.advance(20)
    expect(await found).toEqual(['192.0.2.1'])
    const bad = failure(resolver.addresses('b.example', 4))
    await world.advance(20)
    expect((await bad).code).toBe(code)
    expect(world.ladder).toHaveLength(4)
  })

  it('a failure is kept for some seconds (RFC 2308)', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', () => ({ rcode: 2 }))
    const resolver = world.resolver()
    const first = failure(resolver.naptr('example.org'))
    await world.advance(10)
    await first
    await world.advance(4999)
    expect((await failure(resolver.naptr('example.org'))).code).toBe('ESERVFAIL')
    expect(world.ladder).toHaveLength(1)
    await world.advance(1)
    const again = failure(resolver.naptr('example.org'))
    expect(world.ladder).toHaveLength(2)
    await world.advance(10)
    expect((await again).message).toContain('the zone is broken')
  })

  it('one that only refers to others does not resolve for us', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', () => ({ flags: 0 }))
    const asked = failure(world.resolver().naptr('example.org'))
    await world.advance(10)
    expect((await asked).code).toBe('EREFUSED')
  })

  it.each([
    ['does not read the question', 1],
    ['knows no such version', 16],
  ])('one that %s is asked without EDNS (RFC 6891)', async (_, rcode) => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ name, edns }): Reply => {
      if (edns === undefined) return { answers: [a(name, '192.0.2.1')] }
      const opt = {
        type: 'OPT' as const,
        name: '.',
        udpPayloadSize: 512,
        extendedRcode: rcode >> 4,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      }
      return rcode === 1
        ? { rcode, changed: { questions: [], additionals: [] } }
        : { rcode: rcode & 15, additionals: [opt] }
    })
    const resolver = world.resolver()
    const first = resolver.addresses('a.example', 4)
    await world.advance(20)
    expect(await first).toEqual(['192.0.2.1'])
    expect(isAsked(resolver.addresses('b.example', 4))).toBe(true)
    expect(world.asked.map(({ edns }) => edns)).toEqual([1232, undefined, undefined])
    resolver.close()
  })
})

describe('a network that fails at once', () => {
  const failures: [string, (user: DnsChannelUser) => void][] = [
    ['by an exception', () => raise(new Error('no socket'))],
    ['by its word', user => user.onChannelFailure(new EnvironmentError('ENETUNREACH', 'no route'))],
  ]
  it.each(failures)('%s ends the question with a typed error and leaves nothing behind', async (_, fail) => {
    const world = new DnsWorld()
    const network: DnsNetwork = {
      udp: (server, user) => {
        fail(user)
        return world.udp(server, user)
      },
      tcp: (server, user) => world.tcp(server, user),
    }
    const resolver = world.resolver({ ...TWO, network })
    const error = await failure(resolver.srv('example.org'))
    expect(error.code).toMatch(/^(ERR_SYSTEM|ENETUNREACH)$/)
    expect([world.open, world.timers.size, resolver.pending, world.ladder]).toEqual([0, 0, 0, []])
  })
})

function raise(error: Error): never {
  throw error
}

describe('an answer to another question is no answer (RFC 5452)', () => {
  const forged: [string, Reply][] = [
    ['id', { bytes: bytes => Buffer.concat([Buffer.from([0, 0]), bytes.subarray(2)]) }],
    ['source address', { from: { address: '192.0.2.66', port: 53 } }],
    ['source port', { from: { address: '192.0.2.53', port: 5353 } }],
    ['name', { changed: { questions: [{ type: 'A', name: 'bank.example' }] } }],
    ['type', { changed: { questions: [{ type: 'AAAA', name: 'example.org' }] } }],
    ['number of questions', { changed: { questions: [] } }],
    ['direction', { changed: { type: 'query' } }],
  ]
  it.each(forged)('in its %s', async (_, reply) => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ name }) => [
      { ...reply, delay: 5, answers: [a(name, '192.0.2.66')] },
      { answers: [a(name, '192.0.2.1')] },
    ])
    const resolver = world.resolver()
    const found = resolver.addresses('example.org', 4)
    await world.advance(10)
    expect(await found).toEqual(['192.0.2.1'])
    expect(resolver.counters.mismatched).toBe(1)
  })

  it('and records of other names in it are not taken for those asked for', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ name, type }) =>
      type === 'A'
        ? {
            answers: [a('bank.example', '192.0.2.66'), cname('x.example', name)],
            authorities: [soa('org', 60)],
          }
        : undefined,
    )
    const resolver = world.resolver()
    const found = resolver.addresses('example.org', 4)
    await world.advance(10)
    expect(await found).toEqual([])
    expect(isAsked(resolver.addresses('bank.example', 4))).toBe(true)
    resolver.close()
  })

  it('ids are drawn anew for each question sent', async () => {
    const world = new DnsWorld()
    const resolver = world.resolver({ tries: 3 })
    const asked = ['a.example', 'b.example', 'c.example'].map(name => failure(resolver.srv(name)))
    await world.advance(15_000)
    await Promise.all(asked)
    expect(new Set(world.asked.map(({ id }) => id)).size).toBe(9)
  })
})

describe('the list of servers', () => {
  it('reads addresses with and without ports, canonical', () => {
    const texts = [
      '192.0.2.1',
      '192.0.2.1:5353',
      '2001:DB8::0:1',
      '[2001:db8::1]:5353',
      '[::1]',
      'fe80::1%eth0',
    ]
    expect(texts.map(text => nameServer(text).text)).toEqual([
      '192.0.2.1:53',
      '192.0.2.1:5353',
      '[2001:db8::1]:53',
      '[2001:db8::1]:5353',
      '[::1]:53',
      '[fe80::1%eth0]:53',
    ])
  })

  it('follows the system, at most each half minute, and keeps what it learned', () => {
    let now = 0
    let system = ['192.0.2.1', 'nonsense', '192.0.2.2']
    const servers = new NameServers(
      () => system,
      () => now,
    )
    const [first] = servers.inOrder()
    if (first !== undefined) first.edns = false
    system = ['192.0.2.3', '192.0.2.1']
    now = 29_999
    expect(servers.inOrder().map(({ address }) => address)).toEqual(['192.0.2.1', '192.0.2.2'])
    now = 30_000
    expect(servers.inOrder().map(({ address, edns }) => [address, edns])).toEqual([
      ['192.0.2.3', true],
      ['192.0.2.1', false],
    ])
  })

  it('that is empty is an error which says so', async () => {
    const world = new DnsWorld()
    expect((await failure(world.resolver({ servers: [] }).srv('example.org'))).code).toBe('ENOSERVER')
  })
})
