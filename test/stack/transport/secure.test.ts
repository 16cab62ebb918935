import { h, nameAddr, RequestFailure, request, type Target } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { locating, memoryOf, requestText, targets, World } from '../world.ts'

const CLIENT = '192.0.2.1'
const SERVER = '192.0.2.2'

let world: World

beforeEach(() => {
  world = new World()
  world.drawnFrom(CLIENT)
})

afterEach(() => world.close())

const from = '<sip:alice@example.com>'
const everywhere: Target[] = [...targets('UDP', SERVER), ...targets('TCP', SERVER), ...targets('TLS', SERVER)]

describe('RFC 5630 a sips request', () => {
  test('§5.1.1 goes by the secure one of its targets, whatever a locator says', async () => {
    const stack = await world.stack(CLIENT, ['UDP', 'TCP', 'TLS'], { locate: locating(() => everywhere) })
    for (const protocol of ['UDP', 'TCP', 'TLS'] as const) {
      const peer = await world.peer(SERVER, protocol)
      peer.onMessage = message => peer.answer(message, 200)
    }
    const answer = stack.request(request('OPTIONS', 'sips:bob@example.com', { from }))
    world.advance(10)
    expect((await answer).status).toBe(200)
    expect(world.passages.map(({ to }) => to)).toEqual([`tls:${SERVER}:5060`, `tls:${CLIENT}:5060`])
  })

  test.each([
    ['its Request-URI', request('OPTIONS', 'sips:bob@example.com', { from })],
    ['its Request-URI, in capitals', request('OPTIONS', 'SIPS:bob@example.com', { from })],
    [
      'its first Route',
      request('OPTIONS', 'sip:bob@example.com', { from }).set(h.Route, nameAddr('<sips:192.0.2.2;lr>')),
    ],
  ])('§3.1.2 is never sent over UDP or TCP, for %s, and says so', async (_, template) => {
    const insecure = everywhere.slice(0, 2)
    const stack = await world.stack(CLIENT, ['UDP', 'TCP', 'TLS'], { locate: locating(() => insecure) })
    const failure = await stack.request(template).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(RequestFailure)
    if (!(failure instanceof RequestFailure)) return
    expect(failure.attempts.map(({ outcome }) => outcome)).toEqual(['no transport', 'no transport'])
    expect(failure.cause).toMatchObject({ code: 'ERR_SIP_INSECURE' })
    expect(String(failure.cause)).toContain('a sips request may not be sent to tcp 192.0.2.2:5060')
    expect(world.ladder).toEqual([])
  })

  test('§5.1.1 is not downgraded by a flow that it is pinned to, by decorate, or by an ACK', async () => {
    const stack = await world.stack(CLIENT, ['UDP', 'TLS'])
    const flow = {
      protocol: 'UDP',
      transport: memoryOf(stack, 'UDP').key,
      address: SERVER,
      port: 5060,
      connection: 0,
    } as const
    const sips = request('OPTIONS', 'sips:bob@example.com', { from })
    await expect(stack.request(sips, { flow })).rejects.toThrow(/may not be sent to udp/)
    const decorate = (template: typeof sips): typeof sips => {
      template.requestUri = sips.requestUri
      return template
    }
    const plain = request('OPTIONS', 'sip:bob@example.com', { from })
    await expect(stack.request(plain, { flow, decorate })).rejects.toThrow(/may not be sent to udp/)
    const ack = request('ACK', 'sips:bob@example.com', { from })
    await expect(stack.sendAck(ack, { flow }).sent).rejects.toThrow(/may not be sent to udp/)
    expect(world.ladder).toEqual([])
  })

  test('§5.3 is not forwarded over UDP by a stateless proxy, which answers 480', async () => {
    const stack = await world.stack(SERVER, ['UDP', 'TLS'], {
      locate: locating(() => targets('UDP', '192.0.2.3')),
    })
    stack.onMessage(message => {
      if (message.isRequest) {
        stack.forward(message, message.forward(), { onFailure: status => stack.reply(message, status) })
      }
    })
    const peer = await world.peer(CLIENT, 'TLS')
    peer.send(
      requestText('OPTIONS', {
        uri: 'sips:bob@example.com',
        via: `SIP/2.0/TLS ${CLIENT}:5060;branch=z9hG4bKx`,
      }),
      SERVER,
    )
    world.advance(10)
    expect(world.ladder.map(line => line.split(' ').at(-1))).toEqual(['OPTIONS', '480'])
  })

  test('RFC 3261 §16.6 step 4 gets a sips Record-Route', async () => {
    const stack = await world.stack(SERVER, ['TLS'], { locate: locating(() => targets('TLS', '192.0.2.3')) })
    stack.onMessage(message => {
      if (message.isRequest) stack.forward(message, message.forward(), { recordRoute: true })
    })
    const callee = await world.peer('192.0.2.3', 'TLS')
    const peer = await world.peer(CLIENT, 'TLS')
    const via = `SIP/2.0/TLS ${CLIENT}:5060;branch=z9hG4bKx`
    for (const uri of ['sips:bob@example.com', 'sip:bob@example.com'])
      peer.send(requestText('OPTIONS', { uri, via }), SERVER)
    world.advance(10)
    expect(callee.heard.map(heard => String(heard.get(h.RecordRoute)?.uri))).toEqual([
      'sips:192.0.2.2:5060;lr',
      'sip:192.0.2.2:5060;transport=tls;lr',
    ])
  })
})
