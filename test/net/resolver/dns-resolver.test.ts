import { RECURSION_AVAILABLE } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { DnsResolver } from '../../../src/net/resolver/dns-resolver.ts'
import { UsageError } from '../../../src/util/errors.ts'
import { a, aaaa, authoritative, cname, DnsWorld, type Reply, soa, srv, TRUNCATED } from './world.ts'

const code = (promise: unknown): Promise<unknown> =>
  Promise.resolve(promise).then(
    found => found,
    error => error.code,
  )

describe('a question', () => {
  it('is asked of the server and kept as long as its TTL says (RFC 1035 §7.4)', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ name }) => ({
      answers: [a(name, '192.0.2.1', 30), a(name, '192.0.2.2', 60)],
    }))
    const resolver = world.resolver()
    const first = resolver.addresses('Example.ORG.', 4)
    await world.advance(10)
    expect(await first).toEqual(['192.0.2.1', '192.0.2.2'])
    await world.advance(29_989)
    expect(resolver.addresses('example.org', 4)).toEqual(['192.0.2.1', '192.0.2.2'])
    await world.advance(11)
    expect(resolver.addresses('example.org', 4)).toBeInstanceOf(Promise)
    expect(world.ladder).toEqual(['0 → A example.org 192.0.2.53', '30010 → A example.org 192.0.2.53'])
    expect(world.asked[0]?.edns).toBe(1232)
  })

  it('gives NAPTR and SRV records whole, names in lower case, the root empty (RFC 3403 §4.1, RFC 2782)', async () => {
    const world = new DnsWorld()
    const data = {
      order: 10,
      preference: 20,
      flags: 'S',
      services: 'SIP+D2T',
      regexp: '',
      replacement: '_SIP._tcp.Example.org',
    }
    world.serve('192.0.2.53', ({ name, type }) =>
      type === 'NAPTR'
        ? { answers: [{ type: 'NAPTR', name, ttl: 9, data }] }
        : { answers: [srv(name, 'SIP1.Example.org', 5070), srv(name, '.')] },
    )
    const resolver = world.resolver()
    const naptr = resolver.naptr('example.org')
    const found = resolver.srv('_sip._tcp.example.org')
    await world.advance(10)
    expect(await naptr).toEqual([
      {
        order: 10,
        preference: 20,
        flags: 'S',
        service: 'SIP+D2T',
        regexp: '',
        replacement: '_sip._tcp.example.org',
      },
    ])
    expect(await found).toEqual([
      { priority: 0, weight: 0, port: 5070, target: 'sip1.example.org' },
      { priority: 0, weight: 0, port: 5060, target: '' },
    ])
    expect([Object.isFrozen(await naptr), Object.isFrozen((await found)[0])]).toEqual([true, true])
  })

  it('is asked once for all who ask while it is under way', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ name }) => ({ answers: [aaaa(name, '2001:DB8:0::1', 0)] }))
    const resolver = world.resolver()
    const answers = Promise.all([1, 2, 3].map(() => resolver.addresses('example.org', 6)))
    await world.advance(10)
    expect(await answers).toEqual([['2001:db8::1'], ['2001:db8::1'], ['2001:db8::1']])
    expect([world.ladder.length, resolver.counters.joined, resolver.pending]).toEqual([1, 2, 0])
    expect(resolver.addresses('example.org', 6)).toBeInstanceOf(Promise)
  })

  it('needs no server for numbers, loop-back, `.invalid` and what is no name (RFC 6761)', async () => {
    const world = new DnsWorld()
    const resolver = world.resolver()
    expect(resolver.addresses('192.0.2.7', 4)).toEqual(['192.0.2.7'])
    expect(resolver.addresses('192.0.2.7', 6)).toEqual([])
    expect(resolver.addresses('[2001:DB8::0:7]', 6)).toEqual(['2001:db8::7'])
    expect(resolver.addresses('a.LocalHost', 4)).toEqual(['127.0.0.1'])
    expect(resolver.addresses('localhost', 6)).toEqual(['::1'])
    for (const name of [
      '_sip._udp.localhost',
      'x.invalid',
      '',
      '.',
      'a..b',
      '.a',
      'x'.repeat(64),
      'ä.example',
      'a b',
      'a\n',
      'a\\.b',
    ]) {
      expect(resolver.srv(name)).toEqual([])
    }
    expect(resolver.naptr(`${'a.'.repeat(127)}a`)).toEqual([])
    expect(world.ladder).toEqual([])
  })

  it('waits in a line of bounded length where too many are under way', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ name }) => ({ answers: [a(name, '192.0.2.1')] }))
    const resolver = world.resolver({ maxQuestions: 2, maxWaiting: 1 })
    const answers = ['a.example', 'b.example', 'c.example', 'd.example'].map(name =>
      code(resolver.addresses(name, 4)),
    )
    expect([world.open, resolver.pending]).toEqual([2, 3])
    await world.advance(10)
    await world.advance(10)
    expect(await Promise.all(answers)).toEqual([['192.0.2.1'], ['192.0.2.1'], ['192.0.2.1'], 'ERR_DNS_BUSY'])
    expect(world.ladder.at(-1)).toBe('10 → A c.example 192.0.2.53')
    expect(resolver.counters.refused).toBe(1)
  })

  it('ends with ECANCELLED at close, also in line, and leaves no socket and no timer', async () => {
    const world = new DnsWorld()
    const resolver = world.resolver({ maxQuestions: 1 })
    const answers = [
      code(resolver.naptr('example.org')),
      code(resolver.naptr('example.net')),
      code(resolver.srv('example.org')),
    ]
    resolver.close()
    resolver.close()
    expect(await Promise.all(answers)).toEqual(['ECANCELLED', 'ECANCELLED', 'ECANCELLED'])
    expect(await code(resolver.naptr('example.com'))).toBe('ECANCELLED')
    expect([world.open, world.timers.size, resolver.pending]).toEqual([0, 0, 0])
  })

  it('leaves no socket and no timer behind when it is answered', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ name }) => ({ answers: [a(name, '192.0.2.1')] }))
    const found = world.resolver().addresses('example.org', 4)
    await world.advance(10)
    await found
    expect([world.open, world.timers.size]).toEqual([0, 0])
  })
})

