import { describe, expect, it } from 'vitest'
import { locateServer, parseServerName } from '../../../src/media/stun/index.ts'

describe('server names', () => {
  it.each([
    ['stun:stun.example.org', 'stun', 'stun.example.org', 3478, 'udp'],
    ['stuns:stun.example.org', 'stun', 'stun.example.org', 5349, 'tls'],
    ['STUN:192.0.2.1:19302', 'stun', '192.0.2.1', 19302, 'udp'],
    ['stuns:[2001:db8::1]:443', 'stun', '2001:db8::1', 443, 'tls'],
    ['turn:t.example.org', 'turn', 't.example.org', 3478, 'udp'],
    ['turn:t.example.org?transport=tcp', 'turn', 't.example.org', 3478, 'tcp'],
    ['turns:t.example.org:443?transport=tcp', 'turn', 't.example.org', 443, 'tls'],
    ['turns:t.example.org?transport=udp', 'turn', 't.example.org', 5349, 'dtls'],
    ['stun.example.org', 'stun', 'stun.example.org', 3478, 'udp'],
    ['stun.example.org:3479', 'stun', 'stun.example.org', 3479, 'udp'],
  ])('%s (RFC 7064 §3.1, RFC 7065 §3.1)', (text, scheme, host, port, transport) => {
    expect(parseServerName(text)).toEqual({ scheme, host, port, transport })
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

  it('asks the look-up for names, not for numbers, and keeps its order', async () => {
    const asked: string[] = []
    const resolve = async (host: string) => {
      asked.push(host)
      return [{ address: '2001:DB8:0:0:0:0:0:1' }, { address: '192.0.2.1' }]
    }
    expect(await locateServer('stuns:stun.example.org', resolve)).toEqual([
      { address: '2001:db8::1', port: 5349, transport: 'tls', domain: 'stun.example.org' },
      { address: '192.0.2.1', port: 5349, transport: 'tls', domain: 'stun.example.org' },
    ])
    expect(await locateServer('192.0.2.9', resolve)).toEqual([
      { address: '192.0.2.9', port: 3478, transport: 'udp', domain: '192.0.2.9' },
    ])
    expect(asked).toEqual(['stun.example.org'])
    await expect(locateServer('nowhere.example.org', async () => [])).rejects.toThrow(/gave no address/)
  })
})
