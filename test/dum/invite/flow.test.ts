import { World } from 'resip/testing'
import { expect, test } from 'vitest'
import { DialogUsageManager } from '../../../src/dum/index.ts'
import { memoryOf } from '../../stack/world.ts'
import { sdp } from '../pair.ts'

test('a lost connection is told to the caller, too, and while the 2xx of other forks may come (RFC 3261 §13.2.2.4)', async () => {
  const world = new World({ delay: 10 })
  const stack = await world.stack('192.0.2.1', ['TCP'])
  const alice = new DialogUsageManager(stack, { profile: { aor: 'sip:alice@192.0.2.1' } })
  const bob = new DialogUsageManager(await world.stack('192.0.2.2', ['TCP']), {})
  bob.onInvite({ onOffer: (_, offer) => offer.answer(sdp(2000)) })
  alice.invite(
    '<sip:bob@192.0.2.2;transport=tcp>',
    { offer: sdp(1000) },
    {
      onOffer: (_, offer) => offer.reject(),
      onConnected: () => world.note('connected'),
      onFlowTerminated: () => world.note('flow lost'),
    },
  )
  world.advance(1000)
  memoryOf(stack).disconnect('192.0.2.2', 5060)
  world.advance(100)
  expect(
    world.ladder.filter(line => /connected|lost/.test(line)).map(line => line.replace(/^\d+ /, '')),
  ).toEqual(['connected', 'flow lost'])
  await world.close()
})
