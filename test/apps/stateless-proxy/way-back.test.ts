import type { SipMessage, SipRequest } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { StatelessProxy, StatelessProxyOptions } from '../../../apps/stateless-proxy/proxy.ts'
import { answerTo, memoryOf, type Peer, requestText } from '../../stack/world.ts'
import { MALLORY, PROXY, ProxyWorld, requestAt, responseText, UAC, UAS, vias } from './proxy-world.ts'

let world: ProxyWorld

beforeEach(() => {
  world = new ProxyWorld()
})

afterEach(() => world.close())

/** A proxy over UDP and TCP, and the request that it forwarded from `UAC` to `UAS`. */
async function forwarded(
  options: Partial<StatelessProxyOptions> = {},
  via: string = `SIP/2.0/UDP ${UAC}:5060;branch=z9hG4bKway`,
): Promise<{ proxy: StatelessProxy; uac: Peer; uas: Peer; request: SipRequest }> {
  const proxy = await world.proxy({ relay: true, ...options }, ['UDP', PROXY], ['TCP', PROXY])
  const [uac, uas] = [await world.peer(UAC, via.includes('/TCP') ? 'TCP' : 'UDP'), await world.peer(UAS)]
  world.say(uac, requestText('OPTIONS', { uri: `sip:bob@${UAS}`, via }))
  return { proxy, uac, uas, request: requestAt(uas) }
}

const answer = (message: SipMessage, change: (text: string) => string = text => text): string =>
  change(answerTo(message, 200))

