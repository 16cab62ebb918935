import {
  EnvironmentError,
  type ForwardOptions,
  h,
  header,
  nameAddr,
  PeerError,
  popOwnRoutes,
  type RequestTemplate,
  type SendFailure,
  type SipRequest,
  type SipStack,
  type StackOptions,
  text,
  type Uri,
  uri,
} from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { lines, locating, memoryOf, type Peer, requestText, settled, World } from '../world.ts'

const UAC = '192.0.2.1'
const UAS = '192.0.2.2'
const PROXY = '192.0.2.10'

let world: World
let stack: SipStack
let uac: Peer
let uas: Peer
let failures: string[]

/** A stack that forwards what it is sent as `change` says. */
async function forwarding(
  change: (request: SipRequest, out: RequestTemplate) => ForwardOptions,
  options: StackOptions = {},
): Promise<void> {
  stack = await world.stack(PROXY, ['UDP', 'TCP'], options)
  stack.onMessage(message => {
    if (message.isResponse) return
    const out = message.forward()
    const onFailure = (status: number, error: Error): void => void failures.push(`${status} ${error.message}`)
    stack.forward(message, out, { onFailure, ...change(message, out) })
  })
}

function say(peer: Peer, wire: string): void {
  peer.send(wire, PROXY)
  world.advance(0)
}

const toUas = (extra: string = ''): string => requestText('MESSAGE', { uri: `sip:bob@${UAS}`, extra })

beforeEach(async () => {
  world = new World()
  failures = []
  uac = await world.peer(UAC)
  uas = await world.peer(UAS)
})

afterEach(() => world.close())

describe('RFC 5626 §5.3 a request over a flow', () => {
  test('reaches a client over the connection that it opened, and fails with 430 when that is gone', async () => {
    let registered: SipRequest['source']
    await forwarding(request => {
      if (request.method === 'REGISTER') registered = request.source
      return request.method === 'REGISTER' || registered === undefined ? {} : { flow: registered }
    })
    const client = await world.peer(UAC, 'TCP', 40_000)
    say(client, requestText('REGISTER', { uri: 'sip:192.0.2.77', via: `SIP/2.0/TCP ${UAC};branch=z9hG4bKr` }))
    say(uas, requestText('INVITE', { uri: 'sip:alice@example.com' }))
    expect(client.titles).toEqual(['INVITE'])
    expect(client.heard[0]?.via.toString()).toMatch(/^SIP\/2\.0\/TCP 192\.0\.2\.10:5060;/)
    memoryOf(stack, 'TCP').disconnect(UAC, 40_000)
    failures = []
    say(uas, requestText('INVITE', { uri: 'sip:alice@example.com' }))
    expect(failures).toEqual([`430 the connection to tcp ${UAC}:40000 is gone`])
    expect(client.titles).toEqual(['INVITE'])
  })

  test('whose transport is gone: 430 as well', async () => {
    const flow = {
      protocol: 'TCP',
      transport: 'tcp:192.0.2.9:1',
      address: UAS,
      port: 1,
      connection: 1,
    } as const
    await forwarding(() => ({ flow }))
    say(uac, toUas())
    expect(failures).toHaveLength(1)
    expect(failures[0]).toMatch(/^430 /)
  })
})

describe('decorate', () => {
  test('gets the request and its way when that is known, and what it answers is sent', async () => {
    const seen: string[] = []
    await forwarding(() => ({
      decorate(template, { transport, flow, branch }) {
        seen.push(`${transport.key} ${flow.address}:${flow.port} ${branch}`)
        return template.derive().prepend(h.Path, nameAddr(`<sip:token@${transport.sentBy.text};lr>`))
      },
    }))
    say(uac, toUas())
    const wire = uas.heard[0]?.toString() ?? ''
    expect(lines(wire, 'Path')).toEqual([`<sip:token@${PROXY}:5060;lr>`])
    expect(seen).toEqual([`udp:${PROXY}:5060 ${UAS}:5060 ${uas.heard[0]?.via.branch}`])
  })

  test('may change what it gets, which is another for each way: over UDP, then over TCP for its size', async () => {
    await forwarding(() => ({
      decorate: template => template.prepend(h.Subject, 'x'.repeat(1300)),
    }))
    const overTcp = await world.peer(UAS, 'TCP')
    say(uac, toUas())
    const wire = overTcp.heard[0]?.toString() ?? ''
    expect(lines(wire, 'Subject')).toHaveLength(1)
  })

  test('that throws, or writes what cannot be sent, is the program’s mistake: 500', async () => {
    const mistakes: NonNullable<ForwardOptions['decorate']>[] = [
      () => {
        throw new Error('a mistake')
      },
      template => template.derive().set(h.Subject, 'two\r\nlines'),
    ]
    await forwarding(() => {
      const decorate = mistakes.shift()
      return decorate ? { decorate } : {}
    })
    say(uac, toUas())
    say(uac, toUas())
    expect(failures.map(failure => failure.slice(0, 4))).toEqual(['500 ', '500 '])
    expect(uas.heard).toEqual([])
  })
})

