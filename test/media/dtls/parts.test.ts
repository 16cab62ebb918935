import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { boolean, integer, objectIdentifier, time } from '../../../src/media/dtls/certificate/der.ts'
import { type HandshakeFragment, readFragments } from '../../../src/media/dtls/handshake/message.ts'
import { nodeCrypto, parseFingerprint } from '../../../src/media/dtls/index.ts'
import {
  exportKeyingMaterial,
  masterSecret,
  prf,
  recordKeys,
  srtpKeys,
  verifyData,
} from '../../../src/media/dtls/key-schedule.ts'
import { Reassembly } from '../../../src/media/dtls/reassembly.ts'
import { ReplayWindow } from '../../../src/media/dtls/replay-window.ts'
import { Retransmission } from '../../../src/media/dtls/retransmission.ts'
import { cipherSuites, groups, srtpProfiles } from '../../../src/media/dtls/suites.ts'
import { seededRandom, Tokens } from '../../../src/util/random.ts'
import { alice, bob, factory, Pair } from './pair.ts'

/** RFC 5246 §5 as `openssl kdf` computes it. */
function opensslPrf(digest: string, secret: Buffer, label: string, seed: Buffer, length: number): string {
  const args = ['kdf', '-keylen', `${length}`, '-binary', '-kdfopt', `digest:${digest}`]
  const options = [`hexsecret:${secret.toString('hex')}`, `hexseed:${Buffer.from(label).toString('hex')}`]
  if (seed.length > 0) options.push(`hexseed:${seed.toString('hex')}`)
  const all = [...args, ...options.flatMap(option => ['-kdfopt', option]), 'TLS1-PRF']
  return execFileSync('openssl', all).toString('hex')
}

const secret = Buffer.from('9bbe436ba940f017b17652849a71db35', 'hex')
const seed = Buffer.from('a0ba9f936cda311827a6f796ffd5198c', 'hex')

describe('RFC 5246 §5: the pseudorandom function', () => {
  test('gives the vector that the TLS working group agreed on for SHA-256', () => {
    // https://mailarchive.ietf.org/arch/msg/tls/fzVCzk-z3FShgGJ6DOXqM1ydxms/
    const output = prf(nodeCrypto, 'sha256', nodeCrypto.secret(secret), 'test label', [seed], 100)
    expect(output.toString('hex')).toBe(
      'e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66',
    )
  })

  test.each(['sha256', 'sha384'] as const)('gives what openssl does, with %s and any length', hash => {
    for (const length of [12, 32, 48, 60, 104, 300]) {
      const ours = prf(nodeCrypto, hash, nodeCrypto.secret(secret), 'key expansion', [seed, secret], length)
      expect(ours.toString('hex')).toBe(
        opensslPrf(hash, secret, 'key expansion', Buffer.concat([seed, secret]), length),
      )
    }
  })
})

