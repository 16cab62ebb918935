import { describe, expect, it } from 'vitest'
import { encodeRtp, rtpLength } from '../../../src/media/rtp/packet.ts'
import {
  createInboundSrtp,
  createOutboundSrtp,
  type InboundSrtp,
  keySaltLength,
  type OutboundSrtp,
  type SrtpKeys,
  type SrtpOptions,
  type SrtpSuite,
  srtpFault,
  srtpSuites,
} from '../../../src/media/srtp/index.ts'
import { UsageError } from '../../../src/util/errors.ts'
import { referenceGcm, referenceRtcp, referenceRtp } from './reference.ts'

const COUNTER: SrtpSuite = 'AES_CM_128_HMAC_SHA1_80'
const suites: SrtpSuite[] = [
  'AES_CM_128_HMAC_SHA1_80',
  'AES_CM_128_HMAC_SHA1_32',
  'AES_256_CM_HMAC_SHA1_80',
  'AES_256_CM_HMAC_SHA1_32',
  'AEAD_AES_128_GCM',
  'AEAD_AES_256_GCM',
]
const ROOM = 40

const keyOf = (suite: SrtpSuite, seed = 1): Buffer =>
  Buffer.from(Array.from({ length: keySaltLength(suite) }, (_, i) => (seed * 37 + i * 11) & 0xff))
const rtp = (sequence: number, ssrc = 0xdecafbad, octets = 160): Buffer => {
  const bytes = Buffer.alloc(12 + octets, sequence & 0xff)
  bytes.writeUInt32BE(0x80000000 + (sequence & 0xffff), 0)
  bytes.writeUInt32BE(sequence * 160, 4)
  bytes.writeUInt32BE(ssrc, 8)
  return bytes
}
const rtcp = (ssrc = 0xdecafbad): Buffer => {
  const bytes = Buffer.alloc(28, 7)
  bytes.writeUInt32BE(0x80c80006, 0)
  bytes.writeUInt32BE(ssrc, 4)
  return bytes
}

/** What goes out of `protect`, or the fault's name. */
function sealed(out: OutboundSrtp, packet: Buffer, kind: 'rtp' | 'rtcp' = 'rtp'): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(4), packet, Buffer.alloc(ROOM)])
  const end =
    kind === 'rtp' ? out.protect(bytes, 4, 4 + packet.length) : out.protectRtcp(bytes, 4, 4 + packet.length)
  if (end < 0) throw new Error(srtpFault(end))
  return Buffer.from(bytes.subarray(4, end))
}

const sends = (out: OutboundSrtp, packet: Buffer): string => {
  try {
    sealed(out, packet)
    return 'sent'
  } catch (error) {
    return error instanceof Error ? error.message : ''
  }
}

/** The plain packet, or the fault's name; what is refused must be whole again. */
function opened(inbound: InboundSrtp, packet: Buffer, kind: 'rtp' | 'rtcp' = 'rtp'): Buffer | string {
  const bytes = Buffer.from(packet)
  const end =
    kind === 'rtp' ? inbound.unprotect(bytes, 0, bytes.length) : inbound.unprotectRtcp(bytes, 0, bytes.length)
  if (end >= 0) return bytes.subarray(0, end)
  expect(bytes).toEqual(packet)
  return srtpFault(end) ?? ''
}

const verdict = (inbound: InboundSrtp, packet: Buffer, kind: 'rtp' | 'rtcp' = 'rtp'): string => {
  const result = opened(inbound, packet, kind)
  return typeof result === 'string' ? result : 'taken'
}

const pair = (suite: SrtpSuite = COUNTER, options: SrtpOptions = {}, keys: SrtpKeys = keyOf(suite)) => ({
  out: createOutboundSrtp(suite, keys, options),
  inbound: createInboundSrtp(suite, keys, options),
})

