import { describe, expect, test } from 'vitest'
import { isLinkLocal, withoutZone, zoneOf } from '../../src/util/address.ts'
import { UsageError } from '../../src/util/errors.ts'
import { Networks } from '../../src/util/networks.ts'

describe('networks in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3)', () => {
  test.each([
    [
      '10.0.0.0/8',
      ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3'],
      ['9.255.255.255', '11.0.0.0', '::10.0.0.1'],
    ],
    ['172.16.0.0/12', ['172.16.0.1', '172.31.255.255'], ['172.15.255.255', '172.32.0.0']],
    ['192.0.2.129/25', ['192.0.2.128', '192.0.2.255'], ['192.0.2.127']],
    ['192.0.2.7', ['192.0.2.7'], ['192.0.2.6']],
    ['0.0.0.0/0', ['203.0.113.9'], ['2001:db8::1']],
    ['2001:db8::/33', ['2001:db8:7fff::1'], ['2001:db8:8000::1', '192.0.2.1']],
    ['fe80::/10', ['fe80::1%eth0', 'FEBF::1'], ['fec0::1']],
  ])('%s', (text, inside, outside) => {
    const networks = new Networks([text])
    expect(inside.filter(address => !networks.has(address))).toEqual([])
    expect(outside.filter(address => networks.has(address))).toEqual([])
  })

  test('RFC 1918 §3 and RFC 4193 §3.1: what is private by its number', () => {
    const networks = new Networks(['private', '203.0.113.0/24'])
    const inside = [
      '10.9.9.9',
      '172.20.0.1',
      '192.168.1.1',
      '127.0.0.1',
      'fd12::1',
      '::1',
      'fe80::1%2',
      '203.0.113.4',
    ]
    expect(inside.filter(address => !networks.has(address))).toEqual([])
    expect(
      ['100.64.0.1', '198.51.100.1', '2001:db8::1', 'a.example'].filter(host => networks.has(host)),
    ).toEqual([])
  })

  test.each([
    '',
    '10.0.0.0/33',
    'fd00::/129',
    '10.0.0/8',
    'lan',
    '10.0.0.0/-1',
    'fe80::%eth0/10',
    '10.0.0.0/8/8',
  ])('%j is none', text => expect(() => new Networks([text])).toThrow(UsageError))
})

test('RFC 4007 §11 the zone of an address', () => {
  expect([zoneOf('fe80::1%eth0'), zoneOf('fe80::1')]).toEqual(['%eth0', ''])
  expect([withoutZone('fe80::1%eth0'), withoutZone('192.0.2.1')]).toEqual(['fe80::1', '192.0.2.1'])
  expect(['fe80::1%eth0', 'FE80:0::1', 'febf::', 'fe80::1'].every(isLinkLocal)).toBe(true)
  expect(['fec0::1', '169.254.0.1', '::1', 'fe8::1', 'fe80:x', 'fe80.example'].some(isLinkLocal)).toBe(false)
})
