import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  parseWav,
  type WavFormat,
  type WavHeader,
  WavWriter,
  wavHeader,
} from '../../../src/media/audio/wav.ts'

function chunk(id: string, body: Buffer, length = body.length): Buffer {
  const head = Buffer.alloc(8)
  head.write(id, 'latin1')
  head.writeUInt32LE(length, 4)
  return Buffer.concat([head, body, Buffer.alloc(body.length & 1)])
}

function wav(...chunks: Buffer[]): Buffer {
  return chunk('RIFF', Buffer.concat([Buffer.from('WAVE', 'latin1'), ...chunks]))
}

function format(code: number, channels: number, rate: number, bits: number, rest = ''): Buffer {
  const body = Buffer.alloc(16)
  body.writeUInt16LE(code, 0)
  body.writeUInt16LE(channels, 2)
  body.writeUInt32LE(rate, 4)
  body.writeUInt16LE(bits, 14)
  return chunk('fmt ', Buffer.concat([body, Buffer.from(rest, 'hex')]))
}

function header(bytes: Buffer): WavHeader {
  const parsed = parseWav(bytes)
  if (parsed instanceof Error) throw parsed
  return parsed
}

class Memory {
  bytes = Buffer.alloc(0)
  write(bytes: Uint8Array, position: number): void {
    const grown = Buffer.alloc(Math.max(this.bytes.length, position + bytes.length))
    this.bytes.copy(grown)
    grown.set(bytes, position)
    this.bytes = grown
  }
}

describe('WAV', () => {
  const pcm = format(1, 1, 8000, 16)
  const data = chunk('data', Buffer.from('0100020003000400', 'hex'))

  it('chunks that nobody knows are passed over, of odd length too', () => {
    const read = header(wav(chunk('LIST', Buffer.from('abc')), pcm, chunk('junk', Buffer.alloc(10)), data))
    expect(read.format).toEqual({ encoding: 'pcm16', channels: 1, sampleRate: 8000 })
    expect(read.dataLength).toBe(8)
  })

  it('a data length of zero, or beyond the file, means to the end; half frames are cut off', () => {
    for (const claimed of [0, 0xffffffff, 100]) {
      expect(header(wav(pcm, chunk('data', Buffer.alloc(8), claimed))).dataLength).toBe(8)
    }
    expect(header(wav(format(1, 2, 8000, 16), chunk('data', Buffer.alloc(10)))).dataLength).toBe(8)
  })

  it('A-law, µ-law and the extensible format are known by their codes', () => {
    const extensible = format(0xfffe, 2, 16_000, 16, '160010000300000001000000000010008000')
    expect(header(wav(format(6, 1, 8000, 8), data)).format.encoding).toBe('alaw')
    expect(header(wav(format(7, 2, 8000, 8), data)).format).toEqual({
      encoding: 'mulaw',
      channels: 2,
      sampleRate: 8000,
    })
    expect(header(wav(extensible, data)).format).toEqual({
      encoding: 'pcm16',
      channels: 2,
      sampleRate: 16_000,
    })
  })

  it('what cannot be read says why', () => {
    const reasons: [Buffer, RegExp][] = [
      [Buffer.from('RIFF'), /RIFF and WAVE/],
      [wav(data, pcm), /before its format/],
      [wav(pcm), /no data/],
      [wav(), /no format/],
      [wav(chunk('fmt ', Buffer.alloc(4)), data), /too short/],
      [wav(format(1, 1, 8000, 24), data), /24 bits/],
      [wav(format(3, 1, 8000, 32), data), /format 3/],
      [wav(format(1, 0, 8000, 16), data), /0 channels/],
      [wav(format(1, 1, 0, 16), data), /0 Hz/],
    ]
    for (const [bytes, reason] of reasons) {
      const read = parseWav(bytes)
      expect(read).toBeInstanceOf(Error)
      expect(String(read)).toMatch(reason)
    }
  })

  it('any bytes and any mutation are read without a crash', () => {
    const good = wav(chunk('LIST', Buffer.alloc(5)), pcm, data)
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, octet, length) => {
        const bytes = Buffer.from(good)
        bytes[at] = octet
        const read = parseWav(bytes.subarray(0, length))
        if (read instanceof Error) return
        expect(read.dataOffset + read.dataLength).toBeLessThanOrEqual(length)
      }),
    )
    fc.assert(fc.property(fc.uint8Array(), bytes => parseWav(Buffer.from(bytes)) instanceof Error))
  })

  it('what is written is read again, in every encoding', () => {
    const formats = fc.record({
      encoding: fc.constantFrom('pcm16' as const, 'alaw' as const, 'mulaw' as const),
      channels: fc.integer({ min: 1, max: 8 }),
      sampleRate: fc.constantFrom(8000, 16_000, 44_100, 48_000),
    })
    fc.assert(
      fc.property(formats, fc.array(fc.integer({ min: 0, max: 9 })), (of: WavFormat, pieces) => {
        const memory = new Memory()
        const writer = new WavWriter(memory, of)
        const frame = of.channels * (of.encoding === 'pcm16' ? 2 : 1)
        for (const [i, frames] of pieces.entries()) writer.write(new Uint8Array(frames * frame).fill(i))
        writer.end()
        writer.end()
        const read = header(memory.bytes)
        expect(read.format).toEqual(of)
        expect(read.dataLength).toBe(writer.length)
        expect(memory.bytes.length % 2).toBe(0)
        expect(memory.bytes.readUInt32LE(4)).toBe(memory.bytes.length - 8)
      }),
    )
  })

  it('the header of 16-bit mono, octet by octet', () => {
    expect(wavHeader({ encoding: 'pcm16', channels: 1, sampleRate: 8000 }, 320).toString('hex')).toBe(
      '5249464664010000574156456 66d7420'.replace(' ', '') +
        '1000000001000100401f0000803e000002001000' +
        '6461746140010000',
    )
  })

  it('the caller’s errors', () => {
    const writer = new WavWriter(new Memory(), { encoding: 'pcm16', channels: 2, sampleRate: 8000 })
    expect(() => writer.write(new Uint8Array(2))).toThrow(/whole frames/)
    writer.end()
    expect(() => writer.write(new Uint8Array(4))).toThrow(/ended already/)
    const alaw = new WavWriter(new Memory(), { encoding: 'alaw', channels: 1, sampleRate: 8000 })
    expect(() => alaw.writeSamples(new Int16Array(1))).toThrow(/alaw/)
    expect(() => wavHeader({ encoding: 'pcm16', channels: 9, sampleRate: 8000 }, 0)).toThrow(/9 channels/)
  })
})