describe.each(suites)('%s', suite => {
  it('RFC 3711 §3.1: CSRCs and extension stay in the clear, payload and padding do not, and come back', () => {
    const { out, inbound } = pair(suite)
    for (let sequence = 100; sequence < 140; sequence++) {
      const header = {
        payloadType: 0,
        sequence,
        timestamp: 160 * sequence,
        ssrc: 0x81020304,
        csrcs: [1, 2, 3].slice(sequence % 4),
        ...(sequence % 2 === 0 && { extension: { profile: 0xbede, data: Buffer.from('10aa0000', 'hex') } }),
        padding: sequence % 3 === 0 ? 4 : 0,
      }
      const payload = Buffer.alloc((sequence * 17) % 700, sequence)
      const packet = Buffer.alloc(rtpLength(header, payload.length))
      encodeRtp(packet, 0, header, payload)
      const sent = sealed(out, packet)
      const clear = packet.length - payload.length - header.padding
      expect(sent.length).toBe(packet.length + srtpSuites[suite].rtpTag)
      expect(sent.subarray(0, clear)).toEqual(packet.subarray(0, clear))
      if (payload.length > 16) expect(sent.includes(payload.subarray(0, 16))).toBe(false)
      expect(opened(inbound, sent)).toEqual(packet)
    }
    expect(inbound.counters).toMatchObject({ authenticated: 40, failed: 0 })
  })

  it('RFC 3711 §3.4: RTCP too, with an index and a tag of its own', () => {
    const { out, inbound } = pair(suite)
    const [first, second] = [sealed(out, rtcp(), 'rtcp'), sealed(out, rtcp(), 'rtcp')]
    expect(first.length).toBe(28 + 4 + srtpSuites[suite].rtcpTag)
    expect(first.subarray(0, 8)).toEqual(rtcp().subarray(0, 8))
    expect(first).not.toEqual(second)
    expect(opened(inbound, second, 'rtcp')).toEqual(rtcp())
    expect(opened(inbound, first, 'rtcp')).toEqual(rtcp())
    expect(verdict(inbound, first, 'rtcp')).toBe('replayed')
  })

  it('RFC 3711 §3.3: forged in any octet, or cut short anywhere, it is counted and dropped, the octets whole', () => {
    const { out, inbound } = pair(suite)
    const packet = sealed(out, rtp(7, 5, 40))
    const report = sealed(out, rtcp(5), 'rtcp')
    let refused = 0
    for (let at = 0; at < packet.length; at++) {
      const forged = Buffer.from(packet)
      forged[at] = (forged[at] ?? 0) ^ 0x10
      expect(verdict(inbound, forged), `octet ${at}`).toMatch(/failed|malformed/)
      expect(verdict(inbound, packet.subarray(0, at)), `cut to ${at}`).toMatch(/failed|malformed/)
      refused += 2
    }
    for (let at = 0; at < report.length; at++) {
      const forged = Buffer.from(report)
      forged[at] = (forged[at] ?? 0) ^ 0x80
      expect(verdict(inbound, forged, 'rtcp'), `octet ${at}`).toMatch(/failed|malformed|unencrypted/)
      expect(verdict(inbound, report.subarray(0, at), 'rtcp')).toMatch(/failed|malformed|unencrypted/)
      refused += 2
    }
    expect(inbound.counters).toMatchObject({ authenticated: 0, failed: refused })
    expect([verdict(inbound, packet), verdict(inbound, report, 'rtcp')]).toEqual(['taken', 'taken'])
  })

  it('RFC 3711 §3.3.1: the roll-over counter goes up with the sequence number, over loss and disorder', () => {
    const { out, inbound } = pair(suite)
    const packets = Array.from({ length: 65_536 / 512 + 60 }, (_, i) => 32_767 + 512 * i)
    for (const sequence of packets) {
      const [late, packet] = [sealed(out, rtp(sequence)), sealed(out, rtp(sequence + 3))]
      expect(opened(inbound, packet)).toEqual(rtp(sequence + 3))
      expect(opened(inbound, late)).toEqual(rtp(sequence))
    }
    expect(out.rolledOver).toBe(true)
  })

  it('RFC 3711 §4.3.1: keys derived anew every 16 packets are found again by packets that come late', () => {
    const { out, inbound } = pair(suite, { derivationRate: 16 })
    const sent = Array.from({ length: 64 }, (_, i) => sealed(out, rtp(65_500 + i)))
    for (let i = 0; i < 64; i += 2) {
      expect(opened(inbound, sent[i ^ 1] ?? rtp(0))).toEqual(rtp(65_500 + (i ^ 1)))
      expect(opened(inbound, sent[i] ?? rtp(0))).toEqual(rtp(65_500 + i))
    }
  })
})

