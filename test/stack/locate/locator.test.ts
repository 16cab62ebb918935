import { uri, type Via } from 'resip/stack'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Resolver } from '../../../src/net/resolver/resolver.ts'
import { scan } from '../../../src/stack/grammar/scanner.ts'
import { parseVia } from '../../../src/stack/headers/via.ts'
import { explained } from '../../../src/stack/locate/located.ts'
import { settled } from '../world.ts'
import { everyProtocol, type Located, locatorOver, shown, Zone } from './zone.ts'

let zone: Zone

beforeEach(() => {
  zone = new Zone()
})

const statefully = { stateless: false }
const statelessly = { stateless: true }

/** What is answered at once. */
function at(located: Located, target: string, options = statefully): string[] {
  const found = located.locator.locate(uri(target), options)
  if (found instanceof Promise) throw new Error('an answer at once expected')
  return shown(found)
}

describe('RFC 3263 §4.1 selecting a transport', () => {
  test.each([
    ['sip:192.0.2.2', 'UDP 192.0.2.2:5060'],
    ['sips:192.0.2.2', 'TLS 192.0.2.2:5061'],
    ['sip:192.0.2.2:5070', 'UDP 192.0.2.2:5070'],
    ['sip:[2001:db8::2]', 'UDP 2001:db8::2:5060'],
    ['sip:192.0.2.2;transport=tcp', 'TCP 192.0.2.2:5060'],
    ['sip:192.0.2.2;transport=TLS', 'TLS 192.0.2.2:5061'],
    ['sip:192.0.2.2;transport=ws', 'WS 192.0.2.2:80'],
    ['sips:192.0.2.2;transport=ws', 'WSS 192.0.2.2:443'],
    ['sips:192.0.2.2;transport=tcp', 'TLS 192.0.2.2:5061'],
    ['sips:192.0.2.2;transport=udp', 'TLS 192.0.2.2:5061'],
    ['sip:example.com;maddr=192.0.2.9', 'UDP 192.0.2.9:5060'],
    ['sip:example.com;maddr=[2001:db8::9]', 'UDP 2001:db8::9:5060'],
  ])('%s is numeric and asks nobody: %s', (target, found) => {
    expect(at(locatorOver(zone), target)).toEqual([found])
    expect(zone.asked).toEqual([])
  })

  test('an explicit port: no NAPTR, no SRV, UDP for sip and TLS for sips (§4.2)', () => {
    zone.withAddresses('example.com', '192.0.2.2')
    const located = locatorOver(zone)
    expect(at(located, 'sip:example.com:5060')).toEqual(['UDP 192.0.2.2:5060'])
    expect(at(located, 'sips:Example.COM:5099')).toEqual(['TLS 192.0.2.2:5099 as example.com'])
    expect(at(located, 'sip:example.com:5070;transport=tcp')).toEqual(['TCP 192.0.2.2:5070'])
    expect(new Set(zone.asked)).toEqual(new Set(['A example.com']))
  })

  test('an explicit transport: its SRV records and no NAPTR, then its default port', () => {
    zone.withSrv('_sip._tcp.example.com', [0, 0, 5080, 'a.example.com'])
    zone.withAddresses('a.example.com', '192.0.2.2').withAddresses('example.com', '192.0.2.3')
    const located = locatorOver(zone)
    expect(at(located, 'sip:example.com;transport=tcp')).toEqual(['TCP 192.0.2.2:5080'])
    expect(at(located, 'sip:example.com;transport=udp')).toEqual(['UDP 192.0.2.3:5060'])
    expect(at(located, 'sip:example.com;transport=ws')).toEqual(['WS 192.0.2.3:80'])
    expect(at(located, 'sip:example.com;transport=tls')).toEqual(['TLS 192.0.2.3:5061 as example.com'])
    expect(zone.asked.filter(asked => !/^A/.test(asked))).toEqual([
      'SRV _sip._tcp.example.com',
      'SRV _sip._udp.example.com',
      'SRV _sip._ws.example.com',
      'SRV _sips._tcp.example.com',
    ])
  })

  const example = (): Zone =>
    zone
      .withNaptr(
        'example.com',
        { order: 50, preference: 50, service: 'SIPS+D2T', replacement: '_sips._tcp.example.com' },
        { order: 90, preference: 50, service: 'SIP+D2T', replacement: '_sip._tcp.example.com' },
        { order: 100, preference: 50, service: 'SIP+D2U', replacement: '_sip._udp.example.com' },
      )
      .withSrv('_sip._tcp.example.com', [0, 1, 5060, 'server1.example.com'])
      .withSrv('_sips._tcp.example.com', [0, 1, 5061, 'server2.example.com'])
      .withSrv('_sip._udp.example.com', [0, 1, 5060, 'server3.example.com'])
      .withAddresses('server1.example.com', '192.0.2.11')
      .withAddresses('server2.example.com', '192.0.2.12')
      .withAddresses('server3.example.com', '192.0.2.13')

  test('the example of §4.1: the most preferred transport that both speak', () => {
    example()
    expect(at(locatorOver(zone, ['UDP', 'TCP']), 'sip:example.com')).toEqual(['TCP 192.0.2.11:5060'])
    expect(at(locatorOver(zone), 'sip:example.com')).toEqual(['TLS 192.0.2.12:5061 as example.com'])
    expect(at(locatorOver(zone, ['UDP']), 'sip:example.com')).toEqual(['UDP 192.0.2.13:5060'])
  })

  test('a later order is no fail-over for an earlier one (RFC 3403 §4.1); a later preference is', () => {
    zone.withNaptr(
      'example.com',
      { order: 10, preference: 20, service: 'sip+d2u', flags: 'S', replacement: '_sip._udp.example.com' },
      { order: 10, preference: 10, service: 'SIP+D2T', replacement: '_tcp.other.example' },
      { order: 20, preference: 1, service: 'SIPS+D2T', replacement: '_sips._tcp.example.com' },
    )
    zone.withSrv('_sip._udp.example.com', [0, 0, 5060, 'u.example.com'])
    zone.withSrv('_tcp.other.example', [0, 0, 5062, 't.other.example'])
    zone.withAddresses('u.example.com', '192.0.2.2').withAddresses('t.other.example', '192.0.2.3')
    expect(at(locatorOver(zone), 'sip:example.com')).toEqual(['TCP 192.0.2.3:5062', 'UDP 192.0.2.2:5060'])
    expect(zone.asked).not.toContain('SRV _sips._tcp.example.com')
  })

  test('sips takes SIPS services only, WebSocket’s among them (RFC 7118 §5.5)', () => {
    zone.withNaptr(
      'example.com',
      { order: 1, service: 'SIP+D2U', replacement: '_sip._udp.example.com' },
      { order: 1, service: 'SIP+D2W', replacement: '_sip._ws.example.com' },
      { order: 2, service: 'SIPS+D2W', replacement: '_sips._ws.example.com' },
    )
    zone.withSrv('_sip._udp.example.com', [0, 0, 5060, 'a.example.com'])
    zone.withSrv('_sip._ws.example.com', [0, 0, 8080, 'a.example.com'])
    zone.withSrv('_sips._ws.example.com', [0, 0, 8443, 'a.example.com'])
    zone.withAddresses('a.example.com', '192.0.2.2')
    expect(at(locatorOver(zone), 'sips:example.com')).toEqual(['WSS 192.0.2.2:8443 as example.com'])
    expect(at(locatorOver(zone, ['WS']), 'sip:example.com')).toEqual(['WS 192.0.2.2:8080'])
  })

  test('RFC 5922 §4: the name to be proven stays the domain although NAPTR and SRV led elsewhere', () => {
    zone.withNaptr('example.com', { service: 'SIPS+D2T', replacement: '_sips._tcp.hoster.example' })
    zone.withSrv('_sips._tcp.hoster.example', [0, 0, 5061, 'edge.hoster.example'])
    zone.withAddresses('edge.hoster.example', '192.0.2.2')
    expect(at(locatorOver(zone), 'sips:Example.com')).toEqual(['TLS 192.0.2.2:5061 as example.com'])
  })

  test('RFC 5922 §4: over TLS and WSS the peer must prove the name that was asked for, an address nothing', () => {
    zone.withAddresses('example.com', '192.0.2.2').withAddresses('edge.example.com', '192.0.2.3')
    const located = locatorOver(zone)
    expect(at(located, 'sips:example.com;transport=ws')).toEqual(['WSS 192.0.2.2:443 as example.com'])
    expect(at(located, 'sip:example.com;transport=tls;maddr=edge.example.com')).toEqual([
      'TLS 192.0.2.3:5061 as edge.example.com',
    ])
    expect(at(located, 'sip:example.com;transport=tcp')).toEqual(['TCP 192.0.2.2:5060'])
    expect(at(located, 'sips:192.0.2.2')).toEqual(['TLS 192.0.2.2:5061'])
    expect(at(located, 'sips:example.com;maddr=192.0.2.9')).toEqual(['TLS 192.0.2.9:5061 as example.com'])
  })

  test('what names a transport of SIP and leads nowhere is passed over and counted', () => {
    zone.withNaptr(
      'example.com',
      { order: 1, service: 'SIP+D2U', replacement: '' },
      { order: 2, service: 'SIP+D2U', flags: 'u', replacement: '_sip._udp.example.com' },
      { order: 3, service: 'SIP+D2U', regexp: '!a!b!', replacement: '_sip._udp.example.com' },
      { order: 4, service: 'SIP+D2U', replacement: 'no name' },
      { order: 5, service: 'SIP+D2S', replacement: '_sip._sctp.example.com' },
      { order: 6, service: 'E2U+email', flags: 'u', regexp: '!x!y!' },
      { order: 7, service: 'SIP+D2U', replacement: '_sip._udp.example.com' },
    )
    zone.withSrv(
      '_sip._udp.example.com',
      [0, 0, 0, 'a.example.com'],
      [0, 0, 5060, '192.0.2.7'],
      [0, 70_000, 5060, 'a.example.com'],
      [0, 0, 5060, 'a b'],
      [1, 0, 5060, 'a.example.com'],
    )
    zone.withAddresses('a.example.com', 'no address', '192.0.2.2')
    const located = locatorOver(zone)
    expect(at(located, 'sip:example.com')).toEqual(['UDP 192.0.2.2:5060'])
    expect(located.counters.malformedRecords).toBe(4 + 4 + 1)
  })

  test('without NAPTR the SRV records of each transport spoken here, in turn', () => {
    zone.withSrv('_sip._tcp.example.com', [0, 0, 5060, 't.example.com'])
    zone.withSrv('_sip._udp.example.com', [0, 0, 5060, 'u.example.com'])
    zone.withSrv('_sips._tcp.example.com', [0, 0, 5061, 's.example.com'])
    for (const name of ['t', 'u', 's'])
      zone.withAddresses(`${name}.example.com`, `192.0.2.${name.charCodeAt(0)}`)
    expect(at(locatorOver(zone), 'sip:example.com')).toEqual(['UDP 192.0.2.117:5060', 'TCP 192.0.2.116:5060'])
    expect(at(locatorOver(zone, ['TCP']), 'sip:example.com')).toEqual(['TCP 192.0.2.116:5060'])
    expect(at(locatorOver(zone), 'sips:example.com')).toEqual(['TLS 192.0.2.115:5061 as example.com'])
  })

  test('without SRV the default transport at its default port', () => {
    zone.withAddresses('example.com', '192.0.2.2', '192.0.2.3')
    expect(at(locatorOver(zone), 'sip:example.com')).toEqual(['UDP 192.0.2.2:5060', 'UDP 192.0.2.3:5060'])
    expect(at(locatorOver(zone), 'sips:example.com')).toEqual([
      'TLS 192.0.2.2:5061 as example.com',
      'TLS 192.0.2.3:5061 as example.com',
    ])
  })

  test('RFC 6761: nobody is asked for the services of localhost', () => {
    zone.withAddresses('localhost', '127.0.0.1')
    expect(at(locatorOver(zone), 'sip:localhost')).toEqual(['UDP 127.0.0.1:5060'])
    expect(zone.asked).toEqual(['A localhost'])
  })

  test('a transport that nobody knows is the peer’s mistake (480)', () => {
    const located = locatorOver(zone)
    expect(() => located.locator.locate(uri('sip:example.com;transport=sctp'), statefully)).toThrow(
      expect.objectContaining({ code: 'ERR_SIP_TRANSPORT', status: 480 }),
    )
  })
})

