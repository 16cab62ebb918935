import { describe, expect, it } from 'vitest'
import {
  codecs,
  effectiveConnection,
  effectiveDirection,
  effectiveFingerprints,
  effectiveIce,
  effectiveSetup,
  encodeSdp,
  formatParameters,
  inlineKeys,
  type MediaDescription,
  mediaDescription,
  parseSdp,
  type SessionDescription,
  withMedia,
  withNextVersion,
} from '../../src/sdp/index.ts'
import { UsageError } from '../../src/util/errors.ts'
import { GATEWAY, RFC3264_10_2, RFC5118_4_8, RFC8866_5, RFC8866_6_7, WEBRTC } from './samples.ts'

function section(session: SessionDescription, index: number): MediaDescription {
  const media = session.media[index]
  if (!media) throw new Error(`no section ${index}`)
  return media
}

describe('what holds for a section', () => {
  it('is its direction, else the session’s, else sendrecv (RFC 8866 §6.7)', () => {
    const session = parseSdp(RFC8866_6_7)
    expect(session.media.map(media => effectiveDirection(session, media))).toEqual([
      'sendrecv',
      'inactive',
      'inactive',
    ])
    const plain = parseSdp(RFC8866_5)
    expect(effectiveDirection(plain, section(plain, 0))).toBe('sendrecv')
  })

  it('is its connection, else the session’s (RFC 8866 §5.7)', () => {
    const session = parseSdp(RFC8866_5)
    expect(session.media.map(media => effectiveConnection(session, media)?.address)).toEqual([
      '198.51.100.1',
      '198.51.100.1',
      '2001:db8::2',
    ])
    const both = parseSdp(RFC5118_4_8)
    expect(effectiveConnection(both, section(both, 0))?.address).toBe('192.0.2.1')
    const none = mediaDescription({ type: 'audio', port: 0, protocol: 'RTP/AVP', formats: ['0'] })
    expect(effectiveConnection(both, none)).toBeUndefined()
  })

  it('are its ICE and DTLS parameters, else the session’s (RFC 8839 §5.4, RFC 8122 §5, RFC 4145 §4)', () => {
    const session = parseSdp(WEBRTC)
    const audio = section(session, 0)
    const ice = {
      ufrag: 'EsAw',
      pwd: 'bP+XJMM09aR8AiX1jdukzR6Y',
      options: ['trickle', 'renomination'],
      lite: false,
    }
    expect(effectiveIce(session, audio)).toEqual(ice)
    expect(effectiveIce(session, section(session, 1))).toBeUndefined()
    const { fingerprints, iceUfrag = '', icePwd = '' } = audio
    const general = { ...session, iceLite: true, fingerprints, iceUfrag, icePwd, setup: 'passive' as const }
    expect(effectiveIce(general, section(session, 1))).toEqual({ ...ice, options: [], lite: true })
    expect(effectiveFingerprints(general, section(session, 1))).toBe(fingerprints)
    expect(effectiveFingerprints(session, section(session, 1))).toEqual([])
    expect([effectiveSetup(general, audio), effectiveSetup(general, section(session, 1))]).toEqual([
      'actpass',
      'passive',
    ])
  })
})

describe('codecs', () => {
  it('come in order of preference, with parameters, feedback and channels', () => {
    const session = parseSdp(WEBRTC)
    const audio = codecs(section(session, 0))
    expect(audio.map(({ encoding }) => encoding).slice(0, 4)).toEqual(['opus', 'red', 'G722', 'PCMU'])
    expect(audio[0]).toEqual({
      payloadType: 111,
      encoding: 'opus',
      clockRate: 48000,
      channels: 2,
      fmtp: 'minptime=10;useinbandfec=1',
      feedback: [{ payloadType: 111, type: 'transport-cc' }],
    })
    const [vp8, rtx] = codecs(section(session, 1))
    expect(vp8?.feedback.map(({ type }) => type)).toEqual(['trr-int', 'goog-remb', 'ccm', 'ccm', 'nack'])
    expect(rtx?.feedback.map(({ type }) => type)).toEqual(['trr-int'])
    expect(codecs(section(session, 2))).toEqual([])
  })

  it('are filled in for static payload types (RFC 3551 §6), and left out for dynamic ones without rtpmap', () => {
    const media = mediaDescription({
      type: 'audio',
      port: 9,
      protocol: 'RTP/AVP',
      formats: ['18', '0', '8', '3', '9', '10', '34', '96', '35', '128', '0018', '*'],
      fmtps: [{ payloadType: 18, config: 'annexb=no' }],
    })
    expect(codecs(media).map(c => `${c.payloadType} ${c.encoding}/${c.clockRate}/${c.channels}`)).toEqual([
      '18 G729/8000/1',
      '0 PCMU/8000/1',
      '8 PCMA/8000/1',
      '3 GSM/8000/1',
      '9 G722/8000/1',
      '10 L16/44100/2',
      '34 H263/90000/1',
    ])
    expect(codecs(media)[0]?.fmtp).toBe('annexb=no')
  })

  it('of an rtpmap win over the static ones', () => {
    const [first] = codecs(
      mediaDescription({
        type: 'audio',
        port: 9,
        protocol: 'RTP/SAVP',
        formats: ['8'],
        rtpmaps: [{ payloadType: 8, encoding: 'X-alaw', clockRate: 16000, channels: 2 }],
      }),
    )
    expect(first).toMatchObject({ encoding: 'X-alaw', clockRate: 16000, channels: 2 })
  })

  it('of RFC 3264 §10.2 are three', () => {
    expect(codecs(section(parseSdp(RFC3264_10_2), 0)).map(c => c.encoding)).toEqual(['PCMU', 'G723', 'G729'])
  })
})

