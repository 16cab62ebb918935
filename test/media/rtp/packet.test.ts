import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeExtension, extensionElements } from '../../../src/media/rtp/extension.ts'
import { encodeRtp, parseRtp, type RtpHeader, RtpPacket, rtpLength } from '../../../src/media/rtp/packet.ts'
import { fuzzRtp } from '../../fuzz/rtp.ts'

function packet(bytes: Buffer): RtpPacket {
  const parsed = parseRtp(bytes)
  if (typeof parsed === 'string') throw new Error(`not RTP: ${parsed}`)
  return parsed
}

function encode(header: RtpHeader, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(rtpLength(header, payload.length))
  expect(encodeRtp(bytes, 0, header, payload)).toBe(bytes.length)
  return bytes
}

const word = fc.integer({ min: 0, max: 0xffffffff })
const headers = fc.record({
  payloadType: fc.integer({ min: 0, max: 127 }),
  marker: fc.boolean(),
  sequence: fc.integer({ min: 0, max: 0xffff }),
  timestamp: word,
  ssrc: word,
  csrcs: fc.array(word, { maxLength: 15 }),
  padding: fc.integer({ min: 0, max: 255 }),
})

describe('RTP packets', () => {
  it('RFC 3550 §5.1: every field of the header is read from its place', () => {
    const bytes = Buffer.from('b28035e712345678deadbeef0000000100000002bede000110aa000001020304000004', 'hex')
    const read = packet(
      Buffer.concat([bytes.subarray(0, 28), Buffer.from('01020300 000004'.replace(' ', ''), 'hex')]),
    )
    expect(read.payloadType).toBe(0)
    expect(read.marker).toBe(true)
    expect(read.sequence).toBe(0x35e7)
    expect(read.timestamp).toBe(0x12345678)
    expect(read.ssrc).toBe(0xdeadbeef)
    expect([read.csrc(0), read.csrc(1)]).toEqual([1, 2])
    expect(read.extensionProfile).toBe(0xbede)
    expect(read.extension.toString('hex')).toBe('10aa0000')
    expect(read.payload.toString('hex')).toBe('010203')
  })

  it('RFC 3550 §5.1: what is written is read again', () => {
    fc.assert(
      fc.property(headers, fc.uint8Array({ maxLength: 300 }), (header, payload) => {
        const read = packet(encode(header, payload))
        expect(read.payload.equals(payload)).toBe(true)
        expect(read.sequence).toBe(header.sequence)
        expect(read.timestamp).toBe(header.timestamp)
        expect(read.ssrc).toBe(header.ssrc)
        expect(read.marker).toBe(header.marker)
        expect(read.payloadType).toBe(header.payloadType)
        expect(Array.from({ length: read.csrcCount }, (_, i) => read.csrc(i))).toEqual(header.csrcs)
      }),
    )
  })

  it('RFC 3550 §5.1: the payload may lie in its place already', () => {
    const bytes = Buffer.alloc(172)
    bytes.fill(0x2a, 12)
    encodeRtp(bytes, 0, { payloadType: 0, sequence: 1, timestamp: 2, ssrc: 3 }, bytes.subarray(12))
    expect(packet(bytes).payload.every(octet => octet === 0x2a)).toBe(true)
  })

  it('RFC 3550 appendix A.1: lengths that lie are told apart', () => {
    const plain = '8000000100000002000000030a'
    const faults = {
      '': 'short',
      [plain.slice(0, 22)]: 'short',
      [`40${plain.slice(2)}`]: 'version',
      [`8f${plain.slice(2)}`]: 'csrc',
      [`90${plain.slice(2)}`]: 'extension',
      '900000010000000200000003bede0001': 'extension',
      a0000001000000020000000300: 'padding',
      a0000001000000020000000302: 'padding',
      // CSRCs and extension eat what the padding claims
      b00000010000000200000003bede000000000006: 'padding',
    }
    for (const [hex, fault] of Object.entries(faults)) expect(parseRtp(Buffer.from(hex, 'hex'))).toBe(fault)
    expect(parseRtp(Buffer.from(plain, 'hex'))).toBeInstanceOf(RtpPacket)
    expect(packet(Buffer.from('a0000001000000020000000301', 'hex')).payloadLength).toBe(0)
  })

  it('RFC 3550 §5.1: a field out of its range is the caller’s error', () => {
    const good: RtpHeader = { payloadType: 0, sequence: 0, timestamp: 0, ssrc: 0 }
    const target = Buffer.alloc(100)
    for (const wrong of [
      { payloadType: 128 },
      { sequence: -1 },
      { timestamp: 2 ** 32 },
      { ssrc: 0.5 },
      { padding: 256 },
      { csrcs: new Array<number>(16).fill(0) },
    ]) {
      expect(() => encodeRtp(target, 0, { ...good, ...wrong }, Buffer.alloc(0))).toThrow(/RTP/)
    }
    expect(() => encodeRtp(target, 90, good, Buffer.alloc(0))).toThrow(/does not fit/)
    expect(() => packet(encode(good, Buffer.alloc(0))).csrc(0)).toThrow(/CSRC 0/)
  })

  it('RFC 3550 appendix A.1: 100,000 mutations are read safely', () => {
    fuzzRtp(100_000, 3550)
  })
})

