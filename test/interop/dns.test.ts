import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DnsResolver } from '../../src/net/resolver/dns-resolver.ts'
import type { DnsOptions } from '../../src/net/resolver/options.ts'
import { Named } from '../peers/named.ts'

const SIP_TEST = `
@        NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp
@        NAPTR 20 10 "s" "SIP+D2T"  "" _sip._tcp
@        NAPTR 30 10 "s" "SIP+D2U"  "" _sip._udp
@        NAPTR 40 10 "s" "SIP+D2W"  "" _sip._ws
@        NAPTR 40 20 "S" "SIPS+D2W" "" _sips._ws
_sips._tcp SRV 0 1 5061 one
_sip._tcp  SRV 0 1 5060 one
_sip._udp  SRV 0 3 5060 one
_sip._udp  SRV 0 1 5070 two
_sip._udp  SRV 1 0 5060 none
_sip._ws   SRV 0 1 80 one
_gone._udp SRV 0 0 0 .
one      A 192.0.2.1
one      AAAA 2001:db8::1
two      A 192.0.2.2
none     TXT "an SRV target without addresses"
www      CNAME alias
alias    CNAME two
round    CNAME about
about    CNAME round
away     CNAME one.elsewhere.test.
out      CNAME host.nowhere.example.
enum     NAPTR 100 50 "u" "E2U+sip" "!^(.*)$!sip:\\\\1@sip.test!" .
odd\\032name A 192.0.2.3
toodd    SRV 0 0 5060 odd\\032name
${Array.from({ length: 60 }, (_, i) => `_many._tcp SRV ${i} 0 5060 host-number-${i}`).join('\n')}
`

let named: Named
const resolvers: DnsResolver[] = []

function resolver(options: DnsOptions = {}): DnsResolver {
  const made = new DnsResolver({ servers: [named.server], hosts: false, ...options })
  resolvers.push(made)
  return made
}

beforeAll(async () => {
  named = await Named.start({
    'sip.test': SIP_TEST,
    'elsewhere.test': 'one A 192.0.2.9',
    'broken.test': 'one A not an address',
    'moving.test': '$TTL 1\n_sip._udp SRV 0 0 5060 host\nhost A 192.0.2.1',
  })
})

afterAll(async () => {
  for (const made of resolvers) made.close()
  await named?.stop()
})

const code = (promise: unknown): Promise<unknown> =>
  Promise.resolve(promise).then(
    found => found,
    error => error.code,
  )

