import {
  h,
  nameAddr,
  type RequestFailure,
  register,
  request,
  type SipStack,
  sentByOf,
  type Transport,
  uri,
} from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { memoryOf, type Peer, requestText, settled, World } from '../world.ts'

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(() => world.close())

interface Receiving {
  readonly stack: SipStack
  readonly seen: string[]
  readonly peer: Peer
  readonly say: (text: string) => void
}

async function receiving(log: string[] = []): Promise<Receiving> {
  const stack = await world.stack('192.0.2.2', ['UDP', 'TCP'], {
    log: {
      enabled: () => true,
      write: (level, subsystem, text) => void log.push(`${level} ${subsystem} ${text}`),
    },
  })
  const seen: string[] = []
  stack.onRequest(transaction => {
    seen.push(transaction.request.brief())
    transaction.respond(200)
  })
  const peer = await world.peer('192.0.2.1')
  const say = (text: string): void => {
    peer.send(text, '192.0.2.2')
    world.advance(0)
  }
  return { stack, seen, peer, say }
}

describe('datagrams', () => {
  test('RFC 5626 §4.4 blank lines, single bytes and an empty one are keep-alives: counted, not answered', async () => {
    const { stack, peer, say } = await receiving()
    for (const text of ['\r\n\r\n', '\r\n', '\0', '', 'abcd']) say(text)
    expect(stack.counters.keepAlives).toBe(5)
    expect(stack.counters.malformed).toBe(0)
    expect(peer.heard).toEqual([])
  })

  test('RFC 7983 STUN is told by its first byte; what is neither asked nor answered is ignored', async () => {
    const { stack, peer, say } = await receiving()
    say('\x00\x11\x00\x00\x21\x12\xa4\x42abcdefghijkl')
    say('\x01\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl')
    expect(stack.counters.keepAlives).toBe(2)
    expect(stack.counters.malformed).toBe(0)
    expect(peer.heard).toEqual([])
  })

  test('what is no message is counted and logged without its control characters', async () => {
    const log: string[] = []
    const { stack, peer, say } = await receiving(log)
    say('\x1b[31mhello\x07 world\r\n\r\n')
    say(requestText('OPTIONS', { via: 'SIP/2.0' }))
    expect(stack.counters.malformed).toBe(2)
    expect(peer.heard).toEqual([])
    expect(log).toHaveLength(2)
    expect(log[0]).toMatch(/^info transport malformed from udp 192\.0\.2\.1:5060: /)
    expect(log.join('')).not.toMatch(/[\0-\x1f\x7f]/)
  })

  test('a request without what every message needs is answered 400 and counted; the rest of the stack does not see it', async () => {
    const { stack, seen, peer, say } = await receiving()
    say(requestText('OPTIONS').replace(/To: [^\r]+\r\n/, ''))
    say(requestText('OPTIONS').replace(/Call-ID: [^\r]+\r\n/, ''))
    expect(seen).toEqual([])
    expect(stack.counters.malformed).toBe(2)
    expect(world.ladder.filter(line => line.includes('400'))).toHaveLength(2)
    expect(peer.heard.every(message => message.toString().startsWith('SIP/2.0 400 Bad Request - '))).toBe(
      true,
    )
  })

  test('a Content-Length above what came is 400; bytes behind it are left out (§18.3)', async () => {
    const { seen, peer, say } = await receiving()
    say(requestText('OPTIONS', { body: 'abc' }).replace('Content-Length: 3', 'Content-Length: 4'))
    expect(peer.titles).toEqual(['400'])
    say(`${requestText('OPTIONS', { body: 'abc', branch: 'z9hG4bKtwo' })}def`)
    expect(peer.titles).toEqual(['400', '200'])
    expect(seen).toHaveLength(1)
  })
})

describe('streams', () => {
  test('a message above maxMessageBytes breaks the stream: counted, nothing delivered', async () => {
    const { stack, seen } = await receiving()
    const peer = await world.peer('192.0.2.1', 'TCP')
    const text = requestText('OPTIONS', {
      via: 'SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bKbig',
      body: 'x'.repeat(70_000),
    })
    peer.send(text, '192.0.2.2')
    world.advance(0)
    expect(seen).toHaveLength(1)
    peer.send(text.replace('Content-Length: 70000', 'Content-Length: 1048576'), '192.0.2.2')
    world.advance(0)
    expect(seen).toHaveLength(1)
    expect(stack.counters.brokenStreams).toBe(1)
  })
})