describe('RFC 3261 §16.11 a response goes on only by a way that this proxy wrote', () => {
  test('the answer to what was forwarded goes back, and is counted as nothing else', async () => {
    const { proxy, uac, uas, request } = await forwarded()
    world.say(uas, answer(request))
    expect(uac.titles).toEqual(['200'])
    expect(proxy.stack.counters).toMatchObject({ unsignedResponses: 0, strayResponses: 0 })
  })

  test.each([
    ['received', ';received=192.0.2.66', ''],
    ['rport', ';rport=53', ''],
    ['maddr', ';maddr=192.0.2.66', ''],
    ['branch', 'z', ''],
    ['sent-by', '', `${UAC}:5060`, '192.0.2.66:5060'],
    ['its port', '', `${UAC}:5060`, `${UAC}:53`],
    ['transport', '', 'SIP/2.0/UDP 192.0.2.1', 'SIP/2.0/TCP 192.0.2.1'],
  ])('a Via below whose %s is another: dropped and counted', async (_, added, from = '', to = '') => {
    const { proxy, uac, uas, request } = await forwarded()
    const [own = '', below = ''] = vias(request)
    world.say(uas, responseText([own, from === '' ? below + added : below.replace(from, to)]))
    expect(uac.heard).toEqual([])
    expect(world.sentBy()).toEqual([`OPTIONS udp:${UAS}:5060`])
    expect(proxy.stack.counters.unsignedResponses).toBe(1)
  })

  test.each<[string, (own: string) => string]>([
    ['no i=', own => own.replace(/;i=[^;]*/, '')],
    ['an i that says nothing', own => own.replace(/;i=[^;]*/, ';i')],
    ['an i= without its signature', own => own.replace(/;i=(\d+)\.[^;]*/, ';i=$1')],
    ['a signature cut short', own => own.replace(/;i=([^;]*)/, (_, i: string) => `;i=${i.slice(0, -1)}`)],
    ['a signature that goes on', own => own.replace(/;i=([^;]*)/, ';i=$10')],
    ['a signature in capitals', own => own.replace(/;i=([^;]*)/, (_, i: string) => `;i=${i.toUpperCase()}`)],
    ['a signature of nothing', own => own.replace(/;i=([^;]*)/, ';i=0.00000000000000000000')],
    ['another transport', own => own.replace(/;i=0/, ';i=1')],
    ['a connection', own => own.replace(/;i=0/, ';i=0-1-abc')],
    ['another branch', own => own.replace(/branch=z9hG4bK./, 'branch=z9hG4bKx')],
    ['a longer branch', own => own.replace(/branch=/, `branch=z9hG4bK${'x'.repeat(60_000)}`)],
    ['a longer way', own => own.replace(/;i=/, `;i=${'0'.repeat(60_000)}`)],
    ['a first i= of another’s', own => own.replace(/;i=/, ';i=1.00000000000000000000;i=')],
  ])('our Via with %s: dropped and counted', async (_, forge) => {
    const { proxy, uac, uas, request } = await forwarded()
    const [own = '', below = ''] = vias(request)
    expect(forge(own)).not.toBe(own)
    world.say(uas, responseText([forge(own), below]))
    expect(uac.heard).toEqual([])
    expect(proxy.stack.counters.unsignedResponses).toBe(1)
  })

  test('what the next hop itself notes in our Via, and how it writes all of them, changes nothing', async () => {
    const { uac, uas, request } = await forwarded({}, `SIP/2.0/UDP ${UAC}:5060;branch=z9hG4bKway;x=1;rport`)
    const [own = '', below = ''] = vias(request)
    const noted = `${own.replace(';rport', ';rport=5060')};received=${PROXY}`
    const rewritten = below.replace('SIP/2.0/UDP ', 'sip / 2.0 / UDP   ').replace(';branch', ' ; branch')
    world.say(uas, responseText([`${noted} , ${rewritten}`]))
    world.say(uas, responseText([noted, below]).replace(/^Via/gm, 'v'))
    expect(uac.titles).toEqual(['200', '200'])
  })

  test('a datagram of 2,200 Vias of ours costs one drop', async () => {
    const { proxy, uas } = await forwarded()
    const own = `SIP/2.0/UDP ${PROXY};branch=z`
    const before = world.wires.length
    const text = responseText(
      Array.from({ length: 1 }, () => Array.from({ length: 2200 }, () => own).join(',')),
    )
    expect(text.length).toBeGreaterThan(62_000)
    world.say(uas, text)
    world.advance(1000)
    expect(world.wires.length).toBe(before + 1)
    expect(proxy.stack.counters.unsignedResponses).toBe(1)
  })

  test('a forged Via sends nothing anywhere, and makes no connection', async () => {
    const { proxy, uas } = await forwarded()
    const [mallory, tcp] = [await world.peer(MALLORY), await world.peer(MALLORY, 'TCP')]
    const before = world.wires.length
    const own = `SIP/2.0/UDP ${PROXY}:5060;branch=z9hG4bK1;i=0`
    for (let at = 0; at < 12; at++) {
      world.say(
        uas,
        responseText([own, `SIP/2.0/UDP ${MALLORY}:5060;branch=z${at}`], `X: ${'x'.repeat(60_000)}\r\n`),
      )
      world.say(uas, responseText([own, `SIP/2.0/TCP ${MALLORY}:5060;branch=z${at}`]))
      world.say(uas, responseText([own, `SIP/2.0/TCP mallory.example;branch=z${at}`]))
    }
    world.advance(1000)
    expect(world.wires.length).toBe(before + 36)
    expect([...mallory.heard, ...tcp.heard]).toEqual([])
    expect(proxy.stack.counters).toMatchObject({ unsignedResponses: 36, flowFailures: 0 })
  })

  test('a malformed second Via is dropped as malformed; a malformed third one is others’', async () => {
    const { proxy, uac, uas, request } = await forwarded()
    const [own = '', below = ''] = vias(request)
    world.say(uas, responseText([own, 'garbage', below]))
    expect(uac.heard).toEqual([])
    expect(proxy.stack.counters).toMatchObject({ malformed: 1, handlerErrors: 0 })
    const received: string[] = []
    world.network.onPassage = ({ to, wire }) => {
      if (to.includes(`${UAC}:`)) received.push(wire)
    }
    world.say(uas, responseText([own, `${below}, <<garbage`]))
    world.say(uas, responseText([own, below, '<<garbage']))
    expect(received).toHaveLength(2)
    expect(received[0]).toContain('<<garbage')
    expect(proxy.stack.counters).toMatchObject({ malformed: 1, handlerErrors: 0 })
  })
})

