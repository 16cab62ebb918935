import { describe, expect, test } from 'vitest'
import type { ServerInviteSession } from '../../../src/dum/index.ts'
import { Pair, portOf, sdp } from '../pair.ts'

describe('RFC 3262', () => {
  test('§3: a provisional response is sent until its PRACK comes; the next waits for it', async () => {
    const pair = await Pair.make()
    pair.world.network.isLost = ({ wire }) => wire.startsWith('PRACK') && pair.world.clock.now() < 1000
    pair.answering({
      onNewSession: session => {
        pair.callee = session
        session.provisional(180)
        session.provisional(183)
      },
      onOffer: (_, offer) => offer.answer(sdp(2000)),
    })
    pair.calling()
    pair.advance(3000)
    expect(pair.ladder.filter(line => !line.includes('✗'))).toEqual([
      '0 → INVITE',
      '10 ← 180',
      '510 ← 180',
      '1510 ← 180',
      '1520 → PRACK',
      '1530 ← 200',
      '1530 ← 183',
      '1540 → PRACK',
      '1550 ← 200',
    ])
    await pair.close()
  })

  test('§3: without PRACK the INVITE is refused with 504', async () => {
    const pair = await Pair.make()
    pair.world.network.isLost = ({ wire }) => wire.startsWith('PRACK')
    pair.answering({}, false)
    pair.calling()
    pair.advance(120_000)
    const said = pair.ladder.filter(line => !/✗|180/.test(line))
    expect(said).toContain('32010 bob: Timeout 102')
    expect(said).toContain('32020 alice: failed Rejected 504')
    expect(pair.left).toBe(0)
    await pair.close()
  })

  test('§3: the 2xx waits while a description is not acknowledged', async () => {
    const pair = await Pair.make()
    pair.answering({
      onNewSession: session => {
        pair.callee = session
      },
      onOffer: (session, offer) => {
        offer.answer(sdp(2000))
        session.provisional(183)
        session.accept()
      },
    })
    pair.calling()
    pair.advance(1000)
    expect(pair.ladder).toEqual([
      '0 → INVITE',
      '10 ← 183',
      '20 alice: answer 2000',
      '20 → PRACK',
      '30 ← 200',
      '30 ← 200',
      '40 → ACK',
      '40 alice: connected',
      '50 bob: confirmed',
    ])
    await pair.close()
  })

  test('§5: an offer in the provisional response is answered in the PRACK', async () => {
    const pair = await Pair.make()
    pair.answering({
      onNewSession: (session, first) => {
        pair.callee = session
        if ('offer' in first) first.offer(sdp(2000))
        session.provisional(183)
      },
      onAnswer: (session, answer) => {
        pair.world.note(`bob: answer ${portOf(answer)}`)
        // its kind of session is known: bob answers calls
        ;(session as ServerInviteSession).accept()
      },
    })
    pair.alice.invite(
      'sip:bob@192.0.2.2',
      {},
      {
        onOffer: (_, offer) => {
          pair.world.note(`alice: offer ${portOf(offer.body)} in ${offer.carrier}`)
          offer.answer(sdp(1000))
        },
        onConnected: () => pair.world.note('alice: connected'),
      },
    )
    pair.advance(1000)
    expect(pair.ladder).toEqual([
      '0 → INVITE',
      '10 ← 183',
      '20 alice: offer 2000 in 1xx',
      '20 → PRACK',
      '30 bob: answer 1000',
      '30 ← 200',
      '30 ← 200',
      '40 → ACK',
      '40 alice: connected',
      '50 bob: confirmed',
    ])
    await pair.close()
  })

  test('RFC 3311 §5.1: an UPDATE with an offer before the call is answered', async () => {
    const pair = await Pair.make()
    pair.answering({
      onNewSession: session => {
        pair.callee = session
      },
      onOffer: (session, offer) => {
        pair.world.note(`bob: offer ${portOf(offer.body)} in ${offer.carrier}`)
        offer.answer(sdp(2000))
        if (offer.carrier === 'INVITE') session.provisional(183)
      },
    })
    pair.calling()
    pair.advance(1000)
    pair.caller?.offer(sdp(1010))
    pair.advance(1000)
    pair.callee?.accept()
    pair.advance(1000)
    expect(pair.ladder).toEqual([
      '0 → INVITE',
      '10 bob: offer 1000 in INVITE',
      '10 ← 183',
      '20 alice: answer 2000',
      '20 → PRACK',
      '30 ← 200',
      '1000 → UPDATE',
      '1010 bob: offer 1010 in UPDATE',
      '1010 ← 200',
      '1020 alice: answer 2000',
      '2000 ← 200',
      '2010 → ACK',
      '2010 alice: connected',
      '2020 bob: confirmed',
    ])
    await pair.close()
  })

  test('§3, §4: a caller that wants none gets none, and one that requires them gets nothing else', async () => {
    for (const [reliableUac, header] of [
      ['never', undefined],
      ['required', 'Require: 100rel'],
    ] as const) {
      const pair = await Pair.make({ alice: { reliableUac }, bob: { reliableUas: 'never' } })
      pair.answering({}, false)
      pair.calling()
      pair.advance(1000)
      const invite = pair.world.wires.find(wire => wire.startsWith('INVITE')) ?? ''
      expect(invite.includes('100rel')).toBe(header !== undefined)
      expect(pair.steps.includes('→ PRACK')).toBe(header !== undefined)
      await pair.close()
    }
  })
})