describe('what is not there', () => {
  it('is kept for the lesser of TTL and minimum of the SOA (RFC 2308)', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ type }) => ({
      rcode: type === 'SRV' ? 3 : 0,
      authorities: [soa('example.org', 20, type === 'SRV' ? 10 : 100)],
    }))
    const resolver = world.resolver()
    const [naptr, none] = [resolver.naptr('example.org'), resolver.srv('gone.example.org')]
    await world.advance(10)
    expect([await naptr, await none]).toEqual([[], []])
    expect((await resolver.explain('example.org', 'NAPTR')).outcome).toBe('no-data')
    expect(await resolver.explain('gone.example.org', 'SRV')).toMatchObject({
      outcome: 'no-such-name',
      source: 'cache',
      ttl: 10,
    })
    await world.advance(10_000)
    expect(resolver.naptr('example.org')).toEqual([])
    expect(resolver.srv('gone.example.org')).toBeInstanceOf(Promise)
  })

  it('is kept for a moment only where no SOA of the name says how long', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', () => ({ authorities: [soa('example.net', 500)] }))
    const resolver = world.resolver()
    const first = resolver.naptr('example.org')
    await world.advance(10)
    await first
    await world.advance(4999)
    expect(resolver.naptr('example.org')).toEqual([])
    await world.advance(1)
    expect(resolver.naptr('example.org')).toBeInstanceOf(Promise)
  })

  it('has a longest life, as has what is there, and a shortest', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ name, type }) =>
      type === 'A'
        ? { answers: [a(name, '192.0.2.1', name.startsWith('long') ? 0x7fff_ffff : 0x8000_0000)] }
        : { authorities: [soa('example.org', 0x7fff_ffff, 0x7fff_ffff)] },
    )
    const resolver = world.resolver({ minTtl: 2, maxTtl: 100, maxNegativeTtl: 50 })
    const asked = [
      resolver.addresses('long.example.org', 4),
      resolver.addresses('none.example.org', 4),
      resolver.srv('example.org'),
    ]
    await world.advance(10)
    await Promise.all(asked)
    const ttls = [
      await resolver.explain('long.example.org', 'A'),
      await resolver.explain('none.example.org', 'A'),
      await resolver.explain('example.org', 'SRV'),
    ].map(({ ttl }) => ttl)
    expect(ttls).toEqual([100, 2, 50])
  })
})

