import { describe, expect, test } from 'vitest'
import { FrameMeter } from '../../src/net/websocket-meter.ts'
import { frame, PING } from './websocket-peer.ts'

/** What is kept after each chunk. */
function kept(...chunks: readonly Buffer[]): number[] {
  const meter = new FrameMeter()
  return chunks.map(chunk => {
    meter.push(chunk)
    return meter.kept
  })
}

/** What a chunk costs beside its octets. */
const CHUNK = 256

describe('RFC 6455 §5.2 what is kept of frames that have not ended', () => {
  test.each([0, 1, 125, 126, 65_535, 65_536])(
    'a frame of %i bytes, however it is cut, leaves nothing',
    length => {
      const whole = frame(Buffer.alloc(length))
      expect(kept(whole)).toEqual([0])
      for (let at = 1; at < Math.min(whole.length, 20); at++) {
        expect(kept(whole.subarray(0, at), whole.subarray(at))).toEqual([at + CHUNK, 0])
      }
    },
  )

  test('each byte on its own costs what is kept around it', () => {
    const whole = frame('abc')
    const bytes = Array.from(whole, byte => Buffer.from([byte]))
    const costs = bytes.map((_, index) => (index + 1 < bytes.length ? (index + 1) * (1 + CHUNK) : 0))
    expect(kept(...bytes)).toEqual(costs)
  })

  test('§5.4 fragments are kept until the last has come; a ping among them ends nothing', () => {
    const [first, ping, next, last] = [
      frame('ab', { final: false }),
      frame('', { opcode: PING }),
      frame('', { opcode: 0, final: false }),
      frame('cd', { opcode: 0 }),
    ]
    const [one, two, three] = [first.length + CHUNK, ping.length + CHUNK, next.length + CHUNK]
    expect(kept(first, ping, next, last)).toEqual([one, one + two, one + two + three, 0])
  })

  test('the rest behind a message that has ended keeps its own chunk and no other', () => {
    const begun = frame('abcdef')
    const chunk = Buffer.concat([begun.subarray(4), frame('x', { final: false })])
    expect(kept(begun.subarray(0, 4), chunk)).toEqual([4 + CHUNK, chunk.length + CHUNK])
  })

  test('§5.1 what a server sends has no mask', () => {
    expect(kept(frame('abc', { masked: false }), Buffer.from([0x81]))).toEqual([0, 1 + CHUNK])
  })
})