describe.each(cipherSuites)('the key schedule of $name', suite => {
  const randoms = { client: Buffer.alloc(32, 1), server: Buffer.alloc(32, 2) }
  const premaster = Buffer.alloc(32, 3)
  const both = Buffer.concat([randoms.client, randoms.server])
  const prfOf = (key: Buffer, label: string, seeds: Buffer, length: number) =>
    Buffer.from(opensslPrf(suite.hash, key, label, seeds, length), 'hex')

  test.each([undefined, Buffer.alloc(48, 4)])(
    'RFC 7627 §4, RFC 5705 §4: as openssl has it (session hash %s)',
    hash => {
      const master = masterSecret(nodeCrypto, suite, nodeCrypto.secret(premaster), randoms, hash)
      const theirs =
        hash === undefined
          ? prfOf(premaster, 'master secret', both, 48)
          : prfOf(premaster, 'extended master secret', hash, 48)
      const exported = exportKeyingMaterial(nodeCrypto, suite, master, randoms, 'EXTRACTOR-dtls_srtp', 60)
      expect(exported.equals(prfOf(theirs, 'EXTRACTOR-dtls_srtp', both, 60))).toBe(true)

      const block = prfOf(
        theirs,
        'key expansion',
        Buffer.concat([randoms.server, randoms.client]),
        2 * suite.keyLength + 8,
      )
      const { client, server } = recordKeys(nodeCrypto, suite, master, randoms)
      expect(Buffer.concat([client.key, server.key, client.salt, server.salt]).equals(block)).toBe(true)

      const transcript = nodeCrypto.hash(suite.hash, [Buffer.from('all messages')])
      const finished = verifyData(nodeCrypto, suite, master, 'client', [
        Buffer.from('all '),
        Buffer.from('messages'),
      ])
      expect(finished.equals(prfOf(theirs, 'client finished', transcript, 12))).toBe(true)
    },
  )

  test.each(srtpProfiles)(
    'RFC 5764 §4.2: keys before salts, the client before the server: $suite',
    profile => {
      const master = masterSecret(nodeCrypto, suite, nodeCrypto.secret(premaster), randoms, undefined)
      const { keyLength: key, saltLength: salt } = profile
      const all = exportKeyingMaterial(
        nodeCrypto,
        suite,
        master,
        randoms,
        'EXTRACTOR-dtls_srtp',
        2 * (key + salt),
      )
      const { client, server } = srtpKeys(nodeCrypto, suite, master, randoms, profile)
      const parts = [
        client.subarray(0, key),
        server.subarray(0, key),
        client.subarray(key),
        server.subarray(key),
      ]
      expect(Buffer.concat(parts).equals(all)).toBe(true)
    },
  )
})

describe('RFC 8422 §5.11: key agreement', () => {
  test.each(groups)('$name: both ends agree', group => {
    const [one, other] = [nodeCrypto.keyShare(group), nodeCrypto.keyShare(group)]
    const mine = nodeCrypto.hmac('sha256', one.agree(other.publicKey), [])
    expect(mine.equals(nodeCrypto.hmac('sha256', other.agree(one.publicKey), []))).toBe(true)
  })

  test.each(groups)(
    '$name: a point off the curve, of another length, or of a small order is refused',
    group => {
      const points = [
        Buffer.alloc(65, 4),
        Buffer.alloc(97, 4),
        Buffer.alloc(32),
        Buffer.alloc(0),
        Buffer.of(0),
      ]
      for (const point of points) {
        expect(() => nodeCrypto.keyShare(group).agree(point)).toThrow(
          expect.objectContaining({ alert: 'illegal_parameter' }),
        )
      }
    },
  )
})

