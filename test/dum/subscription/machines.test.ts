import { expect, test } from 'vitest'
import { clientSubscription } from '../../../src/dum/subscription/client-machine.ts'
import { serverSubscription } from '../../../src/dum/subscription/server-machine.ts'
import { openCells } from '../../../src/util/machine.ts'

/** Where each input leads; `.` is an input that is absorbed. */
function ends(machine: {
  readonly inputs: readonly string[]
  readonly rows: {
    readonly [state: string]: { readonly [input: string]: { readonly to: string } | undefined }
  }
}): Record<string, string> {
  const table: Record<string, string> = {}
  for (const [state, row] of Object.entries(machine.rows))
    table[state] = machine.inputs.map(input => row[input]?.to ?? '.').join(' ')
  return table
}

test('RFC 6665 §4.1.2: where each input leads a subscriber', () => {
  expect(openCells(clientSubscription)).toEqual([])
  // pending, active, over, over again, due, end
  expect(ends(clientSubscription)).toEqual({
    notifyWait: 'pending active terminated resting . ending',
    pending: 'pending active terminated resting pending ending',
    active: 'pending active terminated resting active ending',
    ending: 'ending ending terminated terminated . .',
    resting: '. . . . notifyWait terminated',
    terminated: '. . . . . .',
  })
})

test('RFC 6665 §4.2.2: where each input leads a notifier', () => {
  expect(openCells(serverSubscription)).toEqual([])
  // grant, hold, answer poll, reject, publish, refresh, unsubscribe, end, expired, notified, lost
  expect(ends(serverSubscription)).toEqual({
    received: 'active pending closing terminated . . . terminated . . .',
    pending: 'active . . . pending pending closing closing closing . terminated',
    active: '. . . . active active closing closing closing . terminated',
    closing: '. . . . . . . . . terminated terminated',
    terminated: '. . . . . . . . . . .',
  })
})
