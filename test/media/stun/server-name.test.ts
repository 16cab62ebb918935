import { describe, expect, it } from 'vitest'
import { parseServerName } from '../../../src/media/stun/index.ts'

describe('server names', () => {
  it.each([
    ['stun:stun.example.org', 'stun', false, 'stun.example.org', undefined, 'udp'],
    ['stuns:stun.example.org', 'stun', true, 'stun.example.org', undefined, 'tls'],
    ['STUN:192.0.2.1:19302', 'stun', false, '192.0.2.1', 19302, 'udp'],
    ['stuns:stun.example.org:443', 'stun', true, 'stun.example.org', 443, 'tls'],
    ['turn:t.example.org', 'turn', false, 't.example.org', undefined, undefined],
    ['turns:[2001:db8::1]', 'turn', true, '2001:db8::1', undefined, undefined],
    ['turn:t.example.org?transport=tcp', 'turn', false, 't.example.org', undefined, 'tcp'],
    ['turns:t.example.org:443?transport=tcp', 'turn', true, 't.example.org', 443, 'tls'],
    ['turns:t.example.org?transport=udp', 'turn', true, 't.example.org', undefined, 'dtls'],
    ['stun.example.org', 'stun', false, 'stun.example.org', undefined, 'udp'],
    ['stun.example.org:3479', 'stun', false, 'stun.example.org', 3479, 'udp'],
  ])('%s (RFC 7064 §3.1, RFC 7065 §3.1)', (text, scheme, secure, host, port, transport) => {
    expect(parseServerName(text)).toEqual({ scheme, secure, host, port, transport })
  })

  it.each([
    '',
    'stun:',
    'stun://host',
    'stun:host:0',
    'stun:host:70000',
    'stun:a b',
    'http:host',
    'stun:host?transport=tcp',
    'stun:user@host',
  ])('refuses %j', text => {
    expect(() => parseServerName(text)).toThrow(/names no STUN server/)
  })

  it.each(['stuns:192.0.2.1', 'stuns:[2001:db8::1]:443'])(
    'refuses %s, which no certificate proves (RFC 8489 §8.1)',
    text => {
      expect(() => parseServerName(text)).toThrow(/cannot be proven/)
    },
  )

  it('refuses what only looks like an IPv6 address', () => {
    expect(() => parseServerName('stun:[1:2:3]')).toThrow(/is no IPv6 address/)
  })
})
