import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeRtp, rtpLength } from '../../src/media/rtp/packet.ts'
import {
  createInboundSrtp,
  createOutboundSrtp,
  keySaltLength,
  type OutboundSrtp,
  type SrtpSuite,
} from '../../src/media/srtp/index.ts'
import { seededRandom, Tokens } from '../../src/util/random.ts'
import { Libsrtp2, type Question } from './peers/libsrtp2.ts'

const PACKETS = 20_000
const SSRCS = [0x00000001, 0x7fffffff, 0x80000000, 0xfffffff0]
const suites: SrtpSuite[] = [
  'AES_CM_128_HMAC_SHA1_80',
  'AES_CM_128_HMAC_SHA1_32',
  'AES_256_CM_HMAC_SHA1_80',
  'AES_256_CM_HMAC_SHA1_32',
  'AEAD_AES_128_GCM',
  'AEAD_AES_256_GCM',
]
const ROOM = 40
const NO_SUCH_MKI = 25

let peer: Libsrtp2

beforeAll(() => {
  peer = new Libsrtp2()
})

afterAll(() => peer?.close())

/** Packets of four sources that begin near 2^15, with loss and disorder, of any shape; every eighth is a report. */
class Traffic {
  readonly #tokens: Tokens
  readonly #next = new Map(SSRCS.map((ssrc, i) => [ssrc, 32_767 - 100 * i]))

  constructor(seed: number) {
    this.#tokens = new Tokens(seededRandom(seed))
  }