describe('RFC 2782', () => {
  test('priorities in their order, ports from the records', () => {
    zone.withSrv('_sip._udp.example.com', [20, 0, 5062, 'b.example.com'], [10, 0, 5061, 'a.example.com'])
    zone.withAddresses('a.example.com', '192.0.2.2').withAddresses('b.example.com', '192.0.2.3')
    expect(at(locatorOver(zone), 'sip:example.com;transport=udp')).toEqual([
      'UDP 192.0.2.2:5061',
      'UDP 192.0.2.3:5062',
    ])
  })

  test('the root as target: the service is decidedly not there, and the domain’s address is not tried', () => {
    zone.withSrv('_sip._udp.example.com', [0, 0, 0, '']).withAddresses('example.com', '192.0.2.2')
    const located = locatorOver(zone)
    expect(() => at(located, 'sip:example.com;transport=udp')).toThrow(
      expect.objectContaining({ code: 'ENOTFOUND' }),
    )
    expect(located.counters.malformedRecords).toBe(0)
    expect(zone.asked).toEqual(['SRV _sip._udp.example.com'])
  })

  test('one place under two names is tried once', () => {
    zone.withSrv('_sip._udp.example.com', [1, 0, 5060, 'a.example.com'], [2, 0, 5060, 'b.example.com'])
    zone.withAddresses('a.example.com', '192.0.2.2').withAddresses('b.example.com', '192.0.2.2', '192.0.2.3')
    expect(at(locatorOver(zone), 'sip:example.com;transport=udp')).toEqual([
      'UDP 192.0.2.2:5060',
      'UDP 192.0.2.3:5060',
    ])
  })

  test('no more than 64 targets, and names asked for, whatever a zone holds', () => {
    const records = Array.from({ length: 500 }, (_, at) => [0, 1, 5060, `h${at}.example.com`] as const)
    zone.withSrv('_sip._udp.example.com', ...records)
    for (const [, , , name] of records)
      zone.withAddresses(
        name,
        ...Array.from({ length: 100 }, (_, at) => `10.${name.length}.${name.charCodeAt(1)}.${at}`),
      )
    expect(at(locatorOver(zone), 'sip:example.com;transport=udp')).toHaveLength(64)
    expect(zone.asked.filter(asked => asked.startsWith('A '))).toHaveLength(64)
  })
})