describe('CNAME', () => {
  it('is followed within an answer and by asking on (RFC 1034)', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ name }) =>
      name === 'www.example.org'
        ? { answers: [cname('b.example.org', 'C.example.net', 20), cname(name, 'b.example.org', 40)] }
        : { answers: [a(name, '192.0.2.9', 90)] },
    )
    const resolver = world.resolver()
    const found = resolver.addresses('www.example.org', 4)
    await world.advance(20)
    expect(await found).toEqual(['192.0.2.9'])
    expect(world.ladder).toEqual(['0 → A www.example.org 192.0.2.53', '10 → A c.example.net 192.0.2.53'])
    expect(await resolver.explain('www.example.org', 'A')).toMatchObject({
      aliases: ['b.example.org', 'c.example.net'],
      ttl: 20,
    })
  })

  it('whose end is known already asks nobody', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ name }) =>
      name === 'a.example'
        ? { answers: [cname(name, 'b.example', 100)] }
        : { answers: [a(name, '192.0.2.9', 30)] },
    )
    const resolver = world.resolver()
    const end = resolver.addresses('b.example', 4)
    await world.advance(10)
    await end
    const found = resolver.addresses('a.example', 4)
    await world.advance(10)
    expect(await found).toEqual(['192.0.2.9'])
    expect(world.ladder).toHaveLength(2)
    expect((await resolver.explain('a.example', 'A')).ttl).toBe(30)
  })

  it.each([
    ['within an answer', [cname('a.example', 'b.example'), cname('b.example', 'a.example')], 0, 1],
    ['which the server has found', [cname('a.example', 'b.example'), cname('b.example', 'a.example')], 2, 1],
    ['by asking on', undefined, 0, 2],
  ])('that leads in circles is an error, %s', async (_, answers, rcode, questions) => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ name }) => ({
      rcode,
      answers: answers ?? [cname(name, name === 'a.example' ? 'b.example' : 'a.example')],
    }))
    const resolver = world.resolver()
    const found = code(resolver.addresses('a.example', 4))
    await world.advance(20)
    expect(await found).toBe('ELOOP')
    expect(world.ladder).toHaveLength(questions)
  })

  it('is followed eight times at the most', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ name }) => ({ answers: [cname(name, `x${name}`)] }))
    const found = code(world.resolver().addresses('x.example', 4))
    await world.advance(200)
    expect(await found).toBe('ELOOP')
    expect(world.ladder).toHaveLength(9)
  })

  it('to a name that is not there: the end is missing (RFC 2308)', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ name }) => ({
      rcode: 3,
      answers: [cname(name, 'gone.example')],
      authorities: [soa('example', 30)],
    }))
    const resolver = world.resolver()
    const found = resolver.addresses('a.example', 4)
    await world.advance(10)
    expect(await found).toEqual([])
    expect(world.ladder).toHaveLength(1)
  })
})

describe('additional records (RFC 2782, RFC 2181)', () => {
  const world = (): DnsWorld => {
    const made = new DnsWorld()
    made.serve('192.0.2.53', ({ name, type }) =>
      type === 'SRV'
        ? {
            answers: [srv(name, 'sip.example.org')],
            additionals: [
              a('sip.example.org', '192.0.2.1', 40),
              aaaa('sip.example.org', '2001:db8::1', 40),
              a('bank.example', '192.0.2.66'),
            ],
          }
        : { answers: [a(name, '192.0.2.99', 20)] },
    )
    return made
  }

  it('spare a question for the targets of the SRV records asked for, and for nothing else', async () => {
    const simulated = world()
    const resolver = simulated.resolver()
    const found = resolver.srv('_sip._udp.example.org')
    await simulated.advance(10)
    await found
    expect(resolver.addresses('sip.example.org', 4)).toEqual(['192.0.2.1'])
    expect(resolver.addresses('sip.example.org', 6)).toEqual(['2001:db8::1'])
    expect(resolver.addresses('bank.example', 4)).toBeInstanceOf(Promise)
    expect(await resolver.explain('sip.example.org', 'A')).toMatchObject({ additional: true, ttl: 40 })
  })

  it('never take the place of what was asked for itself while that holds', async () => {
    const simulated = world()
    const resolver = simulated.resolver()
    const asked = resolver.addresses('sip.example.org', 4)
    await simulated.advance(10)
    await asked
    const found = resolver.srv('_sip._udp.example.org')
    await simulated.advance(10)
    await found
    expect(resolver.addresses('sip.example.org', 4)).toEqual(['192.0.2.99'])
  })
})

