import { isIP, isIPv4, isIPv6 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addressBytes,
  addressText,
  bracketed,
  canonicalAddress,
  familyOf,
  hostPort,
  isLoopback,
  isWildcard,
  sameAddress,
  unbracketed,
  unmapped,
} from '../../src/util/address.ts'

const ipv6Bytes = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc
    .array(fc.constantFrom(0, 0, 0, 1, 0xffff), { minLength: 8, maxLength: 8 })
    .map(groups => Uint8Array.from(groups.flatMap(group => [group >> 8, group & 0xff]))),
  fc
    .uint8Array({ minLength: 4, maxLength: 4 })
    .map(tail => Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...tail])),
)

describe('familyOf', () => {
  it.each(['0.0.0.0', '127.0.0.1', '192.0.2.255', '255.255.255.255', '1.2.3.4'])('%s is IPv4', text => {
    expect(familyOf(text)).toBe(4)
  })

  it.each([
    '::',
    '::1',
    '1::',
    '2001:DB8::9:1',
    '1:2:3:4:5:6:7:8',
    '::2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7::',
    '::ffff:192.0.2.1',
    '64:ff9b::192.0.2.33',
    '1:2:3:4:5:6:1.2.3.4',
    'fe80::1%eth0',
    'fe80::1%eth0.100',
    'fe80::1%1',
  ])('%s is IPv6', text => {
    expect(familyOf(text)).toBe(6)
  })

  it.each([
    '',
    ' ',
    'localhost',
    '1',
    '1.2.3',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '1.2.3.4.',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.00',
    '256.1.1.1',
    '1.2.3.1000',
    '0x7f.0.0.1',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '+1.2.3.4',
    '١.2.3.4',
    '1.2.3.4%eth0',
    ':',
    ':::',
    ':1',
    '1:',
    '1:2',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
    ':1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    '1::2::3',
    '1:::2',
    '12345::',
    'g::',
    '::1.2.3',
    '::1.2.3.4:5',
    '::01.2.3.4',
    '::a.2.3.4',
    '1:2:3:4:5:6:7:1.2.3.4',
    '1.2.3.4::',
    '[::1]',
    'fe80::1%',
    '%eth0',
    'fe80::1%a b',
    'fe80::1%a%b',
    'fe80::1%\r\n',
    '::1/128',
    '__proto__',
  ])('%j is neither', text => {
    expect(familyOf(text)).toBeUndefined()
    expect(canonicalAddress(text)).toBeUndefined()
    expect(addressBytes(text)).toBeUndefined()
    expect(isWildcard(text) || isLoopback(text) || sameAddress(text, text)).toBe(false)
    expect(unmapped(text)).toBe(text)
  })

  it("agrees with Node's own judgement, which knows zones more loosely", () => {
    const piece = fc.constantFrom(
      ':',
      '::',
      '.',
      '0',
      '1',
      'ff',
      'ffff',
      '255',
      '256',
      '01',
      '%',
      'x',
      '1.2.3.4',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), pieces => {
        const text = pieces.join('')
        const zoned = text.includes('%')
        expect(familyOf(text) ?? 0).toBe(zoned && familyOf(text) === undefined ? 0 : isIP(text))
      }),
      { numRuns: 20_000 },
    )
  })

  it('takes time by the length of a text at most', () => {
    const texts = ['1.', ':', '1:', '%', '0', 'f'].map(piece => piece.repeat(500_000))
    const start = performance.now()
    for (const text of [...texts, ...texts.map(t => `::%${t}`)]) expect(familyOf(text)).toBeUndefined()
    expect(performance.now() - start).toBeLessThan(500)
  })
})

describe('canonicalAddress (RFC 5952 §4)', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:0DB8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['::FFFF:c000:0201', '::ffff:192.0.2.1'],
    ['::192.0.2.1', '::c000:201'],
    ['FE80::1%Eth0', 'fe80::1%Eth0'],
  ])('%s is written %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical)
    expect(canonicalAddress(canonical)).toBe(canonical)
  })

  it('of any bytes is read back as the same bytes, and is valid for the system', () => {
    fc.assert(
      fc.property(fc.oneof(ipv6Bytes, fc.uint8Array({ minLength: 4, maxLength: 4 })), bytes => {
        const text = addressText(bytes)
        expect(addressBytes(text)).toEqual(Uint8Array.from(bytes))
        expect(canonicalAddress(text)).toBe(text)
        expect(bytes.length === 4 ? isIPv4(text) : isIPv6(text)).toBe(true)
      }),
      { numRuns: 5000 },
    )
  })

  it('has no text for other lengths', () => {
    expect(() => addressText(new Uint8Array(5))).toThrow(RangeError)
  })
})

describe('sameAddress', () => {
  it.each([
    ['192.0.2.1', '::ffff:192.0.2.1', true],
    ['::FFFF:c000:0201', '192.0.2.1', true],
    ['2001:db8::1', '2001:0db8:0:0:0:0:0:1', true],
    ['fe80::1%eth0', 'FE80::1%eth0', true],
    ['fe80::1%eth0', 'fe80::1%eth1', false],
    ['fe80::1%eth0', 'fe80::1', false],
    ['192.0.2.1', '192.0.2.2', false],
    ['192.0.2.1', '::192.0.2.1', false],
    ['0.0.0.0', '::', false],
    ['host', 'host', false],
  ])('%s and %s: %s', (one, other, same) => {
    expect(sameAddress(one, other)).toBe(same)
    expect(sameAddress(other, one)).toBe(same)
  })
})

describe('kinds and forms of address', () => {
  it('knows the wildcards', () => {
    expect(['0.0.0.0', '::', '0::0', '::0.0.0.0'].map(isWildcard)).toEqual([true, true, true, true])
    expect(['0.0.0.1', '::1', '1::', '::ffff:0.0.0.0'].map(isWildcard)).toEqual([false, false, false, false])
  })

  it('knows loopback', () => {
    expect(['127.0.0.1', '127.255.0.9', '::1', '0::1', '::ffff:127.0.0.1'].every(isLoopback)).toBe(true)
    expect(['126.0.0.1', '::', '::2', '1::1', '::ffff:1.0.0.127', '::127.0.0.1'].some(isLoopback)).toBe(false)
  })

  it('takes a v4-mapped address for the IPv4 address it is', () => {
    expect(
      ['::ffff:192.0.2.1', '::FFFF:c000:201', '::1', '::', '2001:db8::1', '192.0.2.1'].map(unmapped),
    ).toEqual(['192.0.2.1', '192.0.2.1', '::1', '::', '2001:db8::1', '192.0.2.1'])
  })

  it('puts brackets around IPv6 and takes them off', () => {
    expect(['::1', '[::1]', '192.0.2.1', 'host'].map(bracketed)).toEqual([
      '[::1]',
      '[::1]',
      '192.0.2.1',
      'host',
    ])
    expect(['[::1]', '::1', '[]', '[', 'host', '[::1'].map(unbracketed)).toEqual([
      '::1',
      '::1',
      '[]',
      '[',
      'host',
      '[::1',
    ])
    expect([hostPort('::1', 5060), hostPort('192.0.2.1', 5061)]).toEqual(['[::1]:5060', '192.0.2.1:5061'])
  })
})
