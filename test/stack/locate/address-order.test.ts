import { describe, expect, test } from 'vitest'
import { inOrder } from '../../../src/stack/locate/address-order.ts'

const all = (): boolean => true

describe('RFC 7984, RFC 6724, RFC 8305: the order of one host’s addresses', () => {
  test('the families take turns, IPv6 first, within each the name server’s order', () => {
    expect(inOrder(['2001:db8::2', '2001:db8::3', '2001:db8::4'], ['192.0.2.2'], all)).toEqual([
      '2001:db8::2',
      '192.0.2.2',
      '2001:db8::3',
      '2001:db8::4',
    ])
  })

  test.each([
    ['unique local', 'fd00::1', '192.0.2.2'],
    ['6to4', '2002:c000:201::1', '192.0.2.2'],
    ['Teredo', '2001::1', '192.0.2.2'],
    ['IPv4-mapped beside loop-back', '::ffff:192.0.2.9', '127.0.0.1'],
  ])('the policy table: %s', (name, six, four) => {
    const first = name === 'IPv4-mapped beside loop-back' ? six : four
    expect(inOrder([six], [four], all)[0]).toBe(first)
  })

  test('within IPv6 the global address comes before the tunnel', () => {
    expect(inOrder(['2002:c000:201::1', '2001:db8::1'], [], all)).toEqual(['2001:db8::1', '2002:c000:201::1'])
  })

  test('rule 1: what cannot be reached comes last, and is not left out', () => {
    const four = (address: string): boolean => !address.includes(':')
    expect(inOrder(['2001:db8::1'], ['192.0.2.2', '192.0.2.3'], four)).toEqual([
      '192.0.2.2',
      '2001:db8::1',
      '192.0.2.3',
    ])
  })

  test('one family, or none', () => {
    expect(inOrder([], ['192.0.2.2'], all)).toEqual(['192.0.2.2'])
    expect(inOrder(['::1'], [], all)).toEqual(['::1'])
    expect(inOrder([], [], all)).toEqual([])
  })
})
