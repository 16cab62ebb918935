import { expect, test } from 'vitest'
import type { Offer, ServerInviteSession } from '../../../src/dum/index.ts'
import { Pair, portOf, sdp } from '../pair.ts'

test('RFC 3262 §3: more provisional responses than may wait are left out, and the answer is not lost with them', async () => {
  const pair = await Pair.make()
  pair.world.network.isLost = ({ wire }) => wire.startsWith('PRACK') && pair.world.clock.now() < 300
  let first: Offer | undefined
  pair.answering({
    onNewSession: (session, offer) => {
      pair.callee = session
      for (let count = 0; count < 20; count++) session.provisional(180)
      if ('answer' in offer) first = offer
    },
    onOffer: () => {},
  })
  pair.calling()
  pair.advance(100)
  first?.answer(sdp(2000))
  pair.callee?.provisional(183)
  pair.callee?.accept()
  pair.advance(20_000)
  expect(pair.caller?.state).toBe('established')
  expect(portOf(pair.caller?.remoteDescription)).toBe('2000')
  await pair.close()
})

test('RFC 3262 §3: one PRACK acknowledges a response; its open offer is withdrawn, and it is answered, when the call ends', async () => {
  const pair = await Pair.make()
  let offer: Offer | undefined
  pair.answering({
    onNewSession: session => {
      pair.callee = session
    },
    onOffer: (session, given) => {
      if (given.carrier === 'PRACK') offer = given
      else {
        given.answer(sdp(2000))
        ;(session as ServerInviteSession).provisional(183)
      }
    },
  })
  const call = pair.calling()
  // the PRACK of ours is replaced by one with an offer
  pair.world.network.isLost = ({ wire }) => wire.startsWith('PRACK')
  pair.advance(30)
  const ours = pair.world.wires.find(wire => wire.startsWith('PRACK')) ?? ''
  const { body } = sdp(1010)
  const peer = await pair.world.peer('192.0.2.9')
  pair.world.network.isLost = () => false
  const withOffer = (branch: string, cseq: number): string =>
    ours
      .replace(/Via: .*\r\n/, `Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK${branch}\r\n`)
      .replace(/CSeq: \d+/, `CSeq: ${cseq}`)
      .replace(
        /Content-Length: 0\r\n\r\n/,
        `Content-Type: application/sdp\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
  const heard: string[] = []
  peer.onMessage = message => {
    if (!message.isRequest) heard.push(`${message.status} ${message.cseq.number}`)
  }
  peer.send(withOffer('one', 10), '192.0.2.2')
  pair.advance(20)
  peer.send(withOffer('two', 11), '192.0.2.2')
  pair.advance(20)
  expect(heard).toEqual(['481 11'])
  expect(offer?.isAnswered).toBe(false)
  call.end()
  pair.advance(20)
  expect(heard).toEqual(['481 11', '487 10'])
  expect(offer?.isAnswered).toBe(true)
  pair.advance(60_000)
  await pair.close()
})
