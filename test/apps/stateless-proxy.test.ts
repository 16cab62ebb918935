import { h, type SipMessage, type SipRequest, type Uri, uri } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StatelessProxy, type StatelessProxyOptions } from '../../apps/stateless-proxy/proxy.ts'
import type { Protocol } from '../../src/stack/message/flow.ts'
import { answerTo, lines, memoryOf, type Peer, requestText, World } from '../stack/world.ts'

const UAC = '192.0.2.1'
const UAS = '192.0.2.2'
const PROXY = '192.0.2.10'

let world: World
let proxies: StatelessProxy[]

beforeEach(() => {
  world = new World()
  proxies = []
})

afterEach(() => Promise.all(proxies.map(proxy => proxy.close())))

async function start(
  options: Partial<StatelessProxyOptions> = {},
  ...places: readonly (readonly [Protocol, string, number?])[]
): Promise<StatelessProxy> {
  const proxy = await StatelessProxy.start({
    listen: [],
    relay: true,
    ...options,
    stack: { clock: world.clock, ...options.stack },
  })
  proxies.push(proxy)
  for (const [protocol, address, port] of places.length > 0 ? places : [['UDP', PROXY] as const])
    await proxy.stack.addTransport(world.network.transport(protocol, address, port ?? 5060))
  return proxy
}

/** Sends a text to the proxy; what comes of it at once has happened afterwards. */
function say(peer: Peer, text: string, address: string = PROXY): void {
  peer.send(text, address)
  world.advance(0)
}

function requestAt(peer: Peer, at: number = -1): SipRequest {
  const message = peer.heard.at(at)
  if (!message?.isRequest) throw new Error(`no request but ${peer.titles.join(' ') || 'nothing'}`)
  return message
}

const vias = (message: SipMessage): string[] => message.all(h.Via).map(via => via.sentBy)

const toUas = (extra: object = {}): object => ({ uri: `sip:bob@${UAS}`, ...extra })

