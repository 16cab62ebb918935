import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NgFramer } from '../../../../src/media/rtpengine/carrier/framer.ts'
import { PeerError } from '../../../../src/util/errors.ts'

const STREAM = Buffer.from('a1 d6:result4:pongea22 d3:sdp4: a1 6:result2:okea3 de', 'latin1')
const MESSAGES = ['a1 d6:result4:ponge', 'a22 d3:sdp4: a1 6:result2:oke', 'a3 de']

function cut(stream: Buffer, sizes: readonly number[]): string[] {
  const messages: string[] = []
  const framer = new NgFramer(message => messages.push(message.toString('latin1')))
  let start = 0
  for (const size of [...sizes, stream.length]) {
    framer.push(stream.subarray(start, start + size))
    start += size
  }
  return messages
}

describe('NG over TCP, cut by bencode itself', () => {
  it('gives the same messages however the stream comes in pieces', () => {
    expect(cut(STREAM, [])).toEqual(MESSAGES)
    expect(cut(STREAM, Array<number>(STREAM.length).fill(1))).toEqual(MESSAGES)
    fc.assert(
      fc.property(fc.array(fc.nat(12)), sizes => {
        expect(cut(STREAM, sizes)).toEqual(MESSAGES)
      }),
    )
  })

  it.each([
    ['no cookie', ' d1:ae'],
    ['a cookie without end', 'x'.repeat(256)],
    ['no bencode', 'a1 {"result":"pong"}'],
  ])('gives up at %s', (_, text) => {
    expect(() => cut(Buffer.from(text), [])).toThrow(PeerError)
    expect(() => cut(Buffer.from(text), Array<number>(300).fill(1))).toThrow(PeerError)
  })

  it('does not keep what goes over the limit', () => {
    const framer = new NgFramer(() => {}, { maxLength: 100 })
    framer.push(Buffer.from('a1 d3:sdp'))
    expect(() => framer.push(Buffer.from('99999:'))).toThrow('goes over the 100')
  })

  it('looks at each byte of a message in many pieces once', () => {
    const length = 400_000
    const pieces = 4_000
    const messages: Buffer[] = []
    const framer = new NgFramer(message => messages.push(message))
    const message = Buffer.from(`a1 d3:sdp${length}:${'x'.repeat(length)}e`)
    const started = performance.now()
    for (let at = 0; at < message.length; at += length / pieces) {
      framer.push(message.subarray(at, at + length / pieces))
    }
    const elapsed = performance.now() - started
    expect(messages).toHaveLength(1)
    expect(messages[0]?.equals(message)).toBe(true)
    // a quadratic one would copy 800 MB
    expect(elapsed).toBeLessThan(200)
  })

  it('a message that comes octet by octet costs its octets, whatever the chunks are cut from', async () => {
    const length = 100_000
    const messages: Buffer[] = []
    const framer = new NgFramer(message => messages.push(message))
    const message = Buffer.from(`a1 d3:sdp${length}:${'x'.repeat(length)}e`)
    const before = process.memoryUsage().arrayBuffers
    for (const octet of message.subarray(0, -1)) framer.push(Buffer.alloc(4096, octet).subarray(0, 1))
    expect(framer.held).toBeLessThanOrEqual(2 * message.length)
    // array buffers are freed some time after the collection that finds them unused
    for (let turn = 0; turn < 5; turn++) {
      globalThis.gc?.()
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * message.length)
    framer.push(message.subarray(-1))
    expect(messages[0]?.equals(message)).toBe(true)
    expect(framer.held).toBe(0)
  })
})
