import { World } from 'resip/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DialogUsageManager, type ProfileParts } from '../../../src/dum/index.ts'
import { portOf, sdp } from '../pair.ts'

let world: World
let alice: DialogUsageManager
let middle: DialogUsageManager
let bob: DialogUsageManager

async function dum(address: string, name: string, parts: ProfileParts): Promise<DialogUsageManager> {
  const profile = { aor: `sip:${name}@${address}`, sessionExpires: 0, ...parts }
  return new DialogUsageManager(await world.stack(address), { profile })
}

async function begin(parts: ProfileParts = {}): Promise<void> {
  alice = await dum('192.0.2.1', 'alice', parts)
  middle = await dum('192.0.2.2', 'middle', parts)
  bob = await dum('192.0.2.3', 'bob', parts)
  // the whole of a back-to-back user agent: a duty of one leg is the reply of the other
  middle.onInvite({
    onOffer: (_, offer) => offer.reject(500),
    onNewSession(a, first) {
      const call = middle.invite(
        'sip:bob@192.0.2.3',
        { offer: first },
        {
          onNewSession: b => {
            a.handler = {
              onOffer: (_, offer) => b.offer(offer.body, offer),
              onOfferRequired: (_, request) => b.requestOffer(request),
              onTerminated: (_, why) => call.end(why),
            }
          },
          onOffer: (_, offer) => a.offer(offer.body, offer),
          onOfferRequired: (_, request) => a.requestOffer(request),
          onProvisional: (_, response, preview) => a.provisional(response.status, preview),
          onAccepted: () => a.accept(),
          onFailure: (_, why) => a.end(why),
          onTerminated: (_, why) => a.end(why),
        },
      )
      a.handler = { onOffer: (_, offer) => offer.reject(500), onTerminated: (_, why) => call.end(why) }
    },
  })
}

beforeEach(() => {
  world = new World({ delay: 10 })
})

afterEach(() => world.close())

describe('two legs, each the reply of the other', () => {
  test('a call, a re-INVITE of either side, a BYE', async () => {
    await begin({ supported: [], reliableUas: 'never' })
    bob.onInvite({
      onNewSession: session => session.provisional(180),
      onOffer(session, offer) {
        world.note(`bob: offer ${portOf(offer.body)}`)
        offer.answer(sdp(session.state === 'early' ? 2000 : 2002))
        if (session.state === 'early') session.accept()
      },
      onTerminated: (_, why) => world.note(`bob: ${why.kind}`),
    })
    let caller: { offer(given: ReturnType<typeof sdp>): void } | undefined
    const call = alice.invite(
      'sip:bob@192.0.2.2',
      { offer: sdp(1000) },
      {
        onOffer: (_, offer) => offer.reject(),
        onProvisional: (_, response) => world.note(`alice: ${response.status}`),
        onAnswer: (_, answer) => world.note(`alice: answer ${portOf(answer)}`),
        onConnected: session => {
          caller = session
          world.note('alice: connected')
        },
      },
    )
    world.advance(500)
    caller?.offer(sdp(1010))
    world.advance(500)
    call.end()
    world.advance(40_000)
    expect(world.ladder.filter(line => line.includes(':'))).toEqual([
      '20 bob: offer 1000',
      '40 alice: 180',
      '40 alice: answer 2000',
      '40 alice: connected',
      '520 bob: offer 1010',
      '540 alice: answer 2002',
      '1020 bob: RemoteBye',
    ])
    for (const one of [alice, middle, bob]) expect(one.dialogCount).toBe(0)
  })

  test('RFC 3264 §5: an INVITE without offer passes as one', async () => {
    await begin({ supported: [], reliableUas: 'never' })
    bob.onInvite({
      onOffer: (_, offer) => offer.reject(),
      onOfferRequired: (session, request) => {
        request.offer(sdp(2000))
        world.note(`bob: ${session.role} offers`)
      },
      onAnswer: (_, answer) => world.note(`bob: answer ${portOf(answer)}`),
    })
    alice.invite(
      'sip:bob@192.0.2.2',
      {},
      {
        onOffer: (_, offer) => {
          world.note(`alice: offer ${portOf(offer.body)}`)
          offer.answer(sdp(1000))
        },
        onConnected: () => world.note('alice: connected'),
      },
    )
    world.advance(2000)
    expect(world.ladder.filter(line => line.includes(':'))).toEqual([
      '20 bob: uas offers',
      '40 alice: offer 2000',
      '40 alice: connected',
      '60 bob: answer 1000',
    ])
  })

  test('a refusal of one side is the other’s', async () => {
    await begin({ supported: [], reliableUas: 'never' })
    bob.onInvite({ onOffer: (_, offer) => offer.reject(), onNewSession: session => session.reject(486) })
    alice.invite(
      'sip:bob@192.0.2.2',
      { offer: sdp(1000) },
      {
        onOffer: (_, offer) => offer.reject(),
        onFailure: (_, why) => world.note(`alice: ${why.status} ${why.cause}`),
      },
    )
    world.advance(40_000)
    expect(world.ladder.filter(line => line.includes(':'))).toEqual(['40 alice: 486 17'])
    for (const one of [alice, middle, bob]) expect(one.dialogCount).toBe(0)
  })

  test('the caller who gives up while it rings ends the other leg', async () => {
    await begin({ supported: [], reliableUas: 'never' })
    bob.onInvite({
      onNewSession: session => session.provisional(180),
      onOffer: (_, offer) => offer.answer(sdp(2000)),
      onTerminated: (_, why) => world.note(`bob: ${why.kind}`),
    })
    const call = alice.invite(
      'sip:bob@192.0.2.2',
      { offer: sdp(1000) },
      { onOffer: (_, offer) => offer.reject() },
    )
    world.advance(500)
    call.end()
    world.advance(40_000)
    expect(world.ladder.filter(line => line.includes(':'))).toEqual(['520 bob: RemoteCancel'])
    for (const one of [alice, middle, bob]) expect(one.dialogCount).toBe(0)
  })
})