describe('the formulas of RFC 3711', () => {
  it.each([0, 1, 4, 64])(
    '§4: the same octets as they give, at derivation rate %i, over a roll-over',
    rate => {
      const keySalt = keyOf(COUNTER)
      const mki = Buffer.from([1, 2, 3])
      const out = createOutboundSrtp(COUNTER, [{ keySalt, mki }], { derivationRate: rate })
      const reference = { key: keySalt.subarray(0, 16), salt: keySalt.subarray(16), tag: 10, rate, mki }
      for (let index = 65_500; index < 65_600; index++) {
        const packet = rtp(index, 0x90000001, (index * 7) % 400)
        expect(sealed(out, packet), `index ${index}`).toEqual(referenceRtp(reference, packet, index))
      }
      for (let index = 0; index < 70; index++) {
        expect(sealed(out, rtcp(), 'rtcp')).toEqual(referenceRtcp(reference, rtcp(), index))
      }
    },
  )
})

describe('the formulas of RFC 7714', () => {
  it.each([
    { suite: 'AEAD_AES_128_GCM' as const, octets: 16 },
    { suite: 'AEAD_AES_256_GCM' as const, octets: 32 },
  ])('§8, §11: the same octets as they give, key derivation included: $suite', ({ suite, octets }) => {
    const keySalt = keyOf(suite)
    const out = createOutboundSrtp(suite, keySalt)
    const reference = { key: keySalt.subarray(0, octets), salt: keySalt.subarray(octets) }
    for (let index = 65_500; index < 65_600; index++) {
      const packet = rtp(index, 0x90000001, (index * 7) % 400)
      expect(sealed(out, packet), `index ${index}`).toEqual(referenceGcm(reference, packet, index))
    }
  })
})