describe('RFC 3263 §4.4 without state', () => {
  test('the same order each time, and only what is preferred: no backup', () => {
    zone.withNaptr(
      'example.com',
      { preference: 2, service: 'SIP+D2T', replacement: '_sip._tcp.example.com' },
      { preference: 1, service: 'SIP+D2U', replacement: '_sip._udp.example.com' },
    )
    zone.withSrv(
      '_sip._udp.example.com',
      [0, 1, 5060, 'b.example.com'],
      [0, 1, 5060, 'a.example.com'],
      [0, 5, 5060, 'c.example.com'],
      [1, 9, 5060, 'backup.example.com'],
    )
    zone.withSrv('_sip._tcp.example.com', [0, 1, 5060, 'a.example.com'])
    for (const [at, name] of ['a', 'b', 'c', 'backup'].entries())
      zone.withAddresses(`${name}.example.com`, `192.0.2.1${at}`)
    const located = locatorOver(zone)
    const first = at(located, 'sip:example.com', statelessly)
    expect(first).toEqual(['UDP 192.0.2.12:5060', 'UDP 192.0.2.10:5060', 'UDP 192.0.2.11:5060'])
    for (let times = 0; times < 20; times++)
      expect(at(located, 'sip:example.com', statelessly)).toEqual(first)
  })

  test('each member has the share that its weight says, its addresses a part of it', () => {
    zone
      .withSrv('_sip._udp.example.com', [1, 30, 5060, 'a.example.com'], [1, 0, 5060, 'b.example.com'])
      .withAddresses('a.example.com', '192.0.2.10', '192.0.2.11')
      .withAddresses('b.example.com', '192.0.2.12')
    const { locator } = locatorOver(zone, ['UDP'])
    expect(locator.locate(uri('sip:example.com'), statelessly)).toMatchObject([
      { address: '192.0.2.10', share: 15 },
      { address: '192.0.2.11', share: 15 },
      { address: '192.0.2.12', share: 0.01 },
    ])
  })

  test('the grey list does not matter, for a message that comes again must go where it went', () => {
    zone.withAddresses('example.com', '192.0.2.2', '192.0.2.3')
    const located = locatorOver(zone)
    located.locator.report({ protocol: 'UDP', address: '192.0.2.2', port: 5060 }, 'timeout')
    expect(at(located, 'sip:example.com', statelessly)).toEqual(['UDP 192.0.2.2:5060', 'UDP 192.0.2.3:5060'])
    expect(at(located, 'sip:example.com')).toEqual(['UDP 192.0.2.3:5060', 'UDP 192.0.2.2:5060'])
  })
})

