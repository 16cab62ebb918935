import { isIP } from 'node:net'
import { h, parseMessage, SipStack, uri } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Relay, type RelayRules } from '../../../apps/stateless-proxy/relay.ts'
import { locating, requestText, settled } from '../../stack/world.ts'
import { MALLORY, PROXY, ProxyWorld, requestAt, UAC, UAS } from './proxy-world.ts'

let world: ProxyWorld

beforeEach(() => {
  world = new ProxyWorld()
})

afterEach(() => world.close())

/** Every name stands for the callee's address. */
const locate = locating(({ host, port = 5060 }) => [
  { protocol: 'UDP', address: isIP(host) === 0 ? UAS : host, port },
])

const ROUTES = new Map([['Routed.example', uri('sip:192.0.2.3')]])

describe('RFC 3261 §26.3.2.4 what is sent on, and what is refused', () => {
  const rules: readonly (readonly [string, RelayRules])[] = [
    ['no rule', {}],
    ['a domain', { domains: ['Example.com'] }],
    ['a next hop for a domain', { routes: ROUTES }],
    ['a next hop', { nextHop: uri(`sip:${UAS}`) }],
    ['a rule of the program’s', { relay: request => request.source?.address === UAC }],
    ['an open relay', { relay: true }],
  ]
  const requests: readonly (readonly [string, string, string, readonly string[]])[] = [
    ['a foreign host', `sip:bob@${UAS}`, '', ['403', '403', '403', 'passes', 'passes', 'passes']],
    ['the domain', 'sip:bob@EXAMPLE.com', '', ['403', 'passes', '403', 'passes', 'passes', 'passes']],
    [
      'the domain, at a maddr',
      `sip:bob@example.com;maddr=${MALLORY}`,
      '',
      ['403', '403', '403', 'passes', 'passes', 'passes'],
    ],
    [
      'the routed domain',
      'sip:bob@routed.example',
      '',
      ['403', '403', 'passes', 'passes', 'passes', 'passes'],
    ],
    [
      'a Route to a foreign host',
      'sip:bob@example.com',
      `<sip:${MALLORY};lr>`,
      ['403', '403', '403', '403', 'passes', 'passes'],
    ],
    [
      'a Route to the domain',
      `sip:bob@${MALLORY}`,
      '<sip:example.com;lr>',
      ['403', 'passes', '403', '403', 'passes', 'passes'],
    ],
    [
      'a Route to the next hop',
      `sip:bob@${MALLORY}`,
      `<sip:${UAS};lr>`,
      ['403', '403', '403', 'passes', 'passes', 'passes'],
    ],
    [
      'a Route of ours, and a foreign host',
      `sip:bob@${MALLORY}`,
      `<sip:${PROXY};lr>`,
      ['403', '403', '403', 'passes', 'passes', 'passes'],
    ],
    [
      'a Route of ours, and the domain',
      'sip:bob@example.com',
      `<sip:${PROXY};lr>`,
      ['403', 'passes', '403', 'passes', 'passes', 'passes'],
    ],
    [
      'a Route of ours, and the routed domain',
      'sip:bob@routed.example',
      `<sip:${PROXY};lr>`,
      ['403', '403', 'passes', 'passes', 'passes', 'passes'],
    ],
    [
      'a Route of ours that names a dialog which is not this one, and a foreign host',
      `sip:bob@${MALLORY}`,
      `<sip:${PROXY};lr;d=0123456789abcdef0123>`,
      ['403', '403', '403', '403', 'passes', 'passes'],
    ],
    ['nobody here', `sip:bob@${PROXY}`, '', ['404', '404', '404', 'passes', '404', '404']],
  ]
  const rows = requests.flatMap(([what, target, route, expected]) =>
    rules.map(([rule, options], at) => [what, rule, expected[at] ?? '', target, route, options] as const),
  )

  test.each(rows)('%s, %s: %s', async (_, __, expected, target, route, options) => {
    const proxy = await world.proxy({ ...options, stack: { locate } })
    const uac = await world.peer(UAC)
    const extra = route === '' ? '' : `Route: ${route}\r\n`
    for (const method of ['MESSAGE', 'ACK', 'CANCEL'])
      world.say(uac, requestText(method, { uri: target, extra }))
    expect(uac.titles).toEqual(expected === 'passes' ? [] : [expected])
    const sent = world.sentBy().filter(line => !line.startsWith(expected))
    expect(sent.map(line => line.split(' ')[0])).toEqual(
      expected === 'passes' ? ['MESSAGE', 'ACK', 'CANCEL'] : [],
    )
    expect(proxy.notRelayed).toBe(expected === '403' ? 3 : 0)
  })

  test('a rule that throws: 500, and the proxy goes on', async () => {
    const relay = (): boolean => {
      throw new Error('a mistake')
    }
    const proxy = await world.proxy({ relay })
    const uac = await world.peer(UAC)
    world.say(uac, requestText('MESSAGE', { uri: `sip:bob@${UAS}` }))
    world.say(uac, requestText('OPTIONS', { uri: `sip:${PROXY}` }))
    expect(uac.titles).toEqual(['500', '200'])
    expect(proxy.stack.counters.handlerErrors).toBe(1)
  })
})

