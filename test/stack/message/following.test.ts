import { afterEach, describe, expect, it } from 'vitest'
import { parseMessage, SipRequest, type SipResponse } from '../../../src/stack/index.ts'
import { requestText, settled, World } from '../world.ts'

/** A request as a proxy has it, which is to be sent on statefully. */
function received(extra: string): SipRequest {
  const message = parseMessage(
    Buffer.from(requestText('INVITE', { uri: 'sip:bob@192.0.2.2', extra }), 'latin1'),
  )
  if (!(message instanceof SipRequest)) throw new Error('no request')
  return message
}

describe('a stack that sends an INVITE on with Routes it could not parse', () => {
  let world: World
  afterEach(() => world.close())

  const routes = 'Route: <sip:192.0.2.2;lr>\r\nRoute: <<garbage\r\n'

  it('acknowledges its failure once for each time it comes, and sends the INVITE no more (RFC 3261 §17.1.1.3)', async () => {
    world = new World()
    const stack = await world.stack('192.0.2.1')
    const peer = await world.peer('192.0.2.2')
    peer.onMessage = message => {
      if (message.isRequest && message.method === 'INVITE') peer.answer(message, 486)
    }
    const finals: number[] = []
    stack.send(received(routes).forward(), {
      onFinal: (response: SipResponse) => finals.push(response.status),
      onFailure: () => {},
    })
    await settled()
    world.advance(100_000)
    expect(peer.titles).toEqual(['INVITE', 'ACK'])
    expect(peer.heard[1]?.toString()).toContain(routes)
    expect(finals).toEqual([486])
  })

  it('cancels it with the same Routes (§9.1)', async () => {
    world = new World()
    const stack = await world.stack('192.0.2.1')
    const peer = await world.peer('192.0.2.2')
    peer.onMessage = message => {
      if (message.isRequest && message.method === 'INVITE') peer.answer(message, 180)
    }
    const sent = stack.send(received(routes).forward(), { onFinal: () => {}, onFailure: () => {} })
    await settled()
    world.advance(1000)
    sent.cancel()
    world.advance(100)
    expect(peer.titles).toEqual(['INVITE', 'CANCEL'])
    expect(peer.heard[1]?.toString()).toContain(routes)
  })
})