describe('what is filled in when a message leaves', () => {
  test('an empty Contact gets the transport’s host, port and transport; From and To stay', async () => {
    const stack = await world.stack('192.0.2.1', ['UDP', 'TCP'])
    const [udp, tcp] = [await world.peer('192.0.2.2'), await world.peer('192.0.2.2', 'TCP')]
    const silent = { onFinal() {}, onFailure() {} }
    const template = register(nameAddr('<sip:alice@192.0.2.2>'))
    for (const protocol of ['UDP', 'TCP'] as const)
      stack.send(template, silent, { targets: [{ protocol, address: '192.0.2.2', port: 5060 }] })
    world.advance(0)
    const contact = (text: string | undefined): string => /Contact: (.*)\r\n/.exec(text ?? '')?.[1] ?? ''
    expect(contact(udp.heard[0]?.toString())).toBe('<sip:alice@192.0.2.1:5060>')
    expect(contact(tcp.heard[0]?.toString())).toBe('<sip:alice@192.0.2.1:5060;transport=tcp>')
  })

  test('a Contact in a response is filled in by the transport the request came to', async () => {
    const stack = await world.stack('192.0.2.2')
    const empty = nameAddr('<sip:bob@x>')
    stack.onRequest(transaction => {
      const contact = empty.with({ uri: empty.uri.with({ host: '' }) })
      transaction.respond(transaction.response(200).set(h.Contact, contact))
    })
    const peer = await world.peer('192.0.2.1')
    peer.send(requestText('OPTIONS'), '192.0.2.2')
    world.advance(0)
    expect(peer.heard[0]?.toString()).toContain('Contact: <sip:bob@192.0.2.2:5060>\r\n')
  })
})

describe('names', () => {
  test('a stack is known by its addresses with their ports, and by the names it was given', async () => {
    const stack = await world.stack('192.0.2.2')
    stack.addName('Proxy.example.com')
    stack.addName('edge.example.com', 5070)
    const known = ['192.0.2.2', 'PROXY.example.com', 'edge.example.com', 'other.example'].map(host =>
      [undefined, 5060, 5070].map(port => stack.isOurs(host, port)),
    )
    expect(known).toEqual([
      [true, true, false],
      [true, true, true],
      [false, false, true],
      [false, false, false],
    ])
    expect(stack.isOurSentBy('192.0.2.2:5060')).toBe(true)
    expect(stack.isOurSentBy('192.0.2.2')).toBe(false)
  })
})

test('RFC 3261 §19.1.2 a URI without a port means that of its scheme and transport', async () => {
  const stack = await world.stack('192.0.2.2')
  for (const [name, port] of [
    ['tls.example', 5061],
    ['ws.example', 80],
    ['wss.example', 443],
  ] as const)
    stack.addName(name, port)
  const ours = [
    'sip:a@192.0.2.2',
    'sips:tls.example;lr',
    'sip:tls.example;transport=tls',
    'sips:tls.example:5061',
  ]
  ours.push('sip:ws.example;transport=ws', 'sips:wss.example;transport=ws', 'sip:wss.example;transport=WSS')
  const others = [
    'sips:192.0.2.2',
    'sip:tls.example',
    'sips:ws.example;transport=ws',
    'tel:1',
    'sip:192.0.2.2;transport=ws',
  ]
  expect([...ours, ...others].filter(text => stack.isOurUri(uri(text)))).toEqual(ours)
})

test('a transport is added once: what is open is neither opened again nor closed', async () => {
  const stack = await world.stack('192.0.2.2', [])
  const transport = world.network.transport('UDP', '192.0.2.7', 5060)
  const both = await Promise.allSettled([stack.addTransport(transport), stack.addTransport(transport)])
  expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  await expect(stack.addTransport(transport)).rejects.toThrow('udp:192.0.2.7:5060 was added already')
  expect(stack.transports).toEqual([transport])
  expect(await stack.removeTransport(transport)).toBe(true)
  await stack.addTransport(transport)
  expect(stack.transports).toEqual([transport])
})