describe('the key of the way back', () => {
  const key = new Uint8Array(20).fill(7)

  test('nodes that share it take each other’s responses; others do not', async () => {
    const { uac, uas, request } = await forwarded({ stack: { flowTokenKey: key } })
    for (const [address, flowTokenKey] of [
      ['192.0.2.11', key],
      ['192.0.2.12', new Uint8Array(20)],
    ] as const) {
      const node = await world.proxy({ relay: true, names: [PROXY], stack: { flowTokenKey } }, [
        'UDP',
        address,
      ])
      world.say(uas, answer(request), address)
      expect(node.stack.counters.unsignedResponses).toBe(flowTokenKey === key ? 0 : 1)
    }
    expect(uac.titles).toEqual(['200'])
  })

  test('a connection’s number means nothing to another node: it makes one of its own to where the request came from', async () => {
    const via = `SIP/2.0/TCP ${UAC}:5060;branch=z9hG4bKway`
    const { uac, uas, request } = await forwarded({ stack: { flowTokenKey: key } }, via)
    const places = [
      ['UDP', '192.0.2.11'],
      ['TCP', '192.0.2.11'],
    ] as const
    await world.proxy({ relay: true, names: [PROXY], stack: { flowTokenKey: key } }, ...places)
    // the other node's first connection is somebody else's
    const stranger = await world.peer('192.0.2.50', 'TCP')
    world.say(stranger, requestText('OPTIONS', { uri: 'sip:192.0.2.11' }), '192.0.2.11')
    expect(stranger.titles).toEqual(['200'])
    world.say(uas, answer(request), '192.0.2.11')
    expect(stranger.titles).toEqual(['200'])
    expect(uac.titles).toEqual(['200'])
    expect(world.sentBy('192.0.2.11').at(-1)).toBe(`200 tcp:${UAC}:5060`)
  })

  test('may be a KeyObject, and is refused where it is short', async () => {
    const asObject = { export: () => key }
    const { uac, uas, request } = await forwarded({ stack: { flowTokenKey: asObject } })
    world.say(uas, answer(request))
    expect(uac.titles).toEqual(['200'])
    await expect(world.proxy({ stack: { flowTokenKey: new Uint8Array(15) } })).rejects.toThrow(
      '15 octets is too short',
    )
  })
})

describe('RFC 3261 §18.2.1, §18.2.2, RFC 3581 §4 what a Via may say of the way', () => {
  test.each([
    ['a received of its own goes where its host is where it came from', ';received=192.0.2.66'],
    [
      'and is overwritten beside rport, both once',
      ';rport=9;received=192.0.2.66;rport=9;Received=192.0.2.66',
    ],
  ])('%s', async (_, params) => {
    const { uac, uas, request } = await forwarded({}, `SIP/2.0/UDP ${UAC}:5060${params};branch=z9hG4bKway`)
    expect(vias(request)[1]).not.toMatch(/192\.0\.2\.66|rport=9/)
    world.say(uas, answer(request))
    expect(uac.titles).toEqual(['200'])
  })

  test('maddr is followed only where that is wished', async () => {
    for (const followMaddr of [false, true]) {
      await world.close()
      world = new ProxyWorld()
      const mallory = await world.peer(MALLORY)
      const via = `SIP/2.0/UDP ${UAC}:5060;maddr=${MALLORY};branch=z9hG4bKway`
      const { uac, uas, request } = await forwarded({ stack: { followMaddr } }, via)
      world.say(uas, answer(request))
      world.say(uac, requestText('OPTIONS', { uri: `sip:${PROXY}`, via }))
      expect([uac.titles, mallory.titles]).toEqual(followMaddr ? [[], ['200', '200']] : [['200', '200'], []])
    }
  })

  test('rport is for datagrams: a connection that has to be made anew goes to the port of sent-by', async () => {
    const stack = { flowTokenKey: new Uint8Array(20).fill(7) }
    const via = `SIP/2.0/TCP ${UAC}:7000;rport;branch=z9hG4bKway`
    const { uas, request } = await forwarded({ stack }, via)
    expect(vias(request)[1]).toContain('rport=5060')
    await world.proxy({ relay: true, names: [PROXY], stack }, ['UDP', '192.0.2.11'], ['TCP', '192.0.2.11'])
    await world.peer(UAC, 'TCP', 7000)
    world.say(uas, answer(request), '192.0.2.11')
    expect(world.sentBy('192.0.2.11')).toEqual([`200 tcp:${UAC}:7000`])
  })

  test('rport counts also where the transport it came by is gone', async () => {
    const { proxy, uas, request } = await forwarded({}, `SIP/2.0/UDP ${UAC}:7000;rport;branch=z9hG4bKway`)
    const own = memoryOf(proxy.stack, 'UDP')
    let isFirst = true
    own.send = (wire, flow) => {
      if (!isFirst) world.network.carry(own, flow.address, flow.port, wire)
      const sent = isFirst ? 'closed' : flow
      isFirst = false
      return sent
    }
    world.say(uas, answer(request))
    expect(world.sentBy().slice(1)).toEqual([`200 udp:${UAC}:5060`])
  })
})