describe('RFC 5280 §4.1: the certificate', () => {
  test.each(['P-256', 'RSA-2048'] as const)(
    'of a %s key is read by openssl, and signed by itself',
    async key => {
      const made = await factory({ key, aor: 'sip:ålice@example.org', days: 45, date: Date.UTC(2049, 11, 1) })
      const read = new X509Certificate(made.certificate)
      expect(read.subject).toBe('CN=sip:ålice@example.org')
      expect([read.issuer, read.verify(read.publicKey), read.checkIssued(read)]).toEqual([
        read.subject,
        true,
        true,
      ])
      expect([read.ca, read.validFrom, read.validTo]).toEqual([
        false,
        'Nov 30 00:00:00 2049 GMT',
        'Jan 15 00:00:00 2050 GMT',
      ])
      expect(read.raw.equals(made.certificate)).toBe(true)
      const text = execFileSync('openssl', ['x509', '-inform', 'DER', '-noout', '-text'], {
        input: made.certificate,
      })
      expect(text.toString()).toMatch(/Version: 3[\s\S]*CA:FALSE/)
    },
  )

  test('has a name and a serial number at random, each time others, and is valid for 30 days', async () => {
    const [one, other] = [
      new X509Certificate(alice.certificate),
      new X509Certificate((await factory({ random: seededRandom(99) })).certificate),
    ]
    expect(other.subject).toMatch(/^CN=[0-9a-f]{32}$/)
    expect(other.serialNumber).not.toBe(one.serialNumber)
    expect(Date.parse(one.validTo) - Date.UTC(2026, 0, 1)).toBe(30 * 86_400_000)
  })

  test('X.690: the smallest and the odd values', () => {
    expect(integer(Buffer.of(0, 0)).toString('hex')).toBe('020100')
    expect(integer(Buffer.of(0, 0x80)).toString('hex')).toBe('02020080')
    expect(boolean(false).toString('hex')).toBe('010100')
    expect(objectIdentifier('1.2.840.113549.1.1.11').toString('hex')).toBe('06092a864886f70d01010b')
    expect(time(Date.UTC(2050, 0, 2, 3, 4, 5, 6)).toString('latin1')).toContain('20500102030405Z')
  })

  test('what is no certificate, PEM, two of them, and keys that are not taken are refused', () => {
    const pem = Buffer.from(new X509Certificate(alice.certificate).toString())
    for (const der of [
      Buffer.alloc(0),
      Buffer.alloc(300, 0x30),
      pem,
      Buffer.concat([alice.certificate, bob.certificate]),
    ]) {
      expect(() => nodeCrypto.certificate(der)).toThrow(expect.objectContaining({ alert: 'bad_certificate' }))
    }
    for (const key of [['rsa:1024'], ['ec', '-pkeyopt', 'ec_paramgen_curve:secp521r1'], ['ed25519']]) {
      const args = [
        'req',
        '-x509',
        '-nodes',
        '-newkey',
        ...key,
        '-keyout',
        '/dev/null',
        '-subj',
        '/CN=x',
        '-outform',
        'DER',
      ]
      const der = execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] })
      expect(() => nodeCrypto.certificate(der)).toThrow(
        expect.objectContaining({ alert: 'unsupported_certificate' }),
      )
    }
  })

  test('options out of their range are refused', async () => {
    await expect(factory({ days: 0 })).rejects.toThrow(/days: 0/)
    await expect(factory({ profiles: [] })).rejects.toThrow(/at least one/)
    await expect(factory({ profiles: ['AES_256_CM_HMAC_SHA1_80' as 'AEAD_AES_128_GCM'] })).rejects.toThrow(
      /use_srtp/,
    )
    expect(() => new Pair({ client: { mtu: 10 } })).toThrow(/mtu: 10/)
    expect(() => new Pair({ client: { roundTrip: Number.NaN } })).toThrow(/roundTrip/)
  })
})

describe('RFC 8122 §5: fingerprints', () => {
  test.each(['sha-256', 'sha-384', 'sha-512'] as const)(
    '%s, as SDP has it and back, and as openssl has it',
    hash => {
      const fingerprint = alice.fingerprint(hash)
      expect(parseFingerprint(`${fingerprint.hash} ${fingerprint.value}`)).toEqual(fingerprint)
      expect(parseFingerprint(fingerprint.value.replaceAll(':', '').toLowerCase())).toMatchObject({ hash })
      const args = ['x509', '-inform', 'DER', '-noout', '-fingerprint', `-${hash.replace('-', '')}`]
      const theirs = execFileSync('openssl', args, { input: alice.certificate }).toString()
      expect(theirs.trim().split('=')[1]).toBe(fingerprint.value)
    },
  )

  test.each([
    '',
    'sha-256',
    'sha-1 AA:BB',
    'sha-256 AA:BB',
    'md5 00112233445566778899AABBCCDDEEFF',
    'sha-256 XX',
    'AABB',
  ])('%j cannot be checked', text => {
    expect(() => parseFingerprint(text)).toThrow(
      expect.objectContaining({ code: 'ERR_DTLS_FINGERPRINT_SYNTAX' }),
    )
  })
})

