import { World } from 'resip/testing'
import { expect, test } from 'vitest'
import { DialogUsageManager } from '../../../src/dum/index.ts'
import { memoryOf } from '../../stack/world.ts'
import { text } from '../watching.ts'

test('RFC 6665 §4.1.2.2, RFC 5626 §4.2: a lost connection is told, and the subscription refreshed by another one', async () => {
  const world = new World({ delay: 10 })
  world.drawnFrom('192.0.2.1')
  const stack = await world.stack('192.0.2.1', ['TCP'])
  const alice = new DialogUsageManager(stack, { profile: { aor: 'sip:alice@192.0.2.1' } })
  const bob = new DialogUsageManager(await world.stack('192.0.2.2', ['TCP']), {})
  bob.onSubscribe('presence', { onNewSubscription: subscription => subscription.grant(text('open')) })
  const subscription = alice.subscribe(
    '<sip:bob@192.0.2.2;transport=tcp>',
    'presence',
    {},
    {
      onFlowTerminated: () => world.note('alice: flow lost'),
      onUpdateActive: () => world.note('alice: active'),
    },
  )
  world.advance(1000)
  const before = world.ladder.length
  memoryOf(stack).disconnect('192.0.2.2', 5060)
  world.advance(6000)
  const after = world.ladder.slice(before).map(line => line.replace(/^\d+ /, ''))
  expect(after[0]).toBe('alice: flow lost')
  expect(after).toContain('→ SUBSCRIBE')
  expect(after).toContain('alice: active')
  expect(subscription.state).toBe('active')
  await world.close()
})
