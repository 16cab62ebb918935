import { expect, test } from 'vitest'
import { Pair, portOf, sdp } from '../pair.ts'

const plain = { reliableUas: 'never', supported: ['timer'] } as const

test('RFC 3665 §3.1: a call, answered and hung up by the caller', async () => {
  const pair = await Pair.make({ alice: plain, bob: plain })
  pair.answering()
  const call = pair.calling()
  pair.advance(100)
  call.end()
  pair.advance(40_000)
  expect(pair.ladder).toEqual([
    '0 → INVITE',
    '10 ← 180',
    '10 ← 200',
    '20 alice: answer 2000',
    '20 → ACK',
    '20 alice: connected',
    '30 bob: confirmed',
    '100 → BYE',
    '100 alice: LocalBye 16',
    '110 ← 200',
    '110 bob: RemoteBye 16',
  ])
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 3665 §3.1: hung up by the callee', async () => {
  const pair = await Pair.make({ alice: plain, bob: plain })
  pair.answering()
  pair.calling()
  pair.advance(100)
  pair.callee?.end()
  pair.advance(40_000)
  expect(pair.ladder.slice(7)).toEqual([
    '100 ← BYE',
    '100 bob: LocalBye 16',
    '110 → 200',
    '110 alice: RemoteBye 16',
  ])
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 3665 §3.8: the caller gives up while it rings', async () => {
  const pair = await Pair.make({ alice: plain, bob: plain })
  pair.answering({}, false)
  const call = pair.calling()
  pair.advance(100)
  call.end()
  pair.advance(40_000)
  expect(pair.ladder).toEqual([
    '0 → INVITE',
    '10 ← 180',
    '100 alice: failed LocalCancel -',
    '100 → CANCEL',
    '110 ← 200',
    '110 ← 487',
    '110 bob: RemoteCancel 16',
    '120 → ACK',
  ])
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 3665 §3.9: the callee is busy', async () => {
  const pair = await Pair.make({ alice: plain, bob: plain })
  pair.answering({ onNewSession: session => session.reject(486) })
  pair.calling()
  pair.advance(40_000)
  expect(pair.ladder).toEqual([
    '0 → INVITE',
    '10 ← 486',
    '10 bob: Rejected 17',
    '20 → ACK',
    '20 alice: failed Rejected 486',
  ])
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 3665 §3.10: no answer; the 2xx needs no longer than the caller waits', async () => {
  const pair = await Pair.make({ alice: plain, bob: { ...plain, staleCall: 30 } })
  pair.answering({}, false)
  pair.calling()
  pair.advance(60_000)
  expect(pair.ladder.slice(2)).toEqual([
    '30010 ← 480',
    '30010 bob: Timeout 18',
    '30020 → ACK',
    '30020 alice: fork destroyed',
    '30020 alice: failed Rejected 480',
  ])
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 3261 §9.1: a CANCEL that crosses the 2xx leads to ACK and BYE', async () => {
  const pair = await Pair.make({ alice: plain, bob: plain })
  pair.answering({}, false)
  const call = pair.calling()
  pair.advance(100)
  pair.callee?.accept()
  call.end()
  pair.advance(60_000)
  expect(pair.steps).toEqual([
    '→ INVITE',
    '← 180',
    '← 200',
    'alice: failed LocalCancel -',
    '→ CANCEL',
    '→ ACK',
    '→ BYE',
    '← 200',
    'bob: confirmed',
    '← 200',
    'bob: RemoteBye 16',
  ])
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 3261 §15.1: two BYEs that cross are both answered 200', async () => {
  const pair = await Pair.make({ alice: plain, bob: plain })
  pair.answering()
  const call = pair.calling()
  pair.advance(100)
  call.end()
  pair.callee?.end()
  pair.advance(60_000)
  expect(pair.ladder.slice(7)).toEqual([
    '100 → BYE',
    '100 alice: LocalBye 16',
    '100 ← BYE',
    '100 bob: LocalBye 16',
    '110 ← 200',
    '110 → 200',
  ])
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 3261 §13.3.1.4: the 2xx is sent until the ACK comes, and then BYE', async () => {
  const pair = await Pair.make({ alice: plain, bob: plain })
  pair.answering()
  pair.world.network.isLost = ({ wire }) => wire.startsWith('ACK')
  pair.calling()
  pair.advance(120_000)
  const accepts = pair.ladder.filter(line => line.endsWith('← 200')).map(line => Number(line.split(' ')[0]))
  expect(accepts).toEqual([10, 510, 1510, 3510, 7510, 11510, 15510, 19510, 23510, 27510, 31510])
  expect(pair.ladder.slice(-5)).toEqual([
    '32010 bob: no ACK',
    '32010 ← BYE',
    '32010 bob: Timeout 102',
    '32020 → 200',
    '32020 alice: RemoteBye 16',
  ])
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 3261 §13.3.1.4: a 2xx that comes again gets the same ACK again', async () => {
  const pair = await Pair.make({ alice: plain, bob: plain })
  pair.answering()
  let lost = 0
  pair.world.network.isLost = ({ wire }) => wire.startsWith('ACK') && lost++ < 2
  pair.calling()
  pair.advance(10_000)
  const acks = pair.world.wires.filter(wire => wire.startsWith('ACK'))
  expect(acks).toHaveLength(3)
  expect(new Set(acks).size).toBe(1)
  expect(pair.alice.counters.acceptsAgain).toBe(2)
  await pair.close()
})

test('RFC 3261 §15: the callee who hangs up before the ACK waits for it', async () => {
  const pair = await Pair.make({ alice: plain, bob: plain })
  pair.answering({
    onConnected: session => session.end(),
  })
  pair.calling()
  pair.advance(60_000)
  expect(pair.steps).toEqual([
    '→ INVITE',
    '← 180',
    '← 200',
    'bob: LocalBye 16',
    'alice: answer 2000',
    '→ ACK',
    'alice: connected',
    '← BYE',
    '→ 200',
    'alice: RemoteBye 16',
  ])
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 3264 §5: the offer in the 2xx, the answer in the ACK', async () => {
  const pair = await Pair.make({ alice: plain, bob: plain })
  pair.answering({
    onOfferRequired: (session, request) => {
      if (!('accept' in session)) return
      request.offer(sdp(2000))
      session.accept()
    },
    onAnswer: (_, answer) => pair.world.note(`bob: answer ${portOf(answer)}`),
  })
  pair.call = pair.alice.invite(
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
  expect(pair.steps).toEqual([
    '→ INVITE',
    '← 180',
    '← 200',
    'alice: offer 2000 in 2xx',
    '→ ACK',
    'alice: connected',
    'bob: answer 1000',
    'bob: confirmed',
  ])
  await pair.close()
})

test('the timeline of a call is told by the clock of its stack', async () => {
  const pair = await Pair.make({ alice: plain, bob: plain })
  pair.answering()
  pair.advance(5000)
  const startedAt = pair.world.clock.date()
  const call = pair.calling()
  pair.advance(100)
  expect(call.timeline).toEqual({ startedAt, invite: 0, ringing: 20, answered: 20, acked: 20 })
  expect(pair.callee?.timeline.startedAt).toBe(startedAt + 10)
  await pair.close()
})
