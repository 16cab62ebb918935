import type { Protocol, Target, Transport } from 'resip/stack'
import { describe, expect, test } from 'vitest'
import type { InterfaceAddress } from '../../../src/net/interfaces.ts'
import { flowTo } from '../../../src/stack/message/flow.ts'
import { type Routes, TransportSelector } from '../../../src/stack/transport/selector.ts'
import { MemoryNetwork } from '../../../src/testing/memory-network.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { Timers } from '../../../src/util/timers.ts'

const network = new MemoryNetwork(new Timers(new SimulatedClock()))

function at(protocol: Protocol, address: string, port = 5060): Transport {
  return network.transport(protocol, address, port)
}

function to(address: string, protocol: Protocol = 'UDP'): Target {
  return { protocol, address, port: 5060 }
}

/** A host with a leg in two nets, and a link of each. */
function interfaces(): InterfaceAddress[] {
  const has = (name: string, address: string, scope = 0): InterfaceAddress => ({
    name,
    address,
    family: address.includes(':') ? 6 : 4,
    internal: name === 'lo',
    scope,
  })
  return [
    has('lo', '127.0.0.1'),
    has('eth0', '10.0.0.1'),
    has('eth0', '10.0.0.2'),
    has('eth0', 'fe80::1', 2),
    has('eth1', '192.0.2.1'),
    has('eth1', 'fe80::1', 3),
  ]
}

function never(): string {
  throw new Error('there was no need to ask')
}

function selecting(transports: readonly Transport[], towards: Routes['towards'] = never): TransportSelector {
  const selector = new TransportSelector({ towards, clear() {} }, interfaces)
  selector.follow(transports)
  return selector
}

describe('RFC 4007 §6 link-local targets', () => {
  const eth0 = at('UDP', 'fe80::1%eth0')
  const eth1 = at('UDP', 'fe80::1%eth1')
  const global = at('UDP', '2001:db8::1')

  test('leave by their own link', () => {
    const selector = selecting([global, eth0, eth1])
    expect(selector.select(to('fe80::9%eth0'))).toBe(eth0)
    expect(selector.select(to('FE80::9%eth1'))).toBe(eth1)
  })

  test('without a zone by the only link there is; of several an error names them', () => {
    expect(selecting([global, eth1]).select(to('fe80::9'))).toBe(eth1)
    expect(() => selecting([global, eth0, eth1]).select(to('fe80::9'))).toThrow(
      'fe80::9 may be on any of the links eth0, eth1: give the target its zone, or the request its transport',
    )
    expect(selecting([global, eth0, eth1]).select(to('fe80::9'), 'eth1')).toBe(eth1)
  })

  test('from another address of the host where the zone is told and nothing is bound on the link, else not at all', () => {
    expect(selecting([global]).select(to('fe80::9%eth0'))).toBe(global)
    expect(() => selecting([global]).select(to('fe80::9'))).toThrow(
      "listen on this host's there, as in udp:[fe80::1%eth0], or name the zone in the target",
    )
    expect(() => selecting([eth1]).select(to('fe80::9%eth0'))).toThrow('no way to udp [fe80::9%eth0]:5060')
  })

  test('others never leave from a link-local address', () => {
    expect(selecting([eth0, global]).select(to('2001:db8::9'))).toBe(global)
    expect(() => selecting([eth0]).select(to('2001:db8::9'))).toThrow('add a UDP transport over IPv6')
  })
})

describe('RFC 4291 §2.5.5.2 v4-mapped targets', () => {
  test('are the IPv4 hosts they stand for', () => {
    const four = at('UDP', '192.0.2.1')
    const asked: string[] = []
    const selector = selecting([at('UDP', '2001:db8::1'), at('UDP', '10.0.0.1'), four], remote => {
      asked.push(remote)
      return '192.0.2.1'
    })
    expect(selector.select(to('::ffff:192.0.2.9'))).toBe(four)
    expect(asked).toEqual(['192.0.2.9'])
    expect(flowTo(to('::ffff:192.0.2.9'), four).address).toBe('192.0.2.9')
  })
})