test('RFC 5954 §4.2 our IPv6 addresses are known however they are written', async () => {
  const stack = await world.stack('2001:db8::2')
  stack.addName('2001:DB8::99')
  for (const same of ['2001:db8::2', '2001:DB8:0:0:0:0:0:2', '2001:0db8::0002']) {
    expect(stack.isOurs(same, 5060)).toBe(true)
    expect(stack.isOurSentBy(`[${same}]:5060`)).toBe(true)
  }
  expect(stack.isOurs('2001:db8:0::99', 7)).toBe(true)
  expect(stack.isOurs('2001:db8::3', 5060)).toBe(false)
  expect(stack.isOurSentBy('[2001:db8::3]:5060')).toBe(false)
  expect(stack.isOurSentBy('[2001:db8::2')).toBe(false)
})

test('RFC 1034 our names are known with the dot of the root too', async () => {
  const stack = await world.stack('192.0.2.2')
  stack.addName('proxy.example.com.')
  stack.addName('edge.example.com', 5070)
  expect(stack.isOurs('proxy.example.com')).toBe(true)
  expect(stack.isOurs('Edge.example.com.', 5070)).toBe(true)
  for (const sentBy of ['edge.example.com.:5070', 'EDGE.example.com:5070', 'proxy.example.com.'])
    expect(stack.isOurSentBy(sentBy)).toBe(true)
  expect(stack.isOurSentBy('edge.example.com.:5071')).toBe(false)
})

test('RFC 4007 §11.2 a link-local address of ours is known without its zone, and named without', async () => {
  const stack = await world.stack('fe80::1%eth0')
  expect(stack.isOurs('fe80::1', 5060)).toBe(true)
  const peer = await world.peer('fe80::2%eth0')
  const response = stack.request(register(nameAddr('<sip:bob@[fe80::2]>')))
  world.advance(0)
  const [heard] = peer.heard
  if (heard === undefined) throw new Error('a request expected')
  expect(heard.via.sentBy).toBe('[fe80::1]:5060')
  expect(heard.toString()).toContain('Contact: <sip:bob@[fe80::1]:5060>')
  expect(heard.via.received).toBe('fe80::1')
  expect(heard.toString()).not.toContain('%')
  peer.answer(heard, 200)
  world.advance(0)
  expect((await response).status).toBe(200)
})

test('a name that was given stays when a transport of the same address goes', async () => {
  const stack = await world.stack('192.0.2.2', [])
  stack.addName('192.0.2.7', 5060)
  await stack.addTransport(world.network.transport('UDP', '192.0.2.7', 5060))
  await stack.close()
  expect(stack.isOurs('192.0.2.7', 5060)).toBe(false)
})

describe('a transport that an application made', () => {
  /** One that is bound and does what it is told to. */
  function transport(own: Partial<Transport>): Transport {
    return {
      key: 'udp:192.0.2.9:5060',
      protocol: 'UDP',
      isReliable: false,
      local: { address: '192.0.2.9', port: 5060, family: 4 },
      sentBy: sentByOf('192.0.2.9', 5060),
      open: () => Promise.resolve(),
      send: (_, flow) => flow,
      close: () => Promise.resolve(),
      ...own,
    }
  }
  const boom = (): never => {
    throw new Error('boom')
  }
  // as of one that was written in JavaScript
  const late = (): never => Promise.reject(new Error('late')) as never
  const nothing = (): never => undefined as never

  test.each([
    ['throws', boom, 'transport error', 1],
    ['rejects', late, undefined, 1],
    ['answers nothing', nothing, undefined, 0],
  ])('whose send %s hurts nobody', async (_, send, outcome, errors) => {
    const stack = await world.stack('192.0.2.2', [])
    await stack.addTransport(transport({ send, keepAlive: send }))
    const failed: RequestFailure[] = []
    const user = { onFinal() {}, onFailure: (failure: RequestFailure): void => void failed.push(failure) }
    stack.send(request('OPTIONS', 'sip:192.0.2.1', { from: '<sip:a@b>' }), user)
    await settled()
    expect(failed.map(failure => failure.attempts[0]?.outcome)).toEqual(
      outcome === undefined ? [] : [outcome],
    )
    expect(stack.counters.handlerErrors).toBe(errors)
    world.advance(40_000)
    expect(failed).toHaveLength(1)
    expect(stack.transactionCount).toBe(0)
  })

  test.each([
    ['throws', boom],
    ['rejects', late],
  ])('whose close %s lets the stack close, and whose open does is refused', async (_, fail) => {
    const stack = await world.stack('192.0.2.2')
    await stack.addTransport(transport({ close: fail }))
    await expect(stack.addTransport(transport({ key: 'other', open: fail }))).rejects.toThrow(/boom|late/)
    await stack.close()
    expect(stack.counters.handlerErrors).toBe(1)
  })

  test.each([
    ['has no key', { key: nothing() }],
    ['is bound to a name', { local: { address: 'localhost', port: 5060, family: 4 } }],
    ['has no sent-by', { sentBy: nothing() }],
  ] as const)('that %s is refused, closed, and in nobody’s way', async (_, own) => {
    const stack = await world.stack('192.0.2.2', [])
    let closed = 0
    const close = (): Promise<void> => Promise.resolve(void closed++)
    await expect(stack.addTransport(transport({ close, ...own }))).rejects.toThrow('cannot tell what it is')
    expect([closed, stack.transports.length]).toEqual([1, 0])
    await stack.addTransport(transport({}))
    expect(stack.transports).toHaveLength(1)
  })
})