describe('RFC 7984: both families', () => {
  test('A and AAAA are asked for, of the families there are transports for', () => {
    zone.withAddresses('example.com', '192.0.2.2', '192.0.2.3', '2001:db8::2', '2001:db8::3')
    const both = locatorOver(zone, everyProtocol, {}, ['192.0.2.1', '2001:db8::1'])
    expect(at(both, 'sip:example.com:5060')).toEqual([
      'UDP 2001:db8::2:5060',
      'UDP 192.0.2.2:5060',
      'UDP 2001:db8::3:5060',
      'UDP 192.0.2.3:5060',
    ])
    expect(zone.asked).toEqual(['AAAA example.com', 'A example.com'])
    zone.asked.length = 0
    const four = locatorOver(zone, everyProtocol, {}, ['192.0.2.1'])
    expect(at(four, 'sip:example.com:5060')).toEqual(['UDP 192.0.2.2:5060', 'UDP 192.0.2.3:5060'])
    expect(zone.asked).toEqual(['A example.com'])
  })

  test('one family whose question fails does not matter where the other is there', async () => {
    zone.withAddresses('example.com', '192.0.2.2')
    zone.broken.set('AAAA example.com', 'ESERVFAIL')
    const { locator } = locatorOver(zone, everyProtocol, {}, ['192.0.2.1', '2001:db8::1'])
    expect(shown(await locator.locate(uri('sip:example.com:5060'), statefully))).toEqual([
      'UDP 192.0.2.2:5060',
    ])
  })
})