  packets(count: number): { readonly kind: 'rtp' | 'rtcp'; readonly bytes: Buffer }[] {
    const made: { kind: 'rtp' | 'rtcp'; bytes: Buffer }[] = []
    while (made.length < count) {
      const ssrc = SSRCS[this.#tokens.below(SSRCS.length)] ?? 1
      if (this.#tokens.below(8) === 0) made.push({ kind: 'rtcp', bytes: this.#report(ssrc) })
      else {
        const first = (this.#next.get(ssrc) ?? 0) + this.#tokens.below(60)
        this.#next.set(ssrc, first + 3)
        // one of three is late
        for (const sequence of this.#tokens.below(3) === 0 ? [first + 1, first] : [first, first + 1]) {
          made.push({ kind: 'rtp', bytes: this.#packet(ssrc, sequence & 0xffff) })
        }
      }
    }
    return made.slice(0, count)
  }

  #packet(ssrc: number, sequence: number): Buffer {
    const tokens = this.#tokens
    const words = tokens.below(6)
    const header = {
      payloadType: tokens.below(64),
      marker: tokens.below(2) === 0,
      sequence,
      timestamp: tokens.below(2 ** 32),
      ssrc,
      csrcs: Array.from({ length: tokens.below(16) }, () => tokens.below(2 ** 32)),
      ...(words > 2 && { extension: { profile: 0xbede, data: Buffer.alloc(4 * words, tokens.byte()) } }),
      padding: tokens.below(2) * (1 + tokens.below(20)),
    }
    const payload = Buffer.alloc(
      tokens.below(10) === 0 ? tokens.below(1400) : tokens.below(200),
      tokens.byte(),
    )
    const bytes = Buffer.alloc(rtpLength(header, payload.length))
    encodeRtp(bytes, 0, header, payload)
    return bytes
  }

  #report(ssrc: number): Buffer {
    const words = 2 + this.#tokens.below(40)
    const bytes = Buffer.alloc(4 * words, this.#tokens.byte())
    bytes.writeUInt32BE(0x81c80000 + words - 1, 0)
    bytes.writeUInt32BE(ssrc, 4)
    return bytes
  }
}

function protectedBy(out: OutboundSrtp, kind: 'rtp' | 'rtcp', packet: Buffer): Buffer {
  const bytes = Buffer.concat([packet, Buffer.alloc(ROOM)])
  const end = kind === 'rtp' ? out.protect(bytes, 0, packet.length) : out.protectRtcp(bytes, 0, packet.length)
  return end < 0 ? Buffer.from(`fault ${end}`) : bytes.subarray(0, end)
}

function begin(suite: SrtpSuite, keySalt: Buffer, mki: Buffer): Question {
  return { asks: 's', bytes: Buffer.concat([Buffer.from([suites.indexOf(suite), mki.length]), mki, keySalt]) }
}

describe('libsrtp2', () => {
  it.each(
    suites.flatMap(suite => [
      { suite, mki: Buffer.alloc(0) },
      { suite, mki: Buffer.from([1, 2, 3, 4]) },
    ]),
  )(
    `RFC 3711, 6188, 7714: ${PACKETS} random packets of $suite are the same octets both ways, over roll-overs (MKI: $mki.length octets)`,
    ({ suite, mki }) => {
      const keySalt = seededRandom(suites.indexOf(suite) + 7).fill(Buffer.alloc(keySaltLength(suite)))
      const keys = [{ keySalt, ...(mki.length > 0 && { mki }) }]
      const out = createOutboundSrtp(suite, keys)
      const inbound = createInboundSrtp(suite, keys, { window: 128 })
      // its SRTCP indices begin at 1, ours at 0 (RFC 3711 §3.4): one report each goes before
      const first = Buffer.from('80c9000100000000', 'hex')
      for (const ssrc of SSRCS) {
        first.writeUInt32BE(ssrc, 4)
        protectedBy(out, 'rtcp', first)
      }
      const traffic = new Traffic(suites.indexOf(suite) + 100 * mki.length).packets(PACKETS)
      const ours = traffic.map(({ kind, bytes }) => protectedBy(out, kind, bytes))
      const answers = peer.ask([
        begin(suite, keySalt, mki),
        ...traffic.flatMap(({ kind, bytes }, i): Question[] => [
          { asks: kind === 'rtp' ? 'p' : 'P', bytes },
          { asks: kind === 'rtp' ? 'u' : 'U', bytes: ours[i] ?? Buffer.alloc(0) },
        ]),
      ])
      expect(answers[0]?.status).toBe(0)
      let unlike = 0
      for (const [i, { kind, bytes }] of traffic.entries()) {
        const theirs = answers[1 + 2 * i]
        const plain = answers[2 + 2 * i]
        const taken = Buffer.from(theirs?.bytes ?? [])
        const end =
          kind === 'rtp'
            ? inbound.unprotect(taken, 0, taken.length)
            : inbound.unprotectRtcp(taken, 0, taken.length)
        // libsrtp2 looks for the MKI of a report where the tag of RTP would leave it: it cannot read its own
        const isLost = kind === 'rtcp' && mki.length > 0 && suite.endsWith('_32')
        const same =
          theirs?.status === 0 &&
          ours[i]?.equals(theirs.bytes) === true &&
          (isLost ? plain?.status === NO_SUCH_MKI : plain?.bytes.equals(bytes) === true) &&
          end === bytes.length &&
          taken.subarray(0, end).equals(bytes)
        if (!same) unlike++
      }
      expect(unlike).toBe(0)
      expect(out.rolledOver).toBe(true)
      expect(inbound.counters).toMatchObject({ authenticated: PACKETS, failed: 0 })
    },
  )

  it('RFC 4568 §6.4, RFC 3711 §3.3.1: a new key past ROC 0 is heard with a new SSRC, and with the old one is not', () => {
    const suite = 'AES_CM_128_HMAC_SHA1_80'
    const [old, renewed] = [1, 2].map(seed => seededRandom(seed).fill(Buffer.alloc(30)))
    if (old === undefined || renewed === undefined) throw new Error('no keys')
    const rtp = (ssrc: number, sequence: number): Buffer => {
      const bytes = Buffer.alloc(172, 1)
      bytes.writeUInt32BE(0x80000000 + (sequence & 0xffff), 0)
      bytes.writeUInt32BE(ssrc, 8)
      return bytes
    }
    const before = createOutboundSrtp(suite, old)
    const rolling = [32_767, 50_000, 65_535, 65_536, 65_537].map(s => protectedBy(before, 'rtp', rtp(1, s)))
    const after = createOutboundSrtp(suite, renewed)
    const sameSource = protectedBy(after, 'rtp', rtp(1, 65_538))
    const newSource = protectedBy(after, 'rtp', rtp(2, 100))
    const statuses = peer
      .ask([
        begin(suite, old, Buffer.alloc(0)),
        ...rolling.map((bytes): Question => ({ asks: 'u', bytes })),
        { asks: 'k', bytes: renewed },
        { asks: 'u', bytes: sameSource },
        { asks: 'u', bytes: newSource },
      ])
      .map(({ status }) => status)
    const AUTHENTICATION_FAILURE = 7
    expect(statuses).toEqual([0, 0, 0, 0, 0, 0, 0, AUTHENTICATION_FAILURE, 0])
  })

  it('RFC 3711 §3.3.1: a peer that keeps its roll-over counter under a new key is heard by ours', () => {
    const suite = 'AES_CM_128_HMAC_SHA1_80'
    const [old, renewed] = [1, 2].map(seed => seededRandom(seed).fill(Buffer.alloc(30)))
    if (old === undefined || renewed === undefined) throw new Error('no keys')
    const packet = (sequence: number): Buffer => {
      const bytes = Buffer.alloc(172, 1)
      bytes.writeUInt32BE(0x80000000 + (sequence & 0xffff), 0)
      return bytes
    }
    const sequences = [32_767, 50_000, 65_536, 65_537]
    const answers = peer.ask([
      begin(suite, old, Buffer.alloc(0)),
      ...sequences.map((sequence): Question => ({ asks: 'p', bytes: packet(sequence) })),
      { asks: 'k', bytes: renewed },
      { asks: 'p', bytes: packet(65_538) },
    ])
    const inbound = createInboundSrtp(suite, old)
    const take = (at: number, by = inbound): number => {
      const bytes = Buffer.from(answers[at]?.bytes ?? [])
      return by.unprotect(bytes, 0, bytes.length)
    }
    expect([1, 2, 3, 4].map(at => take(at))).toEqual([172, 172, 172, 172])
    const next = createInboundSrtp(suite, renewed, { after: inbound })
    expect(take(6, next)).toBe(172)
    expect(take(6, createInboundSrtp(suite, renewed))).toBeLessThan(0)
  })
})
