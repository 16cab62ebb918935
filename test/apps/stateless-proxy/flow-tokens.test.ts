import { h, type SipMessage, type SipRequest } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Protocol } from '../../../src/stack/message/flow.ts'
import { memoryOf, type Peer, requestText } from '../../stack/world.ts'
import { MALLORY, PROXY, ProxyWorld, requestAt, UAC, UAS } from './proxy-world.ts'

const NAT = '203.0.113.7'
const KEY = new Uint8Array(20).fill(7)

let world: ProxyWorld

beforeEach(() => {
  world = new ProxyWorld()
})

afterEach(() => world.close())

const recordRoutes = (message: SipMessage): string[] => message.all(h.RecordRoute).map(String)

/** The user part of a Record-Route or Route. */
const tokenIn = (route: string | undefined): string => /sip:([^@]*)@/.exec(route ?? '')?.[1] ?? ''

interface Call {
  readonly caller: Peer
  readonly callee: Peer
  readonly invite: SipRequest
  /** Route headers of what the callee, and the caller, sends within the dialog. */
  readonly fromCallee: string
  readonly fromCaller: string
}

interface Caller {
  readonly protocol: Protocol
  readonly address?: string
  readonly port?: number
  readonly sentBy?: string
  readonly contact?: string
  readonly extra?: string
}

const routes = (values: readonly string[]): string => values.map(value => `Route: ${value}\r\n`).join('')

/** The caller's INVITE goes by the proxy to a callee over UDP. */
async function calling(from: Caller, callId: string = 'call-1'): Promise<Call> {
  const { protocol, address = UAC, port = 5060, sentBy = `${address}:${port}`, extra = '' } = from
  const { contact = `<sip:alice@${sentBy};transport=${protocol.toLowerCase()}>` } = from
  const caller = await world.peer(address, protocol, port)
  const callee = await world.peer(UAS)
  const via = `SIP/2.0/${protocol} ${sentBy};rport;branch=z9hG4bK${callId}`
  world.say(
    caller,
    requestText('INVITE', { uri: `sip:bob@${UAS}`, via, callId, extra: `Contact: ${contact}\r\n${extra}` }),
  )
  const invite = requestAt(callee)
  const values = recordRoutes(invite)
  return { caller, callee, invite, fromCallee: routes(values), fromCaller: routes([...values].reverse()) }
}

const toAlice = (extra: string, more: object = {}): string =>
  requestText('BYE', {
    uri: 'sip:alice@df7jal23ls0d.invalid;transport=ws',
    via: `SIP/2.0/UDP ${UAS}:5060;branch=z9hG4bKbye`,
    fromTag: 'bob',
    toTag: 'alice',
    extra,
    ...more,
  })
const toBob = (extra: string): string =>
  requestText('BYE', {
    uri: `sip:bob@${UAS}`,
    via: 'SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bKbye2',
    toTag: 'bob',
    extra,
  })

/** Says something to the proxy's WebSocket listener. */
const overWs = (peer: Peer, text: string): void => world.say(peer, text, PROXY, 8080)

const both = [['UDP', PROXY] as const, ['WS', PROXY, 8080] as const, ['TCP', PROXY] as const]