describe('what is not known at once', () => {
  test('comes by promise, and the same', async () => {
    zone.withNaptr('example.com', { service: 'SIP+D2U', replacement: '_sip._udp.example.com' })
    zone.withSrv('_sip._udp.example.com', [0, 0, 5060, 'a.example.com'])
    zone.withAddresses('a.example.com', '192.0.2.2')
    for (const name of ['example.com', '_sip._udp.example.com', 'a.example.com']) zone.slow.add(name)
    const { locator, timers } = locatorOver(zone)
    const found = locator.locate(uri('sip:example.com'), statefully)
    expect(found).toBeInstanceOf(Promise)
    expect(shown(await found)).toEqual(['UDP 192.0.2.2:5060'])
    expect(timers.size).toBe(0)
  })

  test('a NAPTR question that fails is none: SRV and addresses are asked for', async () => {
    zone.withAddresses('example.com', '192.0.2.2').broken.set('NAPTR example.com', 'ESERVFAIL')
    const { locator } = locatorOver(zone)
    expect(shown(await locator.locate(uri('sip:example.com'), statefully))).toEqual(['UDP 192.0.2.2:5060'])
  })

  test('where nothing is found the error says why: the resolver’s, or ENOTFOUND', async () => {
    const { locator } = locatorOver(zone)
    expect(() => locator.locate(uri('sip:none.example'), statefully)).toThrow(
      'no target for none.example: NAPTR, SRV and address records lead to none',
    )
    zone.broken.set('example.com', 'ESERVFAIL')
    const failed = Promise.resolve(locator.locate(uri('sip:example.com'), statefully))
    await expect(failed).rejects.toMatchObject({
      code: 'ESERVFAIL',
      message: 'example.com could not be looked up: example.com: ESERVFAIL',
    })
  })

  test('a backup whose name server is dead holds up the call for a second only', async () => {
    zone.withSrv('_sip._udp.example.com', [0, 0, 5060, 'a.example.com'], [1, 0, 5060, 'b.example.com'])
    zone.withAddresses('a.example.com', '192.0.2.2').silent.add('b.example.com')
    zone.slow.add('a.example.com')
    const { locator, clock, timers } = locatorOver(zone)
    let told: readonly string[] | undefined
    const found = Promise.resolve(locator.locate(uri('sip:example.com;transport=udp'), statefully))
    found.then(targets => (told = shown(targets)))
    await settled()
    clock.advance(999)
    await settled()
    expect(told).toBeUndefined()
    clock.advance(1)
    await settled()
    expect(told).toEqual(['UDP 192.0.2.2:5060'])
    expect(timers.size).toBe(0)
  })

  test('a resolver that never answers is given up', async () => {
    zone.silent.add('example.com')
    const { locator, clock } = locatorOver(zone, everyProtocol, { locateTimeout: 5000 })
    const found = Promise.resolve(locator.locate(uri('sip:example.com'), statefully))
    const failed = expect(found).rejects.toMatchObject({ code: 'ETIMEOUT' })
    clock.advance(5000)
    await failed
  })

  test('a resolver of an application’s that throws or answers no records is one that finds nothing', async () => {
    const odd = {
      naptr: () => {
        throw new Error('broken')
      },
      srv: () => null as never,
      addresses: () => Promise.resolve(undefined as never),
      close() {},
    }
    const { locator } = locatorOver(odd)
    await expect(Promise.resolve(locator.locate(uri('sip:example.com'), statefully))).rejects.toMatchObject({
      code: 'ENOTFOUND',
    })
  })
})

