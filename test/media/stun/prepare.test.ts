import { describe, expect, it } from 'vitest'
import { opaqueString, saslPrep } from '../../../src/media/stun/index.ts'

describe('SASLprep', () => {
  it.each([
    ['I\u00adX', 'IX'],
    ['user', 'user'],
    ['USER', 'USER'],
    ['\u00aa', 'a'],
    ['\u2168', 'IX'],
    ['\u0007', undefined],
    ['\u0627\u0031', undefined],
  ])('RFC 4013 §3: %j becomes %j', (text, prepared) => {
    expect(saslPrep(text)).toBe(prepared)
  })

  it.each([
    ['a\u00a0b', 'a b'],
    ['\u0627\u0031\u0628', '\u0627\u0031\u0628'],
    ['\u05d0a\u05d0', undefined],
    ['\ue000', undefined],
    ['\ud800', undefined],
    ['\u200e', undefined],
    ['\u{e0041}', undefined],
    ['マトリックス', 'マトリックス'],
    ['', ''],
  ])('RFC 4013 §2: %j becomes %j', (text, prepared) => {
    expect(saslPrep(text)).toBe(prepared)
  })
})

describe('OpaqueString', () => {
  it.each([
    ['correct horse battery staple', 'correct horse battery staple'],
    ['Correct Horse Battery Staple', 'Correct Horse Battery Staple'],
    ['\u03c0\u00df\u00e5', '\u03c0\u00df\u00e5'],
    ['Jack of \u2666s', 'Jack of \u2666s'],
    ['foo\u1680bar', 'foo bar'],
    ['my cat is a \u0009by', undefined],
    ['a\u030a', '\u00e5'],
    ['I\u00adX', undefined],
    ['\u0378', undefined],
  ])('RFC 8265 §4.3: %j becomes %j', (text, prepared) => {
    expect(opaqueString(text)).toBe(prepared)
  })
})
