import { h, nameAddr, popOwnRoutes, register, type SipStack, sentByOf } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Networks } from '../../../src/util/networks.ts'
import { lines, options, type Peer, requestText, World } from '../world.ts'

const BOUND = '10.0.0.5'
const ADVERTISED = '203.0.113.7'
const INSIDE = '10.9.0.1'
const OUTSIDE = '198.51.100.2'

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(() => world.close())

/** A stack behind a NAT that forwards a port, with neighbours that reach it by its own address. */
async function behindNat(): Promise<SipStack> {
  const stack = await world.stack(BOUND, [])
  const sentBy = sentByOf(ADVERTISED, 5070, new Networks(['10.0.0.0/8']))
  await stack.addTransport(world.network.transport('UDP', BOUND, 5060, sentBy))
  return stack
}

/** A stateless proxy there, which stays in the way of dialogs. */
async function proxyBehindNat(): Promise<SipStack> {
  const stack = await behindNat()
  stack.onMessage(message => {
    if (message.isResponse) {
      stack.forwardResponse(message)
      return
    }
    const out = message.forward()
    popOwnRoutes(out, uri => stack.isOurUri(uri))
    stack.forward(message, out, { recordRoute: message.method === 'INVITE' })
  })
  return stack
}

function heard(peer: Peer): string {
  return peer.heard.at(-1)?.toString() ?? ''
}

describe('an advertised address and local nets', () => {
  test.each([
    [OUTSIDE, '203.0.113.7:5070'],
    [INSIDE, '10.0.0.5:5060'],
  ])(
    'RFC 3261 §18.1.1 towards %s Via and Contact name %s, and the response finds its way',
    async (address, name) => {
      const stack = await behindNat()
      const peer = await world.peer(address)
      const response = stack.request(register(nameAddr(`<sip:bob@${address}>`)))
      world.advance(0)
      const [request] = peer.heard
      if (request === undefined) throw new Error('a request expected')
      expect(request.via.sentBy).toBe(name)
      expect(lines(heard(peer), 'Contact')).toEqual([`<sip:bob@${name}>`])
      peer.answer(request, 200)
      world.advance(0)
      expect((await response).status).toBe(200)
    },
  )

  test.each([
    [OUTSIDE, '203.0.113.7:5070'],
    [INSIDE, '10.0.0.5:5060'],
  ])('RFC 3261 §12.1.1 an answer to %s has the Contact %s', async (address, name) => {
    const stack = await behindNat()
    const bob = nameAddr('<sip:bob@x>')
    const contact = bob.with({ uri: bob.uri.with({ host: '' }) })
    stack.onRequest(transaction => {
      transaction.respond(transaction.response(200).set(h.Contact, contact))
    })
    const peer = await world.peer(address)
    peer.send(requestText('OPTIONS'), BOUND)
    world.advance(0)
    expect(lines(heard(peer), 'Contact')).toEqual([`<sip:bob@${name}>`])
  })

  test('both names are ours', async () => {
    const stack = await behindNat()
    expect([
      stack.isOurs(ADVERTISED, 5070),
      stack.isOurs(BOUND, 5060),
      stack.isOurs(ADVERTISED, 5060),
    ]).toEqual([true, true, false])
    expect([`${ADVERTISED}:5070`, `${BOUND}:5060`].map(sentBy => stack.isOurSentBy(sentBy))).toEqual([
      true,
      true,
    ])
  })

  test('RFC 5658 §4 a call from inside to outside has a Record-Route of each name, and both are taken out again', async () => {
    await proxyBehindNat()
    const [inside, outside] = [await world.peer(INSIDE), await world.peer(OUTSIDE)]
    inside.send(
      requestText('INVITE', { uri: `sip:bob@${OUTSIDE}`, via: `SIP/2.0/UDP ${INSIDE};branch=z9hG4bKin` }),
      BOUND,
    )
    world.advance(0)
    const [invite] = outside.heard
    if (invite === undefined) throw new Error('an INVITE expected')
    const recorded = ['<sip:203.0.113.7:5070;lr>', '<sip:10.0.0.5:5060;lr>']
    expect(lines(heard(outside), 'Record-Route')).toEqual(recorded)
    expect(invite.via.sentBy).toBe('203.0.113.7:5070')
    outside.answer(invite, 200)
    world.advance(0)
    expect(inside.titles).toEqual(['200'])
    for (const [from, to, via] of [
      [outside, inside, '<sip:203.0.113.7:5070;lr>, <sip:10.0.0.5:5060;lr>'],
      [inside, outside, '<sip:10.0.0.5:5060;lr>, <sip:203.0.113.7:5070;lr>'],
    ] as const) {
      const own = `SIP/2.0/UDP ${from.transport.local.address};branch=z9hG4bKbye`
      const bye = requestText('BYE', {
        uri: `sip:x@${to.transport.local.address}`,
        via: own,
        extra: `Route: ${via}\r\n`,
      })
      from.send(bye, BOUND)
      world.advance(0)
      expect(to.titles.at(-1)).toBe('BYE')
      expect(lines(heard(to), 'Route')).toEqual([])
    }
  })

  test('RFC 5658 §4 within one side one Record-Route is enough', async () => {
    await proxyBehindNat()
    const [one, other] = [await world.peer(INSIDE), await world.peer('10.9.0.2')]
    one.send(requestText('INVITE', { uri: 'sip:bob@10.9.0.2' }), BOUND)
    world.advance(0)
    expect(lines(heard(other), 'Record-Route')).toEqual(['<sip:10.0.0.5:5060;lr>'])
  })
})

test('without local nets all are told what is advertised', async () => {
  const stack = await world.stack(BOUND, [])
  await stack.addTransport(world.network.transport('UDP', BOUND, 5060, sentByOf(ADVERTISED, 5070)))
  const peer = await world.peer(INSIDE)
  stack.send(options(`sip:bob@${INSIDE}`), { onFinal() {}, onFailure() {} })
  world.advance(0)
  expect(peer.heard[0]?.via.sentBy).toBe('203.0.113.7:5070')
})