describe('the replay window', () => {
  it.each([64, 128] as const)(
    'RFC 3711 §3.3.2: %i packets: late ones are taken once, older ones never',
    window => {
      const { out, inbound } = pair(COUNTER, { window })
      const sent = Array.from({ length: 200 }, (_, i) => sealed(out, rtp(1000 + i)))
      const at = (i: number): Buffer => sent[i] ?? rtp(0)
      expect(verdict(inbound, at(199))).toBe('taken')
      expect(inbound.isNewest).toBe(true)
      expect(verdict(inbound, at(199 - window + 1))).toBe('taken')
      expect(inbound.isNewest).toBe(false)
      expect(verdict(inbound, at(199 - window))).toBe('old')
      expect(verdict(inbound, at(199 - window + 1))).toBe('replayed')
      expect(verdict(inbound, at(199))).toBe('replayed')
      expect(inbound.counters).toMatchObject({ authenticated: 2, old: 1, replayed: 2, failed: 0 })
    },
  )

  it('RFC 3711 §3.3.1: 40,000 packets lost at once, and over the next ones it hears again', () => {
    let now = 0
    const { out, inbound } = pair(COUNTER, { now: () => now })
    expect(verdict(inbound, sealed(out, rtp(1000)))).toBe('taken')
    for (let lost = 2000; lost < 41_000; lost += 1000) sealed(out, rtp(lost))
    // 41,000 is nearer to 1,000 than to 66,536: RFC 3711's estimate is right where nothing was before ROC 0
    expect(verdict(inbound, sealed(out, rtp(41_000)))).toBe('taken')
    for (let lost = 42_000; lost < 81_000; lost += 1000) sealed(out, rtp(lost))
    now = 1000
    expect(verdict(inbound, sealed(out, rtp(81_000)))).toBe('taken')
    // and from there half a round is lost once more: only a second try at the next counter finds it
    for (let lost = 82_000; lost < 121_000; lost += 1000) sealed(out, rtp(lost))
    const after = Array.from({ length: 11 }, (_, i) => sealed(out, rtp(121_000 + i)))
    expect(verdict(inbound, after[0] ?? rtp(0))).toBe('taken')
    expect(verdict(inbound, after[1] ?? rtp(0))).toBe('taken')
  })

  it('forged packets cost a second try ten times a second', () => {
    let now = 5000
    const { out, inbound } = pair(COUNTER, { now: () => now })
    for (let sequence = 40_000; sequence < 140_000; sequence += 1000) {
      const packet = sealed(out, rtp(sequence))
      if (sequence === 40_000 || sequence === 60_000) expect(verdict(inbound, packet)).toBe('taken')
    }
    const forged = sealed(createOutboundSrtp(COUNTER, keyOf(COUNTER, 9)), rtp(60_010))
    for (let i = 0; i < 10; i++) expect(verdict(inbound, forged)).toBe('failed')
    // from 60,000 on 40,000 were lost: found at the second try, which is used up for this second
    const afterLoss = sealed(createOutboundAt(100_000), rtp(100_001))
    expect(verdict(inbound, afterLoss)).toBe('old')
    now += 1000
    expect(verdict(inbound, afterLoss)).toBe('taken')
  })
})

/** An outbound context of the usual key whose source stands at an index. */
function createOutboundAt(index: number): OutboundSrtp {
  const out = createOutboundSrtp(COUNTER, keyOf(COUNTER))
  for (let at = index % 30_000; at <= index; at += 30_000) sealed(out, rtp(at))
  return out
}

describe('the index guard', () => {
  it('RFC 3711 §9.1: an index goes out once; one of the last 64 may be late, an older one may not', () => {
    const { out } = pair()
    expect([100, 101, 103].map(sequence => sends(out, rtp(sequence)))).toEqual(['sent', 'sent', 'sent'])
    expect([102, 102, 101, 100, 103].map(sequence => sends(out, rtp(sequence)))).toEqual([
      'sent',
      'reused',
      'reused',
      'reused',
      'reused',
    ])
    expect(sends(out, rtp(200))).toBe('sent')
    expect([136, 137].map(sequence => sends(out, rtp(sequence)))).toEqual(['reused', 'sent'])
  })

  it('RFC 7714 §8.4: a source that comes back goes on where it was; one past the limit is not sent', () => {
    const { out } = pair(COUNTER, { sources: 2 })
    expect([rtp(5, 1), rtp(5, 2), rtp(5, 1), rtp(6, 1)].map(packet => sends(out, packet))).toEqual([
      'sent',
      'sent',
      'reused',
      'sent',
    ])
    expect(sends(out, rtp(5, 3))).toBe('sources')
  })

  it('leaves a packet whole that it does not send', () => {
    const { out } = pair()
    sealed(out, rtp(9))
    const bytes = Buffer.concat([rtp(9), Buffer.alloc(ROOM)])
    const before = Buffer.from(bytes)
    expect(srtpFault(out.protect(bytes, 0, 172))).toBe('reused')
    expect(srtpFault(out.protect(bytes.subarray(0, 181), 0, 172))).toBe('room')
    expect(srtpFault(out.protect(bytes, 0, 11))).toBe('malformed')
    expect(srtpFault(out.protectRtcp(bytes.subarray(0, 185), 0, 172))).toBe('room')
    expect(bytes).toEqual(before)
  })
})