test.each(['sip:df7jal23ls0d.invalid;transport=ws', 'sips:a@X.INVALID.', 'sip:a.example;maddr=b.invalid'])(
  'RFC 6761 §6.4 %s leads nowhere, and nobody is asked',
  target => {
    const { locator } = locatorOver(zone)
    expect(() => locator.locate(uri(target), statefully)).toThrow('nobody can connect to')
    expect(zone.asked).toEqual([])
  },
)

describe('RFC 3263 §5 where a response goes', () => {
  const via = (text: string): Via => parseVia(scan(`SIP/2.0/${text};branch=z9hG4bK1`, 'Via'))
  const at = (located: Located, text: string): string[] => {
    const found = located.locator.locateResponse(via(text))
    if (found instanceof Promise) throw new Error('an answer at once expected')
    return shown(found)
  }

  test.each([
    ['UDP 192.0.2.9:5070', 'UDP 192.0.2.9:5070'],
    ['TCP 192.0.2.9', 'TCP 192.0.2.9:5060'],
    ['TLS 192.0.2.9', 'TLS 192.0.2.9:5061'],
    ['UDP example.com:5070;received=192.0.2.9', 'UDP 192.0.2.9:5070'],
    ['UDP example.com;received=192.0.2.9;rport=4000', 'UDP 192.0.2.9:4000'],
    ['TCP example.com;received=192.0.2.9;rport=4000', 'TCP 192.0.2.9:5060'],
    ['UDP [2001:db8::9]', 'UDP 2001:db8::9:5060'],
  ])('%s is known at once: %s', (text, found) => {
    expect(at(locatorOver(zone), text)).toEqual([found])
    expect(zone.asked).toEqual([])
  })

  test.each(['WS 192.0.2.9', 'WSS a.example;received=192.0.2.9', 'TCP a.invalid;received=192.0.2.9'])(
    'RFC 7118 §5.3 nobody can connect to %s',
    text => {
      expect(() => at(locatorOver(zone), text)).toThrow('nobody can connect to')
      expect(zone.asked).toEqual([])
    },
  )

  test('RFC 5922 §7.3 who is connected to must be whom the Via names, wherever it came from', () => {
    const found = locatorOver(zone).locator.locateResponse(via('TLS a.example;received=192.0.2.9'))
    expect(found).toMatchObject([{ address: '192.0.2.9', serverName: 'a.example' }])
  })

  test('a name with a port has addresses, one without has SRV records, secure ones over TLS', () => {
    zone.withSrv('_sips._tcp.example.com', [1, 0, 5099, 'b.example.com'], [0, 0, 5071, 'a.example.com'])
    zone.withAddresses('a.example.com', '192.0.2.2').withAddresses('b.example.com', '192.0.2.3')
    zone.withAddresses('example.com', '192.0.2.4')
    const located = locatorOver(zone)
    expect(at(located, 'TLS example.com')).toEqual(['TLS 192.0.2.2:5071 as example.com'])
    expect(at(located, 'TLS example.com:5061')).toEqual(['TLS 192.0.2.4:5061 as example.com'])
    expect(at(located, 'UDP example.com')).toEqual(['UDP 192.0.2.4:5060'])
  })
})