describe('over TCP', () => {
  it('an answer is fetched that did not fit into a datagram (RFC 7766)', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ name, transport }) =>
      transport === 'udp'
        ? { flags: TRUNCATED, bytes: bytes => Buffer.concat([bytes, Buffer.from([0xc0])]) }
        : { answers: [a(name, '192.0.2.1')] },
    )
    const resolver = world.resolver()
    const found = resolver.addresses('example.org', 4)
    await world.advance(20)
    expect(await found).toEqual(['192.0.2.1'])
    expect(world.ladder).toEqual(['0 → A example.org 192.0.2.53', '10 → A example.org 192.0.2.53 tcp'])
    expect([world.open, resolver.counters.truncated]).toEqual([0, 1])
    expect((await resolver.explain('example.org', 'A')).tries).toMatchObject([
      { transport: 'tcp', result: 'answer' },
    ])
  })

  it('an answer that is cut off there too is none, and the next server is asked', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', () => ({ flags: TRUNCATED | RECURSION_AVAILABLE }))
    const lone = world.resolver().addresses('example.org', 4)
    const failed = expect(lone).rejects.toMatchObject({ code: 'EBADRESP' })
    await world.advance(20)
    await failed
    world.serve('192.0.2.54', ({ name }) => ({ answers: [a(name, '192.0.2.1')] }))
    const found = world.resolver({ servers: ['192.0.2.53', '192.0.2.54'] }).addresses('example.org', 4)
    await world.advance(30)
    expect(await found).toEqual(['192.0.2.1'])
  })

  it.each<[string, (id: number) => Reply]>([
    ['another answer', id => ({ changed: { id: id ^ 1 } })],
    ['no message', () => ({ bytes: () => Buffer.alloc(0) })],
  ])('%s ends the connection', async (_, wrong) => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ id, transport }) => (transport === 'udp' ? { flags: TRUNCATED } : wrong(id)))
    const failed = expect(world.resolver().addresses('example.org', 4)).rejects.toMatchObject({
      code: 'EBADRESP',
    })
    await world.advance(20)
    await failed
    expect([world.open, world.timers.size]).toEqual([0, 0])
  })

  it('a question is given up in time as well', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ transport }) => (transport === 'udp' ? { flags: TRUNCATED } : undefined))
    const resolver = world.resolver({ giveUp: 1500 })
    const failed = expect(resolver.addresses('example.org', 4)).rejects.toMatchObject({ code: 'ETIMEOUT' })
    await world.advance(1500)
    await failed
  })

  it('the question goes on where somebody guesses at its answer (RFC 5452)', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ name, id, transport }) =>
      transport === 'tcp'
        ? { answers: [a(name, '192.0.2.1')] }
        : Array.from({ length: 16 }, (_, i) => ({
            answers: [a(name, '192.0.2.66')],
            changed: { id: (id + 1 + i) & 0xffff },
          })),
    )
    const resolver = world.resolver()
    const found = resolver.addresses('example.org', 4)
    await world.advance(20)
    expect(await found).toEqual(['192.0.2.1'])
    expect(resolver.counters.mismatched).toBe(16)
  })
})

describe('options', () => {
  it.each([
    { servers: ['ns.example.org'] },
    { servers: ['192.0.2.1:0'] },
    { servers: ['192.0.2.1:65536'] },
    { servers: ['[::1'] },
    { timeout: 0 },
    { tries: 1.5 },
    { maxEntries: -1 },
    { maxTtl: Number.NaN },
    { servers: '192.0.2.1' },
    { servers: [5] },
    { hosts: true },
  ])('that cannot be are refused: %j', options => {
    expect(() => Reflect.construct(DnsResolver, [options])).toThrow(UsageError)
  })

  it('bound the cache by number and by octets', async () => {
    const world = new DnsWorld()
    world.serve('192.0.2.53', ({ name }) => ({ answers: [a(name, '192.0.2.1')], flags: authoritative }))
    const few = world.resolver({ maxEntries: 3 })
    const small = world.resolver({ maxBytes: 2000 })
    const asked = Array.from({ length: 20 }, (_, i) => `n${i}.example`).flatMap(name => [
      few.addresses(name, 4),
      small.addresses(name, 4),
    ])
    await world.advance(10)
    await Promise.all(asked)
    expect(few.cached.entries).toBe(3)
    expect(small.cached.entries).toBeGreaterThan(0)
    expect(small.cached.bytes).toBeLessThanOrEqual(2000)
    few.flush()
    expect(few.cached).toEqual({ entries: 0, bytes: 0 })
  })
})