describe('RFC 7118 §5, RFC 5626 §5.3 a WebSocket client', () => {
  test.each([
    ['an open relay', { relay: true }],
    ['a proxy with rules, whose Record-Route is signed for the dialog too', { domains: [UAS] }],
  ])('is sent the callee’s BYE over its own connection, and sends its own: %s', async (_, rules) => {
    await world.proxy(rules, ...both)
    const caller = await sayOverWs()
    const { callee, fromCallee, fromCaller, invite } = caller
    const [outbound, inbound] = recordRoutes(invite)
    expect(outbound).toMatch(new RegExp(`^<sip:${PROXY}:5060;lr`))
    expect(inbound).toMatch(
      new RegExp(`^<sip:[0-9a-f]{16}!${UAC}!40000!\\d+![\\w-]+\\.[0-9a-f]{20}@${PROXY}:8080;transport=ws;lr`),
    )
    callee.answer(invite, 200, 'bob')
    world.advance(0)
    expect(caller.caller.titles).toEqual(['200'])
    world.say(callee, toAlice(fromCallee))
    expect(caller.caller.titles).toEqual(['200', 'BYE'])
    expect(requestAt(caller.caller).has(h.Route)).toBe(false)
    overWs(caller.caller, toBob(fromCaller))
    expect(callee.titles).toEqual(['INVITE', 'BYE'])
    expect(requestAt(callee).has(h.Route)).toBe(false)
  })

  test('RFC 5626 §5.3.1 whose connection is gone: 430, and nothing is sent anywhere', async () => {
    const proxy = await world.proxy({ relay: true }, ...both)
    const { caller, callee, fromCallee } = await sayOverWs()
    memoryOf(proxy.stack, 'WS').disconnect(UAC, 40_000)
    world.say(callee, toAlice(fromCallee))
    expect(callee.titles).toEqual(['INVITE', '430'])
    expect(caller.titles).toEqual([])
  })

  test('RFC 5626 §5.3.1 a token that was changed: 403', async () => {
    await world.proxy({ relay: true }, ...both)
    const { caller, callee, fromCallee } = await sayOverWs()
    world.say(callee, toAlice(fromCallee.replace('!40000!', '!40001!')))
    expect(callee.titles).toEqual(['INVITE', '403'])
    expect(caller.titles).toEqual([])
  })

  test('a user part that is no token is none', async () => {
    await world.proxy({ relay: true }, ...both)
    const [uac, uas] = [await world.peer(UAC), await world.peer(UAS)]
    world.say(
      uac,
      requestText('MESSAGE', { uri: `sip:bob@${UAS}`, extra: `Route: <sip:some.one@${PROXY};lr>\r\n` }),
    )
    expect(uas.titles).toEqual(['MESSAGE'])
  })

  test('a token of another node, and one of before a restart: 430; with another key it is none of ours: 403', async () => {
    const proxy = await world.proxy({ relay: true, stack: { flowTokenKey: KEY } }, ...both)
    await world.proxy(
      { relay: true, stack: { flowTokenKey: KEY } },
      ['UDP', '192.0.2.11'],
      ['WS', '192.0.2.11', 8080],
    )
    const { callee, fromCallee } = await sayOverWs()
    const elsewhere = fromCallee.replaceAll(`@${PROXY}`, '@192.0.2.11').replaceAll(`:${PROXY}`, ':192.0.2.11')
    world.say(callee, toAlice(elsewhere), '192.0.2.11')
    expect(callee.titles).toEqual(['INVITE', '430'])
    await proxy.close()
    await world.proxy(
      { relay: true, stack: { flowTokenKey: KEY, random: { fill: bytes => bytes.fill(9) } } },
      ...both,
    )
    world.say(callee, toAlice(fromCallee, { via: `SIP/2.0/UDP ${UAS}:5060;branch=z9hG4bKagain` }))
    expect(callee.titles).toEqual(['INVITE', '430', '430'])
  })

  test('two of them at one listener: a token for each side, and both reach the other', async () => {
    await world.proxy({ relay: true }, ...both)
    const bob = await world.peer(MALLORY, 'WS', 41_000)
    const uas = await world.peer(UAS)
    const bobVia = 'SIP/2.0/WS bob.invalid;branch=z9hG4bKsub'
    overWs(
      bob,
      requestText('SUBSCRIBE', {
        uri: `sip:c@${UAS}`,
        via: bobVia,
        callId: 'sub',
        extra: 'Contact: <sip:bob@bob.invalid;transport=ws>\r\n',
      }),
    )
    const path = recordRoutes(requestAt(uas))[1]
    const alice = await world.peer(UAC, 'WS', 40_000)
    const contact = 'Contact: <sip:alice@alice.invalid;transport=ws>\r\n'
    overWs(
      alice,
      requestText('INVITE', {
        uri: 'sip:bob@bob.invalid',
        via: 'SIP/2.0/WS alice.invalid;branch=z9hG4bKi',
        extra: `Route: ${path}\r\n${contact}`,
      }),
    )
    const values = recordRoutes(requestAt(bob))
    expect(values.map(value => tokenIn(value).split('!')[1])).toEqual([MALLORY, UAC])
    overWs(
      bob,
      requestText('BYE', {
        uri: 'sip:alice@alice.invalid',
        via: 'SIP/2.0/WS bob.invalid;branch=z9hG4bKb',
        fromTag: 'bob',
        toTag: 'alice',
        extra: routes(values),
      }),
    )
    expect(alice.titles).toEqual(['BYE'])
    overWs(
      alice,
      requestText('BYE', {
        uri: 'sip:bob@bob.invalid',
        via: 'SIP/2.0/WS alice.invalid;branch=z9hG4bKc',
        toTag: 'bob',
        extra: routes([...values].reverse()),
      }),
    )
    expect(bob.titles).toEqual(['INVITE', 'BYE'])
  })
})

/** The call of a WebSocket client that names a host that nobody has. */
async function sayOverWs(): Promise<Call> {
  const caller = await world.peer(UAC, 'WS', 40_000)
  const callee = await world.peer(UAS)
  const via = 'SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bKws'
  const extra = 'Contact: <sip:alice@df7jal23ls0d.invalid;transport=ws>\r\n'
  overWs(caller, requestText('INVITE', { uri: `sip:bob@${UAS}`, via, extra }))
  const invite = requestAt(callee)
  const values = recordRoutes(invite)
  return { caller, callee, invite, fromCallee: routes(values), fromCaller: routes([...values].reverse()) }
}

