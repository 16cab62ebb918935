import { describe, expect, test } from 'vitest'
import type { Offer, ServerInviteSession } from '../../../src/dum/index.ts'
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

  test('§13.2.2.4: its 2xx that comes again gets the same ACK, and answers no later offer', async () => {
    const { pair, kept } = await talking()
    const peer = await pair.world.peer('192.0.2.9')
    pair.caller?.offer(sdp(1010))
    pair.advance(20)
    kept[0]?.answer(sdp(2010))
    pair.advance(20)
    const accepted = pair.world.wires.filter(wire => wire.startsWith('SIP/2.0 200')).at(-1) ?? ''
    pair.caller?.offer(sdp(1011))
    pair.advance(20)
    peer.send(accepted, '192.0.2.1')
    pair.advance(100)
    expect(portOf(pair.caller?.localDescription)).toBe('1010')
    const acks = pair.world.wires.filter(wire => wire.startsWith('ACK'))
    expect(acks.at(-1)).toBe(acks.at(-2))
    kept[1]?.answer(sdp(2011))
    pair.advance(1000)
    expect(portOf(pair.caller?.localDescription)).toBe('1011')
    expect(portOf(pair.caller?.remoteDescription)).toBe('2011')
    await pair.close()
  })

  test('§13.2.2.4: a 2xx with an offer that comes again while the answer is awaited is not acknowledged without it', async () => {
    const { pair } = await talking()
    let late: Offer | undefined
    if (pair.caller !== undefined)
      pair.caller.handler = {
        onOffer: (_, offer) => {
          late = offer
        },
      }
    pair.caller?.requestOffer()
    pair.advance(2000)
    expect(pair.ladder.filter(line => line.includes('ACK'))).toEqual([])
    late?.answer(sdp(1030))
    pair.advance(3000)
    expect(portOf(pair.callee?.remoteDescription)).toBe('1030')
    await pair.close()
  })

  test('§14.2, RFC 3311 §5.2: one that meets an offer of ours without its answer gets 491', async () => {
    const { pair } = await talking()
    let late: Offer | undefined
    if (pair.caller !== undefined)
      pair.caller.handler = {
        onOffer: (_, offer) => {
          late = offer
        },
      }
    pair.caller?.requestOffer()
    pair.advance(100)
    expect(late?.carrier).toBe('2xx')
    const ours = pair.world.wires.filter(wire => wire.startsWith('INVITE')).at(-1) ?? ''
    const peer = await pair.world.peer('192.0.2.9')
    peer.send(
      ours
        .replace(/branch=[^;\r]+/, 'branch=z9hG4bKother')
        .replace(/CSeq: (\d+) INVITE/, (_, number: string) => `CSeq: ${Number(number) + 1} UPDATE`)
        .replace('INVITE', 'UPDATE')
        .replace(
          /Content-Length: 0\r\n\r\n/,
          `Content-Type: application/sdp\r\nContent-Length: ${sdp(1).body.length}\r\n\r\n${sdp(1).body}`,
        ),
      '192.0.2.2',
    )
    pair.advance(100)
    expect(pair.ladder.at(-1)).toContain('491')
    await pair.close()
  })
})

test('RFC 3261 §13.2.2.4: a re-INVITE whose 2xx was not acknowledged yet is, when the call ends', async () => {
  const { pair } = await talking()
  if (pair.caller !== undefined) pair.caller.handler = { onOffer: () => {} }
  pair.caller?.requestOffer()
  pair.advance(100)
  pair.caller?.end()
  pair.advance(40_000)
  const sent = pair.ladder.filter(line => line.includes('→')).map(line => line.replace(/^\d+ /, ''))
  expect(sent).toEqual(['→ INVITE', '→ BYE', '→ ACK'])
  expect(pair.left).toBe(0)
  await pair.close()
})

