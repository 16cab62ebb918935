import { h, Token } from 'resip/stack'
import { expect, test } from 'vitest'
import { text, Watching } from '../watching.ts'

const bob = 'sip:bob@192.0.2.2'

test('RFC 3261 §11.2: OPTIONS is answered with what is taken here', async () => {
  const pair = await Watching.make({}, { languages: ['en'], userAgent: 'test' })
  pair.serving()
  pair.bob.onPublish('dialog', {})
  pair.bob.onMessage({ onMessageArrived: () => {} })
  pair.alice.request(
    'OPTIONS',
    bob,
    {},
    {
      onSuccess: (_, response) => pair.world.note(response.all(h.Allow).join(' ')),
    },
  )
  pair.advance(100)
  const answer = pair.world.wires.at(-1)
  expect(answer).toContain('SIP/2.0 200 OK\r\n')
  expect(answer).toContain('Accept: application/sdp, multipart/*\r\n')
  expect(answer).toContain('Accept-Encoding: identity\r\n')
  expect(answer).toContain('Accept-Language: en\r\n')
  expect(answer).toContain('Supported: 100rel, timer, replaces, norefersub\r\n')
  expect(answer).toContain('Allow-Events: presence, dialog\r\n')
  const allow = pair.steps.at(-1)?.split(' ') ?? []
  for (const method of ['INVITE', 'OPTIONS', 'SUBSCRIBE', 'PUBLISH', 'MESSAGE'])
    expect(allow).toContain(method)
  expect(new Set(allow).size).toBe(allow.length)
  expect(pair.sent('OPTIONS', 0)).toContain('Accept: application/sdp, multipart/*\r\n')
  await pair.close()
})

test('RFC 3261 §8.1.3: a method of one’s own, with headers and a body, its answers and failures', async () => {
  const pair = await Watching.make()
  const heard: string[] = []
  const handler = {
    onSuccess: (_: unknown, response: { status: number; body: Buffer }) =>
      heard.push(`${response.status} ${response.body}`),
    onFailure: (_: unknown, status: number) => heard.push(`failed ${status}`),
  }
  pair.alice.request('PING', bob, {}, handler)
  pair.advance(100)
  pair.bob.onRequest('PING', {
    onReceivedRequest: (request, reply) => (request.body.length > 0 ? reply.accept(200) : reply.reject(486)),
  })
  const fill = (template: import('resip/stack').RequestTemplate) => {
    template.set(h.AcceptContact, new Token('x'))
  }
  const sent = pair.alice.request('PING', bob, { body: text('ping'), fill }, handler)
  pair.advance(100)
  expect(sent.isOver).toBe(true)
  expect(pair.sent('PING', -1)).toContain('Accept-Contact: x\r\n')
  pair.alice.request('PING', bob, {}, handler)
  pair.advance(100)
  pair.world.network.isLost = () => true
  pair.alice.request('PING', bob, {}, handler)
  pair.advance(33_000)
  expect(heard).toEqual(['failed 405', '200 ', 'failed 486', 'failed 408'])
  await pair.close()
})

test('RFC 3261 §8.2.1: methods that make a dialog, or need one, have ways of their own', async () => {
  const pair = await Watching.make()
  for (const method of ['INVITE', 'ACK', 'CANCEL', 'BYE', 'PRACK', 'UPDATE', 'SUBSCRIBE']) {
    expect(() => pair.alice.request(method, bob)).toThrow(/has a way of its own/)
    expect(() => pair.alice.onRequest(method, { onReceivedRequest: () => {} })).toThrow(
      /has a way of its own/,
    )
  }
  await pair.close()
})
