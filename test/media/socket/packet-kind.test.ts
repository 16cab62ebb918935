import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packetKind } from '../../../src/media/socket/packet-kind.ts'

function packet(first: number, second = 0, length = 20): Uint8Array {
  const bytes = new Uint8Array(length)
  bytes[0] = first
  bytes[1] = second
  return bytes
}

describe('demultiplexing', () => {
  it('goes by the first octet (RFC 7983 §7, Figure 3)', () => {
    const kinds = [0, 3, 4, 15, 16, 19, 20, 63, 64, 79, 80, 127, 128, 191, 192, 255]
    expect(kinds.map(first => packetKind(packet(first)))).toEqual([
      ...['stun', 'stun', 'unknown', 'unknown', 'zrtp', 'zrtp', 'dtls', 'dtls'],
      ...['channel', 'channel', 'unknown', 'unknown', 'rtp', 'rtp', 'unknown', 'unknown'],
    ])
  })

  it('tells RTCP by its packet type (RFC 5761 §4)', () => {
    expect([191, 192, 200, 201, 223, 224].map(second => packetKind(packet(0x80, second)))).toEqual([
      'rtp',
      'rtcp',
      'rtcp',
      'rtcp',
      'rtcp',
      'rtp',
    ])
  })

  it('takes nothing that is too short, and throws at nothing', () => {
    expect(packetKind(new Uint8Array(0))).toBe('unknown')
    expect(packetKind(packet(0x80, 0, 11))).toBe('unknown')
    expect(packetKind(packet(0x80, 200, 3))).toBe('unknown')
    fc.assert(fc.property(fc.uint8Array({ maxLength: 30 }), bytes => typeof packetKind(bytes) === 'string'))
  })
})