describe('RFC 5954 §4.2, RFC 3261 §19.1.4 next hops and domains are compared by what they mean, not as text', () => {
  const request = parseMessage(Buffer.from(requestText('MESSAGE')))
  const allows = (rules: RelayRules, to: string): boolean => {
    if (request instanceof Error || !request.isRequest) throw new Error('a request expected')
    return new Relay(rules, new SipStack()).allows(request, uri(to))
  }

  test.each([
    ['sip:[2001:DB8:0:0::7]', 'sip:[2001:db8::7];lr', true],
    ['sip:[2001:db8::7]', 'sip:[2001:db8::7]:5060', true],
    ['sip:192.0.2.7:5060', 'sip:192.0.2.7', true],
    ['sip:192.0.2.7', 'sip:[::ffff:192.0.2.7]', true],
    ['sip:192.0.2.7;transport=tls', 'sip:192.0.2.7:5061', true],
    ['sips:192.0.2.7', 'sip:192.0.2.7:5060', false],
    ['sip:192.0.2.7', 'sip:a.example;maddr=192.0.2.7', true],
    ['sip:Core.example.com.', 'sip:core.EXAMPLE.com', true],
    ['sip:core.example.com', 'sip:core.example.com:5060', false],
    ['sip:192.0.2.7', 'sip:192.0.2.8', false],
    ['sip:[2001:db8::7]', 'sip:[2001:db8::8]', false],
  ])('next hop %s, to %s: %s', (nextHop, to, expected) => {
    expect(allows({ nextHop: uri(nextHop) }, to)).toBe(expected)
  })

  test('domains', () => {
    expect(allows({ domains: ['Example.com.'] }, 'sip:bob@example.COM')).toBe(true)
    expect(allows({ domains: ['example.com'] }, 'sip:bob@example.com.')).toBe(true)
    expect(allows({ domains: ['[2001:db8::7]'] }, 'sip:bob@[2001:DB8::0:7]')).toBe(true)
    expect(allows({ domains: ['example.com'] }, 'sip:bob@example.com.evil.example')).toBe(false)
  })
})

describe('RFC 3261 §16.6 step 4 a dialog whose first request passed goes on through a proxy that relays by rule', () => {
  test('in both directions, to whatever Contact; other calls, tags and addresses of the same Route do not', async () => {
    await world.proxy({ domains: ['example.com'], stack: { locate } }, ['UDP', PROXY], ['TCP', PROXY])
    const [uac, uas, mallory] = [await world.peer(UAC), await world.peer(UAS), await world.peer(MALLORY)]
    world.say(uac, requestText('INVITE', { uri: 'sip:bob@example.com' }))
    const [route] = requestAt(uas).all(h.RecordRoute)
    expect(String(route)).toMatch(/^<sip:192\.0\.2\.10:5060;lr;d=[0-9a-f]{20}>$/)
    const extra = `Route: ${route}\r\n`
    const toUas = { uri: 'sip:bob@192.0.2.2:5060', extra }
    world.say(uac, requestText('ACK', { ...toUas, toTag: 'bob', branch: 'z9hG4bKack' }))
    world.say(uac, requestText('BYE', { ...toUas, toTag: 'bob', cseq: 2 }))
    expect(uas.titles).toEqual(['INVITE', 'ACK', 'BYE'])
    world.say(
      uas,
      requestText('BYE', {
        uri: `sip:alice@${UAC}`,
        extra,
        fromTag: 'bob',
        toTag: 'alice',
        via: `SIP/2.0/UDP ${UAS};branch=z9hG4bKbye`,
      }),
    )
    // a strict router before us puts the Route into the Request-URI
    const strict = {
      uri: String(route?.uri),
      extra: `Route: <sip:alice@${UAC}>\r\n`,
      fromTag: 'bob',
      toTag: 'alice',
    }
    world.say(uas, requestText('INFO', { ...strict, via: `SIP/2.0/UDP ${UAS};branch=z9hG4bKinfo` }))
    expect(uac.titles).toEqual(['BYE', 'INFO'])
    const before = world.sentBy().length
    for (const parts of [
      { callId: 'other', toTag: 'bob' },
      { fromTag: 'mallory', toTag: 'bob' },
    ])
      world.say(
        mallory,
        requestText('MESSAGE', { ...toUas, ...parts, via: `SIP/2.0/UDP ${MALLORY};branch=z9hG4bK1` }),
      )
    const forged = String(route).replace(/d=.*>/, 'd=00000000000000000000>')
    world.say(
      mallory,
      requestText('MESSAGE', {
        ...toUas,
        extra: `Route: ${forged}\r\n`,
        toTag: 'bob',
        via: `SIP/2.0/UDP ${MALLORY};branch=z9hG4bK2`,
      }),
    )
    expect(mallory.titles).toEqual(['403', '403', '403'])
    expect(world.sentBy()).toHaveLength(before + 3)
  })

  test('an open relay signs no Route', async () => {
    await world.proxy({ relay: true })
    const [uac, uas] = [await world.peer(UAC), await world.peer(UAS)]
    world.say(uac, requestText('INVITE', { uri: `sip:bob@${UAS}` }))
    expect(requestAt(uas).all(h.RecordRoute).map(String)).toEqual([`<sip:${PROXY}:5060;lr>`])
  })
})

test('a rule of the program’s that answers a promise, or anything but true and false, allows nothing', async () => {
  const answers: unknown[] = [Promise.resolve(false), Promise.reject(new Error('boom')), 'yes', undefined]
  const proxy = await world.proxy({ relay: (() => answers.shift()) as () => boolean })
  const [uac, uas] = [await world.peer(UAC), await world.peer(UAS)]
  for (let asked = answers.length; asked > 0; asked--)
    world.say(uac, requestText('OPTIONS', { uri: `sip:${UAS}` }))
  await settled()
  expect(uas.heard).toEqual([])
  expect(uac.titles).toEqual(['500', '500', '500', '500'])
  expect(proxy.stack.counters.handlerErrors).toBe(4)
})
