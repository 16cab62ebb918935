import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BencodeError,
  type BencodeInput,
  type BencodeValue,
  decodeBencode,
  encodeBencode,
} from '../../../../src/media/rtpengine/bencode/bencode.ts'
import { BencodeLengthFinder } from '../../../../src/media/rtpengine/bencode/length.ts'
import { UsageError } from '../../../../src/util/errors.ts'
import { cpuMilliseconds } from '../../../cpu.ts'
import { fuzzBencode } from '../../../fuzz/bencode.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const read = (text: string): BencodeValue => decodeBencode(bytes(text))

const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code)) })

/** Values and what they are read as: dictionaries come back as maps. */
const { value: anyValue } = fc.letrec<{ value: BencodeValue }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    latin1,
    fc.maxSafeInteger(),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(latin1, tie('value')), { maxLength: 5 }).map(entries => new Map(entries)),
  ),
}))

describe('bencode writer', () => {
  it('sorts the keys of dictionaries by their bytes', () => {
    const keys = { b: 1, a: 2, B: 3, ü: 4, '': 5 }
    expect(encodeBencode(keys).toString('latin1')).toBe('d0:i5e1:Bi3e1:ai2e1:bi1e1:üi4ee')
  })

  it('writes strings as UTF-8 or one character a byte, and bytes as they are', () => {
    expect(encodeBencode('é', 'utf8')).toEqual(Buffer.from('2:é'))
    expect(encodeBencode('é')).toEqual(bytes('1:é'))
    expect(encodeBencode(Uint8Array.of(0, 255))).toEqual(bytes('2:\0\xff'))
  })

  it('leaves keys without a value out', () => {
    expect(encodeBencode({ a: undefined, b: [] }).toString()).toBe('d1:blee')
  })

  it.each([1.5, Number.NaN, 2 ** 53])('refuses the number %d', number => {
    expect(() => encodeBencode(number)).toThrow(UsageError)
  })

  it('writes no negative zero', () => {
    expect(encodeBencode(-0).toString()).toBe('i0e')
  })

  it('refuses characters above U+00FF as latin1', () => {
    expect(() => encodeBencode('€')).toThrow(UsageError)
  })
})

describe('bencode reader', () => {
  it('takes keys in any order', () => {
    expect(read('d6:result2:ok3:sdp3:v=0e')).toEqual(
      new Map([
        ['result', 'ok'],
        ['sdp', 'v=0'],
      ]),
    )
  })

  it('reads negative and large integers', () => {
    expect(read('li-42ei0ei9007199254740991ee')).toEqual([-42, 0, Number.MAX_SAFE_INTEGER])
  })

  it('keeps names of the wire apart from properties', () => {
    const value = read('d9:__proto__1:x11:constructor1:ye')
    expect(value).toEqual(
      new Map([
        ['__proto__', 'x'],
        ['constructor', 'y'],
      ]),
    )
  })

  it.each([
    ['', 'nothing'],
    ['5:abc', 'a string cut short'],
    ['d', 'a dictionary cut short'],
    ['l1:a', 'a list cut short'],
    ['di1e1:ae', 'a key that is an integer'],
    ['d1:ae', 'a key without a value'],
    ['ie', 'an integer without digits'],
    ['i1', 'an integer cut short'],
    ['i1.5e', 'a fraction'],
    ['-1:', 'a negative length'],
    ['e', 'an end of nothing'],
    ['1:ab', 'more than one value'],
    ['999999999999999999999:', 'a length of 21 digits'],
    ['x', 'no value at all'],
  ])('refuses %j: %s', text => {
    expect(() => read(text)).toThrow(BencodeError)
  })

  it('refuses what goes over its limits', () => {
    expect(() => decodeBencode(bytes('3:abc'), { maxLength: 4 })).toThrow('more than the 4 allowed')
    expect(() => decodeBencode(bytes('lllee'), { maxDepth: 2 })).toThrow('deeper than 2')
    expect(() => decodeBencode(bytes('l0:0:0:e'), { maxItems: 3 })).toThrow('more than 3 values')
  })

  it.each([
    ['1 MB in one string', bytes(`1000000:${'x'.repeat(1_000_000)}`)],
    ['1 MB of lists', bytes('l'.repeat(1_000_000))],
    ['512 kB of lists', bytes('l'.repeat(500_000))],
    ['512 kB of dictionaries', bytes('d0:'.repeat(170_000))],
    ['512 kB of empty strings', bytes(`l${'0:'.repeat(250_000)}e`)],
    ['512 kB of digits', bytes('9'.repeat(500_000))],
  ])('refuses %s within 5 ms', (_, bomb) => {
    // the least of twenty: the first ones are not compiled yet, and some pay for a garbage collection
    const times = Array.from({ length: 20 }, () => {
      const start = cpuMilliseconds()
      expect(() => decodeBencode(bomb)).toThrow(BencodeError)
      return cpuMilliseconds() - start
    })
    expect(Math.min(...times)).toBeLessThan(5)
  })

  it('reads back what was written', () => {
    fc.assert(
      fc.property(anyValue, value => {
        expect(decodeBencode(encodeBencode(value as BencodeInput))).toEqual(value)
      }),
    )
  })

  it('reads Unicode back that was written as UTF-8', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), object => {
        const written = encodeBencode(object, 'utf8')
        expect(decodeBencode(written, { strings: 'utf8' })).toEqual(new Map(Object.entries(object)))
      }),
    )
  })

  it('throws nothing but its own error at 100,000 mutated replies', () => {
    const { refused, accepted } = fuzzBencode(100_000, 4)
    expect(refused + accepted).toBe(100_000)
    expect(refused).toBeGreaterThan(10_000)
    expect(accepted).toBeGreaterThan(1_000)
  }, 60_000)
})

describe('bencode length finder', () => {
  it('finds the end of a value however the stream is cut', () => {
    fc.assert(
      fc.property(anyValue, fc.array(fc.nat(20)), (value, cuts) => {
        const message = encodeBencode(value as BencodeInput)
        const stream = Buffer.concat([message, bytes('d1')])
        const finder = new BencodeLengthFinder({ maxDepth: 1000 })
        let end = -1
        let start = 0
        for (const size of [...cuts, stream.length]) {
          const found = finder.find(stream.subarray(start, start + size))
          if (found >= 0) {
            end = start + found
            break
          }
          start += size
        }
        expect(end).toBe(message.length)
      }),
    )
  })

  it('starts anew after each value', () => {
    const finder = new BencodeLengthFinder()
    const stream = bytes('i1ed1:ali2eee0:')
    const ends: number[] = []
    for (let at = finder.find(stream, 0); at >= 0; at = finder.find(stream, at)) ends.push(at)
    expect(ends).toEqual([3, 13, 15])
  })

  it.each([
    ['x', 'no value'],
    ['e', 'no value'],
    ['iae', 'no integer'],
    ['1a', 'no length'],
    ['9999999999', 'goes over'],
  ])('refuses %j at the first byte that cannot be', (text, problem) => {
    expect(() => new BencodeLengthFinder().find(bytes(text))).toThrow(problem)
  })

  it('refuses what goes over its limits before it has come', () => {
    expect(() => new BencodeLengthFinder({ maxLength: 10 }).find(bytes('11:'))).toThrow('goes over the 10')
    expect(() => new BencodeLengthFinder({ maxDepth: 2 }).find(bytes('lll'))).toThrow('deeper than 2')
    expect(() => new BencodeLengthFinder({ maxItems: 2 }).find(bytes('l0:0:'))).toThrow('more than 2 values')
  })
})
