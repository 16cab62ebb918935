import { createHash, createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { seededRandom, Tokens } from '../../src/util/random.ts'
import { HMAC_SHA1_LENGTH, HmacSha1, sha1 } from '../../src/util/sha1.ts'

const repeated = (octet: number, count: number): Buffer => Buffer.alloc(count, octet)
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

function hash(bytes: Uint8Array): string {
  const out = new Uint8Array(HMAC_SHA1_LENGTH)
  sha1(bytes, 0, bytes.length, out, 0)
  return Buffer.from(out).toString('hex')
}

function hmac(key: Uint8Array, data: Uint8Array): string {
  const out = new Uint8Array(HMAC_SHA1_LENGTH)
  new HmacSha1(key).digest(data, 0, data.length, out, 0)
  return Buffer.from(out).toString('hex')
}

describe('SHA-1, RFC 3174 §7.3', () => {
  it.each([
    ['abc', 1, 'a9993e364706816aba3e25717850c26c9cd0d89d'],
    [
      'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
      1,
      '84983e441c3bd26ebaae4aa1f95129e5e54670f1',
    ],
    ['a', 1_000_000, '34aa973cd4c4daa4f61eeb2bdbad27316534016f'],
    [
      '0123456701234567012345670123456701234567012345670123456701234567',
      10,
      'dea356a2cddd90c7a7ecedc5ebb563934f460452',
    ],
  ])('%s × %i', (text, count, digest) => {
    expect(hash(latin1(text.repeat(count)))).toBe(digest)
  })
})

describe('HMAC-SHA1, RFC 2202 §3', () => {
  it.each([
    [repeated(0x0b, 20), latin1('Hi There'), 'b617318655057264e28bc0b6fb378c8ef146be00'],
    [latin1('Jefe'), latin1('what do ya want for nothing?'), 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79'],
    [repeated(0xaa, 20), repeated(0xdd, 50), '125d7342b9ac11cd91a39af48aa17b4f63f175d3'],
    [
      Buffer.from(Array.from({ length: 25 }, (_, at) => at + 1)),
      repeated(0xcd, 50),
      '4c9007f4026250c6bc8414f9bf50c86c2d7235da',
    ],
    [repeated(0x0c, 20), latin1('Test With Truncation'), '4c1a03424b55e07fe7f27be1d58bb9324a9a5a04'],
    [
      repeated(0xaa, 80),
      latin1('Test Using Larger Than Block-Size Key - Hash Key First'),
      'aa4ae5e15272d00e95705637ce8a3b55ed402112',
    ],
    [
      repeated(0xaa, 80),
      latin1('Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data'),
      'e8e99d0f45237d786d6bbaa7965c7808bbff1a91',
    ],
  ])('case %#', (key, data, digest) => {
    expect(hmac(key, data)).toBe(digest)
    expect(new HmacSha1(key).hex(data.toString('latin1'))).toBe(digest)
  })

  it('gives what node:crypto gives for 2,000 random keys and texts', () => {
    const source = seededRandom(2104)
    const tokens = new Tokens(source)
    for (let round = 0; round < 2000; round++) {
      const key = source.fill(new Uint8Array(tokens.below(100)))
      const data = source.fill(Buffer.alloc(tokens.below(300)))
      const before = tokens.below(9)
      const bytes = Buffer.concat([repeated(7, before), data, repeated(9, tokens.below(9))])
      const out = repeated(1, 30)
      const expected = createHmac('sha1', key).update(data).digest()
      const ours = new HmacSha1(key)
      ours.digest(bytes, before, before + data.length, out, 5)
      expect(out.subarray(5, 25)).toEqual(expected)
      expect([...out.subarray(0, 5), ...out.subarray(25)]).toEqual(new Array(10).fill(1))
      ours.digestText(data.toString('latin1'), out, 0)
      expect(out.subarray(0, 20)).toEqual(expected)
      expect(hash(data)).toBe(createHash('sha1').update(data).digest('hex'))
    }
  })

  it('keeps instances apart, and its key is its own', () => {
    const key = new Uint8Array(20).fill(3)
    const [one, other] = [new HmacSha1(key), new HmacSha1(new Uint8Array(20).fill(4))]
    const first = one.hex('via')
    key.fill(9)
    expect(other.hex('via')).not.toBe(first)
    expect(one.hex('via')).toBe(first)
  })

  it('compares a truncated tag as a whole', () => {
    const mac = new HmacSha1(new Uint8Array([1, 2, 3]))
    const tag = mac.hex('z9hG4bK-1', 8)
    expect(tag).toMatch(/^[0-9a-f]{16}$/)
    expect(mac.matches('z9hG4bK-1', 8, tag)).toBe(true)
    expect(mac.matches('z9hG4bK-2', 8, tag)).toBe(false)
    for (const forged of ['', tag.slice(0, 14), `${tag}00`, tag.toUpperCase(), `${tag.slice(0, 15)}g`]) {
      expect(mac.matches('z9hG4bK-1', 8, forged)).toBe(false)
    }
  })
})