describe('a transport that the application forces', () => {
  const lan = at('UDP', '10.0.0.1')
  const wan = at('UDP', '192.0.2.1')
  const tcp = at('TCP', '192.0.2.1')
  const all = [lan, wan, tcp, at('UDP', '127.0.0.1')]

  test('by key or by interface is taken whatever the routes say', () => {
    const selector = selecting(all)
    expect(selector.select(to('198.51.100.1'), lan.key)).toBe(lan)
    expect(selector.select(to('198.51.100.1'), 'eth1')).toBe(wan)
    expect(selector.select(to('198.51.100.1', 'TCP'), 'eth1')).toBe(tcp)
  })

  test('on an interface with several addresses the routes choose among those', () => {
    const second = at('UDP', '10.0.0.2')
    const selector = selecting([...all, second], () => '10.0.0.2')
    expect(selector.select(to('198.51.100.1'), 'eth0')).toBe(second)
  })

  test('that does not fit the target is an error that names it', () => {
    const selector = selecting(all)
    expect(() => selector.select(to('198.51.100.1', 'TCP'), 'udp:10.0.0.1:5060')).toThrow(
      'no way to tcp 198.51.100.1:5060: udp:10.0.0.1:5060 was asked for, which does not lead there',
    )
    expect(() => selector.select(to('2001:db8::1'), 'eth1')).toThrow(
      'eth1 was asked for, which does not lead there',
    )
    expect(selector.reaches(to('198.51.100.1', 'TCP'), 'eth0')).toBe(false)
    expect(selector.reaches(to('198.51.100.1', 'TCP'), 'eth1')).toBe(true)
  })

  test('that is gone is an error that tells those there are', () => {
    const selector = selecting([lan])
    expect(() => selector.check('eth0')).not.toThrow()
    expect(() => selector.check(lan.key)).not.toThrow()
    expect(() => selector.check('udp:192.0.2.1:5060')).toThrow(
      'there is no transport udp:192.0.2.1:5060, nor one on an interface of that name; there are: udp:10.0.0.1:5060',
    )
  })
})

describe('RFC 3261 §18.1.1 TCP beside UDP on a multi-homed host', () => {
  test('is at the same address, else on the same interface, else on the same side of loopback', () => {
    const [loop, lan, lan2, wan] = ['127.0.0.1', '10.0.0.1', '10.0.0.2', '192.0.2.1'].map(address =>
      at('TCP', address),
    )
    const beside = (address: string, ...transports: readonly (Transport | undefined)[]): string | undefined =>
      selecting(transports.flatMap(transport => transport ?? [])).tcpBeside(at('UDP', address))?.local.address
    expect(beside('192.0.2.1', loop, lan, lan2, wan)).toBe('192.0.2.1')
    expect(beside('10.0.0.1', loop, wan, lan2)).toBe('10.0.0.2')
    expect(beside('192.0.2.1', loop, lan)).toBe('10.0.0.1')
    expect(beside('127.0.0.1', lan, loop)).toBe('127.0.0.1')
    expect(beside('2001:db8::1', lan, loop)).toBeUndefined()
  })

  test('is none where the application forced a transport, and on the interface that it forced', () => {
    const [udp, lan, wan] = [at('UDP', '192.0.2.1'), at('TCP', '10.0.0.1'), at('TCP', '192.0.2.1', 5070)]
    const selector = selecting([udp, lan, wan])
    expect(selector.tcpBeside(udp, udp.key)).toBeUndefined()
    expect(selector.tcpBeside(udp, 'eth1')).toBe(wan)
    expect(selector.tcpBeside(udp, 'eth0')).toBe(lan)
  })
})

test('what was known of routes is forgotten when transports come and go', () => {
  let cleared = 0
  const selector = new TransportSelector({ towards: never, clear: () => void cleared++ }, interfaces)
  selector.follow([at('UDP', '10.0.0.1')])
  selector.follow([])
  expect(cleared).toBe(2)
})