describe('the status of a failure', () => {
  test.each<[number, unknown]>([
    [503, new Error('no such name')],
    [503, new EnvironmentError('ENOTFOUND', 'no such name')],
    [480, new EnvironmentError('ERR_SIP_NO_TRANSPORT', 'none')],
    [416, new EnvironmentError('ERR_SIP_SCHEME', 'tel')],
    [404, new PeerError('ERR_ANY', 'nobody', 404)],
    [400, new PeerError('ERR_ANY', 'garbled')],
    [503, 'a text'],
  ])('%i where locate fails with %s, at once or later', async (status, error) => {
    let isLate = false
    const locate = (): Promise<never> => {
      if (isLate) return Promise.reject(error)
      throw error
    }
    await forwarding(() => ({}), { locate: locating(locate) })
    say(uac, toUas())
    isLate = true
    say(uac, toUas())
    await settled()
    expect(failures.map(failure => Number(failure.slice(0, 3)))).toEqual([status, status])
  })

  test.each<[number, SendFailure]>([
    [513, 'too large'],
    [503, 'full'],
    [503, 'closed'],
    [430, 'gone'],
  ])('%i where sending answers %s', async (status, failure) => {
    await forwarding(() => ({}))
    memoryOf(stack, 'UDP').send = () => failure
    say(uac, toUas())
    expect(failures.map(text => Number(text.slice(0, 3)))).toEqual([status])
  })
})

describe('every call into the application is guarded', () => {
  const thrown = (): never => {
    throw new Error('a mistake')
  }
  const rejected = async (): Promise<void> => thrown()

  test.each([
    ['throws', thrown],
    ['rejects', rejected],
  ])('onFailure that %s is counted, and the next request is served', async (_, onFailure) => {
    const locate = vi.fn(({ host }: Uri) => {
      if (host === 'nowhere.example') throw new Error('no such name')
      return [{ protocol: 'UDP' as const, address: UAS, port: 5060 }]
    })
    await forwarding(() => ({ onFailure }), { locate: locating(locate) })
    say(uac, requestText('MESSAGE', { uri: 'sip:bob@nowhere.example' }))
    await settled()
    expect(stack.counters.handlerErrors).toBe(1)
    say(uac, toUas())
    expect(uas.titles).toEqual(['MESSAGE'])
  })

  test.each([
    ['throws', thrown],
    ['rejects', rejected],
  ])(
    'a handler of messages that %s: the request gets 500, a response and a CANCEL nothing',
    async (_, handler) => {
      stack = await world.stack(PROXY)
      stack.onMessage(handler)
      say(uac, toUas())
      say(uac, requestText('ACK', {}))
      say(uac, requestText('CANCEL', {}))
      say(
        uac,
        requestText('OPTIONS', { via: `SIP/2.0/UDP ${PROXY}:5060` }).replace(/^[^\r]+/, 'SIP/2.0 200 OK'),
      )
      await settled()
      world.advance(0)
      expect(uac.titles).toEqual(['500'])
      expect(stack.counters.handlerErrors).toBe(4)
    },
  )
})

describe('RFC 3261 §16.4 our own Routes', () => {
  const own = `<sip:${PROXY};lr>`
  const routed = (routes: string): RequestTemplate => {
    const message = uac.heard[0]
    if (!message?.isRequest) throw new Error('no request')
    expect(message.has(h.Route)).toBe(routes !== '')
    return message.forward()
  }

  test.each([
    ['on one line', ', ', 1900],
    ['on lines of their own', '\r\nRoute: ', 480],
  ])('48 KB of them %s are taken off in one pass, each looked at once', async (_, separator, count) => {
    stack = await world.stack(PROXY)
    const routes = [...Array.from({ length: count }, () => own), '<sip:next.example;lr>'].join(separator)
    uas.send(requestText('INVITE', { extra: `Route: ${routes}\r\n` }), UAC)
    world.advance(0)
    const out = routed(routes)
    let looks = 0
    const popped = popOwnRoutes(out, target => {
      looks++
      return target.host === PROXY
    })
    expect(popped?.host).toBe(PROXY)
    expect(looks).toBe(count + 1)
    expect(out.all(h.Route).map(String)).toEqual(['<sip:next.example;lr>'])
  })

  test('a malformed one behind ours is left to who must read it', async () => {
    uas.send(requestText('INVITE', { extra: `Route: ${own}, <sip:next.example;lr>, <<garbage\r\n` }), UAC)
    world.advance(0)
    const out = routed(own)
    expect(popOwnRoutes(out, target => target.host === PROXY)?.host).toBe(PROXY)
    expect(String(out.get(h.Route))).toBe('<sip:next.example;lr>')
  })
})

test('a header of the program’s own is written once beside what was dropped', async () => {
  await forwarding((_, out) => {
    out.removeFirst(h.Route).removeFirst(h.Route).set(header('X-Own', text), 'yes')
    return { nextHop: uri(`sip:${UAS}`) }
  })
  say(uac, toUas('Route: <sip:a>, <sip:b>\r\nX-Between: 1\r\nRoute: <sip:c;lr>\r\n'))
  const wire = uas.heard[0]?.toString() ?? ''
  expect(lines(wire, 'Route')).toEqual(['<sip:c;lr>'])
  expect(lines(wire, 'X-Own')).toEqual(['yes'])
})