describe('RFC 3261 §16.6 a request is sent on', () => {
  test('with Max-Forwards one less, a Via on top, a Record-Route, and all else byte for byte', async () => {
    await start()
    const [uac, uas] = [await world.peer(UAC), await world.peer(UAS)]
    const extra = 'X-Odd:  with   blanks \r\nSubject: \r\n folded\r\nm: <sip:alice@192.0.2.1>\r\n'
    say(uac, requestText('INVITE', toUas({ extra, body: 'v=0\r\n' })))
    const sent = requestAt(uas)
    expect(vias(sent)).toEqual([`${PROXY}:5060`, `${UAC}:5060`])
    expect(sent.get(h.MaxForwards)).toBe(69)
    expect(sent.all(h.RecordRoute).map(String)).toEqual([`<sip:${PROXY}:5060;lr>`])
    expect(sent.toString()).toContain(extra)
    expect(sent.body.toString()).toBe('v=0\r\n')
  })

  test('without Max-Forwards gets 70; without recordRoute no Record-Route; in a dialog none either', async () => {
    await start({ recordRoute: false })
    await start({}, ['UDP', '192.0.2.11'])
    const [uac, uas] = [await world.peer(UAC), await world.peer(UAS)]
    say(uac, requestText('INVITE', toUas()).replace('Max-Forwards: 70\r\n', ''))
    expect(requestAt(uas).get(h.MaxForwards)).toBe(70)
    expect(requestAt(uas).has(h.RecordRoute)).toBe(false)
    say(uac, requestText('INVITE', toUas({ toTag: 'in-dialog' })), '192.0.2.11')
    expect(requestAt(uas).has(h.RecordRoute)).toBe(false)
    say(uac, requestText('OPTIONS', toUas()), '192.0.2.11')
    expect(requestAt(uas).has(h.RecordRoute)).toBe(false)
  })

  test('§16.11 nothing is kept, and a request seen again goes out byte for byte the same', async () => {
    const proxy = await start()
    const [uac, uas] = [await world.peer(UAC), await world.peer(UAS)]
    for (const _ of [1, 2]) say(uac, requestText('INVITE', toUas()))
    expect(uas.heard).toHaveLength(2)
    expect(uas.heard[0]?.toString()).toBe(uas.heard[1]?.toString())
    expect(proxy.stack.transactionCount).toBe(0)
    expect(proxy.stack.timers.size).toBe(0)
  })

  test('§16.11, RFC 5393 §4.2.1 one branch for INVITE, its ACK and its CANCEL, whatever headers differ', async () => {
    await start({ supported: ['gruu'] })
    const [uac, uas] = [await world.peer(UAC), await world.peer(UAS)]
    const extra = 'Proxy-Authorization: Digest username="a"\r\nProxy-Require: gruu\r\n'
    say(uac, requestText('INVITE', toUas({ extra })))
    say(uac, requestText('CANCEL', toUas()))
    uas.answer(requestAt(uas, 0), 486, 'busy')
    world.advance(0)
    expect(uac.titles).toEqual(['486'])
    say(uac, requestText('ACK', toUas({ toTag: 'busy' })).replace('Max-Forwards: 70', 'Max-Forwards: 12'))
    expect(uas.titles).toEqual(['INVITE', 'CANCEL', 'ACK'])
    expect(new Set(uas.heard.map(({ via }) => via.branch)).size).toBe(1)
    say(uac, requestText('INVITE', toUas({ branch: 'z9hG4bKother' })))
    say(uac, requestText('INVITE', toUas({ via: `SIP/2.0/UDP ${UAC}:5070;branch=z9hG4bKother` })))
    expect(new Set(uas.heard.map(({ via }) => via.branch)).size).toBe(3)
  })

  test('§16.11 the branch of an RFC 2543 client: the same for the same request, else another', async () => {
    await start()
    const [uac, uas] = [await world.peer(UAC), await world.peer(UAS)]
    const via = `SIP/2.0/UDP ${UAC}:5060`
    say(uac, requestText('INVITE', toUas({ via })))
    say(uac, requestText('INVITE', toUas({ via })))
    say(uac, requestText('ACK', toUas({ via, toTag: 'busy' })))
    say(uac, requestText('INVITE', toUas({ via, callId: 'other' })))
    const branches = uas.heard.map(message => message.via.branch)
    expect(branches[0]).toMatch(/^z9hG4bK[0-9a-f]/)
    expect(branches.slice(0, 3)).toEqual([branches[0], branches[0], branches[0]])
    expect(branches[3]).not.toBe(branches[0])
  })
})