test('what an offer is made by may throw, early or late: the change is refused, the call goes on', async () => {
  const { pair, kept } = await talking()
  pair.caller?.offer(sdp(1010))
  pair.advance(20)
  const refused: number[] = []
  pair.caller?.offer(
    () => {
      throw new Error('no description')
    },
    { answer: () => {}, reject: status => refused.push(status ?? 0) },
  )
  kept[0]?.answer(sdp(2010))
  pair.advance(1000)
  expect(refused).toEqual([500])
  expect(pair.alice.counters.handlerErrors).toBe(1)
  pair.caller?.offer(sdp(1011))
  pair.advance(1000)
  kept[1]?.answer(sdp(2011))
  pair.advance(1000)
  expect(portOf(pair.caller?.remoteDescription)).toBe('2011')
  await pair.close()
})
test('RFC 3262 §3: a 2xx that waits for the answer to an UPDATE goes after it', async () => {
  const pair = await Pair.make()
  let update: Offer | undefined
  pair.answering({
    onNewSession: session => {
      pair.callee = session
    },
    onOffer: (session, offer) => {
      if (offer.carrier === 'UPDATE') update = offer
      else {
        offer.answer(sdp(2000))
        ;(session as ServerInviteSession).provisional(183)
      }
    },
  })
  pair.calling()
  pair.advance(1000)
  pair.caller?.offer(sdp(1010))
  pair.advance(100)
  pair.callee?.accept()
  expect(pair.callee?.state).toBe('accepting')
  update?.answer(sdp(2010))
  pair.advance(1000)
  expect(pair.callee?.state).toBe('established')
  await pair.close()
})

test('RFC 4320 §4.2: an UPDATE whose offer is refused with 408 gets 480, and the next one is taken', async () => {
  const pair = await Pair.make()
  pair.answering({
    onNewSession: session => {
      pair.callee = session
    },
    onOffer: (session, offer) => {
      if (offer.carrier === 'UPDATE') offer.reject(408)
      else {
        offer.answer(sdp(2000))
        ;(session as ServerInviteSession).provisional(183)
      }
    },
  })
  pair.calling({ onOfferRejected: (_, status) => pair.world.note(`alice: rejected ${status}`) })
  pair.advance(1000)
  pair.world.ladder.length = 0
  for (const port of [1010, 1011]) {
    pair.caller?.offer(sdp(port))
    pair.advance(1000)
  }
  expect(
    pair.ladder.filter(line => line.includes('rejected')).map(line => line.replace(/^\d+ /, '')),
  ).toEqual(['alice: rejected 480', 'alice: rejected 480'])
  expect(pair.bob.counters.handlerErrors).toBe(0)
  await pair.close()
})

test('RFC 4028 §7.4: a peer whose Allow does not name UPDATE is refreshed by re-INVITE', async () => {
  const pair = await Pair.make({
    alice: { ...plain, sessionExpires: 100 },
    bob: { ...plain, methods: ['INVITE', 'ACK', 'CANCEL', 'BYE'] },
  })
  pair.answering()
  pair.calling()
  pair.advance(1000)
  pair.world.ladder.length = 0
  pair.advance(50_000)
  expect(pair.ladder.map(line => line.replace(/^\d+ /, ''))).toEqual(['→ INVITE', '← 200', '→ ACK'])
  await pair.close()
})

test('RFC 3311 §4: an offer in an early dialog waits for the call where the peer does not know UPDATE', async () => {
  const pair = await Pair.make({ bob: { methods: ['INVITE', 'ACK', 'CANCEL', 'BYE', 'PRACK'] } })
  pair.answering({
    onNewSession: session => {
      pair.callee = session
    },
    onOffer: (session, offer) => {
      offer.answer(sdp(2000))
      if (session.state === 'received') (session as ServerInviteSession).provisional(183)
    },
  })
  pair.calling()
  pair.advance(1000)
  pair.world.ladder.length = 0
  pair.caller?.offer(sdp(1010))
  pair.advance(1000)
  expect(pair.ladder).toEqual([])
  pair.callee?.accept()
  pair.advance(1000)
  expect(pair.ladder.filter(line => line.includes('→')).map(line => line.replace(/^\d+ /, ''))).toEqual([
    '→ ACK',
    '→ INVITE',
    '→ ACK',
  ])
  expect(portOf(pair.callee?.remoteDescription)).toBe('1010')
  await pair.close()
})