describe('formatParameters', () => {
  it.each([
    ['minptime=10;useinbandfec=1', { minptime: '10', useinbandfec: '1' }],
    ['Mode-Set=0,2 ; octet-align = 1;;', { 'mode-set': '0,2', 'octet-align': '1' }],
    ['0-15', { '0-15': '' }],
    ['sprop=a==;sprop=b', { sprop: 'a==' }],
    ['', {}],
  ])('of %j', (config, parameters) => {
    expect(Object.fromEntries(formatParameters(config))).toEqual(parameters)
  })

  it('take names from the wire harmlessly', () => {
    expect(formatParameters('__proto__=1').get('__proto__')).toBe('1')
    expect(formatParameters('x=1').get('constructor')).toBeUndefined()
  })
})

describe('inlineKeys (RFC 4568 §6.1)', () => {
  const of = (keyParams: string) =>
    inlineKeys({ tag: 1, suite: 'AES_CM_128_HMAC_SHA1_80', keyParams, sessionParams: [] })
  const key = 'PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR'
  const keySalt = Buffer.from(key, 'base64')

  it.each([
    [`inline:${key}`, [{ keySalt }]],
    [`inline:${key}|2^20|1:32`, [{ keySalt, lifetime: 1048576, mki: { value: 1, length: 32 } }]],
    [`inline:${key}|1:4`, [{ keySalt, mki: { value: 1, length: 4 } }]],
    [`inline:${key}|1000`, [{ keySalt, lifetime: 1000 }]],
    [
      `inline:${key}|2^20;inline:${key}|2:4`,
      [
        { keySalt, lifetime: 1048576 },
        { keySalt, mki: { value: 2, length: 4 } },
      ],
    ],
  ])('of %s', (keyParams, keys) => {
    expect(of(keyParams)).toEqual(keys)
  })

  it.each([
    '',
    'inline:',
    key,
    `inline:${key}|`,
    `inline:${key}|0`,
    `inline:${key}|2^49`,
    `inline:${key}|2^20|2^20`,
    `inline:${key}|1:4|2^20`,
    `inline:${key}|1:0`,
    `inline:${key}|1:129`,
    `inline:${key}|2^20|1:4|x`,
    `inline:${key};`,
    'inline:not base64!',
  ])('refuses %j', keyParams => {
    expect(of(keyParams)).toBeUndefined()
  })

  it('reads both keys of an offer', () => {
    const [first, second] = section(parseSdp(GATEWAY), 0).cryptos
    expect(first && inlineKeys(first)?.[0]?.keySalt).toHaveLength(30)
    expect(second && inlineKeys(second)?.map(({ mki }) => mki?.value)).toEqual([1, 2])
  })
})

describe('changes', () => {
  it('raise the version by one, beyond 53 bits too (RFC 3264 §8)', () => {
    const session = parseSdp(GATEWAY)
    const next = withNextVersion(session)
    expect(next.origin.sessionVersion).toBe('18446744073709551615')
    expect(session.origin.sessionVersion).toBe('18446744073709551614')
    expect(encodeSdp(next)).toBe(GATEWAY.replace('18446744073709551614', '18446744073709551615'))
    expect(() => withNextVersion({ ...session, origin: { ...session.origin, sessionVersion: 'x' } })).toThrow(
      UsageError,
    )
  })

  it('replace one section', () => {
    const session = parseSdp(RFC8866_5)
    const rejected = { ...section(session, 1), port: 0 }
    expect(withMedia(session, 1, rejected).media.map(({ port }) => port)).toEqual([49170, 0, 51372])
    expect(() => withMedia(session, 3, rejected)).toThrow(UsageError)
  })
})
