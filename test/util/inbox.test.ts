import { describe, expect, it } from 'vitest'
import { SimulatedClock } from '../../src/util/clock.ts'
import { Inbox } from '../../src/util/inbox.ts'
import { Timers } from '../../src/util/timers.ts'

function chunk(): Buffer {
  return Buffer.allocUnsafeSlow(65_536).fill(7)
}

describe('what waits in an inbox', () => {
  it('keeps no more memory alive than its own: packets of a stream are views of large chunks', async () => {
    const inbox = new Inbox(new Timers(new SimulatedClock()), 256, 512 * 1024)
    for (let i = 0; i < 300; i++) inbox.push(chunk().subarray(4, 16), '192.0.2.1', i)
    let kept = 0
    for (let i = 0; i < 256; i++) {
      const { data, source } = await inbox.receive()
      expect([data.length, data[0], source.port]).toEqual([12, 7, i + 44])
      kept += data.buffer.byteLength
    }
    expect([inbox.dropped, kept]).toEqual([44, 256 * 12])
  })

  it('is the datagram itself where it is alone in its memory, or somebody awaits it', async () => {
    const inbox = new Inbox(new Timers(new SimulatedClock()), 256)
    const alone = Buffer.allocUnsafeSlow(172)
    inbox.push(alone, '192.0.2.1', 1)
    expect((await inbox.receive()).data).toBe(alone)
    const awaited = inbox.receive()
    const view = chunk().subarray(0, 172)
    inbox.push(view, '192.0.2.1', 1)
    expect((await awaited).data).toBe(view)
  })
})
