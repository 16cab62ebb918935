import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isChannelData, Software, StunFramer, StunWriter } from '../../../src/media/stun/index.ts'
import { hex } from './hex.ts'

const message = (text: string): Buffer =>
  new StunWriter(1, 'request', new Uint8Array(12)).add(Software, text).finish()
const channelData = hex('4000 0005 6162636465 000000')

describe('STUN over streams (RFC 8489 §6.2.2, RFC 8656 §12.5)', () => {
  it('cuts the same messages wherever the chunks end', () => {
    const stream = Buffer.concat([message('a'), channelData, message('bcd'), channelData, message('')])
    const wanted = [
      message('a'),
      channelData.subarray(0, 9),
      message('bcd'),
      channelData.subarray(0, 9),
      message(''),
    ]
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 12 }), cuts => {
        const framer = new StunFramer()
        const ends = [...cuts.sort((a, b) => a - b), stream.length]
        const frames = ends.flatMap((end, i) => {
          const chunk = Buffer.from(stream.subarray(ends[i - 1] ?? 0, end))
          return framer.push(chunk).map(frame => Buffer.from(frame).toString('hex'))
        })
        expect(frames).toEqual(wanted.map(one => Buffer.from(one).toString('hex')))
        expect(framer.broken).toBe(false)
      }),
    )
    expect([isChannelData(channelData), isChannelData(message(''))]).toEqual([true, false])
  })

  it('gives up on what is neither, and on what is too large', () => {
    for (const wrong of ['80000000', 'c0000004', '00010003']) {
      const framer = new StunFramer()
      expect(framer.push(Buffer.concat([message('a'), hex(wrong)]))).toHaveLength(1)
      expect(framer.broken).toBe(true)
      expect(framer.push(message('b'))).toEqual([])
    }
    const small = new StunFramer(100)
    expect(small.push(hex('00010080'))).toEqual([])
    expect(small.broken).toBe(true)
  })

  it('does not hold on to the chunk it was given', () => {
    const framer = new StunFramer()
    const chunk = message('text')
    const copy = Buffer.from(chunk)
    framer.push(copy.subarray(0, 22))
    copy.fill(0)
    expect(framer.push(chunk.subarray(22)).map(frame => Buffer.from(frame))).toEqual([chunk])
  })
})
