import { describe, expect, it } from 'vitest'
import { HostsFile, readHosts } from '../../../src/net/resolver/hosts.ts'
import { DnsWorld, isAsked } from './world.ts'

describe('the hosts file', () => {
  it('gives addresses to names, without regard to case, comments and what it cannot read', () => {
    const names = readHosts(
      [
        '127.0.0.1\tlocalhost  # here',
        '2001:DB8::0:1  Sip.Example.ORG sip',
        '192.0.2.1 sip.example.org. # sip2',
        '192.0.2.1 sip.example.org',
        '127.1 short',
        'nonsense',
        '192.0.2.9 bad..name ok',
        '#192.0.2.8 commented',
        '',
      ].join('\r\n'),
    )
    expect(Object.fromEntries(names)).toEqual({
      localhost: { ipv4: ['127.0.0.1'], ipv6: [] },
      'sip.example.org': { ipv4: ['192.0.2.1'], ipv6: ['2001:db8::1'] },
      sip: { ipv4: [], ipv6: ['2001:db8::1'] },
      ok: { ipv4: ['192.0.2.9'], ipv6: [] },
    })
  })

  it('is looked at at most each five seconds, and read again when it has changed', () => {
    let now = 0
    let text: string | undefined = '192.0.2.1 a'
    const told: string[] = []
    const source = {
      stamp: () => {
        told.push(`${now} looked at`)
        return text
      },
      read: () => {
        told.push(`${now} read`)
        if (text === undefined) throw new Error('ENOENT')
        return text
      },
    }
    const hosts = new HostsFile(source, () => now)
    expect(told).toEqual([])
    const found = [0, 4999, 5000, 10_000, 15_000, 20_000].map(time => {
      now = time
      if (time === 4999) text = '192.0.2.2 a'
      if (time === 15_000) text = undefined
      return hosts.addresses('a', 4)
    })
    expect(found).toEqual([['192.0.2.1'], ['192.0.2.1'], ['192.0.2.2'], ['192.0.2.2'], undefined, undefined])
    expect(told.filter(line => line.endsWith('read'))).toEqual(['0 read', '5000 read'])
    expect(told).toHaveLength(7)
  })

  it('that is forbidden between look and read leaves what was known', () => {
    let now = 0
    let isForbidden = false
    const source = {
      stamp: () => String(now),
      read: () => {
        if (isForbidden) throw new Error('EACCES')
        return '192.0.2.1 a'
      },
    }
    const hosts = new HostsFile(source, () => now)
    hosts.addresses('a', 4)
    isForbidden = true
    now = 6000
    expect(hosts.addresses('a', 4)).toEqual(['192.0.2.1'])
  })

  it('comes before the name servers, for both families', async () => {
    const world = new DnsWorld()
    const hostsSource = { stamp: () => '1', read: () => '192.0.2.1 sip.example.org\n192.0.2.3 localhost\n' }
    const resolver = world.resolver({ hostsSource })
    expect(resolver.addresses('SIP.example.org', 4)).toEqual(['192.0.2.1'])
    expect(resolver.addresses('sip.example.org', 6)).toEqual([])
    expect(resolver.addresses('localhost', 4)).toEqual(['192.0.2.3'])
    expect(await resolver.explain('sip.example.org', 'A')).toMatchObject({ source: 'hosts', ttl: undefined })
    expect(isAsked(resolver.srv('sip.example.org'))).toBe(true)
    expect(world.ladder).toEqual(['0 → SRV sip.example.org 192.0.2.53'])
    resolver.close()
  })
})
