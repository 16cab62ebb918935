import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DtlsFactory, DtlsProfile } from '../../src/media/dtls/index.ts'
import { FlowManager } from '../../src/media/flow/index.ts'
import { createOutboundSrtp } from '../../src/media/srtp/index.ts'
import { installed } from '../peers/installed.ts'
import { handshakeWith, type OpensslHandshake, type OpensslHandshakeOptions } from './peers/dtls-handshake.ts'
import { makeFactory } from './peers/dtls-party.ts'
import { boundSocket, freePort, OpensslIdentities, OpensslPeer } from './peers/openssl.ts'

/** Key and salt of each profile (RFC 5764 §4.1.2, RFC 7714 §14.2). */
const lengths: Readonly<Record<DtlsProfile, readonly [key: number, salt: number]>> = {
  AES_CM_128_HMAC_SHA1_80: [16, 14],
  AES_CM_128_HMAC_SHA1_32: [16, 14],
  AEAD_AES_128_GCM: [16, 12],
  AEAD_AES_256_GCM: [32, 12],
}
const profiles = Object.keys(lengths) as DtlsProfile[]
const materialLength = (profile: DtlsProfile) => 2 * (lengths[profile][0] + lengths[profile][1])

let identities: OpensslIdentities
let ec: DtlsFactory
let rsa: DtlsFactory

beforeAll(async () => {
  installed('openssl', 'openssl')
  identities = new OpensslIdentities()
  ec = await makeFactory({})
  rsa = await makeFactory({ key: 'RSA-2048' })
})

afterAll(() => identities?.remove())

/** RFC 5764 §4.2: the program's keying material, cut as the RFC cuts it. */
function expectKeys(
  { keys, theirs, exported, error, log }: OpensslHandshake,
  role: string,
  profile: DtlsProfile,
): void {
  if (keys === undefined || theirs === undefined) throw new Error(`no keys: ${error?.message}\n${log}`)
  expect(exported?.toString('hex')).toBe(theirs.toString('hex'))
  expect(keys.suite).toBe(profile)
  const [key, salt] = lengths[profile]
  const side = (index: 0 | 1) =>
    Buffer.concat([
      theirs.subarray(index * key, (index + 1) * key),
      theirs.subarray(2 * key + index * salt, 2 * key + (index + 1) * salt),
    ]).toString('hex')
  const [local, remote] = role === 'client' ? [side(0), side(1)] : [side(1), side(0)]
  expect([keys.local.toString('hex'), keys.remote.toString('hex')]).toEqual([local, remote])
}

describe.each(['client', 'server'] as const)('resip is %s, openssl the other', role => {
  const handshake = (factory: DtlsFactory, options: OpensslHandshakeOptions) =>
    handshakeWith(identities, role, factory, options)

  it.each(profiles)('RFC 5764 §4.2: the keys for %s are those that openssl exports', async profile => {
    const outcome = await handshake(ec, { profiles: [profile], length: materialLength(profile) })
    expectKeys(outcome, role, profile)
  })

  it.each([
    ['EC', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
    ['EC', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
    ['RSA', 'ECDHE-RSA-AES128-GCM-SHA256'],
    ['RSA', 'ECDHE-RSA-AES256-GCM-SHA384'],
  ] as const)('RFC 5289 §3.2: %s, %s', async (key, cipher) => {
    const outcome = await handshake(key === 'EC' ? ec : rsa, { key, cipher })
    expectKeys(outcome, role, 'AES_CM_128_HMAC_SHA1_80')
    expect(outcome.log).toContain(cipher)
  })

  // with RSA keys, for openssl holds the curve of an EC certificate to its list of groups as well
  it.each(['P-256', 'P-384', 'X25519'])('RFC 8422 §5.1.1: the group is %s', async groups => {
    const outcome = await handshake(rsa, { key: 'RSA', groups })
    expectKeys(outcome, role, 'AES_CM_128_HMAC_SHA1_80')
  })

  it('RFC 5763 §5: each side has a certificate of another kind', async () => {
    const outcome = await handshake(role === 'client' ? rsa : ec, {
      key: role === 'client' ? 'EC' : 'RSA',
    })
    expectKeys(outcome, role, 'AES_CM_128_HMAC_SHA1_80')
  })

  it('RFC 6347 §4.2.3: both send datagrams of 256 octets at most', async () => {
    const outcome = await handshake(rsa, { key: 'RSA', mtu: 256 })
    expectKeys(outcome, role, 'AES_CM_128_HMAC_SHA1_80')
  })
})

describe('a flow of ours, openssl the peer', () => {
  it.each(['client', 'server'] as const)(
    'RFC 5763 §5: openssl is the %s; SRTP under its keys is heard',
    async role => {
      const manager = new FlowManager()
      await manager.initializeDtlsFactory('sip:flow@example.org')
      const outside = await boundSocket()
      const opensslPort = await freePort()
      let secured: (suite: string) => void = () => {}
      let ready: () => void = () => {}
      const suite = new Promise<string>(resolve => {
        secured = resolve
      })
      const open = new Promise<void>(resolve => {
        ready = resolve
      })
      const stream = manager.createMediaStream(
        { onMediaStreamReady: () => ready(), onMediaStreamSecured: (_, agreed) => secured(agreed) },
        { address: '127.0.0.1', port: 0 },
        { rtcpMux: true },
      )
      await open
      const port = stream.rtpFlow.localTuple?.port ?? 0
      stream.rtpFlow.setRemoteSDPFingerprint(identities.fingerprint('EC').value)
      const peer = new OpensslPeer(role, role === 'client' ? port : opensslPort, identities)
      try {
        if (role === 'server') {
          await peer.listening()
          stream.rtpFlow.startDtlsClient('127.0.0.1', opensslPort)
        }
        const [material, agreed] = await Promise.all([peer.keyingMaterial(10_000), suite])
        if (material === undefined) throw new Error(peer.log)
        expect(agreed).toBe('AES_CM_128_HMAC_SHA1_80')
        const index = role === 'client' ? 0 : 1
        const keySalt = Buffer.concat([
          material.subarray(16 * index, 16 * index + 16),
          material.subarray(32 + 14 * index, 46 + 14 * index),
        ])
        const packet = Buffer.alloc(182)
        packet.writeUInt32BE(0x80000001, 0)
        const end = createOutboundSrtp('AES_CM_128_HMAC_SHA1_80', keySalt).protect(packet, 0, 172)
        expect(end).toBe(182)
        // the program keeps its socket to itself; a flow that watches no destination hears everybody who has the key
        const received = stream.rtpFlow.receive({ timeout: 5000 })
        outside.send(packet, port, '127.0.0.1')
        const { data: bytes } = await received
        expect([bytes.length, bytes.subarray(12).every(octet => octet === 0)]).toEqual([172, true])
      } finally {
        await manager.close()
        await peer.stop()
        outside.close()
      }
    },
  )
})