describe('RFC 3861 pres and im', () => {
  test('lead by their SRV records, else as the domain’s sip URI', () => {
    zone.withSrv('_pres._sip.example.com', [0, 0, 5070, 'p.example.com'])
    zone.withSrv('_sip._tcp.example.com', [0, 0, 5060, 't.example.com'])
    zone.withAddresses('p.example.com', '192.0.2.2').withAddresses('t.example.com', '192.0.2.3')
    const located = locatorOver(zone)
    expect(at(located, 'pres:bob@Example.com')).toEqual(['UDP 192.0.2.2:5070'])
    expect(at(located, 'im:bob@example.com?subject=x')).toEqual(['TCP 192.0.2.3:5060'])
    expect(zone.asked).toContain('SRV _im._sip.example.com')
  })

  test('without a domain lead nowhere', () => {
    const { locator } = locatorOver(zone)
    for (const text of ['pres:bob', 'im:@example.com', 'pres:bob@a%20b', 'mailto:bob@example.com'])
      expect(() => locator.locate(uri(text), statefully)).toThrow(
        expect.objectContaining({ code: 'ERR_SIP_SCHEME' }),
      )
  })
})

test('a number that cannot be an option is refused when the locator is made', () => {
  for (const options of [{ locateTimeout: Number.NaN }, { greyTime: -1 }, { maxGrey: '5' as never }])
    expect(() => locatorOver(zone, everyProtocol, options)).toThrow(
      expect.objectContaining({ code: 'ERR_SIP_LIMIT' }),
    )
})

test('each target says why it was chosen', () => {
  zone.withNaptr('example.com', { service: 'SIP+D2U', replacement: '_sip._udp.example.com' })
  zone.withSrv('_sip._udp.example.com', [0, 5, 5060, 'a.example.com'])
  zone.withAddresses('a.example.com', '192.0.2.2').withAddresses('b.example.com', '192.0.2.3')
  const { locator } = locatorOver(zone)
  const why = (target: string): string[] => {
    const found = locator.locate(uri(target), statefully)
    return found instanceof Promise ? [] : found.map(({ why }) => explained(why))
  }
  expect(why('sip:example.com')).toEqual([
    'NAPTR example.com 10 10 SIP+D2U → SRV _sip._udp.example.com 0 5 5060 a.example.com → address of a.example.com',
  ])
  expect(why('sip:b.example.com')).toEqual(['UDP by default → address of b.example.com'])
  expect(why('sip:192.0.2.2')).toEqual(['numeric'])
})

describe('a resolver that is somebody else’s', () => {
  test('may answer by promises of its own', async () => {
    zone.withAddresses('example.com', '192.0.2.2')
    const later = <T>(value: T): Promise<T> => {
      const promise = Promise.resolve(value)
      // biome-ignore lint/suspicious/noThenProperty: that is what is tried
      const own: unknown = { then: promise.then.bind(promise) }
      return own as Promise<T>
    }
    const foreign: Resolver = {
      naptr: name => later(zone.naptr(name)) as ReturnType<Resolver['naptr']>,
      srv: name => later(zone.srv(name)) as ReturnType<Resolver['srv']>,
      addresses: (name, family) => later(zone.addresses(name, family)) as ReturnType<Resolver['addresses']>,
      close() {},
    }
    const found = await locatorOver(foreign).locator.locate(uri('sip:example.com'), statefully)
    expect(shown(found)).toEqual(['UDP 192.0.2.2:5060'])
  })

  test('is waited for no longer, and no timer is left, when the locator is closed', async () => {
    zone.silent.add('example.com')
    const { locator, timers } = locatorOver(zone)
    const found = locator.locate(uri('sip:example.com'), statefully)
    expect(timers.size).toBe(1)
    locator.close()
    expect(timers.size).toBe(0)
    await expect(found).rejects.toMatchObject({ code: 'ECANCELLED' })
  })
})

test('where no name server answers, SRV and addresses are asked for together, and the error names who was asked', async () => {
  for (const kind of ['NAPTR', 'AAAA', 'A']) zone.broken.set(`${kind} example.com`, 'ETIMEOUT')
  zone.silent.add('_sip._udp.example.com')
  const { locator, clock } = locatorOver(zone, ['UDP'])
  const found = Promise.resolve(locator.locate(uri('sip:example.com'), statefully))
  const failed = expect(found).rejects.toMatchObject({
    code: 'ETIMEOUT',
    message: expect.stringContaining('example.com: ETIMEOUT'),
  })
  for (let turn = 0; turn < 10; turn++) await undefined
  expect(zone.asked).toEqual(['NAPTR example.com', 'A example.com', 'SRV _sip._udp.example.com'])
  clock.advance(10_000)
  await failed
})
