import { contentsOf, PeerError, request, sdp } from 'resip/stack'
import { expect, it } from 'vitest'
import { World } from '../stack/world.ts'

it('a peer that offers 3,000 media sections is answered 413 (RFC 3261 §21.4.11), one that offers two 200', async () => {
  const world = new World()
  const uas = await world.stack('192.0.2.2', ['TCP'])
  uas.onRequest(transaction => {
    try {
      contentsOf(transaction.request, sdp)
      transaction.respond(200)
    } catch (error) {
      transaction.respond(error instanceof PeerError ? (error.status ?? 400) : 500)
    }
  })
  const peer = await world.stack('192.0.2.1', ['TCP'])
  const offer = async (sections: number): Promise<number> => {
    const options = request('OPTIONS', 'sip:192.0.2.2;transport=tcp', { from: 'sip:me@192.0.2.1' })
    const head = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n'
    options.setBody('application/sdp', head + 'm=audio 9 RTP/AVP 0\r\n'.repeat(sections))
    const answer = peer.request(options)
    world.advance(1000)
    return (await answer).status
  }
  expect(await offer(3000)).toBe(413)
  expect(await offer(2)).toBe(200)
})
