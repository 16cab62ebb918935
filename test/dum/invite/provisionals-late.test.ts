import { expect, test } from 'vitest'
import type { Offer } from '../../../src/dum/index.ts'
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
