import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeNgJson, encodeNgJson, NgJsonError } from '../../../../src/media/rtpengine/message/json.ts'

const read = (text: string): unknown => decodeNgJson(Buffer.from(text))

describe('NG in JSON', () => {
  it('reads back what was written', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.maxSafeInteger())), object => {
        expect(decodeNgJson(encodeNgJson(object))).toEqual(new Map(Object.entries(object)))
      }),
    )
  })

  it('knows truth as 1 and 0 and leaves null out', () => {
    expect(read('{"a":true,"b":false,"c":null,"d":[null,1.5]}')).toEqual(
      new Map<string, unknown>([
        ['a', 1],
        ['b', 0],
        ['d', [1.5]],
      ]),
    )
  })

  it('writes maps as objects and leaves keys without a value out', () => {
    expect(encodeNgJson(new Map([['__proto__', 'x']])).toString()).toBe('{"__proto__":"x"}')
    expect(encodeNgJson({ a: undefined }).toString()).toBe('{}')
  })

  it.each(['', 'x', '{', 'null', '{"a":}'])('refuses %j', text => {
    expect(() => read(text)).toThrow(NgJsonError)
  })

  it('refuses what goes over its limits, quoted brackets apart', () => {
    expect(() => decodeNgJson(Buffer.from('[[[]]]'), { maxDepth: 2 })).toThrow('deeper than 2')
    expect(() => decodeNgJson(Buffer.from('[1,2,3]'), { maxItems: 3 })).toThrow('more than 3 values')
    expect(() => decodeNgJson(Buffer.from('"abc"'), { maxLength: 4 })).toThrow('more than the 4 allowed')
    expect(decodeNgJson(Buffer.from('"[[[\\"[,,,"'), { maxDepth: 1, maxItems: 1 })).toBe('[[["[,,,')
  })

  it.each([
    ['1 MB in one string', `"${'x'.repeat(1_000_000)}"`],
    ['512 kB of lists', '['.repeat(500_000)],
    ['512 kB of numbers', `[${'1,'.repeat(250_000)}1]`],
  ])('refuses %s within 5 ms', (_, bomb) => {
    const bytes = Buffer.from(bomb)
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now()
      expect(() => decodeNgJson(bytes)).toThrow(NgJsonError)
      return performance.now() - start
    })
    expect(Math.min(...times)).toBeLessThan(5)
  })
})