describe('RFC 3261 §16.3 requests that are refused', () => {
  const wireOf = async (text: string, options: Partial<StatelessProxyOptions> = {}): Promise<string> => {
    await start(options)
    const uac = await world.peer(UAC)
    const uas = await world.peer(UAS)
    say(uac, text)
    expect(uas.heard).toEqual([])
    return uac.heard[0]?.toString() ?? ''
  }

  test.each([
    ['CSeq: 1 INVITE', 'CSeq: one INVITE', 'SIP/2.0 400 Bad Request - CSeq: '],
    ['Call-ID: call-1', 'X: y', 'SIP/2.0 400 Bad Request - Call-ID: is missing'],
    ['CSeq: 1 INVITE', 'CSeq: 1 BYE', 'SIP/2.0 400 Bad Request - CSeq: method is not INVITE'],
    ['Max-Forwards: 70', 'Max-Forwards: lots', 'SIP/2.0 400 Bad Request - Max-Forwards: '],
    ['From: <sip:alice@example.com>', 'From: "alice <', 'SIP/2.0 400 Bad Request - From: '],
    ['sip:bob@192.0.2.2 SIP', 'sip:bob@[192 SIP', 'SIP/2.0 400 Bad Request - Request-URI: '],
    ['SIP/2.0\r\nVia', 'SIP/3.0\r\nVia', 'SIP/2.0 505 Version Not Supported - start line: '],
    ['sip:bob@192.0.2.2 SIP', 'http://example.com SIP', 'SIP/2.0 416 Unsupported URI Scheme'],
    ['sip:bob@192.0.2.2 SIP', 'tel:+4930123 SIP', 'SIP/2.0 416 Unsupported URI Scheme'],
    ['Max-Forwards: 70', 'Max-Forwards: 0', 'SIP/2.0 483 Too Many Hops'],
  ])('%j for %j: %s', async (from, to, expected) => {
    const wire = await wireOf(requestText('INVITE', toUas()).replace(from, to))
    expect(wire.slice(0, expected.length)).toBe(expected)
  })

  test.each([
    ['has no hops left', 'Max-Forwards: 70', 'Max-Forwards: 0'],
    ['is malformed', 'CSeq: 1 ACK', 'CSeq: 1 BYE'],
  ])('an ACK that %s is dropped', async (_, from, to) => {
    expect(await wireOf(requestText('ACK', toUas()).replace(from, to))).toBe('')
  })

  test('Proxy-Require: 420 with the tags that are not supported', async () => {
    const extra = 'Proxy-Require: Gruu, foo\r\nProxy-Require: bar\r\n'
    const wire = await wireOf(requestText('INVITE', toUas({ extra })), { supported: ['gruu'] })
    expect(wire).toMatch(/^SIP\/2.0 420 Bad Extension\r\n/)
    expect(lines(wire, 'Unsupported')).toEqual(['foo, bar'])
  })

  test('Proxy-Require does not hinder ACK and CANCEL (§20.29)', async () => {
    await start()
    const [uac, uas] = [await world.peer(UAC), await world.peer(UAS)]
    const extra = 'Proxy-Require: foo\r\n'
    say(uac, requestText('ACK', toUas({ extra })))
    say(uac, requestText('CANCEL', toUas({ extra })))
    expect(uas.titles).toEqual(['ACK', 'CANCEL'])
  })

  test('§8.2.7 the To tag of a refusal is the same for the same request, and another for another', async () => {
    await start()
    const uac = await world.peer(UAC)
    for (const branch of ['z9hG4bKa', 'z9hG4bKa', 'z9hG4bKb'])
      say(uac, requestText('INVITE', toUas({ branch })).replace('Max-Forwards: 70', 'Max-Forwards: 0'))
    const tags = uac.heard.map(message => message.to.tag)
    expect(tags[0]).toMatch(/^[0-9a-f]{16}$/)
    expect(tags[1]).toBe(tags[0])
    expect(tags[2]).not.toBe(tags[0])
  })

  test('a next hop that cannot be found: 503; a request to us without a user: 404', async () => {
    const locate = (): never => {
      throw new Error('no such name')
    }
    await start({ stack: { locate: { locate, locateResponse: locate, report() {} } } })
    const uac = await world.peer(UAC)
    say(uac, requestText('INVITE', { uri: 'sip:bob@nowhere.example' }))
    say(uac, requestText('MESSAGE', { uri: `sip:bob@${PROXY}` }))
    say(uac, requestText('ACK', { uri: 'sip:bob@nowhere.example' }))
    expect(uac.titles).toEqual(['503', '404'])
  })
})

describe('RFC 3261 §16.3 step 4, RFC 5393 loops', () => {
  test('a request that comes back as it went out: 482; a spiral with another Request-URI passes', async () => {
    await start()
    const [uac, uas] = [await world.peer(UAC), await world.peer(UAS)]
    say(uac, requestText('INVITE', toUas()))
    const sent = requestAt(uas).toString()
    const back = sent.replace('SIP/2.0\r\n', `SIP/2.0\r\nVia: SIP/2.0/UDP ${UAS}:5060;branch=z9hG4bKback\r\n`)
    say(uas, back)
    expect(uas.titles).toEqual(['INVITE', '482'])
    say(uas, back.replace(`sip:bob@${UAS}`, `sip:carol@${UAS}`))
    expect(uas.titles).toEqual(['INVITE', '482', 'INVITE'])
    expect(vias(requestAt(uas))).toEqual([`${PROXY}:5060`, `${UAS}:5060`, `${PROXY}:5060`, `${UAC}:5060`])
  })

  test('two proxies that send to each other stop after one round', async () => {
    const hop = (address: string): Uri => uri(`sip:${address}`)
    await start({ nextHop: hop('192.0.2.11') })
    await start({ nextHop: hop(PROXY) }, ['UDP', '192.0.2.11'])
    const uac = await world.peer(UAC)
    say(uac, requestText('OPTIONS', { uri: 'sip:example.com' }))
    expect(uac.titles).toEqual(['482'])
    expect(world.ladder.filter(line => line.includes('OPTIONS'))).toHaveLength(3)
  })
})