describe('sources', () => {
  it('RFC 4568 §6.4.1: only an authentic packet makes one, and none is forgotten', () => {
    const { out, inbound } = pair(COUNTER, { sources: 3 })
    for (let ssrc = 10; ssrc < 60; ssrc++) expect(verdict(inbound, rtp(1, ssrc))).toBe('failed')
    const stranger = createOutboundSrtp(COUNTER, keyOf(COUNTER))
    const first = sealed(stranger, rtp(1, 1))
    expect(verdict(inbound, first)).toBe('taken')
    expect(verdict(inbound, sealed(stranger, rtp(1, 2)))).toBe('taken')
    expect(verdict(inbound, sealed(out, rtcp(3), 'rtcp'), 'rtcp')).toBe('taken')
    expect(verdict(inbound, sealed(stranger, rtp(1, 4)))).toBe('sources')
    expect(verdict(inbound, sealed(stranger, rtcp(4), 'rtcp'), 'rtcp')).toBe('sources')
    expect(verdict(inbound, first)).toBe('replayed')
    expect(inbound.counters).toMatchObject({ sources: 2, authenticated: 3 })
  })
})

describe('master keys', () => {
  const keys = (lifetime: number) =>
    [1, 2].map(seed => ({ keySalt: keyOf(COUNTER, seed), mki: Buffer.from([0, seed]), lifetime }))

  it.each(suites)('RFC 3711 §3.2.1: %s: the next one serves where the lifetime of one is over', suite => {
    const all = [1, 2].map(seed => ({
      keySalt: keyOf(suite, seed),
      mki: Buffer.from([0, seed]),
      lifetime: 10,
    }))
    let due = 0
    const out = createOutboundSrtp(suite, all, { onKeyDue: () => due++ })
    const inbound = createInboundSrtp(suite, all)
    const told: number[] = []
    for (let sequence = 65_530; sequence < 65_550; sequence++) {
      expect(opened(inbound, sealed(out, rtp(sequence)))).toEqual(rtp(sequence))
      told.push(due)
    }
    expect(told).toEqual([...Array(18).fill(0), 1, 1])
    expect(sends(out, rtp(65_550))).toBe('expired')
  })

  it('RFC 3711 §3.1: a packet names its key; a name that nobody agreed on is counted', () => {
    const inbound = createInboundSrtp(COUNTER, keys(1000))
    const second = createOutboundSrtp(COUNTER, [...keys(1000)].reverse())
    const foreign = createOutboundSrtp(COUNTER, [{ keySalt: keyOf(COUNTER), mki: Buffer.from([0, 3]) }])
    expect(verdict(inbound, sealed(second, rtp(1)))).toBe('taken')
    expect(verdict(inbound, sealed(second, rtcp(), 'rtcp'), 'rtcp')).toBe('taken')
    expect(verdict(inbound, sealed(foreign, rtp(2)))).toBe('mki')
    expect(verdict(inbound, sealed(foreign, rtcp(), 'rtcp'), 'rtcp')).toBe('mki')
    expect(inbound.counters).toMatchObject({ mki: 2, failed: 0, authenticated: 2 })
  })

  it('RFC 3711 §9.2: what comes after the lifetime is not taken', () => {
    const out = createOutboundSrtp(COUNTER, keyOf(COUNTER))
    const inbound = createInboundSrtp(COUNTER, [{ keySalt: keyOf(COUNTER), lifetime: 3 }])
    const verdicts = [1, 2, 3, 4].map(sequence => verdict(inbound, sealed(out, rtp(sequence))))
    expect(verdicts).toEqual(['taken', 'taken', 'taken', 'expired'])
    expect(inbound.counters.expired).toBe(1)
  })

  it.each([
    { kept: true, rule: 'RFC 3711 §3.3.1: has kept its roll-over counter' },
    { kept: false, rule: 'RFC 4568 §6.4: begins again at 0' },
  ])('a known source under a new key is heard where it $rule', ({ kept }) => {
    const { out, inbound } = pair()
    for (let sequence = 32_767; sequence < 66_000; sequence += 1000)
      opened(inbound, sealed(out, rtp(sequence)))
    expect(out.rolledOver).toBe(true)
    const next = createInboundSrtp(COUNTER, keyOf(COUNTER, 2), { after: inbound })
    const renewed = createOutboundSrtp(COUNTER, keyOf(COUNTER, 2))
    if (kept) for (const sequence of [30_000, 60_000, 66_000]) sealed(renewed, rtp(sequence))
    const packets = [66_100, 66_101, 66_160].map(sequence => sealed(renewed, rtp(sequence)))
    expect(packets.map(packet => verdict(next, packet))).toEqual(['taken', 'taken', 'taken'])
    expect(packets.map(packet => verdict(next, packet))).toEqual(['replayed', 'replayed', 'replayed'])
  })

  it('what is closed neither sends nor takes', () => {
    const { out, inbound } = pair()
    const packet = sealed(out, rtp(1))
    out.close()
    inbound.close()
    expect(sends(out, rtp(2))).toBe('closed')
    expect(verdict(inbound, packet)).toBe('closed')
    expect(verdict(inbound, sealed(pair().out, rtcp(), 'rtcp'), 'rtcp')).toBe('closed')
  })

  it.each<[string, unknown]>([
    ['base64', keyOf(COUNTER).toString('base64')],
    ['nothing', undefined],
    ['an ArrayBuffer', new ArrayBuffer(30)],
    ['numbers', [{ keySalt: Array(30).fill(1) }]],
    ['a list of nothing', [undefined]],
    ['words of 16 bits', [{ keySalt: new Uint16Array(30) }]],
    ['a string for an MKI', [{ keySalt: keyOf(COUNTER), mki: 'ab' }]],
    [
      'the same octets under two names',
      [
        { keySalt: keyOf(COUNTER), mki: Buffer.of(1) },
        { keySalt: keyOf(COUNTER), mki: Buffer.of(2) },
      ],
    ],
  ])('takes no key that is %s, and says so', (_, keys) => {
    for (const create of [createOutboundSrtp, createInboundSrtp]) {
      // @ts-expect-error a key that is none
      expect(() => create(COUNTER, keys)).toThrow(expect.objectContaining({ code: 'ERR_SRTP_KEY' }))
    }
  })

  it('says what cannot be', () => {
    const mki = (octets: number): Buffer => Buffer.alloc(octets)
    const keySalt = keyOf(COUNTER)
    const wrong: [SrtpKeys, SrtpOptions?][] = [
      [keySalt.subarray(1)],
      [[]],
      [[{ keySalt }, { keySalt }]],
      [
        [
          { keySalt, mki: mki(1) },
          { keySalt, mki: mki(1) },
        ],
      ],
      [[{ keySalt, mki: mki(9) }]],
      [[{ keySalt, lifetime: 0 }]],
      [keySalt, { derivationRate: 3 }],
      [keySalt, { derivationRate: 2 ** 25 }],
      [keySalt, { sources: 0 }],
    ]
    for (const [keys, options] of wrong) {
      expect(() => createOutboundSrtp(COUNTER, keys, options)).toThrow(UsageError)
      expect(() => createInboundSrtp(COUNTER, keys, options)).toThrow(UsageError)
    }
  })
})

describe('SRTCP', () => {
  it('RFC 3711 §3.4: a report in the clear is refused, though its tag were good', () => {
    const keySalt = keyOf(COUNTER)
    const reference = { key: keySalt.subarray(0, 16), salt: keySalt.subarray(16), tag: 10 }
    const inbound = createInboundSrtp(COUNTER, keySalt)
    const report = referenceRtcp(reference, rtcp(), 1)
    const clear = Buffer.from(report)
    clear[28] = 0
    expect(verdict(inbound, clear, 'rtcp')).toBe('unencrypted')
    expect(opened(inbound, report, 'rtcp')).toEqual(rtcp())
  })
})
