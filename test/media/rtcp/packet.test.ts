import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomCname } from '../../../src/media/rtcp/cname.ts'
import { encodeRtcp } from '../../../src/media/rtcp/encode.ts'
import { genericNack, lostSequences, pictureLoss } from '../../../src/media/rtcp/feedback.ts'
import { dateFromNtp, middleOf, ntpFromDate, roundTrip } from '../../../src/media/rtcp/ntp.ts'
import type { RtcpPacket } from '../../../src/media/rtcp/packet.ts'
import { parseRtcp } from '../../../src/media/rtcp/parse.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { fuzzRtcp } from '../../fuzz/rtp.ts'

const word = fc.integer({ min: 0, max: 0xffffffff })
const octet = fc.integer({ min: 0, max: 255 })
const text = fc.string({ unit: 'grapheme', maxLength: 40 })
const words = fc
  .integer({ min: 0, max: 5 })
  .chain(count => fc.uint8Array({ minLength: 4 * count, maxLength: 4 * count }))
const wordBuffer = words.map(bytes => Buffer.from(bytes))
const report = fc.record({
  ssrc: word,
  fractionLost: octet,
  lost: fc.integer({ min: -0x800000, max: 0x7fffff }),
  highest: word,
  jitter: word,
  lastReport: word,
  delay: word,
})
const reports = fc.array(report, { maxLength: 31 })
const packets: fc.Arbitrary<RtcpPacket> = fc.oneof(
  fc.record({
    type: fc.constant('sr' as const),
    ssrc: word,
    ntp: fc.record({ seconds: word, fraction: word }),
    rtpTimestamp: word,
    packets: word,
    octets: word,
    reports,
  }),
  fc.record({ type: fc.constant('rr' as const), ssrc: word, reports }),
  fc.record({
    type: fc.constant('sdes' as const),
    chunks: fc.array(
      fc.record({
        ssrc: word,
        items: fc.array(
          fc.oneof(
            fc.record({ item: fc.integer({ min: 1, max: 7 }), text }),
            fc.record({ item: fc.constant(8), prefix: text, text }),
          ),
          { maxLength: 5 },
        ),
      }),
      { maxLength: 31 },
    ),
  }),
  fc.record({ type: fc.constant('bye' as const), ssrcs: fc.array(word, { maxLength: 31 }), reason: text }),
  fc.record({
    type: fc.constant('app' as const),
    subtype: fc.integer({ min: 0, max: 31 }),
    ssrc: word,
    name: fc.constantFrom('TEST', 'a b~'),
    data: wordBuffer,
  }),
  fc.record({
    type: fc.constantFrom('rtpfb' as const, 'psfb' as const),
    format: fc.integer({ min: 0, max: 31 }),
    sender: word,
    media: word,
    fci: wordBuffer,
  }),
)