describe('a client behind a NAT', () => {
  const behind = (protocol: Protocol): Caller => ({
    protocol,
    address: NAT,
    port: 40_000,
    sentBy: '10.0.0.5:5060',
  })
  const toNat = (protocol: Protocol, extra: string): string =>
    toAlice(extra, { uri: `sip:alice@10.0.0.5:5060;transport=${protocol.toLowerCase()}` })

  test.each(['TCP', 'UDP'] as const)(
    'over %s gets a token where natHelp is on, and none where it is off',
    async protocol => {
      await world.proxy({ relay: true, natHelp: true }, ...both)
      const { caller, callee, invite, fromCallee } = await calling(behind(protocol))
      expect(recordRoutes(invite)).toHaveLength(2)
      expect(tokenIn(recordRoutes(invite)[1]).split('!').slice(1, 3).join(' ')).toMatch(`${NAT} 40000`)
      world.say(callee, toNat(protocol, fromCallee))
      expect(caller.titles).toEqual(['BYE'])
      const off = new ProxyWorld()
      await world.close()
      world = off
      await world.proxy({ relay: true }, ...both)
      expect(tokenIn(recordRoutes((await calling(behind(protocol))).invite)[0])).toBe('')
    },
  )

  test('over UDP the token outlives a restart with the same key', async () => {
    const options = { relay: true, natHelp: true, stack: { flowTokenKey: KEY } } as const
    const proxy = await world.proxy(options, ...both)
    const { caller, callee, fromCallee } = await calling(behind('UDP'))
    await proxy.close()
    await world.proxy(options, ...both)
    world.say(callee, toNat('UDP', fromCallee))
    expect(caller.titles).toEqual(['BYE'])
  })

  test('whose port the NAT has changed still sends: the order of the Routes tells who sends, not the address', async () => {
    await world.proxy({ relay: true, natHelp: true }, ...both)
    const { callee, fromCaller } = await calling(behind('UDP'))
    const moved = await world.peer(NAT, 'UDP', 45_000)
    const via = 'SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bKmoved'
    world.say(moved, requestText('BYE', { uri: `sip:bob@${UAS}`, via, toTag: 'bob', extra: fromCaller }))
    expect(callee.titles).toEqual(['INVITE', 'BYE'])
  })

  test('RFC 5626 §5.3 its own request by a single Route with its token goes on to where it is for', async () => {
    await world.proxy({ relay: true, natHelp: true }, ...both)
    const { caller, callee, invite } = await calling(behind('TCP'))
    const via = 'SIP/2.0/TCP 10.0.0.5:5060;branch=z9hG4bKown'
    world.say(
      caller,
      requestText('MESSAGE', {
        uri: `sip:bob@${UAS}`,
        via,
        toTag: 'bob',
        extra: routes(recordRoutes(invite).slice(1)),
      }),
    )
    expect(callee.titles).toEqual(['INVITE', 'MESSAGE'])
  })

  test('RFC 3261 §16.4 a strict router before us hands the token over in the Request-URI', async () => {
    await world.proxy({ relay: true, natHelp: true }, ...both)
    const { caller, callee, invite } = await calling(behind('TCP'))
    const [top = '', bottom = ''] = recordRoutes(invite)
    const bye = toNat('TCP', `Route: ${bottom}\r\nRoute: <sip:alice@10.0.0.5:5060;transport=tcp>\r\n`)
    world.say(callee, bye.replace('sip:alice@10.0.0.5:5060;transport=tcp', top.slice(1, -1)))
    expect(caller.titles).toEqual(['BYE'])
    expect(String(requestAt(caller).requestUri)).toBe('sip:alice@10.0.0.5:5060;transport=tcp')
  })
})

describe('RFC 5626 §5.3.2 `ob`', () => {
  test.each([
    ['in the Contact', { contact: `<sip:alice@${UAC}:5060;ob>` }],
    ['in the topmost Route', { extra: `Route: <sip:${PROXY}:5060;lr;ob>\r\n` }],
  ])('%s asks for the token', async (_, more) => {
    await world.proxy({ relay: true }, ...both)
    const { invite } = await calling({ protocol: 'UDP', ...more })
    expect(tokenIn(recordRoutes(invite)[1])).toMatch(new RegExp(`!${UAC}!5060\\.`))
  })

  test('of a UA that is not the hop before us does not', async () => {
    await world.proxy({ relay: true }, ...both)
    const more = {
      contact: '<sip:alice@192.0.2.77;ob>',
      extra: 'Via: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKua\r\n',
    }
    const { invite } = await calling({ protocol: 'UDP', ...more })
    expect(recordRoutes(invite)).toEqual([`<sip:${PROXY}:5060;lr>`])
  })
})

describe('RFC 6223 §4.3 keep at a proxy', () => {
  test.each([
    [{ stack: { keep: 30 } }, ';keep=30'],
    [{}, ';keep'],
  ])('with %o the Via of the client says %s, and that of nobody else', async (options, said) => {
    await world.proxy({ relay: true, ...options }, ...both)
    const { caller, callee, invite } = await calling({ protocol: 'TCP' }, 'plain')
    callee.answer(invite, 200, 'bob')
    const via = `SIP/2.0/TCP ${UAC}:5060;branch=z9hG4bKkeep;keep`
    world.say(caller, requestText('OPTIONS', { uri: `sip:bob@${UAS}`, via }))
    callee.answer(requestAt(callee), 200, 'bob')
    world.advance(0)
    const heard = caller.heard.at(-1)
    expect(heard?.all(h.Via).map(String)).toEqual([via.replace(';keep', said)])
  })
})
