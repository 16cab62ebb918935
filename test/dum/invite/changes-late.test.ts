import { describe, expect, test } from 'vitest'
import type { Offer } from '../../../src/dum/index.ts'
import { Pair, portOf, sdp } from '../pair.ts'

const plain = { reliableUas: 'never', supported: ['timer'] } as const

/** A call that is up. Bob keeps the offers of re-INVITEs and UPDATEs for later. */
async function talking(alice = {}, bob = {}): Promise<{ pair: Pair; kept: Offer[] }> {
  const pair = await Pair.make({ alice: { ...plain, ...alice }, bob: { ...plain, ...bob } })
  const kept: Offer[] = []
  pair.answering({
    onOffer: (session, offer) => {
      if (session.state !== 'early') {
        kept.push(offer)
        return
      }
      offer.answer(sdp(2000))
      session.accept()
    },
    onAnswer: (_, answer) => pair.world.note(`bob: answer ${portOf(answer)}`),
  })
  pair.calling({ onOfferRejected: (_, status) => pair.world.note(`alice: rejected ${status}`) })
  pair.advance(1000)
  pair.world.ladder.length = 0
  return { pair, kept }
}

describe('RFC 3261 §14: a re-INVITE', () => {
  test('§9.2: that is cancelled is over: its offer is withdrawn, and the call goes on', async () => {
    const { pair, kept } = await talking({ staleReInvite: 2 })
    pair.caller?.offer(sdp(1010))
    pair.advance(5000)
    expect(kept[0]?.isAnswered).toBe(true)
    expect(() => kept[0]?.answer(sdp(2010))).toThrow('answered already')
    pair.callee?.offer(sdp(2020))
    pair.advance(40_000)
    expect(pair.ladder.map(line => line.replace(/^\d+ /, ''))).toEqual([
      '→ INVITE',
      '← 100',
      '→ CANCEL',
      '← 200',
      '← 487',
      '→ ACK',
      'alice: rejected 487',
      '← INVITE',
      '→ 200',
      'bob: answer 1000',
      '← ACK',
    ])
    await pair.close()
  })
})
