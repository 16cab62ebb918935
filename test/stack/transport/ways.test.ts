import { parseMessage, type SipRequest, uri } from 'resip/stack'
import { MemoryNetwork } from 'resip/testing'
import { describe, expect, test } from 'vitest'
import type { InterfaceAddress } from '../../../src/net/interfaces.ts'
import type { Flow, Protocol } from '../../../src/stack/message/flow.ts'
import { Placement } from '../../../src/stack/transport/placement.ts'
import { responseWay } from '../../../src/stack/transport/response-way.ts'
import { type Routes, type Target, TransportSelector } from '../../../src/stack/transport/selector.ts'
import type { Transport } from '../../../src/stack/transport/transport.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { Timers } from '../../../src/util/timers.ts'
import { requestText } from '../world.ts'

const network = new MemoryNetwork(new Timers(new SimulatedClock()))
const at = (protocol: Protocol, address: string, port = 5060): Transport =>
  network.transport(protocol, address, port)

function received(via: string, source: Partial<Flow> = {}): SipRequest {
  const flow = {
    protocol: 'UDP',
    transport: 't',
    address: '198.51.100.7',
    port: 4444,
    connection: 0,
    ...source,
  } as const
  const message = parseMessage(Buffer.from(requestText('OPTIONS', { via })), flow)
  if (message instanceof Error || !message.isRequest) throw new Error('no request')
  return message
}

describe('RFC 3261 §18.2.1, RFC 3581 §4 received and rport', () => {
  test.each([
    ['192.0.2.1:5060;branch=1', '192.0.2.1:5060;branch=1;received=198.51.100.7'],
    ['pc.example;branch=1', 'pc.example;branch=1;received=198.51.100.7'],
    ['198.51.100.7:5060;branch=1', '198.51.100.7:5060;branch=1'],
    ['198.51.100.7;rport;branch=1', '198.51.100.7;rport=4444;branch=1;received=198.51.100.7'],
    ['198.51.100.7;received=203.0.113.1;rport=9', '198.51.100.7;received=198.51.100.7;rport=4444'],
  ])('%s becomes %s', (via, expected) => {
    expect(String(received(`SIP/2.0/UDP ${via}`).via)).toBe(`SIP/2.0/UDP ${expected}`)
  })
})

describe('RFC 3261 §18.2.2 the way of a response', () => {
  const way = (via: string, source: Partial<Flow> = {}, followMaddr?: boolean): string => {
    const request = received(via, source)
    if (request.source === undefined) throw new Error('no source')
    const { flow, fallback, isReliable } = responseWay(request, request.source, followMaddr)
    const show = (one: Flow | undefined): string =>
      one === undefined
        ? 'nowhere'
        : `${one.address} ${one.port}${one.connection > 0 ? ` #${one.connection}` : ''}`
    return `${show(flow)}, else ${show(fallback)}${isReliable ? ', reliable' : ''}`
  }

  test.each([
    [
      'rport: the port it came from',
      'SIP/2.0/UDP a.example:5070;rport',
      '198.51.100.7 4444, else 198.51.100.7 5070',
    ],
    ['no rport: the sent-by port', 'SIP/2.0/UDP a.example:5070', '198.51.100.7 5070, else 198.51.100.7 5070'],
    ['no port: 5060', 'SIP/2.0/UDP a.example', '198.51.100.7 5060, else 198.51.100.7 5060'],
    [
      'a maddr is not followed unless that is wished',
      'SIP/2.0/UDP a.example;maddr=203.0.113.9;rport',
      '198.51.100.7 4444, else 198.51.100.7 5060',
    ],
  ])('UDP, %s', (_, via, expected) => expect(way(via)).toBe(expected))

  test('RFC 7118 §5.3 over a WebSocket the connection it came by, and no other', () => {
    const via = 'SIP/2.0/WSS df7jal23ls0d.invalid;rport'
    expect(way(via, { protocol: 'WSS', connection: 7 })).toBe('198.51.100.7 4444 #7, else nowhere, reliable')
  })

  test.each([
    [
      'goes before either',
      'SIP/2.0/UDP a.example;maddr=203.0.113.9;rport',
      '203.0.113.9 5060, else 198.51.100.7 5060',
    ],
    [
      'of the other family is none',
      'SIP/2.0/UDP a.example;maddr=::1',
      '198.51.100.7 5060, else 198.51.100.7 5060',
    ],
    [
      'that is a name is none',
      'SIP/2.0/UDP a.example;maddr=b.example',
      '198.51.100.7 5060, else 198.51.100.7 5060',
    ],
  ])('UDP, a maddr that is to be followed %s', (_, via, expected) => {
    expect(way(via, {}, true)).toBe(expected)
  })

  test('TCP: the connection, else a new one to received and the sent-by port', () => {
    const source = { protocol: 'TCP', connection: 7 } as const
    expect(way('SIP/2.0/TCP a.example:5070;rport', source)).toBe(
      '198.51.100.7 4444 #7, else 198.51.100.7 5070, reliable',
    )
    expect(way('SIP/2.0/TCP a.example;maddr=203.0.113.9', source)).toBe(
      '198.51.100.7 4444 #7, else 198.51.100.7 5060, reliable',
    )
  })

  test('TLS: 5061 where sent-by has no port', () => {
    expect(way('SIP/2.0/TLS a.example', { protocol: 'TLS', connection: 7 })).toBe(
      '198.51.100.7 4444 #7, else 198.51.100.7 5061, reliable',
    )
  })
})

