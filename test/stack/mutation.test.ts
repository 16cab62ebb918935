import fc from 'fast-check'
import { h, popOwnRoutes, SipStack, validateForForwarding } from 'resip/stack'
import { expect, test } from 'vitest'
import { deaf, invite, options, requestText, World } from './world.ts'

const texts = [
  requestText('INVITE', {
    extra: 'Contact: <sip:a@192.0.2.1>\r\nRoute: <sip:192.0.2.2;lr>\r\n',
    body: 'v=0',
  }),
  requestText('CANCEL'),
  requestText('ACK', { toTag: 't' }),
  requestText('OPTIONS', {
    via: 'SIP/2.0/UDP 192.0.2.1;maddr=192.0.2.1;rport',
    extra: 'Proxy-Require: a\r\n',
  }),
  requestText('OPTIONS', {
    via: 'SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKx;i=0, SIP/2.0/UDP 192.0.2.1',
  }).replace(/^[^\r]+/, 'SIP/2.0 200 OK'),
]

/** A text with a few of its characters replaced, taken out or doubled. */
const mutated = fc
  .tuple(
    fc.constantFrom(...texts),
    fc.array(
      fc.record({
        at: fc.nat(700),
        take: fc.constantFrom(0, 1, 1, 2, 12),
        put: fc.constantFrom(
          '',
          ' ',
          '\r\n',
          ':',
          ';',
          '<',
          '"',
          ',',
          '\0',
          '\xff',
          '9',
          '@',
          '%',
          '=',
          '[',
          '://',
          'a',
        ),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  )
  .map(([text, edits]) =>
    edits.reduce((made, { at, take, put }) => {
      const place = at % made.length
      return made.slice(0, place) + put + made.slice(place + take)
    }, text),
  )

test('no message, however broken, throws out of a stateful or a stateless stack', async () => {
  const world = new World()
  const stateful = await world.stack('192.0.2.2')
  stateful.onRequest(transaction => transaction.respond(transaction.method === 'INVITE' ? 486 : 200))
  const stateless = new SipStack({ clock: world.clock })
  await stateless.addTransport(world.network.transport('UDP', '192.0.2.3', 5060))
  stateless.onMessage(message => {
    if (message.isResponse) {
      stateless.forwardResponse(message)
      return
    }
    const refusal = validateForForwarding(stateless, message)
    if (refusal) {
      stateless.reply(message, refusal)
      return
    }
    const out = message.forward()
    if (message.try(h.Route).error === undefined) popOwnRoutes(out, () => false)
    stateless.forward(message, out, { onFailure: status => stateless.reply(message, status) })
  })
  const stream = await world.stack('192.0.2.4', ['TCP'])
  stream.onRequest(transaction => transaction.respond(404))
  const raw = world.network.transport('UDP', '192.0.2.1', 5060)
  const tcp = world.network.transport('TCP', '192.0.2.1', 5060)
  await raw.open(deaf)
  await tcp.open(deaf)
  fc.assert(
    fc.property(mutated, text => {
      for (const [transport, address] of [
        [raw, '192.0.2.2'],
        [raw, '192.0.2.3'],
        [tcp, '192.0.2.4'],
      ] as const) {
        const { protocol, key } = transport
        transport.send(text, { protocol, transport: key, address, port: 5060, connection: 0 })
      }
      world.advance(1)
    }),
    { numRuns: 3000 },
  )
  expect(stateful.counters.malformed).toBeGreaterThan(100)
  expect(stateless.counters.malformed).toBeGreaterThan(100)
  expect(stateful.counters.handlerErrors).toBe(0)
  world.advance(200_000)
  expect(stateful.transactionCount).toBe(0)
  await stateless.close()
  await world.close()
})

test('responses, however broken, neither throw nor end a request wrongly', async () => {
  const world = new World()
  const stack = await world.stack('192.0.2.2')
  const peer = world.network.transport('UDP', '192.0.2.1', 5060)
  let last = ''
  await peer.open({
    ...deaf,
    onDatagram: bytes => {
      last = bytes.toString('latin1')
    },
  })
  const flow = {
    protocol: 'UDP',
    transport: peer.key,
    address: '192.0.2.2',
    port: 5060,
    connection: 0,
  } as const
  let ends = 0
  const user = { onFinal: () => void ends++, onFailure: () => void ends++ }
  fc.assert(
    fc.property(
      fc.constantFrom('INVITE', 'OPTIONS'),
      fc.nat(500),
      fc.constantFrom('', ' ', '\r\n', ':', ';', '<', '"', ',', '\0'),
      (method, at, put) => {
        ends = 0
        stack.send(method === 'INVITE' ? invite('sip:192.0.2.1') : options('sip:192.0.2.1'), user)
        world.advance(0)
        const answer = last.replace(/^[^\r]+/, 'SIP/2.0 404 Not Found')
        const place = at % answer.length
        peer.send(answer.slice(0, place) + put + answer.slice(place + 1), flow)
        world.advance(100_000)
        expect(ends).toBe(1)
      },
    ),
    { numRuns: 1000 },
  )
  expect(stack.counters.handlerErrors).toBe(0)
  expect(stack.transactionCount).toBe(0)
  await world.close()
})
