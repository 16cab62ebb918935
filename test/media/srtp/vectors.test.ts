import { describe, expect, it } from 'vitest'
import { GaloisRtcpCipher, GaloisRtpCipher } from '../../../src/media/srtp/aes-gcm.ts'
import { nodeCrypto } from '../../../src/media/srtp/io/node-cipher.ts'
import { deriveKey, label } from '../../../src/media/srtp/key-derivation.ts'
import { CounterCipher, KeyStream } from '../../../src/media/srtp/key-stream.ts'

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex')
const blocks = (stream: Uint8Array): string[] => Buffer.from(stream).toString('hex').match(/.{32}/g) ?? []
const derived = (key: Buffer, salt: Buffer, use: number, length: number): string =>
  Buffer.from(deriveKey(nodeCrypto.blockCipher(key), salt, use, 0, length)).toString('hex')

describe('AES in counter mode', () => {
  const salt = hex('F0F1F2F3F4F5F6F7F8F9FAFBFCFD')
  const keyStream = (key: string, first: number): string[] =>
    blocks(new CounterCipher(nodeCrypto.blockCipher(hex(key)), salt).stream(0, 0, 1, 3, first))

  it('RFC 3711 B.2: the key stream of AES-128, its beginning and its end', () => {
    const key = '2B7E151628AED2A6ABF7158809CF4F3C'
    expect(keyStream(key, 0)).toEqual([
      'e03ead0935c95e80e166b16dd92b4eb4',
      'd23513162b02d0f72a43a2fe4a5f97ab',
      '41e95b3bb0a2e8dd477901e4fca894c0',
    ])
    expect(keyStream(key, 0xfeff)).toEqual([
      'ec8cdf7398607cb0f2d21675ea9ea1e4',
      '362b7c3c6773516318a077d7fc5073ae',
      '6a2cc3787889374fbeb4c81b17ba6c44',
    ])
  })

  it('RFC 6188 §7.1: the key stream of AES-256', () => {
    const key = '57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98'
    expect(keyStream(key, 0)).toEqual([
      '92bdd28a93c3f52511c677d08b5515a4',
      '9da71b2378a854f67050756ded165bac',
      '63c4868b7096d88421b563b8c94c9a31',
    ])
    expect(keyStream(key, 0xfeff)).toEqual([
      'cea518c90fd91ced9cbb18c078a54711',
      '3dbc4814f4da5f00a08772b63c6a046d',
      '6eb246913062a16891433e97dd01a57f',
    ])
  })
})

describe('key derivation', () => {
  it('RFC 3711 B.3: cipher key, salt and authentication key under AES-128', () => {
    const key = hex('E1F97A0D3E018BE0D64FA32C06DE4139')
    const salt = hex('0EC675AD498AFEEBB6960B3AABE6')
    expect(derived(key, salt, label.rtpEncryption, 16)).toBe('c61e7a93744f39ee10734afe3ff7a087')
    expect(derived(key, salt, label.rtpSalt, 14)).toBe('30cbbc08863d8c85d49db34a9ae1')
    expect(derived(key, salt, label.rtpAuthentication, 94)).toBe(
      'cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbcee049646c43d9327ad175578ef7227098' +
        '6371c10c9a369ac2f94a8c5fbcdddc256d6e919a48b610ef17c2041e474035766b68642c59bbfc2f34db60dbdfb2',
    )
  })

  it('RFC 6188 §7.2: the same under AES-256', () => {
    const key = hex('f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6')
    const salt = hex('3b04803de51ee7c96423ab5b78d2')
    expect(derived(key, salt, label.rtpEncryption, 32)).toBe(
      '5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4',
    )
    expect(derived(key, salt, label.rtpSalt, 14)).toBe('fa31791685ca444a9e07c6c64e93')
    expect(derived(key, salt, label.rtpAuthentication, 20)).toBe('fd9c32d39ed5fbb5a9dc96b30818454d1313dc05')
  })
})

describe('AES-GCM', () => {
  const key = (octets: number): Buffer => Buffer.from(Array.from({ length: octets }, (_, i) => i))
  const salt = hex('517569642070726f2071756f')
  const noMki = Buffer.alloc(0)
  const plain = hex(`8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
    69736120 696e2070 61727465 73207472 6573`)

  it.each([
    {
      section: '§16.1.1, §16.1.2',
      octets: 16,
      sealed: `8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
        0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce`,
    },
    {
      section: '§16.2.1, §16.2.2',
      octets: 32,
      sealed: `8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238
        9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13`,
    },
  ])('RFC 7714 $section: RTP under $octets octets, sealed and opened', ({ octets, sealed }) => {
    const cipher = new GaloisRtpCipher(nodeCrypto.aead(key(octets)), salt)
    const bytes = Buffer.concat([plain, Buffer.alloc(16)])
    const end = cipher.seal(bytes, 0, 12, plain.length, 0xf17b, new KeyStream(0), noMki)
    expect(bytes.subarray(0, end).toString('hex')).toBe(hex(sealed).toString('hex'))
    expect(cipher.open(bytes, 0, 12, end, 0xf17b, undefined, 0)).toBe(plain.length)
    expect(bytes.subarray(0, plain.length)).toEqual(plain)
  })

  const report = hex(`81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
    deadbeef deadbeef deadbeef deadbeef deadbeef`)

  it.each([
    {
      section: '§17.1',
      octets: 16,
      sealed: `81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
        c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4`,
    },
    {
      section: '§17.2',
      octets: 32,
      sealed: `81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50
        a2eaa5c1 110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4`,
    },
  ])('RFC 7714 $section: RTCP under $octets octets, sealed and opened', ({ octets, sealed }) => {
    const cipher = new GaloisRtcpCipher(nodeCrypto.aead(key(octets)), salt)
    const bytes = Buffer.concat([report, Buffer.alloc(20)])
    const end = cipher.seal(bytes, 0, report.length, 0x5d4, noMki)
    expect(bytes.subarray(0, end).toString('hex')).toBe(hex(sealed).toString('hex'))
    expect(cipher.open(bytes, 0, end, 0x5d4, 0)).toBe(report.length)
    expect(bytes.subarray(0, report.length)).toEqual(report)
  })
})