describe('OPTIONS to the proxy itself (§11)', () => {
  test('200; with a user part it is another’s', async () => {
    await start({ names: ['proxy.example.com'] })
    const uac = await world.peer(UAC)
    say(uac, requestText('OPTIONS', { uri: `sip:${PROXY}` }))
    say(uac, requestText('OPTIONS', { uri: 'sip:PROXY.example.com' }))
    say(uac, requestText('OPTIONS', { uri: `sip:somebody@${PROXY}` }))
    expect(uac.titles).toEqual(['200', '200', '404'])
  })
})

describe('RFC 3261 §16.4, §16.6 Routes', () => {
  test('our own Route is taken off, the next one leads', async () => {
    await start()
    const [uac, next] = [await world.peer(UAC), await world.peer('192.0.2.3')]
    const extra = `Route: <sip:${PROXY};lr>, <sip:192.0.2.3;lr>\r\n`
    say(uac, requestText('BYE', toUas({ extra, toTag: 't' })))
    expect(requestAt(next).all(h.Route).map(String)).toEqual(['<sip:192.0.2.3;lr>'])
    expect(String(requestAt(next).requestUri)).toBe(`sip:bob@${UAS}`)
  })

  test('a strict router before us: the last Route becomes the Request-URI again', async () => {
    await start()
    const [uac, uas] = [await world.peer(UAC), await world.peer(UAS)]
    const extra = `Route: <sip:bob@${UAS}>\r\n`
    say(uac, requestText('BYE', { uri: `sip:${PROXY};lr`, extra, toTag: 't' }))
    expect(String(requestAt(uas).requestUri)).toBe(`sip:bob@${UAS}`)
    expect(requestAt(uas).has(h.Route)).toBe(false)
  })

  test('a strict router after us: its Route becomes the Request-URI', async () => {
    await start()
    const [uac, next] = [await world.peer(UAC), await world.peer('192.0.2.3')]
    const extra = `Route: <sip:${PROXY};lr>,<sip:192.0.2.3>\r\n`
    say(uac, requestText('BYE', toUas({ extra, toTag: 't' })))
    expect(String(requestAt(next).requestUri)).toBe('sip:192.0.2.3')
    expect(requestAt(next).all(h.Route).map(String)).toEqual([`<sip:bob@${UAS}>`])
  })

  test('§16.4 a maddr that is ours is taken off with its port and transport', async () => {
    await start({ nextHop: uri(`sip:${UAS}`) })
    const [uac, uas] = [await world.peer(UAC), await world.peer(UAS)]
    say(uac, requestText('OPTIONS', { uri: `sip:bob@example.com;maddr=${PROXY};transport=udp` }))
    expect(String(requestAt(uas).requestUri)).toBe('sip:bob@example.com')
  })

  test('domains have next hops of their own, the rest the common one; a Route goes before both', async () => {
    await start({
      nextHop: uri('sip:192.0.2.3'),
      routes: new Map([['example.net', uri('sip:192.0.2.4')]]),
    })
    const uac = await world.peer(UAC)
    const hops = await Promise.all(
      ['192.0.2.3', '192.0.2.4', '192.0.2.5'].map(address => world.peer(address)),
    )
    say(uac, requestText('OPTIONS', { uri: 'sip:bob@example.com' }))
    say(uac, requestText('MESSAGE', { uri: 'sip:bob@EXAMPLE.net' }))
    say(uac, requestText('INFO', { uri: 'sip:bob@example.net', extra: 'Route: <sip:192.0.2.5;lr>\r\n' }))
    expect(hops.map(peer => peer.titles.join())).toEqual(['OPTIONS', 'MESSAGE', 'INFO'])
  })
})

