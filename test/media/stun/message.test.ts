import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import {
  checkClassicIntegrity,
  checkFingerprint,
  checkIntegrity,
  checkIntegritySha256,
  longTermKey,
  malformedAttribute,
  method,
  Nonce,
  nodeHash,
  PasswordAlgorithm,
  parseStun,
  passwordAlgorithm,
  Realm,
  Software,
  StunMessage,
  StunWriter,
  securityFeatures,
  shortTermKey,
  stunLimits,
  Userhash,
  Username,
  unknownRequired,
  userhash,
  XorMappedAddress,
} from '../../../src/media/stun/index.ts'
import { hex } from './hex.ts'

const id = hex('000102030405060708090a0b')
const header = (type: string, length: string): string => `${type}${length}2112a442000102030405060708090a0b`
const key = shortTermKey('secret', nodeHash)

describe('framing (RFC 8489 §5)', () => {
  it.each([
    ['shorter than a header', '0001', 'truncated'],
    ['shorter than its length says', header('0001', '0004'), 'truncated'],
    ['longer than its length says', `${header('0001', '0000')}00000000`, 'length-mismatch'],
    ['first two bits set, as in RTP', header('8001', '0000'), 'not-stun'],
    ['a length that is no multiple of four', `${header('0001', '0002')}0000`, 'unaligned'],
    [
      'an attribute longer than what is left',
      `${header('0001', '0008')}0006ffff00000000`,
      'attribute-overrun',
    ],
    ['padding longer than what is left', `${header('0001', '0004')}00060001`, 'attribute-overrun'],
  ])('refuses octets that are %s', (_, octets, fault) => {
    expect(parseStun(hex(octets))).toBe(fault)
  })

  it('keeps the limits it is given', () => {
    const many = new StunWriter(1, 'request', id)
    for (let i = 0; i < 65; i++) many.addOctets(0x8022, new Uint8Array(0))
    expect(parseStun(many.finish())).toBe('too-many-attributes')
    const large = new StunWriter(1, 'request', id).addOctets(0x0026, new Uint8Array(600)).finish()
    expect(parseStun(large, { ...stunLimits, size: 576 })).toBe('oversized')
    expect(parseStun(large)).toBeInstanceOf(StunMessage)
  })

  it('places method and class bits as Figure 3 has them', () => {
    const type = (stunMethod: number, stunClass: 'request' | 'indication' | 'success' | 'error') =>
      new StunWriter(stunMethod, stunClass, id).finish().readUInt16BE(0)
    expect([type(1, 'request'), type(1, 'indication'), type(1, 'success'), type(1, 'error')]).toEqual([
      0x0001, 0x0011, 0x0101, 0x0111,
    ])
    expect(type(method.ConnectionAttempt, 'indication')).toBe(0x001c)
    for (let stunMethod = 0; stunMethod < 0x1000; stunMethod++) {
      const message = parsed(new StunWriter(stunMethod, 'error', id).finish())
      expect([message.method, message.class]).toEqual([stunMethod, 'error'])
    }
  })

  it('takes only the first of an attribute, and gives all when asked (§14)', () => {
    const message = parsed(new StunWriter(1, 'request', id).add(Software, 'a').add(Software, 'b').finish())
    expect(message.get(Software)).toBe('a')
    expect(message.all(Software)).toEqual(['a', 'b'])
    expect(message.types()).toEqual([0x8022, 0x8022])
  })

  it('passes over what stands behind the integrity (§14.5, §14.6)', () => {
    const writer = new StunWriter(1, 'request', id)
      .integrity(key)
      .add(Username, 'mallory')
      .integritySha256(key)
    const message = parsed(writer.add(Realm, 'evil').fingerprint().add(Nonce, 'late').finish())
    expect(message.types()).toEqual([0x0008, 0x001c, 0x8028])
    expect([message.get(Username), message.get(Realm), message.get(Nonce)]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(checkFingerprint(message)).toBe('invalid')
  })

  it('leaves the octets it reads as they are', () => {
    const address = { address: '2001:db8::1', port: 9 }
    const bytes = new StunWriter(1, 'success', id).add(XorMappedAddress, address).finish()
    const before = bytes.toString('hex')
    const message = parsed(bytes)
    expect([message.get(XorMappedAddress), message.get(XorMappedAddress)]).toEqual([address, address])
    expect(bytes.toString('hex')).toBe(before)
  })
})

describe('unknown and malformed attributes', () => {
  it('lists unknown comprehension-required types once each (RFC 8489 §6.3.1)', () => {
    const writer = new StunWriter(1, 'request', id)
    for (const type of [0x7f01, 0x0006, 0x7f02, 0x7f01, 0xff00]) writer.addOctets(type, new Uint8Array(0))
    expect(unknownRequired(parsed(writer.finish()))).toEqual([0x7f01, 0x7f02])
    expect(unknownRequired(parsed(writer.finish()), new Set([0x7f01]))).toEqual([0x0006, 0x7f02])
  })

  it('names the first known attribute whose value breaks its format', () => {
    const good = new StunWriter(1, 'request', id).add(Username, 'alice')
    expect(malformedAttribute(parsed(good.finish()))).toBeUndefined()
    const bad = new StunWriter(1, 'request', id).addOctets(0x0020, new Uint8Array(3)).finish()
    expect(malformedAttribute(parsed(bad))?.name).toBe('XOR-MAPPED-ADDRESS')
    expect(parsed(bad).get(XorMappedAddress)).toBeUndefined()
  })
})

describe('integrity', () => {
  it('takes a truncated SHA-256 only where the usage allows it (RFC 8489 §14.6)', () => {
    for (const size of [16, 20, 24, 28, 32]) {
      const message = parsed(
        new StunWriter(1, 'request', id).integritySha256(key, size).fingerprint().finish(),
      )
      expect(checkIntegritySha256(message, key)).toBe(size === 32 ? 'valid' : 'invalid')
      expect(checkIntegritySha256(message, key, 16)).toBe('valid')
      expect(checkIntegritySha256(message, key, 24)).toBe(size < 24 ? 'invalid' : 'valid')
    }
    const short = parsed(new StunWriter(1, 'request', id).addOctets(0x001c, new Uint8Array(12)).finish())
    expect(checkIntegritySha256(short, key, 4)).toBe('invalid')
    expect(() => new StunWriter(1, 'request', id).integritySha256(key, 12)).toThrow(/16, 20/)
  })

  it('fills the text to 64 octets with zeros as RFC 3489 §11.2.8 did', () => {
    const bytes = new StunWriter(1, 'request', hex('00'.repeat(16)))
      .add(Username, 'alice')
      .classicIntegrity(key)
      .finish()
    const text = Buffer.alloc(64)
    bytes.copy(text, 0, 0, 32)
    expect(bytes.subarray(36)).toEqual(nodeHash.hmac('sha1', key.key, [text]))
    const message = parsed(bytes)
    expect(message.classic).toBe(true)
    expect([checkClassicIntegrity(message, key), checkIntegrity(message, key)]).toEqual(['valid', 'invalid'])
  })

  it('says absent where there is none', () => {
    const message = parsed(new StunWriter(1, 'request', id).finish())
    expect([
      checkIntegrity(message, key),
      checkIntegritySha256(message, key),
      checkClassicIntegrity(message, key),
    ]).toEqual(['absent', 'absent', 'absent'])
  })

  it('makes the key of the example in RFC 8489 §9.2.2', () => {
    const made = longTermKey({ username: 'user', password: 'pass' }, 'realm', nodeHash)
    const text = [Buffer.from('text')]
    const expected = nodeHash.key(Buffer.from('8493fbc53ba582fb4c044c456bdc40eb', 'hex'))
    expect(nodeHash.hmac('sha1', made.key, text)).toEqual(nodeHash.hmac('sha1', expected, text))
  })

  it('keeps a key out of sight, and takes none of another hash', () => {
    const made = shortTermKey('very secret', nodeHash)
    expect(JSON.stringify(made) + inspect(made)).not.toMatch(/very/)
    expect(() => nodeHash.hmac('sha1', {}, [])).toThrow(/another hash/)
  })
})

describe('RFC 8489 Appendix B.1', () => {
  const matrix = { username: 'マトリックス', password: 'The\u00adM\u00aatr\u2168' }
  const nonce = 'obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA'
  const matrixKey = longTermKey(matrix, 'example.org', nodeHash, 'sha256')
  const matrixHash = userhash(matrix.username, 'example.org', nodeHash)
  const request = () =>
    new StunWriter(1, 'request', hex('78ad3433c6ad72c029da412e'))
      .add(Userhash, matrixHash)
      .add(Nonce, nonce)
      .add(Realm, 'example.org')

  it('as printed: its length field counts the header, and so does its HMAC', () => {
    expect(Buffer.from(matrixHash).toString('hex')).toBe(
      '4a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704',
    )
    const text = request().finish()
    expect(text).toHaveLength(156 - 36)
    text.writeUInt16BE(0x9c, 2)
    expect(Buffer.from(nodeHash.hmac('sha256', matrixKey.key, [text])).toString('hex')).toBe(
      'e4686c8f0edeb59013e07090010a93efccbccc544c0a45d9f830aa6d6f735a01',
    )
  })

  it('as its erratum has it, with PASSWORD-ALGORITHM and length 0x90: written and checked', () => {
    const bytes = request()
      .add(PasswordAlgorithm, { algorithm: passwordAlgorithm.SHA256, parameters: new Uint8Array(0) })
      .integritySha256(matrixKey)
      .finish()
    expect(bytes.readUInt16BE(2)).toBe(0x90)
    expect(bytes.subarray(-32).toString('hex')).toBe(
      'b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc6518e65',
    )
    expect(checkIntegritySha256(parsed(bytes), matrixKey)).toBe('valid')
    expect(securityFeatures(nonce)).toEqual({ passwordAlgorithms: false, usernameAnonymity: false })
  })
})

function parsed(bytes: Uint8Array): StunMessage {
  const message = parseStun(bytes)
  if (typeof message === 'string') throw new Error(message)
  return message
}