describe('RTCP packets', () => {
  it('RFC 3550 §6.1: compound packets of every kind are read as they were written', () => {
    fc.assert(
      fc.property(fc.array(packets, { minLength: 1, maxLength: 5 }), list => {
        expect(parseRtcp(encodeRtcp(list), { reducedSize: true })).toEqual(list)
      }),
    )
  })

  it('RFC 3550 §6.4.1: a sender report, octet by octet', () => {
    const bytes = Buffer.from(
      '81c8000c' +
        '00000001e9b7a2003000000000000140000000020000014000000002' +
        '40fffffe0001000300000005c1c2c3c400010000',
      'hex',
    )
    expect(parseRtcp(bytes)).toEqual([
      {
        type: 'sr',
        ssrc: 1,
        ntp: { seconds: 0xe9b7a200, fraction: 0x30000000 },
        rtpTimestamp: 320,
        packets: 2,
        octets: 320,
        reports: [
          {
            ssrc: 2,
            fractionLost: 64,
            lost: -2,
            highest: 65_539,
            jitter: 5,
            lastReport: 0xc1c2c3c4,
            delay: 65_536,
          },
        ],
      },
    ])
  })

  it('RFC 3550 §6.5, RFC 3611 §3: a datagram of nothing but empty items or blocks is refused at the first too many', () => {
    const rr = Buffer.from('80c9000100000001', 'hex')
    const packet = (flags: number, type: number, body: Buffer): Buffer => {
      const head = Buffer.from([flags, type, 0, 0])
      head.writeUInt16BE(body.length / 4, 2)
      return Buffer.concat([head, body])
    }
    const sdes = (items: number): Buffer => {
      const body = Buffer.alloc(4 + ((2 * items + 4) & ~3))
      for (let i = 0; i < items; i++) body[4 + 2 * i] = 2
      return packet(0x81, 202, body)
    }
    const xr = (blocks: number): Buffer => packet(0x80, 207, Buffer.alloc(4 + 4 * blocks, 0).fill(9, 4, 5))
    for (const make of [sdes, xr]) {
      expect(parseRtcp(Buffer.concat([rr, make(256)]))).toHaveLength(2)
      expect(parseRtcp(Buffer.concat([rr, make(257)]))).toBe('body')
      expect(parseRtcp(Buffer.concat([rr, make(200), make(200)]))).toBe('many')
    }
  })

  it('RFC 3550 appendix A.2: what no compound packet may be', () => {
    const rr = '80c9000100000001'
    const bye = '81cb000100000001'
    const faults = {
      '80c9': 'short',
      [`40${rr.slice(2)}`]: 'version',
      [bye]: 'first',
      '80c9000200000001': 'length',
      [`${rr}81cb`]: 'length',
      '81c9000100000001': 'body',
      [`${rr}82cb000100000001`]: 'body',
      // a text that is longer than its packet, and a chunk without an end
      [`${rr}81cb000200000001ff000000`]: 'body',
      [`${rr}81ca00020000000101026162`]: 'body',
      // padding before the end, of no octets, of no whole words, of more than the packet
      a0c90002000000010000000480cb0000: 'padding',
      a0c900020000000100000000: 'padding',
      a0c900020000000100000003: 'padding',
      a0c90002000000010000000c: 'padding',
    }
    for (const [hex, fault] of Object.entries(faults)) {
      expect([hex, parseRtcp(Buffer.from(hex, 'hex'))]).toEqual([hex, fault])
    }
    expect(parseRtcp(Buffer.from(`${rr}a1cb00020000000100000004`, 'hex'))).toHaveLength(2)
    expect(parseRtcp(Buffer.from(rr.repeat(65), 'hex'))).toBe('many')
  })

  it('RFC 5506 §3.4.1: reduced-size packets are taken where they were negotiated', () => {
    const bye = Buffer.from('81cb000100000001', 'hex')
    expect(parseRtcp(bye)).toBe('first')
    expect(parseRtcp(bye, { reducedSize: true })).toEqual([{ type: 'bye', ssrcs: [1] }])
  })

  it('RFC 3550 §6.5: texts are cut to 255 octets between characters', () => {
    const [sdes] = parseRtcp(
      encodeRtcp([{ type: 'sdes', chunks: [{ ssrc: 1, items: [{ item: 2, text: 'é'.repeat(200) }] }] }]),
      { reducedSize: true },
    )
    expect(sdes).toEqual({ type: 'sdes', chunks: [{ ssrc: 1, items: [{ item: 2, text: 'é'.repeat(127) }] }] })
  })

  it('RFC 3550 §6.1: what has no room in the count is the caller’s error', () => {
    const ssrcs = new Array<number>(32).fill(1)
    expect(() => encodeRtcp([{ type: 'bye', ssrcs }])).toThrow(/31 at most/)
    expect(() =>
      encodeRtcp([{ type: 'app', subtype: 0, ssrc: 1, name: 'toolong', data: Buffer.alloc(0) }]),
    ).toThrow(/four ASCII/)
  })

  it('RFC 4585 §6.2.1: a generic NACK names its losses in pairs of number and mask', () => {
    const nack = genericNack(1, 2, [65_534, 65_535, 3, 100])
    expect(nack.fci.toString('hex')).toBe('fffe001100640000')
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 65_535 })), list => {
        const rising = list.sort((a, b) => a - b)
        expect(lostSequences(genericNack(1, 2, rising))).toEqual(rising)
      }),
    )
    expect(encodeRtcp([pictureLoss(1, 2)]).toString('hex')).toBe('81ce00020000000100000002')
  })

  it('RFC 3611 §4.7: VoIP metrics are read and written, signed levels included', () => {
    const hex =
      '80cf000a00000001' +
      '07000008' +
      '00000002' +
      '0a141e28' +
      '00500060' +
      '00700080' +
      'ecba7f10' +
      '5d7f2c2b' +
      'd4000028' +
      '003c00c8'
    const [xr] = parseRtcp(Buffer.from(hex, 'hex'), { reducedSize: true })
    expect(xr).toMatchObject({
      type: 'xr',
      blocks: [
        {
          block: 'voip-metrics',
          ssrc: 2,
          lossRate: 10,
          discardRate: 20,
          burstDuration: 0x50,
          roundTripDelay: 0x70,
          signalLevel: -20,
          noiseLevel: -70,
          residualEchoReturnLoss: 127,
          gmin: 16,
          rFactor: 93,
          mosListening: 44,
          mosConversational: 43,
          jitterBufferNominal: 40,
          jitterBufferAbsoluteMaximum: 200,
        },
      ],
    })
    if (typeof xr === 'string' || xr === undefined) throw new Error('no XR')
    expect(encodeRtcp([xr]).toString('hex')).toBe(hex)
  })

  it('RFC 3550 appendix A.2: 100,000 mutations are read safely, and written again as they were read', () => {
    fuzzRtcp(100_000, 4585)
  })
})

describe('RTCP time and names', () => {
  it('RFC 3550 §4: NTP time from the date and back, beyond 2036 too', () => {
    expect(ntpFromDate(0)).toEqual({ seconds: 2_208_988_800, fraction: 0 })
    expect(ntpFromDate(500)).toEqual({ seconds: 2_208_988_800, fraction: 0x80000000 })
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(1970), max: Date.UTC(2100) }), date => {
        expect(Math.round(dateFromNtp(ntpFromDate(date)))).toBe(date)
      }),
    )
  })

  it('RFC 3550 §6.4.1, figure 2: the round-trip time of the RFC’s own example', () => {
    const arrival = { seconds: 0xb710, fraction: 0x80000000 }
    expect(middleOf({ seconds: 0xb44db705, fraction: 0x20000000 })).toBe(0xb7052000)
    expect(roundTrip(arrival, 0xb7052000, 0x00054000)).toBe(6125)
  })

  it('RFC 3550 §6.4.1: no round trip without a sender report, nor below zero', () => {
    expect(roundTrip({ seconds: 5, fraction: 0 }, 0, 10)).toBeUndefined()
    expect(roundTrip({ seconds: 5, fraction: 0 }, 0x00060000, 10)).toBeUndefined()
  })

  it('RFC 7022 §4.2: a CNAME is 96 random bits in base64', () => {
    const random = seededRandom(1)
    const name = randomCname(random)
    expect(name).toMatch(/^[A-Za-z0-9+/]{16}$/)
    expect(randomCname(random)).not.toBe(name)
  })
})
