import { describe, expect, it } from 'vitest'
import { parseRtp } from '../../../src/media/rtp/packet.ts'
import { staticPayloadTypes } from '../../../src/media/rtp/payload-types.ts'
import { RtpSender } from '../../../src/media/rtp/sender.ts'
import { SourceIdentifiers } from '../../../src/media/rtp/source-identifiers.ts'
import { seededRandom } from '../../../src/util/random.ts'

const a0 = { address: '192.0.2.1', port: 4000 }
const a1 = { address: '192.0.2.1', port: 4001 }
const b1 = { address: '192.0.2.2', port: 4001 }

describe('SourceIdentifiers', () => {
  it('RFC 3550 §8.2: RTP and RTCP of one source may come from different addresses', () => {
    const table = new SourceIdentifiers(1)
    expect(table.check(2, a0, 'data', 0)).toBe('accepted')
    expect(table.check(2, a1, 'control', 0)).toBe('accepted')
    expect(table.check(2, a1, 'data', 0)).toBe('third-party-loop')
    expect(table.check(2, b1, 'control', 0, true)).toBe('third-party-collision')
    table.remove(2)
    expect(table.check(2, b1, 'control', 0)).toBe('accepted')
  })

  it('RFC 3550 §8.2: a conflicting address is news once, and again when it was forgotten', () => {
    const table = new SourceIdentifiers(1)
    expect(table.check(1, a0, 'data', 0)).toBe('own-collision')
    table.renew(5, a0, 'data', 0)
    expect(table.check(1, a0, 'data', 5)).toBe('accepted')
    expect(table.check(5, a0, 'data', 10)).toBe('own-loop')
    expect(table.check(5, a1, 'control', 10)).toBe('own-collision')
    table.expire(0, 11)
    expect(table.check(5, a0, 'data', 20)).toBe('own-collision')
  })

  it('RFC 3550 §8.2: addresses are the same by value too, and an identifier that falls silent leaves', () => {
    const table = new SourceIdentifiers(1)
    table.check(2, a0, 'data', 0)
    expect(table.check(2, { ...a0 }, 'data', 10)).toBe('accepted')
    table.check(3, a1, 'control', 5)
    expect(table.expire(6, 0)).toEqual([3])
    expect([table.has(2), table.has(3), table.size]).toEqual([true, false, 1])
  })

  it('RFC 3550 §8.2: the tables are bounded', () => {
    const table = new SourceIdentifiers(0, 3)
    const verdicts = [1, 2, 3, 4].map(ssrc => table.check(ssrc, a0, 'data', 0))
    expect(verdicts).toEqual(['accepted', 'accepted', 'accepted', 'full'])
    expect([1, 2, 3, 4].map(port => table.check(0, { address: '192.0.2.1', port }, 'data', 0)).at(-1)).toBe(
      'full',
    )
    expect(table.size).toBe(3)
  })
})

describe('RtpSender', () => {
  it('RFC 3550 §5.1: numbers and time run on, over their ends', () => {
    const sender = new RtpSender({
      payloadType: 0,
      clockRate: 8000,
      random: seededRandom(1),
      ssrc: 9,
      sequence: 65_535,
      timestamp: 0xffffffff,
    })
    const bytes = Buffer.alloc(16)
    const heads = [true, false].map(marker => {
      sender.write(bytes, 0, Buffer.alloc(4), 160, 0, marker)
      const packet = parseRtp(bytes)
      return typeof packet === 'string' ? packet : [packet.sequence, packet.timestamp, packet.marker]
    })
    expect(heads).toEqual([
      [65_535, 0xffffffff, true],
      [0, 159, false],
    ])
    expect([sender.packets, sender.octets, sender.sequence, sender.timestamp]).toEqual([2, 8, 1, 319])
  })

  it('RFC 3550 §6.4.1: the time of a report follows the media clock, through an event with its own timestamp too', () => {
    const sender = new RtpSender({
      payloadType: 0,
      clockRate: 8000,
      random: seededRandom(1),
      timestamp: 1000,
    })
    const bytes = Buffer.alloc(172)
    sender.write(bytes, 0, Buffer.alloc(160), 160, 0)
    for (let now = 20; now < 1000; now += 20) {
      sender.writeAt(bytes, 0, Buffer.alloc(4), 1160, now, false, 101)
      sender.advance(160)
    }
    const last = parseRtp(bytes.subarray(0, 16))
    expect(typeof last === 'string' ? last : [last.payloadType, last.timestamp]).toEqual([101, 1160])
    expect(sender.timestampAt(1000)).toBe(1000 + 8000)
  })

  it('RFC 3550 §5.1: first numbers are random, and §8.2 a new SSRC is one that nobody has', () => {
    const random = seededRandom(2)
    const options = { payloadType: 0, clockRate: 8000, random }
    const [a, b] = [new RtpSender(options), new RtpSender(options)]
    expect(a.ssrc).not.toBe(b.ssrc)
    expect(a.timestamp).not.toBe(b.timestamp)
    let asked = 0
    const renewed = a.renew(() => asked++ < 3)
    expect([asked, a.ssrc, a.packets]).toEqual([4, renewed, 0])
    expect(() => new RtpSender({ ...options, clockRate: 0 })).toThrow(/0 Hz/)
  })

  it('RFC 3551 §6: the clock of G.722 is 8,000', () => {
    expect(staticPayloadTypes.find(({ encoding }) => encoding === 'G722')?.clockRate).toBe(8000)
    expect(staticPayloadTypes.map(({ payloadType }) => payloadType)).toContain(8)
  })
})