describe('a real name server', () => {
  it('NAPTR for UDP, TCP, TLS and WebSocket, SRV and addresses, then all from the cache (RFC 3263 §4)', async () => {
    const dns = resolver()
    const naptr = await dns.naptr('SIP.test')
    expect(naptr.map(({ order, service, replacement }) => [order, service, replacement]).toSorted()).toEqual([
      [10, 'SIPS+D2T', '_sips._tcp.sip.test'],
      [20, 'SIP+D2T', '_sip._tcp.sip.test'],
      [30, 'SIP+D2U', '_sip._udp.sip.test'],
      [40, 'SIP+D2W', '_sip._ws.sip.test'],
      [40, 'SIPS+D2W', '_sips._ws.sip.test'],
    ])
    const srv = await dns.srv('_sip._udp.sip.test')
    expect(srv.toSorted((a, b) => a.priority - b.priority || b.weight - a.weight)).toEqual([
      { priority: 0, weight: 3, port: 5060, target: 'one.sip.test' },
      { priority: 0, weight: 1, port: 5070, target: 'two.sip.test' },
      { priority: 1, weight: 0, port: 5060, target: 'none.sip.test' },
    ])
    // they came along with the SRV records
    expect(dns.addresses('one.sip.test', 4)).toEqual(['192.0.2.1'])
    expect(dns.addresses('one.sip.test', 6)).toEqual(['2001:db8::1'])
    const asked = dns.counters.sent
    expect(dns.naptr('sip.test')).toBe(naptr)
    expect(dns.srv('_sip._udp.sip.test.')).toBe(srv)
    expect([dns.counters.sent, asked]).toEqual([2, 2])
  })

  it('the root as a target, and a terminal NAPTR with its expression (RFC 2782, RFC 6116 §3.2)', async () => {
    const dns = resolver()
    expect(await dns.srv('_gone._udp.sip.test')).toEqual([{ priority: 0, weight: 0, port: 0, target: '' }])
    expect(await dns.naptr('enum.sip.test')).toEqual([
      {
        order: 100,
        preference: 50,
        flags: 'u',
        service: 'E2U+sip',
        regexp: '!^(.*)$!sip:\\1@sip.test!',
        replacement: '',
      },
    ])
  })

  it('what is not there: no address, no such name, and for how long (RFC 2308)', async () => {
    const dns = resolver()
    expect(await dns.addresses('none.sip.test', 4)).toEqual([])
    expect(await dns.addresses('nobody.sip.test', 4)).toEqual([])
    expect(await dns.explain('none.sip.test', 'A')).toMatchObject({
      outcome: 'no-data',
      source: 'cache',
      ttl: 2,
    })
    expect(await dns.explain('nobody.sip.test', 'A')).toMatchObject({ outcome: 'no-such-name', ttl: 2 })
    expect(dns.counters.sent).toBe(2)
  })

  it('CNAMEs in a chain, into another zone, in circles, and to where the server does not go', async () => {
    const dns = resolver()
    expect(await dns.addresses('www.sip.test', 4)).toEqual(['192.0.2.2'])
    expect((await dns.explain('www.sip.test', 'A')).aliases).toEqual(['alias.sip.test', 'two.sip.test'])
    expect(await dns.addresses('away.sip.test', 4)).toEqual(['192.0.2.9'])
    expect(await code(dns.addresses('round.sip.test', 4))).toBe('ELOOP')
    expect(await code(dns.addresses('out.sip.test', 4))).toBe('EREFUSED')
    expect((await dns.explain('out.sip.test', 'A')).aliases).toEqual(['host.nowhere.example'])
  })

  it('an answer that does not fit into a datagram comes over TCP (RFC 7766)', async () => {
    const dns = resolver()
    const many = await dns.srv('_many._tcp.sip.test')
    expect(many.map(({ priority }) => priority).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 60 }, (_, i) => i),
    )
    expect(dns.counters.truncated).toBe(1)
    expect((await dns.explain('_many._tcp.sip.test', 'SRV')).tries).toMatchObject([{ transport: 'tcp' }])
  })

  it('a name with a blank in it is left out', async () => {
    const dns = resolver()
    expect(await dns.srv('toodd.sip.test')).toEqual([])
    expect(dns.counters.oddRecords).toBeGreaterThan(0)
  })

  it('a zone that is broken is SERVFAIL, one that is not served is REFUSED, and both say so', async () => {
    const dns = resolver()
    const error = await Promise.resolve(dns.addresses('one.broken.test', 4)).catch(reason => reason)
    expect(error.code).toBe('ESERVFAIL')
    expect(error.message).toContain(`${named.server} udp ESERVFAIL`)
    expect(await code(dns.addresses('www.example.org', 4))).toBe('EREFUSED')
  })

  it('a dead first name server costs one refusal, and is asked last from then on', async () => {
    const dns = resolver({ servers: ['127.0.0.1:9', named.server] })
    const began = performance.now()
    expect(await dns.addresses('one.sip.test', 4)).toEqual(['192.0.2.1'])
    // Linux tells a refusal at once; where a system does not, the time-out of one second has done it
    expect(performance.now() - began).toBeLessThan(2500)
    expect(await dns.addresses('two.sip.test', 4)).toEqual(['192.0.2.2'])
    expect((await dns.explain('two.sip.test', 'A')).tries).toMatchObject([{ server: named.server }])
  })

  it('a zone changed while running is followed at its TTL', async () => {
    const dns = resolver()
    expect(await dns.addresses('host.moving.test', 4)).toEqual(['192.0.2.1'])
    await named.change('moving.test', '$TTL 60\nhost A 192.0.2.7', 2)
    const found = await within(3000, async () => {
      const [address] = await dns.addresses('host.moving.test', 4)
      return address === '192.0.2.7'
    })
    expect(found).toBe(true)
    expect((await dns.explain('host.moving.test', 'A')).ttl).toBeGreaterThan(55)
  })

  it('over IPv6', async () => {
    const other = await Named.start({ 'six.test': 'one AAAA 2001:db8::6' }, '::1')
    try {
      const dns = resolver({ servers: [other.server] })
      expect(await dns.addresses('one.six.test', 6)).toEqual(['2001:db8::6'])
    } finally {
      await other.stop()
    }
  })

  it('that stops while a question is on its way ends it with an error', async () => {
    const other = await Named.start({ 'gone.test': 'one A 192.0.2.1' })
    const dns = resolver({ servers: [other.server], timeout: 200, tries: 2 })
    await other.stop()
    expect(await code(dns.addresses('one.gone.test', 4))).toMatch(/^(ECONNREFUSED|ETIMEOUT)$/)
    expect(dns.pending).toBe(0)
  })
})

/** Asks again until it is true or the milliseconds have passed. */
async function within(milliseconds: number, question: () => Promise<boolean>): Promise<boolean> {
  const end = performance.now() + milliseconds
  while (performance.now() < end) {
    if (await question()) return true
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  return false
}
