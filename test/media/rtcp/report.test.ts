import { describe, expect, it } from 'vitest'
import { encodeRtcp } from '../../../src/media/rtcp/encode.ts'
import type { RtcpPacket } from '../../../src/media/rtcp/packet.ts'
import { parseRtcp } from '../../../src/media/rtcp/parse.ts'
import { encodeRtp } from '../../../src/media/rtp/packet.ts'
import { RtpSender } from '../../../src/media/rtp/sender.ts'
import { RtpSession } from '../../../src/media/rtp/session.ts'
import type { RtpSessionHandler, RtpSessionOptions } from '../../../src/media/rtp/session-options.ts'
import type { Remote } from '../../../src/util/address.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'

function at(address: string): Remote {
  return { address, port: 1 }
}

function hear(session: RtpSession, bytes: Buffer, from: string, now: number): void {
  session.receiveRtp(bytes, bytes.length, at(from), now)
}

interface Heard {
  readonly clock: SimulatedClock
  readonly session: RtpSession
  /** The compound packets that it sent. */
  readonly reports: RtcpPacket[][]
  readonly lengths: number[]
}

function sessionThat(
  options: Partial<RtpSessionOptions> = {},
  handler: Partial<RtpSessionHandler> = {},
): Heard {
  const clock = new SimulatedClock()
  const timers = new Timers(clock)
  const random = seededRandom(5)
  const sender = new RtpSender({ payloadType: 0, clockRate: 8000, random, ssrc: 1 })
  const reports: RtcpPacket[][] = []
  const lengths: number[] = []
  const session = new RtpSession(
    { sender, cname: 'me', clock, timers, random, rtcpBandwidth: 100_000, ...options },
    {
      sendRtcp(bytes) {
        const packets = parseRtcp(bytes)
        if (typeof packets === 'string') throw new Error(`we sent RTCP that is ${packets}`)
        reports.push(packets)
        lengths.push(bytes.length)
      },
      ...handler,
    },
  )
  session.start()
  return { clock, session, reports, lengths }
}

function rtp(ssrc: number, sequence: number, csrcs: number[] = []): Buffer {
  const bytes = Buffer.alloc(12 + 4 * csrcs.length + 160)
  encodeRtp(bytes, 0, { payloadType: 0, sequence, timestamp: 160 * sequence, ssrc, csrcs }, Buffer.alloc(160))
  return bytes
}

function receiverReport(ssrc: number): Buffer {
  return encodeRtcp([{ type: 'rr', ssrc, reports: [] }])
}

function reported(packets: readonly RtcpPacket[]): number[] {
  return packets.flatMap(packet =>
    packet.type === 'sr' || packet.type === 'rr' ? packet.reports.map(({ ssrc }) => ssrc) : [],
  )
}

describe('reports about many sources', () => {
  it.each([40, 64, 200])('RFC 3550 §6.1: of %i sources each is reported in its turn, round-robin', count => {
    const { clock, session, reports, lengths } = sessionThat({ maxSources: 256 })
    const sources = Array.from({ length: count }, (_, i) => 100 + i)
    for (let sequence = 0; sequence < 3000; sequence++) {
      for (const ssrc of sources) hear(session, rtp(ssrc, sequence), `h${ssrc}`, clock.now())
      clock.advance(20)
    }
    const counts = new Map<number, number>(sources.map(ssrc => [ssrc, 0]))
    for (const packets of reports) {
      const about = reported(packets)
      expect(new Set(about).size).toBe(about.length)
      for (const ssrc of about) counts.set(ssrc, (counts.get(ssrc) ?? 0) + 1)
    }
    expect(reports.length).toBeGreaterThan(5)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(1200)
    const times = [...counts.values()]
    expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(1)
    expect(Math.min(...times)).toBeGreaterThan(0)
  })

  it('RFC 3550 §6.4.1: what one report cannot count goes into a further RR, behind an SR too', () => {
    const { clock, session, reports } = sessionThat()
    session.onSent()
    for (let sequence = 0; sequence < 500; sequence++) {
      for (let ssrc = 100; ssrc < 140; ssrc++) hear(session, rtp(ssrc, sequence), `h${ssrc}`, clock.now())
      clock.advance(20)
      session.onSent()
    }
    const last = reports.at(-1) ?? []
    expect(last.map(({ type }) => type)).toEqual(['sr', 'rr', 'sdes'])
    expect(reported(last)).toHaveLength(40)
  })
})

describe('the tables of a session under a flood', () => {
  it('RFC 3550 §6.3.5: identifiers heard in RTCP leave, also those that found no room among the members', () => {
    const { clock, session } = sessionThat({ maxSources: 8 })
    for (let sequence = 0; sequence < 3; sequence++)
      hear(session, rtp(100, sequence, [201, 202, 203, 204, 205, 206, 207]), 'a', clock.now())
    for (let ssrc = 300; ssrc < 400; ssrc++) session.receiveRtcp(receiverReport(ssrc), at('b'))
    expect(session.members.size).toBe(8)
    expect(session.members.overflow).toBeGreaterThan(0)
    expect(session.refused.identifier).toBe(93)
    clock.advance(60_000)
    expect(session.members.size).toBe(0)
    for (let ssrc = 400; ssrc < 408; ssrc++) session.receiveRtcp(receiverReport(ssrc), at('b'))
    expect(session.refused.identifier).toBe(93)
    expect(session.members.size).toBe(8)
    session.close()
  })

  it('RFC 3550 §6.2: made-up contributors keep no sender out of the members', () => {
    const { clock, session } = sessionThat({ maxSources: 8 })
    let csrc = 1000
    for (let sequence = 0; sequence < 20; sequence++) {
      hear(
        session,
        rtp(
          100,
          sequence,
          Array.from({ length: 15 }, () => csrc++),
        ),
        'a',
        clock.now(),
      )
    }
    for (let sequence = 0; sequence < 3; sequence++) hear(session, rtp(101, sequence), 'b', clock.now())
    expect(session.members.size).toBe(8)
    expect(session.members.get(101)?.sentAt).toBe(0)
    expect(session.members.displaced).toBe(1)
    expect(session.members.overflow).toBe(20 * 15 - 15 - 7)
    session.close()
  })

  it('RFC 3550 §6.6: BYEs of strangers fill nothing; nobody is told after close', () => {
    const left: number[] = []
    const { session } = sessionThat(
      { maxSources: 8 },
      {
        onLeave(ssrc) {
          left.push(ssrc)
          session.close()
        },
      },
    )
    for (let first = 1000; first < 4000; first += 31) {
      const ssrcs = Array.from({ length: 31 }, (_, i) => first + i)
      session.receiveRtcp(
        encodeRtcp([
          { type: 'rr', ssrc: 7, reports: [] },
          { type: 'bye', ssrcs },
        ]),
        at('c'),
      )
    }
    expect([left, session.members.size]).toEqual([[], 1])
    session.receiveRtcp(receiverReport(8), at('c'))
    session.receiveRtcp(
      encodeRtcp([
        { type: 'rr', ssrc: 7, reports: [] },
        { type: 'bye', ssrcs: [7, 8] },
      ]),
      at('c'),
    )
    expect(left).toEqual([7])
  })
})
