import { describe, expect, it } from 'vitest'
import { locateServer } from '../../../src/media/stun/index.ts'
import { EnvironmentError, UsageError } from '../../../src/util/errors.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { srv, ZoneResolver } from '../resolver.ts'

const failed = new EnvironmentError('ESERVFAIL', 'the zone is broken')

describe('a STUN server (RFC 8489 §8.1)', () => {
  it('that is a number is its own address, at the default port', async () => {
    const resolver = new ZoneResolver({})
    expect(await locateServer('stun:192.0.2.9', { resolver })).toEqual([
      { address: '192.0.2.9', port: 3478, transport: 'udp', domain: '192.0.2.9' },
    ])
    expect(resolver.asked).toEqual([])
  })

  it('is found by SRV, by priority, each target by AAAA and A in turn (RFC 2782, RFC 8305)', async () => {
    const resolver = new ZoneResolver({
      'SRV _stun._udp.example.org': [srv(2, 'b.example.org', 3479), srv(1, 'a.example.org', 3478)],
      'A a.example.org': ['192.0.2.1', '192.0.2.2'],
      'AAAA a.example.org': ['2001:DB8::0:1'],
      'A b.example.org': ['192.0.2.3'],
    })
    const found = await locateServer('stun:example.org', { resolver, random: seededRandom(1) })
    expect(found.map(({ address, port }) => `${address} ${port}`)).toEqual([
      '2001:db8::1 3478',
      '192.0.2.1 3478',
      '192.0.2.2 3478',
      '192.0.2.3 3479',
    ])
    expect(new Set(found.map(({ domain }) => domain))).toEqual(new Set(['example.org']))
  })

  it('is at no record with port 0 or a number that is none, and at 16 addresses of a host at the most', async () => {
    const many = Array.from({ length: 100 }, (_, i) => `192.0.2.${i}`)
    const resolver = new ZoneResolver({
      'SRV _stun._udp.example.org': [
        srv(1, 'a.example.org', 0),
        srv(1, 'a.example.org', 70_000),
        srv(2, 'b.example.org', 9),
      ],
      'A a.example.org': ['192.0.2.1'],
      'A b.example.org': many,
    })
    const found = await locateServer('stun:example.org', { resolver })
    expect(found.map(({ port }) => port)).toEqual(Array.from({ length: 16 }, () => 9))
  })

  it('over TLS is asked for as _stuns._tcp, and must prove the name that was given', async () => {
    const resolver = new ZoneResolver({
      'SRV _stuns._tcp.example.org': [srv(1, 'a.provider.example', 443)],
      'A a.provider.example': ['192.0.2.1'],
    })
    expect(await locateServer('stuns:example.org', { resolver, families: [4] })).toEqual([
      { address: '192.0.2.1', port: 443, transport: 'tls', domain: 'example.org' },
    ])
    expect(resolver.asked).toEqual(['SRV _stuns._tcp.example.org', 'A a.provider.example'])
  })

  it.each([
    ['there is no SRV record', {}],
    ['the SRV records cannot be had', { 'SRV _stun._udp.example.org': failed }],
  ])('is found by A and AAAA at the default port where %s', async (_, zone) => {
    const resolver = new ZoneResolver({
      ...zone,
      'A example.org': ['192.0.2.1'],
      'AAAA example.org': ['::2'],
    })
    const found = await locateServer('stun:example.org', { resolver })
    expect(found.map(({ address, port }) => `${address} ${port}`)).toEqual(['::2 3478', '192.0.2.1 3478'])
    expect(resolver.asked).toEqual(['SRV _stun._udp.example.org', 'AAAA example.org', 'A example.org'])
  })

  it('with a port is not asked for by SRV (as in RFC 5928 §3, step 2)', async () => {
    const resolver = new ZoneResolver({ 'A example.org': ['192.0.2.1'] })
    const [found] = await locateServer('stun:example.org:19302', { resolver, families: [4] })
    expect([found?.port, resolver.asked]).toEqual([19302, ['A example.org']])
  })

  it('one family that cannot be had does not keep the other from being used', async () => {
    const resolver = new ZoneResolver({ 'AAAA example.org': failed, 'A example.org': ['192.0.2.1'] })
    expect(await locateServer('stun:example.org:1', { resolver })).toHaveLength(1)
  })

  it.each([
    ['has no address', {}, 'ERR_STUN_SERVER', /'example.org' gave no address/],
    ['cannot be looked up', { 'A example.org': failed, 'AAAA example.org': failed }, 'ESERVFAIL', /broken/],
    [
      'says that there is no such service (RFC 2782)',
      { 'SRV _stun._udp.example.org': [srv(0, '', 0)], 'A example.org': ['192.0.2.1'] },
      'ERR_STUN_SERVER',
      /says that it has no such service/,
    ],
    [
      'has targets without addresses',
      { 'SRV _stun._udp.example.org': [srv(0, 'gone.example.org', 1)] },
      'ERR_STUN_SERVER',
      /'gone.example.org' gave no address/,
    ],
  ])('that %s is an error', async (_, zone, code, message) => {
    const error = await locateServer('stun:example.org', { resolver: new ZoneResolver(zone) }).catch(
      reason => reason,
    )
    expect(error).toBeInstanceOf(EnvironmentError)
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)])
  })

  it('one target that cannot be had does not keep the others from being used', async () => {
    const resolver = new ZoneResolver({
      'SRV _stun._udp.example.org': [srv(1, 'a.example.org', 1), srv(2, 'b.example.org', 2)],
      'A a.example.org': failed,
      'A b.example.org': ['192.0.2.2', 'nonsense', '::1'],
    })
    const found = await locateServer('stun:example.org', { resolver })
    expect(found.map(({ address, port }) => `${address} ${port}`)).toEqual(['192.0.2.2 2'])
  })

  it('is not what a turn URI names', async () => {
    await expect(locateServer('turn:example.org')).rejects.toThrow(UsageError)
  })
})
