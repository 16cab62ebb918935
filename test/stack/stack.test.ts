import { h, nameAddr, type SipRequest, SipStack } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { requestText, settled, World } from './world.ts'

let world: World

beforeEach(() => {
  world = new World()
})

afterEach(() => world.close())

describe('limits', () => {
  test.each([Number.NaN, -1, '5', undefined])(
    'of %s are refused when the stack is made, not found out by a peer',
    value => {
      const limits = JSON.parse('{}')
      limits.messageTimeout = value
      expect(() => new SipStack({ limits })).toThrow(`limits.messageTimeout is ${value}`)
    },
  )

  test('may be Infinity, and as many header lines are made room for as come', async () => {
    const stack = await world.stack('192.0.2.2', ['UDP', 'TCP'], {
      limits: { maxHeaderLines: Number.POSITIVE_INFINITY, idleTimeout: Number.POSITIVE_INFINITY },
    })
    stack.onRequest(transaction => void transaction.respond(transaction.request.has(h.Subject) ? 200 : 400))
    const peer = await world.peer('192.0.2.1')
    peer.send(requestText('OPTIONS', { extra: `${'X: y\r\n'.repeat(3000)}Subject: last\r\n` }), '192.0.2.2')
    world.advance(0)
    expect(peer.titles).toEqual(['200'])
  })
})

describe('RFC 3261 §8.2.7 a stateless UAS', () => {
  test('the same request gets the same response, byte for byte; an ACK gets none; nothing is kept', async () => {
    const stack = await world.stack('192.0.2.2')
    const seen: string[] = []
    stack.onMessage(message => {
      if (!message.isRequest) return
      seen.push(message.method)
      stack.reply(
        message,
        stack.statelessResponse(message, 302).set(h.Contact, nameAddr('<sip:bob@192.0.2.3>')),
      )
    })
    const peer = await world.peer('192.0.2.1')
    for (const method of ['INVITE', 'INVITE', 'ACK']) peer.send(requestText(method), '192.0.2.2')
    world.advance(100_000)
    expect(seen).toEqual(['INVITE', 'INVITE', 'ACK'])
    expect(peer.titles).toEqual(['302', '302'])
    expect(peer.heard[0]?.toString()).toBe(peer.heard[1]?.toString())
    expect(peer.heard[0]?.to.tag).toMatch(/^[0-9a-f]{16}$/)
    expect(stack.transactionCount).toBe(0)
    expect(stack.timers.size).toBe(0)
    expect(stack.counters.requestsIn.INVITE).toBe(2)
    expect(stack.counters.responsesOut[302]).toBe(2)
  })

  test('a To tag that is there stays, and 100 gets none', async () => {
    const stack = await world.stack('192.0.2.2')
    stack.onMessage(message => {
      if (message.isRequest) stack.reply(message, message.to.tag === undefined ? 100 : 481)
    })
    const peer = await world.peer('192.0.2.1')
    peer.send(requestText('BYE', { toTag: 'theirs' }), '192.0.2.2')
    peer.send(requestText('INVITE'), '192.0.2.2')
    world.advance(0)
    expect(peer.heard.map(message => message.to.tag)).toEqual(['theirs', undefined])
  })

  test('a handler that throws: 500, counted; on a response or an ACK nothing is sent', async () => {
    const stack = await world.stack('192.0.2.2')
    stack.onMessage(() => {
      throw new Error('boom')
    })
    const peer = await world.peer('192.0.2.1')
    const via = 'SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKours'
    peer.send(requestText('INVITE'), '192.0.2.2')
    peer.send(requestText('ACK'), '192.0.2.2')
    peer.send(requestText('INVITE', { via }).replace(/^[^\r]+/, 'SIP/2.0 200 OK'), '192.0.2.2')
    world.advance(0)
    expect(peer.titles).toEqual(['500'])
    expect(stack.counters.handlerErrors).toBe(3)
  })

  test('a handler may not be set beside users', async () => {
    const stack = await world.stack('192.0.2.2')
    stack.onRequest(() => {})
    expect(() => stack.onMessage(() => {})).toThrow('make a second one for the other')
  })
})

test('a received message is the same after it was answered and forwarded', async () => {
  const stack = await world.stack('192.0.2.2')
  const kept: SipRequest[] = []
  stack.onMessage(message => {
    if (!message.isRequest) return
    kept.push(message)
    stack.reply(message, 404)
    const out = message.forward().decrementMaxForwards()
    out.remove(h.Subject)
    stack.forward(message, out)
  })
  const peer = await world.peer('192.0.2.1')
  const text = requestText('INVITE', { uri: 'sip:192.0.2.3', extra: 'Subject: x\r\n' })
  peer.send(text, '192.0.2.2')
  world.advance(0)
  expect(kept[0]?.toString()).toBe(text)
  expect(kept[0]?.get(h.MaxForwards)).toBe(70)
  expect(world.wires.at(-1)).toMatch(/^INVITE .*Max-Forwards: 69\r\n/s)
  expect(world.wires.at(-1)).not.toContain('Subject')
})

test('closing: await using ends a stack, its transports and its timers', async () => {
  let inner: SipStack
  {
    await using stack = new SipStack({ clock: world.clock })
    inner = stack
    await stack.addTransport(world.network.transport('UDP', '192.0.2.8', 5060))
    stack.timers.after(1000, () => world.note('too late'))
  }
  world.advance(10_000)
  await settled()
  expect(inner.transports).toEqual([])
  expect(world.ladder).toEqual([])
  await expect(world.peer('192.0.2.8')).resolves.toBeDefined()
})

test('an application’s own timer that throws does not stop the stack’s', async () => {
  const stack = await world.stack('192.0.2.2')
  stack.onRequest(transaction => transaction.respond(486))
  const peer = await world.peer('192.0.2.1')
  peer.send(requestText('INVITE'), '192.0.2.2')
  world.advance(0)
  stack.timers.after(499, () => {
    throw new Error('boom')
  })
  world.advance(1500)
  expect(stack.counters.handlerErrors).toBe(1)
  expect(peer.titles).toEqual(['486', '486', '486'])
})