describe('RFC 3261 §18.1.1 placement', () => {
  const flow = { protocol: 'UDP', transport: 't', address: '192.0.2.9', port: 5060, connection: 0 } as const

  test.each([
    ['UDP', '192.0.2.1', 'SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKb', 'sip:alice@192.0.2.1:5060'],
    [
      'TCP',
      '192.0.2.1',
      'SIP/2.0/TCP 192.0.2.1:5060;rport;branch=z9hG4bKb',
      'sip:alice@192.0.2.1:5060;transport=tcp',
    ],
    [
      'UDP',
      '2001:db8::1',
      'SIP/2.0/UDP [2001:db8::1]:5060;rport;branch=z9hG4bKb',
      'sip:alice@[2001:db8::1]:5060',
    ],
  ] as const)('over %s at %s', (protocol, address, via, local) => {
    const placement = new Placement(at(protocol, address), flow, 'z9hG4bKb')
    expect(placement.via).toBe(via)
    expect(String(placement.localUri(uri('sip:alice@x')))).toBe(local)
  })
})

describe('the transport for a target on a multi-homed host', () => {
  const lan = at('UDP', '10.0.0.1')
  const wan = at('UDP', '192.0.2.1')
  const six = at('UDP', '2001:db8::1')
  const loop = at('UDP', '127.0.0.1')
  const tcp = at('TCP', '192.0.2.1')
  const all = [loop, lan, wan, six, tcp]
  const target = (address: string, protocol: Protocol = 'UDP'): Target => ({ protocol, address, port: 5060 })
  const selectTransport = (
    transports: readonly Transport[],
    to: Target,
    towards: Routes['towards'],
    interfaces: () => InterfaceAddress[] = () => [],
    forced?: string,
  ): Transport | Promise<Transport> => {
    const selector = new TransportSelector({ towards, clear() {} }, interfaces)
    selector.follow(transports)
    return selector.select(to, forced)
  }
  const never = (): string => {
    throw new Error('there was no need to ask')
  }

  test('the only one of its protocol and family is not asked for', () => {
    expect(selectTransport(all, target('192.0.2.9', 'TCP'), never)).toBe(tcp)
    expect(selectTransport(all, target('2001:db8::9'), never)).toBe(six)
    expect(selectTransport(all, target('127.0.0.9'), never)).toBe(loop)
    expect(selectTransport([lan], target('127.0.0.9'), never)).toBe(lan)
  })

  test('of several the one that the system’s routes lead out of, at once or later, else the first', async () => {
    expect(selectTransport(all, target('192.0.2.9'), () => '192.0.2.1')).toBe(wan)
    expect(selectTransport(all, target('10.0.0.9'), () => '10.0.0.1')).toBe(lan)
    expect(selectTransport(all, target('198.51.100.1'), () => '203.0.113.1')).toBe(lan)
    expect(await selectTransport(all, target('192.0.2.9'), () => Promise.resolve('192.0.2.1'))).toBe(wan)
  })

  test('none: the error says what to add', () => {
    expect(() => selectTransport([lan], target('::1', 'TCP'), never)).toThrow(
      "no way to tcp [::1]:5060: add a TCP transport over IPv6, as with listen('tcp:…')",
    )
  })
})
