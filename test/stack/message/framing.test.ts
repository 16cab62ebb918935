import { afterEach, describe, expect, it } from 'vitest'
import { StatelessProxy } from '../../../apps/stateless-proxy/proxy.ts'
import { h, ParseError, parseMessage, uri } from '../../../src/stack/index.ts'
import { Framer } from '../../../src/stack/message/framer.ts'
import { requestText, World } from '../world.ts'

/** Each with the place in which it stands: what one parser passes over and the next takes for the end of a line. */
const smuggled: readonly (readonly [where: string, text: string])[] = [
  ['a bare LF in a header', requestText('INVITE', { extra: 'X: a\nP-Asserted-Identity: <sip:boss@b>\r\n' })],
  ['a bare CR in a header', requestText('INVITE', { extra: 'X: a\rP-Asserted-Identity: <sip:boss@b>\r\n' })],
  [
    'a bare CR that begins a line',
    requestText('INVITE', { extra: '\rP-Asserted-Identity: <sip:boss@b>\r\n' }),
  ],
  ['LF CR in a header', requestText('INVITE', { extra: 'X: a\n\rY: b\r\n' })],
  ['a bare LF behind a fold', requestText('INVITE', { extra: 'X: a\r\n b\nY: c\r\n' })],
  ['a bare LF in a name', requestText('INVITE', { extra: 'X\nY: b\r\n' })],
  ['NUL in a header', requestText('INVITE', { extra: 'X: a\0b\r\n' })],
  ['NUL behind a quoted pair', requestText('INVITE', { extra: 'Subject: "a\\\\\0b"\r\n' })],
  ['NUL that begins a header', requestText('INVITE', { extra: '\0X: a\r\n' })],
  ['a bare LF in the start line', requestText('INVITE', { uri: 'sip:a\nb' })],
  ['a bare CR in the start line', requestText('INVITE', { uri: 'sip:a\rb' })],
  ['NUL in the start line', requestText('INVITE', { uri: 'sip:a\0b' })],
  ['a bare LF in a reason phrase', 'SIP/2.0 200 OK\nX: a\r\nVia: SIP/2.0/UDP c\r\n\r\n'],
  ['NUL in a reason phrase', 'SIP/2.0 200 O\0K\r\nVia: SIP/2.0/UDP c\r\n\r\n'],
  ['an LF in front of the last CR LF', 'OPTIONS sip:a SIP/2.0\r\nX: a\n\r\n\r\n'],
]

describe('framing: only CR LF ends a line (RFC 3261 §7, §25.1)', () => {
  it.each(smuggled)('%s is refused with 400', (_, text) => {
    const error = parseMessage(Buffer.from(text, 'latin1'))
    expect(error).toBeInstanceOf(ParseError)
    expect(error).toMatchObject({ status: 400 })
  })

  it.each(smuggled)('%s breaks a stream', (_, text) => {
    const seen: unknown[] = []
    const framer = new Framer({
      onMessage: () => seen.push('message'),
      onPing: () => {},
      onPong: () => {},
      onBroken: error => seen.push(error.status),
    })
    framer.push(Buffer.from(text, 'latin1'))
    expect(seen).toEqual([400])
  })

  it('a body holds what it likes, and a tab, a fold and a NUL in a quoted pair stand in a header', () => {
    const text = requestText('INVITE', {
      extra: 'Subject: a\tb\r\n\tc\r\nContact: "x\\\0y" <sip:a@b>\r\n',
      body: 'a\nb\rc\0d\r\n\r\n',
    })
    const message = parseMessage(Buffer.from(text, 'latin1'))
    if (message instanceof ParseError) throw message
    expect(message.get(h.Subject)).toBe('a\tb c')
    expect(message.get(h.Contact)?.displayName).toBe('x\0y')
    expect(message.body.latin1Slice()).toBe('a\nb\rc\0d\r\n\r\n')
  })

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])(
    'is found at every distance from the end of a line: %d',
    distance => {
      for (const code of ['\r', '\n', '\0']) {
        const text = `OPTIONS sip:a SIP/2.0\r\nX: ${'a'.repeat(9 - distance)}${code}${'b'.repeat(distance)}\r\n\r\n`
        expect(parseMessage(Buffer.from(text))).toBeInstanceOf(ParseError)
      }
    },
  )
})

describe('a stack that is sent such messages', () => {
  let world: World
  let proxy: StatelessProxy | undefined
  afterEach(async () => {
    await proxy?.close()
    await world.close()
  })

  it.each(smuggled)(
    'forwards nothing of them, and a request is answered 400 (§8.2.6): %s',
    async (_, text) => {
      world = new World()
      proxy = await StatelessProxy.start({
        listen: [],
        nextHop: uri('sip:192.0.2.3'),
        stack: { clock: world.clock },
      })
      await proxy.stack.addTransport(world.network.transport('UDP', '192.0.2.2', 5060))
      const alice = await world.peer('192.0.2.1')
      const bob = await world.peer('192.0.2.3')
      alice.send(requestText('OPTIONS', { uri: 'sip:bob@example.com' }), '192.0.2.2')
      alice.send(text, '192.0.2.2')
      world.advance(1000)
      expect(bob.titles).toEqual(['OPTIONS'])
      expect(alice.titles).toEqual(text.includes('Call-ID') ? ['400'] : [])
      expect(proxy.stack.counters.malformed).toBe(1)
    },
  )

  it('answers one of a stream before it closes that, and no ACK', async () => {
    world = new World()
    const stack = await world.stack('192.0.2.2', ['UDP', 'TCP'])
    stack.onRequest(transaction => void transaction.respond(200))
    const alice = await world.peer('192.0.2.1', 'TCP')
    const bob = await world.peer('192.0.2.1')
    const text = requestText('OPTIONS', { extra: 'X: a\nY: b\r\n' })
    alice.send(text.replace('UDP', 'TCP'), '192.0.2.2')
    bob.send(text.replaceAll('OPTIONS', 'ACK'), '192.0.2.2')
    bob.send('OPTIONS\0 sip:a SIP/2.0\r\n\r\n', '192.0.2.2')
    world.advance(0)
    expect([alice.titles, bob.titles]).toEqual([['400'], []])
    expect([stack.counters.brokenStreams, stack.counters.malformed]).toEqual([1, 2])
  })
})
