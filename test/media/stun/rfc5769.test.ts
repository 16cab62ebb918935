import { describe, expect, it } from 'vitest'
import {
  checkFingerprint,
  checkIntegrity,
  IceControlled,
  longTermKey,
  Nonce,
  nodeHash,
  Priority,
  parseStun,
  Realm,
  Software,
  StunMessage,
  StunWriter,
  shortTermKey,
  Username,
  XorMappedAddress,
} from '../../../src/media/stun/index.ts'
import { hex } from './hex.ts'

const request = hex(`
  00 01 00 58 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 10 53 54 55 4e 20 74 65 73 74 20 63 6c 69 65 6e 74
  00 24 00 04 6e 00 01 ff
  80 29 00 08 93 2f f9 b1 51 26 3b 36
  00 06 00 09 65 76 74 6a 3a 68 36 76 59 20 20 20
  00 08 00 14 9a ea a7 0c bf d8 cb 56 78 1e f2 b5 b2 d3 f2 49 c1 b5 71 a2
  80 28 00 04 e5 7a 3b cf`)

const ipv4Response = hex(`
  01 01 00 3c 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20
  00 20 00 08 00 01 a1 47 e1 12 a6 43
  00 08 00 14 2b 91 f5 99 fd 9e 90 c3 8c 74 89 f9 2a f9 ba 53 f0 6b e7 d7
  80 28 00 04 c0 7d 4c 96`)

const ipv6Response = hex(`
  01 01 00 48 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20
  00 20 00 14 00 02 a1 47 01 13 a9 fa a5 d3 f1 79 bc 25 f4 b5 be d2 b9 d9
  00 08 00 14 a3 82 95 4e 4b e6 7b f1 17 84 c9 7c 82 92 c2 75 bf e3 ed 41
  80 28 00 04 c8 fb 0b 4c`)

const longTermRequest = hex(`
  00 01 00 60 21 12 a4 42 78 ad 34 33 c6 ad 72 c0 29 da 41 2e
  00 06 00 12 e3 83 9e e3 83 88 e3 83 aa e3 83 83 e3 82 af e3 82 b9 00 00
  00 15 00 1c 66 2f 2f 34 39 39 6b 39 35 34 64 36 4f 4c 33 34 6f 4c 39 46 53 54 76 79 36 34 73 41
  00 14 00 0b 65 78 61 6d 70 6c 65 2e 6f 72 67 00
  00 08 00 14 f6 70 24 65 6d d6 4a 3e 02 b8 e0 71 2e 85 c9 a2 8c a8 96 66`)

const id = hex('b7e7a701bc34d686fa87dfae')
const password = 'VOkJxbRl1RmTxUk/WvJxBt'
const shortTerm = shortTermKey(password, nodeHash)
const matrix = { username: 'マトリックス', password: 'The\u00adM\u00aatr\u2168' }
const longTerm = longTermKey(matrix, 'example.org', nodeHash)

describe('RFC 5769 test vectors', () => {
  it('§2.1 sample request: read, checked', () => {
    const message = parsed(request)
    expect([message.method, message.class, message.classic]).toEqual([1, 'request', false])
    expect(message.get(Software)).toBe('STUN test client')
    expect(message.get(Priority)).toBe(0x6e0001ff)
    expect(message.get(IceControlled)).toBe(0x932ff9b151263b36n)
    expect(message.get(Username)).toBe('evtj:h6vY')
    expect(checkIntegrity(message, shortTerm)).toBe('valid')
    expect(checkIntegrity(message, shortTermKey('wrong', nodeHash))).toBe('invalid')
    expect(checkFingerprint(message)).toBe('valid')
  })

  it('§2.1 sample request: written, padded with spaces as there', () => {
    const written = new StunWriter(1, 'request', id, { padding: 0x20 })
      .add(Software, 'STUN test client')
      .add(Priority, 0x6e0001ff)
      .add(IceControlled, 0x932ff9b151263b36n)
      .add(Username, 'evtj:h6vY')
      .integrity(shortTerm)
      .fingerprint()
      .finish()
    expect(written.toString('hex')).toBe(Buffer.from(request).toString('hex'))
  })

  it.each([
    ['§2.2 sample IPv4 response', ipv4Response, '192.0.2.1'],
    ['§2.3 sample IPv6 response', ipv6Response, '2001:db8:1234:5678:11:2233:4455:6677'],
  ])('%s: read, checked and written', (_, bytes, address) => {
    const message = parsed(bytes)
    expect([message.method, message.class]).toEqual([1, 'success'])
    expect(message.get(Software)).toBe('test vector')
    expect(message.get(XorMappedAddress)).toEqual({ address, port: 32853 })
    expect(checkIntegrity(message, shortTerm)).toBe('valid')
    expect(checkFingerprint(message)).toBe('valid')
    const written = new StunWriter(1, 'success', id, { padding: 0x20 })
      .add(Software, 'test vector')
      .add(XorMappedAddress, { address, port: 32853 })
      .integrity(shortTerm)
      .fingerprint()
      .finish()
    expect(written.toString('hex')).toBe(Buffer.from(bytes).toString('hex'))
  })

  it('§2.4 sample request with long-term authentication: read, checked and written', () => {
    const message = parsed(longTermRequest)
    expect(message.get(Username)).toBe('マトリックス')
    expect(message.get(Nonce)).toBe('f//499k954d6OL34oL9FSTvy64sA')
    expect(message.get(Realm)).toBe('example.org')
    expect(checkIntegrity(message, longTerm)).toBe('valid')
    expect(checkFingerprint(message)).toBe('absent')
    const written = new StunWriter(1, 'request', hex('78ad3433c6ad72c029da412e'))
      .add(Username, matrix.username)
      .add(Nonce, 'f//499k954d6OL34oL9FSTvy64sA')
      .add(Realm, 'example.org')
      .integrity(longTerm)
      .finish()
    expect(written.toString('hex')).toBe(Buffer.from(longTermRequest).toString('hex'))
  })

  it.each([request, ipv4Response, ipv6Response])('one flipped bit anywhere breaks the fingerprint', bytes => {
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = bytes.slice()
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const message = parseStun(flipped)
      if (message instanceof StunMessage) expect(checkFingerprint(message)).not.toBe('valid')
    }
  })
})

function parsed(bytes: Uint8Array): StunMessage {
  const message = parseStun(bytes)
  if (typeof message === 'string') throw new Error(message)
  return message
}