describe('RFC 3261 §8.1.2 a client that has us as its outbound proxy, by a Route', () => {
  const outbound = `Route: <sip:${PROXY};lr>\r\n`
  const hops = { nextHop: uri('sip:192.0.2.3'), routes: new Map([['example.net', uri('sip:192.0.2.4')]]) }

  test.each([
    ['the next hop', 'sip:bob@example.com', '192.0.2.3'],
    ['the next hop of the domain', 'sip:bob@example.net', '192.0.2.4'],
  ])('gets to %s; so does its ACK to a refusal', async (_, target, hop) => {
    await start(hops)
    const [uac, next] = [await world.peer(UAC), await world.peer(hop)]
    say(uac, requestText('INVITE', { uri: target, extra: outbound }))
    say(uac, requestText('ACK', { uri: target, extra: outbound, toTag: 't' }))
    expect(next.titles).toEqual(['INVITE', 'ACK'])
  })

  test('what follows the Record-Route goes to the Contact', async () => {
    await start(hops)
    const [uac, next, uas] = [await world.peer(UAC), await world.peer('192.0.2.3'), await world.peer(UAS)]
    say(uac, requestText('INVITE', { uri: 'sip:bob@example.com', extra: outbound }))
    const [route] = requestAt(next).all(h.RecordRoute)
    say(uac, requestText('ACK', toUas({ extra: `Route: ${route}\r\n`, toTag: 't' })))
    expect([next.titles, uas.titles]).toEqual([['INVITE'], ['ACK']])
  })
})

describe('RFC 5658 two Record-Routes', () => {
  test.each([
    ['UDP', UAC, 'TCP', UAS, [`<sip:${PROXY}:5060;transport=tcp;lr>`, `<sip:${PROXY}:5060;lr>`]],
    ['UDP', UAC, 'UDP', '2001:db8::2', ['<sip:[2001:db8::10]:5060;lr>', `<sip:${PROXY}:5060;lr>`]],
    ['TCP', UAC, 'UDP', UAS, [`<sip:${PROXY}:5060;lr>`, `<sip:${PROXY}:5060;transport=tcp;lr>`]],
    ['UDP', UAC, 'UDP', UAS, [`<sip:${PROXY}:5060;lr>`]],
  ] as const)(
    '%s %s to %s %s, and both are taken off on the way back',
    async (from, uacAt, to, uasAt, expected) => {
      await start({}, ['UDP', PROXY], ['TCP', PROXY], ['UDP', '2001:db8::10'])
      const uac = await world.peer(uacAt, from)
      const uas = await world.peer(uasAt, to)
      const host = uasAt.includes(':') ? `[${uasAt}]` : uasAt
      const target = `sip:bob@${host}${to === 'TCP' ? ';transport=tcp' : ''}`
      say(uac, requestText('INVITE', { uri: target, via: `SIP/2.0/${from} ${uacAt}:5060;branch=z9hG4bKrr` }))
      const routes = requestAt(uas).all(h.RecordRoute).map(String)
      expect(routes).toEqual(expected)
      const home = from === 'TCP' ? ';transport=tcp' : ''
      const proxyAt = uasAt.includes(':') ? '2001:db8::10' : PROXY
      say(
        uas,
        requestText('BYE', {
          uri: `sip:alice@${uacAt}${home}`,
          toTag: 't',
          via: `SIP/2.0/${to} ${host}:5060;branch=z9hG4bKbye`,
          extra: `Route: ${routes.join(', ')}\r\n`,
        }),
        proxyAt,
      )
      expect(requestAt(uac).method).toBe('BYE')
      expect(requestAt(uac).has(h.Route)).toBe(false)
      say(
        uac,
        requestText('INFO', {
          uri: target,
          toTag: 't',
          via: `SIP/2.0/${from} ${uacAt}:5060;branch=z9hG4bKinfo`,
          extra: [...routes]
            .reverse()
            .map(route => `Route: ${route}\r\n`)
            .join(''),
        }),
      )
      expect(requestAt(uas).method).toBe('INFO')
      expect(requestAt(uas).has(h.Route)).toBe(false)
    },
  )
})