describe('RFC 6347 §4.2.3: reassembly', () => {
  const fragment = (
    sequence: number,
    length: number,
    offset: number,
    data: Buffer,
    type = 11,
  ): HandshakeFragment => ({
    type,
    sequence,
    length,
    offset,
    data,
  })

  test('of random pieces, overlapping, in any order', () => {
    const dice = new Tokens(seededRandom(5))
    for (let run = 0; run < 200; run++) {
      const bodies = [200, 1, 90, 0].map(length => seededRandom(run + 1).fill(Buffer.alloc(length)))
      const pieces: HandshakeFragment[] = []
      for (const [index, body] of bodies.entries()) {
        const step = 1 + dice.below(40)
        for (let at = 0; at < Math.max(1, body.length); at += step) {
          const from = Math.max(0, at - dice.below(10))
          pieces.push(fragment(index + 3, body.length, from, body.subarray(from, at + step)))
        }
      }
      pieces.sort(() => dice.below(3) - 1)
      const reassembly = new Reassembly(3)
      const taken: Buffer[] = []
      for (const piece of pieces) {
        reassembly.add(piece)
        for (let next = reassembly.take(); next !== undefined; next = reassembly.take()) taken.push(next.body)
      }
      expect(taken).toEqual(bodies)
    }
  })

  test('keeps eight messages, 16 KB each, 32 KB in all: what is nearer displaces what is farther', () => {
    const reassembly = new Reassembly(0)
    const octet = Buffer.alloc(1)
    expect(reassembly.add(fragment(8, 10, 0, octet))).toBe(false)
    expect(reassembly.add(fragment(1, 16_385, 0, octet))).toBe(false)
    expect(reassembly.add(fragment(7, 16_384, 0, octet))).toBe(true)
    expect(reassembly.add(fragment(6, 16_384, 0, octet))).toBe(true)
    expect(reassembly.add(fragment(0, 16_384, 0, Buffer.alloc(16_384)))).toBe(true)
    expect(reassembly.take()?.body.length).toBe(16_384)
    // number 7 had to go, 6 is still here
    expect(reassembly.add(fragment(6, 10, 0, octet))).toBe(false)
    expect(reassembly.add(fragment(7, 10, 0, octet))).toBe(true)
  })

  test('what first came of an octet stays, and a piece of another message is refused', () => {
    const reassembly = new Reassembly(0)
    expect(reassembly.add(fragment(0, 4, 0, Buffer.from('ab')))).toBe(true)
    expect(reassembly.add(fragment(0, 5, 0, Buffer.from('xyz')))).toBe(false)
    expect(reassembly.add(fragment(0, 4, 0, Buffer.from('xyz'), 12))).toBe(false)
    expect(reassembly.add(fragment(0, 4, 1, Buffer.from('XYZ')))).toBe(true)
    expect(reassembly.take()?.body.toString()).toBe('abYZ')
  })

  test('records without a whole fragment are none', () => {
    expect(readFragments(Buffer.alloc(0))).toBe(undefined)
    expect(readFragments(Buffer.alloc(11))).toBe(undefined)
  })
})

test('RFC 6347 §4.1.2.6: the window takes each number of the last 64 once, as a set does', () => {
  const dice = new Tokens(seededRandom(3))
  const window = new ReplayWindow()
  const seen = new Set<number>()
  let highest = 2 ** 40
  for (let n = 0; n < 20_000; n++) {
    const sequence = highest - 80 + dice.below(dice.below(20) === 0 ? 200 : 90)
    const fresh = sequence > Math.max(...seen, 0) - 64 && !seen.has(sequence)
    expect(window.isFresh(sequence)).toBe(fresh)
    if (!fresh) continue
    window.take(sequence)
    seen.add(sequence)
    highest = Math.max(highest, sequence)
    for (const old of seen) if (old < highest - 200) seen.delete(old)
  }
})

test('RFC 6347 §4.1.1.1: after three time-outs of a flight its datagrams are small', () => {
  const retransmission = new Retransmission(undefined)
  retransmission.begin()
  const sizes = [0, 1, 2, 3].map(() => {
    const { mtu } = retransmission
    retransmission.backOff()
    return mtu
  })
  expect(sizes).toEqual([1200, 1200, 1200, 576])
  retransmission.begin()
  expect([retransmission.mtu, retransmission.timeout]).toEqual([1200, 200])
})