describe('RTP header extensions', () => {
  const elements = (bytes: Buffer): string[] =>
    extensionElements(packet(bytes)).map(({ id, data }) => `${id}:${Buffer.from(data).toString('hex')}`)
  const header = { payloadType: 0, sequence: 0, timestamp: 0, ssrc: 0 }

  it('RFC 8285 §4.2: elements of one-byte headers, with padding between and before the end', () => {
    const data = Buffer.from('10aa00002101bb00', 'hex')
    expect(elements(encode({ ...header, extension: { profile: 0xbede, data } }, Buffer.alloc(0)))).toEqual([
      '1:aa',
      '2:01bb',
    ])
  })

  it('RFC 8285 §4.2: identifier 15 ends the list', () => {
    const data = Buffer.from('10aaf0002101bb00', 'hex')
    expect(elements(encode({ ...header, extension: { profile: 0xbede, data } }, Buffer.alloc(0)))).toEqual([
      '1:aa',
    ])
  })

  it('RFC 8285 §4.3: elements of two-byte headers may be empty; a lying length ends the walk', () => {
    const data = Buffer.from('0100020211220363aabb0000', 'hex')
    expect(elements(encode({ ...header, extension: { profile: 0x1005, data } }, Buffer.alloc(0)))).toEqual([
      '1:',
      '2:1122',
    ])
  })

  it('RFC 3550 §5.3.1: an extension of another profile is not taken for elements', () => {
    const extension = { profile: 0x1234, data: Buffer.from('10aa0000', 'hex') }
    expect(elements(encode({ ...header, extension }, Buffer.alloc(0)))).toEqual([])
  })

  it('RFC 8285 §4: what is written is read again, in the short form where it fits', () => {
    const element = fc.record({
      id: fc.integer({ min: 1, max: 255 }),
      data: fc.uint8Array({ maxLength: 40 }),
    })
    fc.assert(
      fc.property(fc.array(element, { maxLength: 6 }), list => {
        const extension = encodeExtension(list)
        expect(elements(encode({ ...header, extension }, Buffer.from([1])))).toEqual(
          list.map(({ id, data }) => `${id}:${Buffer.from(data).toString('hex')}`),
        )
      }),
    )
    expect(encodeExtension([{ id: 14, data: Buffer.alloc(16) }]).profile).toBe(0xbede)
    expect(encodeExtension([{ id: 15, data: Buffer.alloc(1) }]).profile).toBe(0x1000)
    expect(() => encodeExtension([{ id: 0, data: Buffer.alloc(1) }])).toThrow(/header extension 0/)
  })
})