describe('RFC 3261 §16.7, §18.2.2 responses', () => {
  test('go to received and rport without our Via, otherwise byte for byte', async () => {
    await start()
    const uac = await world.peer('192.0.2.77', 'UDP', 4444)
    const uas = await world.peer(UAS)
    const via = 'SIP/2.0/UDP behind.nat.example:5060;rport;branch=z9hG4bKnat'
    say(uac, requestText('OPTIONS', toUas({ via })))
    expect(requestAt(uas).all(h.Via).map(String)[1]).toContain(
      ';rport=4444;branch=z9hG4bKnat;received=192.0.2.77',
    )
    uas.send(answerTo(requestAt(uas), 200, 't', 'X-Odd:   blanks  \r\n'), PROXY)
    world.advance(0)
    expect(uac.titles).toEqual(['200'])
    expect(uac.heard[0]?.toString()).toContain('X-Odd:   blanks  \r\n')
    expect(uac.heard[0]?.all(h.Via)).toHaveLength(1)
  })

  test('without rport go to received and the sent-by port', async () => {
    await start()
    const from = await world.peer('192.0.2.77', 'UDP', 4444)
    const sentBy = await world.peer('192.0.2.77', 'UDP', 5066)
    const uas = await world.peer(UAS)
    say(from, requestText('OPTIONS', toUas({ via: 'SIP/2.0/UDP pc.example:5066;branch=z9hG4bK1' })))
    uas.answer(requestAt(uas), 200)
    world.advance(0)
    expect(from.heard).toEqual([])
    expect(sentBy.titles).toEqual(['200'])
  })

  test('over TCP go by the connection the request came by, and by a new one to received and sent-by port when it is gone', async () => {
    const proxy = await start({}, ['UDP', PROXY], ['TCP', PROXY])
    const [uas, later] = [await world.peer(UAS), await world.peer('192.0.2.77', 'TCP', 5066)]
    const from = await world.peer('192.0.2.77', 'TCP', 40_000)
    say(from, requestText('OPTIONS', toUas({ via: 'SIP/2.0/TCP pc.example:5066;branch=z9hG4bK1' })))
    uas.answer(requestAt(uas), 180)
    world.advance(0)
    expect(from.titles).toEqual(['180'])
    memoryOf(proxy.stack, 'TCP').disconnect('192.0.2.77', 40_000)
    uas.answer(requestAt(uas), 200)
    world.advance(0)
    expect(from.titles).toEqual(['180'])
    expect(later.titles).toEqual(['200'])
  })

  test('leave by the listener the request came to', async () => {
    await start({}, ['UDP', PROXY], ['UDP', '127.0.0.1'])
    const [uac, uas] = [await world.peer(UAC), await world.peer(UAS)]
    const sources: string[] = []
    uac.onMessage = message => void sources.push(message.source?.address ?? '')
    for (const [at, address] of ['127.0.0.1', PROXY].entries()) {
      say(uac, requestText('OPTIONS', toUas({ branch: `z9hG4bK${at}` })), address)
      uas.answer(requestAt(uas), 200)
      world.advance(0)
    }
    expect(sources).toEqual(['127.0.0.1', PROXY])
  })

  test('with no Via below ours, or a top Via that is not ours, are dropped and counted', async () => {
    const proxy = await start()
    const uas = await world.peer(UAS)
    const ok = (via: string): string => requestText('OPTIONS', { via }).replace(/^[^\r]+/, 'SIP/2.0 200 OK')
    say(uas, ok(`SIP/2.0/UDP ${PROXY}:5060;branch=z9hG4bK1`))
    say(uas, ok(`SIP/2.0/UDP ${UAC}:5060;branch=z9hG4bK1`))
    expect(proxy.stack.counters.strayResponses).toBe(2)
    expect(world.ladder).toHaveLength(2)
  })
})