describe('adding transports', () => {
  test('the same place twice is refused, and the first stays open', async () => {
    const { stack, seen, say } = await receiving()
    await expect(stack.addTransport(world.network.transport('UDP', '192.0.2.2', 5060))).rejects.toThrow(
      'udp:192.0.2.2:5060 is in use',
    )
    say(requestText('OPTIONS'))
    expect(seen).toHaveLength(1)
  })

  test('one that opens after the stack was closed is closed again', async () => {
    const stack = await world.stack('192.0.2.2')
    await stack.close()
    const late = world.network.transport('UDP', '192.0.2.3', 5060)
    await expect(stack.addTransport(late)).rejects.toThrow(
      'udp:192.0.2.3:5060 was opened after the stack was closed',
    )
    await expect(world.peer('192.0.2.3')).resolves.toBeDefined()
  })

  test('a closed stack neither hears nor says anything', async () => {
    const { stack, seen, peer } = await receiving()
    peer.send(requestText('OPTIONS'), '192.0.2.2')
    await stack.close()
    world.advance(1000)
    expect(seen).toEqual([])
    expect(stack.timers.size).toBe(0)
    await stack.close()
  })
})

test('RFC 3261 §18.2.2 the connection of a request is gone: its response takes a new one to the sent-by port', async () => {
  const stack = await world.stack('192.0.2.2', ['TCP'])
  const pending: (() => void)[] = []
  stack.onRequest(transaction => void pending.push(() => transaction.respond(200)))
  const [from, sentBy] = [
    await world.peer('192.0.2.1', 'TCP', 40_000),
    await world.peer('192.0.2.1', 'TCP', 5080),
  ]
  for (const number of [1, 2])
    from.send(
      requestText('OPTIONS', { via: `SIP/2.0/TCP a.example:5080;branch=z9hG4bK${number}` }),
      '192.0.2.2',
    )
  world.advance(0)
  pending[0]?.()
  memoryOf(stack).disconnect('192.0.2.1', 40_000)
  pending[1]?.()
  world.advance(0)
  expect(from.titles).toEqual(['200'])
  expect(sentBy.titles).toEqual(['200'])
})

test('counters: requests and responses by method and status, in and out', async () => {
  const { stack, say } = await receiving()
  say(requestText('OPTIONS', { branch: 'z9hG4bK1' }))
  say(requestText('OPTIONS', { branch: 'z9hG4bK1' }))
  say(requestText('FOO', { branch: 'z9hG4bK2' }))
  say(requestText('constructor', { branch: 'z9hG4bK3' }))
  stack.send(request('MESSAGE', 'sip:192.0.2.1', { from: '<sip:a@b>' }), { onFinal() {}, onFailure() {} })
  world.advance(500)
  const { counters } = stack
  expect(counters.requestsIn).toMatchObject({ OPTIONS: 2, other: 2, INVITE: 0 })
  expect(counters.requestsOut).toMatchObject({ MESSAGE: 1, other: 0 })
  expect(counters.responsesOut[200]).toBe(3)
  expect(counters.retransmissionsIn).toBe(1)
  expect(counters.retransmissionsOut).toBe(2)
  expect(stack.transactionCounts()).toEqual({
    inviteClient: {},
    inviteServer: {},
    nonInviteClient: { trying: 1 },
    nonInviteServer: { completed: 3 },
  })
})
