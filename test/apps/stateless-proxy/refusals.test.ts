import { h, type Log, type Target, uri } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { locating, requestText } from '../../stack/world.ts'
import { PROXY, ProxyWorld, requestAt, UAC, UAS } from './proxy-world.ts'

let world: ProxyWorld

beforeEach(() => {
  world = new ProxyWorld()
})

afterEach(() => world.close())

class KeptLog implements Log {
  readonly lines: string[] = []

  enabled(): boolean {
    return true
  }

  write(level: string, subsystem: string, message: string): void {
    this.lines.push(`${level} ${subsystem} ${message}`)
  }
}

const ESCAPES = '%1b[2J%0aINFO%20all%20is%20well'

describe('what cannot be sent on is the sender’s fault, and no text of his reaches a log as it is', () => {
  test.each([
    ['a maddr of escapes', `sip:bob@example.com;maddr=${ESCAPES}`, ''],
    ['a maddr that is no address (RFC 5954 §4.1)', 'sip:bob@example.com;maddr=[1::2::3]', ''],
    ['a maddr of escapes in a Route', 'sip:bob@example.com', `<sip:a;maddr=${ESCAPES};lr>`],
    ['an IPv6 reference that is none (RFC 5954 §4.1)', 'sip:bob@[:::]', ''],
    ['another one', 'sip:bob@[12345::1]', ''],
    ['a maddr with a zone (RFC 4007 §11.2)', 'sip:bob@example.com;maddr=fe80::1%25lo', ''],
    ['port 0', 'sip:bob@192.0.2.2:0', ''],
    ['port 0 in a Route', 'sip:bob@example.com', '<sip:192.0.2.2:0;lr>'],
    ['a malformed Route', 'sip:bob@example.com', '<<garbage'],
    ['a malformed Route behind our own', 'sip:bob@example.com', `<sip:${PROXY};lr>, <<garbage`],
    ['more forwards than there are (RFC 3261 §20.22)', 'sip:bob@192.0.2.2', '', '256'],
  ])('%s: 400', async (_, target, route, forwards = '70') => {
    const log = new KeptLog()
    const proxy = await world.proxy({ relay: true, stack: { log } })
    const uac = await world.peer(UAC)
    const extra = route === '' ? '' : `Route: ${route}\r\n`
    const text = requestText('INVITE', { uri: target, extra })
    world.say(uac, text.replace('Max-Forwards: 70', `Max-Forwards: ${forwards}`))
    expect(uac.titles).toEqual(['400'])
    expect(proxy.stack.counters.handlerErrors).toBe(0)
    for (const line of [...log.lines, uac.heard[0]?.toString().split('\r\n')[0] ?? '']) {
      expect(line).toMatch(/^[\x20-\x7e]*$/)
    }
  })

  test('a transport that is not known, or not spoken here, leaves no target: 480 (§16.5), not 503', async () => {
    await world.proxy({ relay: true })
    const uac = await world.peer(UAC)
    for (const transport of ['sctp', 'ws', '%1b'])
      world.say(uac, requestText('INVITE', { uri: `sip:bob@${UAS};transport=${transport}` }))
    expect(uac.titles).toEqual(['480', '480', '480'])
    const [reason] = uac.heard[0]?.toString().split('\r\n') ?? []
    expect(reason).toMatch(/^SIP\/2\.0 480 Temporarily Unavailable - transport sctp is not known/)
    // what only who runs the proxy can mend is not for the peer
    expect(uac.heard[1]?.toString()).toMatch(/^SIP\/2\.0 480 Temporarily Unavailable\r\n/)
    expect(uac.heard[2]?.toString()).not.toContain('\x1b')
  })

  test('a step’s error that quotes the peer is logged escaped', async () => {
    const log = new KeptLog()
    const onForwardRequest = (): never => {
      throw new Error('\x1b[2J\nall is well')
    }
    await world.proxy({ relay: true, onForwardRequest, stack: { log } })
    const uac = await world.peer(UAC)
    world.say(uac, requestText('INVITE', { uri: `sip:bob@${UAS}` }))
    expect(uac.titles).toEqual(['500'])
    expect(log.lines).toHaveLength(1)
    expect(log.lines[0]).toMatch(/\\x1b\[2J\\nall is well$/)
  })

  test('a maddr that is an IPv6 address leads there, or is ours (§16.4)', async () => {
    await world.proxy({ relay: true, nextHop: uri(`sip:${UAS}`) }, ['UDP', PROXY], ['UDP', '2001:db8::10'])
    const [uac, uas, there] = [await world.peer(UAC), await world.peer(UAS), await world.peer('2001:db8::1')]
    const route = 'Route: <sip:example.com;maddr=[2001:db8::1];lr>\r\n'
    world.say(uac, requestText('MESSAGE', { uri: 'sip:bob@example.com', extra: route }))
    expect(there.titles).toEqual(['MESSAGE'])
    world.say(uac, requestText('INFO', { uri: 'sip:bob@example.com;maddr=[2001:db8::10]' }))
    expect(String(requestAt(uas).requestUri)).toBe('sip:bob@example.com')
  })
})

describe('RFC 3261 §8.2.7 answers without a transaction', () => {
  test('the ACK to a refusal of the proxy’s own ends there; one with another tag goes on', async () => {
    await world.proxy({ relay: true })
    const [uac, uas] = [await world.peer(UAC), await world.peer(UAS)]
    const parts = { uri: `sip:bob@${UAS}` }
    world.say(uac, requestText('INVITE', { ...parts, extra: 'Proxy-Require: foo\r\n' }))
    const tag = uac.heard[0]?.to.tag ?? ''
    expect(uac.titles).toEqual(['420'])
    world.say(uac, requestText('ACK', { ...parts, toTag: tag }))
    expect(uas.titles).toEqual([])
    world.say(uac, requestText('ACK', { ...parts, toTag: tag.replace(/.$/, 'x') }))
    world.say(uac, requestText('ACK', { ...parts, toTag: tag, branch: 'z9hG4bKother' }))
    expect(uas.titles).toEqual(['ACK', 'ACK'])
  })

  test('a CANCEL is never answered: refused, malformed or without a way', async () => {
    const locate = (): never => {
      throw new Error('no such name')
    }
    await world.proxy({ relay: true, stack: { locate: locating(locate) } })
    const uac = await world.peer(UAC)
    for (const text of [
      requestText('CANCEL', { uri: 'sip:bob@nowhere.example' }),
      requestText('CANCEL', { uri: `sip:${PROXY}` }),
      requestText('CANCEL', {}).replace('Max-Forwards: 70', 'Max-Forwards: 0'),
      requestText('CANCEL', {}).replace('CSeq: 1 CANCEL', 'CSeq: one CANCEL'),
    ])
      world.say(uac, text)
    expect(world.sentBy()).toEqual([])
  })
})

describe('OPTIONS to the proxy itself (§11)', () => {
  test('with Routes of its own, loose or strict: 200; behind another Route it goes on', async () => {
    await world.proxy({ relay: true })
    const [uac, uas] = [await world.peer(UAC), await world.peer(UAS)]
    const own = `<sip:${PROXY};lr>`
    for (const route of [own, `${own}, ${own}`])
      world.say(uac, requestText('OPTIONS', { uri: `sip:${PROXY}`, extra: `Route: ${route}\r\n` }))
    world.say(uac, requestText('OPTIONS', { uri: `sip:${PROXY};lr`, extra: `Route: <sip:${PROXY}>\r\n` }))
    expect(uac.titles).toEqual(['200', '200', '200'])
    world.say(
      uac,
      requestText('OPTIONS', { uri: `sip:${PROXY}`, extra: `Route: ${own}, <sip:${UAS};lr>\r\n` }),
    )
    expect(uas.titles).toEqual(['OPTIONS'])
  })
})

describe('RFC 3261 §16.11, RFC 3263 §4.4 the next hop comes from the message alone', () => {
  const found: readonly Target[] = ['192.0.2.31', '192.0.2.32', '192.0.2.33'].map(address => ({
    protocol: 'UDP',
    address,
    port: 5060,
  }))

  test('INVITE, its retransmission, CANCEL and ACK go to one host, in whatever order it is found', async () => {
    let turn = 0
    const locate = (): Target[] => {
      const at = turn++ % found.length
      return [...found.slice(at), ...found.slice(0, at)]
    }
    await world.proxy({ relay: true, stack: { locate: locating(locate) } })
    const uac = await world.peer(UAC)
    const chosen = new Set<string>()
    for (let call = 0; call < 30; call++) {
      const before = world.sentBy().length
      const parts = { uri: 'sip:bob@example.com', branch: `z9hG4bK${call}`, callId: `call-${call}` }
      const route = ['<sip:a@example.com;lr>', '"A"   <sip:a@example.com;lr>'].map(
        value => `Route: ${value}\r\n`,
      )
      world.say(uac, requestText('INVITE', { ...parts, extra: route[0] ?? '' }))
      world.say(uac, requestText('INVITE', { ...parts, extra: route[0] ?? '' }))
      world.say(uac, requestText('CANCEL', { ...parts, extra: route[1] ?? '' }))
      world.say(
        uac,
        requestText('ACK', { ...parts, toTag: 'busy', extra: `Proxy-Authorization: x y=z\r\n${route[0]}` }),
      )
      const hosts = new Set(
        world
          .sentBy()
          .slice(before)
          .map(line => line.split(' ')[1] ?? ''),
      )
      expect(hosts.size).toBe(1)
      for (const host of hosts) chosen.add(host)
    }
    expect(chosen.size).toBe(3)
  })

  test('a host that goes moves only its own calls', async () => {
    let known = found
    await world.proxy({ relay: true, stack: { locate: locating(() => known) } })
    const uac = await world.peer(UAC)
    const hostOf = (call: number): string => {
      const before = world.sentBy().length
      world.say(uac, requestText('MESSAGE', { uri: 'sip:bob@example.com', branch: `z9hG4bK${call}` }))
      return world.sentBy()[before]?.split(' ')[1] ?? ''
    }
    const first = Array.from({ length: 30 }, (_, call) => hostOf(call))
    known = found.slice(1)
    const second = Array.from({ length: 30 }, (_, call) => hostOf(call))
    for (const [call, host] of first.entries()) {
      if (host !== 'udp:192.0.2.31:5060') expect(second[call]).toBe(host)
    }
  })

  test('RFC 5393 §4.2.1 one branch, however a Route is written; another where its URI is another', async () => {
    await world.proxy({ relay: true })
    const [uac, uas] = [await world.peer(UAC), await world.peer(UAS)]
    const routed = (routes: string): string => {
      world.say(uac, requestText('MESSAGE', { uri: 'sip:bob@example.com', extra: routes }))
      return requestAt(uas).via.branch
    }
    const a = `sip:${UAS};lr`
    const one = routed(`Route: <${a}>,<sip:b.example;lr>\r\n`)
    expect(routed(`Route: <${a}>\r\nRoute: <sip:b.example;lr>\r\n`)).toBe(one)
    expect(routed(`route:   "x y" <${a}> ;p=1 ,\r\n  <sip:b.example;lr>\r\n`)).toBe(one)
    expect(routed(`Route: <${a}>,<sip:c.example;lr>\r\n`)).not.toBe(one)
    const garbled = routed(`Route: <${a}>,<<garbage\r\n`)
    expect(garbled).not.toBe(one)
    expect(requestAt(uas).toString()).toContain('<<garbage')
    expect(routed(`Route: <${a}>,<<garbage\r\n`)).toBe(garbled)
  })
})

describe('RFC 3261 §16.6 step 4 Record-Route', () => {
  test('names the transport that the request leaves by, TCP where UDP is too narrow (§18.1.1)', async () => {
    await world.proxy({ relay: true }, ['UDP', PROXY], ['TCP', PROXY])
    const [uac, uas] = [await world.peer(UAC), await world.peer(UAS, 'TCP')]
    world.say(uac, requestText('INVITE', { uri: `sip:bob@${UAS}`, extra: `X: ${'x'.repeat(1300)}\r\n` }))
    expect(requestAt(uas).all(h.RecordRoute).map(String)).toEqual([
      `<sip:${PROXY}:5060;transport=tcp;lr>`,
      `<sip:${PROXY}:5060;lr>`,
    ])
  })
})

test('RFC 3261 §8.2.2.3: an OPTIONS for the proxy itself that requires an extension gets 420', async () => {
  await world.proxy()
  const uac = await world.peer(UAC)
  const uri = `sip:${PROXY}`
  for (const extra of ['', 'Require: 100rel, foo\r\n', 'Require: <<garbage\r\n'])
    world.say(uac, requestText('OPTIONS', { uri, extra }))
  expect(uac.titles).toEqual(['200', '420', '400'])
  expect(uac.heard[1]?.all(h.Unsupported).map(String)).toEqual(['100rel', 'foo'])
})
