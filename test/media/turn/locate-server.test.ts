import { describe, expect, it } from 'vitest'
import { locateTurnServer } from '../../../src/media/turn/index.ts'
import { EnvironmentError, UsageError } from '../../../src/util/errors.ts'
import { naptr, srv, type Zone, ZoneResolver } from '../resolver.ts'

const failed = new EnvironmentError('ESERVFAIL', 'the zone is broken')

async function located(server: string, zone: Zone, transports?: ('udp' | 'tcp' | 'tls')[]) {
  const resolver = new ZoneResolver(zone)
  const found = await locateTurnServer(server, {
    resolver,
    families: [4],
    ...(transports && { transports }),
  })
  return {
    asked: resolver.asked,
    ways: found.map(({ transport, address, port }) => `${transport} ${address}:${port}`),
  }
}

/** The example of RFC 5928 §4.1, with two servers. */
const example: Zone = {
  'NAPTR example.com': [
    naptr(100, 'RELAY:turn.udp', '', 'datagram.example.com'),
    naptr(200, 'RELAY:turn.tcp:turn.tls', '', 'stream.example.com'),
  ],
  'NAPTR datagram.example.com': [naptr(100, 'RELAY:turn.udp', 's', '_turn._udp.example.com')],
  'NAPTR stream.example.com': [
    naptr(100, 'RELAY:turn.tcp', 's', '_turn._tcp.example.com'),
    naptr(200, 'RELAY:turn.tls', 'a', 'a.example.com'),
  ],
  'SRV _turn._udp.example.com': [srv(0, 'a.example.com', 3478)],
  'SRV _turn._tcp.example.com': [srv(0, 'a.example.com', 5000)],
  'A a.example.com': ['192.0.2.1'],
}

describe('a TURN server (RFC 5928 §3)', () => {
  it.each([
    ['turn:192.0.2.9', ['udp 192.0.2.9:3478', 'tcp 192.0.2.9:3478']],
    ['turn:192.0.2.9:80?transport=tcp', ['tcp 192.0.2.9:80']],
    ['turns:192.0.2.9', ['tls 192.0.2.9:5349']],
  ])(
    '%s is its own address, over each transport that it does not rule out (step 1)',
    async (server, ways) => {
      expect(await located(server, {})).toEqual({ asked: [], ways })
    },
  )

  it('with a port has its addresses there (step 2)', async () => {
    expect(await located('turn:example.com:1', { 'A example.com': ['192.0.2.1'] }, ['tcp', 'udp'])).toEqual({
      asked: ['A example.com', 'A example.com'],
      ways: ['tcp 192.0.2.1:1', 'udp 192.0.2.1:1'],
    })
  })

  it.each([
    ['turn:example.com?transport=udp', '_turn._udp.example.com', 'udp'],
    ['turn:example.com?transport=tcp', '_turn._tcp.example.com', 'tcp'],
    ['turns:example.com?transport=tcp', '_turns._tcp.example.com', 'tls'],
  ])('%s is found by SRV %s, else by A (step 3)', async (server, service, transport) => {
    const target = { 'A a.example.com': ['192.0.2.1'], 'A example.com': ['192.0.2.2'] }
    expect(await located(server, { ...target, [`SRV ${service}`]: [srv(0, 'a.example.com', 77)] })).toEqual({
      asked: [`SRV ${service}`, 'A a.example.com'],
      ways: [`${transport} 192.0.2.1:77`],
    })
    expect((await located(server, target)).ways).toEqual([
      `${transport} 192.0.2.2:${transport === 'tls' ? 5349 : 3478}`,
    ])
  })

  it('is found by NAPTR, through further NAPTR records, in their order (step 4, RFC 3958)', async () => {
    const { ways } = await located('turn:example.com', example, ['tls', 'tcp', 'udp'])
    expect(ways).toEqual(['udp 192.0.2.1:3478', 'tls 192.0.2.1:5349', 'tcp 192.0.2.1:5000'])
  })

  it('over one transport alone takes the NAPTR records of that (step 4)', async () => {
    expect((await located('turn:example.com', example, ['tcp'])).ways).toEqual(['tcp 192.0.2.1:5000'])
    expect((await located('turns:example.com', example)).ways).toEqual(['tls 192.0.2.1:5349'])
  })

  it.each([
    ['there are no NAPTR records', {}],
    [
      'they are of other services',
      { 'NAPTR example.com': [naptr(1, 'SIP+D2U', 's', '_sip._udp.example.com')] },
    ],
    ['they cannot be had', { 'NAPTR example.com': failed }],
    [
      'they have an expression, which S-NAPTR does not know',
      { 'NAPTR example.com': [{ ...naptr(1, 'RELAY:turn.udp', 's', ''), regexp: '!.*!x!' }] },
    ],
  ])('is found by SRV over each transport where %s (step 5)', async (_, zone) => {
    const { asked, ways } = await located('turn:example.com', {
      ...zone,
      'SRV _turn._tcp.example.com': [srv(0, 'a.example.com', 5000)],
      'A a.example.com': ['192.0.2.1'],
      'A example.com': ['192.0.2.2'],
    })
    expect(ways).toEqual(['udp 192.0.2.2:3478', 'tcp 192.0.2.1:5000'])
    expect(asked.filter(question => !question.startsWith('A '))).toEqual([
      'NAPTR example.com',
      'SRV _turn._udp.example.com',
      'SRV _turn._tcp.example.com',
    ])
  })

  it('that offers other transports only is an error', async () => {
    const zone = { 'NAPTR example.com': [naptr(1, 'RELAY:turn.udp', 's', '_turn._udp.example.com')] }
    await expect(located('turn:example.com', zone, ['tcp'])).rejects.toThrow(/offers TURN, but not over tcp/)
  })

  it.each([
    ['turn:example.com?transport=udp', 'tcp'],
    ['turns:example.com', 'udp'],
    ['turns:192.0.2.1?transport=udp', 'tls'],
  ] as const)('%s cannot be reached over %s alone, which is said at once', async (server, transport) => {
    await expect(locateTurnServer(server, { transports: [transport] })).rejects.toThrow(UsageError)
  })

  it.each([
    ['in circles', (name: string) => [naptr(1, 'RELAY:turn.udp', '', name)]],
    [
      'in all directions',
      () => Array.from({ length: 30 }, (_, i) => naptr(i, 'RELAY:turn.udp', '', 'example.com')),
    ],
  ])('whose NAPTR records lead %s costs a bounded number of questions', async (_, records) => {
    const resolver = new ZoneResolver({ 'NAPTR example.com': records('example.com') })
    await expect(locateTurnServer('turn:example.com', { resolver })).rejects.toThrow(EnvironmentError)
    expect(resolver.asked.length).toBeLessThanOrEqual(64)
  })
})
