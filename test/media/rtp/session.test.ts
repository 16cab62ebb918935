import { describe, expect, it } from 'vitest'
import { encodeRtcp } from '../../../src/media/rtcp/encode.ts'
import type { RtcpPacket } from '../../../src/media/rtcp/packet.ts'
import { parseRtcp } from '../../../src/media/rtcp/parse.ts'
import { encodeRtp } from '../../../src/media/rtp/packet.ts'
import { staticClockRate } from '../../../src/media/rtp/payload-types.ts'
import { RtpSender } from '../../../src/media/rtp/sender.ts'
import { RtpSession } from '../../../src/media/rtp/session.ts'
import type {
  ReceivedRtp,
  RtpSessionHandler,
  RtpSessionOptions,
} from '../../../src/media/rtp/session-options.ts'
import type { ReceptionReport } from '../../../src/media/rtp/source.ts'
import type { Remote } from '../../../src/util/address.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'

const FRAME = Buffer.alloc(160, 0xff)

class Party {
  readonly clock: SimulatedClock
  readonly sender: RtpSender
  readonly session: RtpSession
  readonly rtcp: RtcpPacket[] = []
  readonly reports: { from: number; report: ReceptionReport; roundTrip: number | undefined }[] = []
  readonly left: string[] = []
  readonly collisions: number[] = []
  toPeer: (bytes: Buffer) => void = () => {}

  constructor(clock: SimulatedClock, timers: Timers, ssrc: number, more: Partial<RtpSessionOptions> = {}) {
    this.clock = clock
    const random = seededRandom(ssrc)
    this.sender = new RtpSender({ payloadType: 0, clockRate: 8000, random, ssrc, sequence: 65_500 })
    const handler: RtpSessionHandler = {
      sendRtcp: bytes => {
        const packets = parseRtcp(bytes)
        if (typeof packets === 'string') throw new Error(`we sent RTCP that is ${packets}`)
        this.rtcp.push(...packets)
        this.toPeer(bytes)
      },
      onReport: (from, report, roundTrip) => this.reports.push({ from, report, roundTrip }),
      onLeave: (leaver, reason, timedOut) => this.left.push(`${leaver} ${reason} ${timedOut}`),
      onCollision: own => this.collisions.push(own),
    }
    this.session = new RtpSession(
      {
        sender: this.sender,
        cname: `cname-${ssrc}`,
        clock,
        timers,
        random,
        clockRateOf: staticClockRate,
        ...more,
      },
      handler,
    )
    this.session.start()
  }

  hear(bytes: Buffer, from: string): ReceivedRtp | undefined {
    return this.session.receiveRtp(bytes, bytes.length, at(from), this.clock.now())
  }

  packet(): Buffer {
    const bytes = Buffer.alloc(172)
    this.sender.write(bytes, 0, FRAME, 160, this.clock.now())
    this.session.onSent()
    return bytes
  }
}

function at(name: string): Remote {
  const [address = '', port] = name.split(':')
  return { address, port: Number(port) }
}

function pair(oneWay: number): { clock: SimulatedClock; timers: Timers; alice: Party; bob: Party } {
  const clock = new SimulatedClock()
  const timers = new Timers(clock)
  const alice = new Party(clock, timers, 1001)
  const bob = new Party(clock, timers, 1002)
  alice.toPeer = bytes => timers.after(oneWay, () => bob.session.receiveRtcp(bytes, at('alice:1')))
  bob.toPeer = bytes => timers.after(oneWay, () => alice.session.receiveRtcp(bytes, at('bob:1')))
  return { clock, timers, alice, bob }
}

describe('RtpSession', () => {
  it('RFC 3550 §6.4: loss, counts and round trip come back to the sender, over 60 s with 10 % loss', () => {
    const { clock, timers, alice, bob } = pair(40)
    for (let i = 0; i < 3000; i++) {
      const bytes = alice.packet()
      if (i % 10 !== 5) timers.after(40, () => bob.hear(bytes, 'alice:0'))
      clock.advance(20)
    }
    const [source] = bob.session.sources.values()
    // ten packets of the loss pattern, and the two that prove the source count as one
    expect(source?.sequence.lost).toBe(300)
    const last = alice.reports.at(-1)
    expect(last?.from).toBe(1002)
    expect(last?.report.ssrc).toBe(1001)
    expect(last?.report.fractionLost).toBeGreaterThanOrEqual(23)
    expect(last?.report.fractionLost).toBeLessThanOrEqual(28)
    expect(last?.report.jitter).toBe(0)
    expect(last?.roundTrip).toBeGreaterThan(79)
    expect(last?.roundTrip).toBeLessThan(81)
    expect(alice.session.roundTripTime).toBe(last?.roundTrip)
    const sent = alice.rtcp.filter(packet => packet.type === 'sr').at(-1)
    expect(sent?.packets).toBeGreaterThan(2500)
    expect(sent?.octets).toBe((sent?.packets ?? 0) * 160)
    expect(bob.rtcp.every(({ type }) => type === 'rr' || type === 'sdes')).toBe(true)
    expect(bob.session.members.get(1001)?.cname).toBe('cname-1001')
  })

  it('RFC 3550 §6.4.1: the RTP time in a sender report stands for its NTP time', () => {
    const { clock, alice } = pair(1)
    alice.packet()
    const first = alice.sender.timestamp - 160
    clock.advance(6000)
    const sr = alice.rtcp.find(packet => packet.type === 'sr')
    const at =
      ((sr?.ntp.fraction ?? 0) / 2 ** 32 +
        (sr?.ntp.seconds ?? 0) -
        (Date.UTC(2026, 0, 1) / 1000 + 2_208_988_800)) *
      1000
    expect(((sr?.rtpTimestamp ?? 0) - first) / 8).toBeCloseTo(at, 0)
  })

  it('RFC 3550 §6.3.8: a sender that falls silent reports as a receiver', () => {
    const { clock, alice } = pair(1)
    alice.packet()
    clock.advance(60_000)
    expect(alice.rtcp.find(({ type }) => type === 'sr')).toBeDefined()
    expect(alice.rtcp.filter(({ type }) => type !== 'sdes').at(-1)?.type).toBe('rr')
  })

  it('RFC 3550 §6.6: BYE ends a source, from its own address only, and nothing is told after it', () => {
    const { clock, alice, bob } = pair(5)
    for (const bytes of [alice.packet(), alice.packet()]) bob.hear(bytes, 'alice:0')
    clock.advance(6000)
    const forged = encodeRtcp([
      { type: 'rr', ssrc: 77, reports: [] },
      { type: 'bye', ssrcs: [1001] },
    ])
    bob.session.receiveRtcp(forged, at('mallory:1'))
    expect(bob.left).toEqual([])
    alice.session.leave('over and out')
    clock.advance(10)
    expect(bob.left).toEqual(['1001 over and out false'])
    expect(bob.session.sources.size).toBe(0)
    const told = alice.rtcp.length
    clock.advance(100_000)
    expect(alice.rtcp).toHaveLength(told)
    expect(alice.hear(bob.packet(), 'bob:0')).toBeUndefined()
  })

  it('RFC 3550 §6.3.5: a member silent for five intervals is timed out', () => {
    const { clock, alice, bob } = pair(5)
    for (const bytes of [alice.packet(), alice.packet()]) bob.hear(bytes, 'alice:0')
    alice.session.close()
    clock.advance(60_000)
    expect(bob.left).toEqual(['1001 undefined true'])
    expect(bob.session.sources.size).toBe(0)
  })

  it('RFC 3550 §8.2: a collision with our SSRC changes it, with a BYE for the old, once an address', () => {
    const { clock, timers, alice } = pair(5)
    const twin = new Party(clock, timers, 1001)
    alice.packet()
    alice.hear(twin.packet(), 'twin:0')
    expect(alice.collisions).toHaveLength(1)
    expect(alice.sender.ssrc).toBe(alice.collisions[0])
    expect(alice.sender.ssrc).not.toBe(1001)
    expect(alice.rtcp.find(packet => packet.type === 'bye')).toMatchObject({ ssrcs: [1001] })
    // the twin keeps the identifier: its next packets are a source like any other
    alice.hear(twin.packet(), 'twin:0')
    expect(alice.hear(twin.packet(), 'twin:0')?.source.ssrc).toBe(1001)
    expect(alice.collisions).toHaveLength(1)
  })

  it('RFC 3550 §8.2: our own packets that loop back change the SSRC once, then are ignored', () => {
    const { clock, alice } = pair(5)
    for (let i = 0; i < 10; i++) {
      expect(alice.hear(alice.packet(), 'loop:0')).toBeUndefined()
      clock.advance(20)
    }
    expect(alice.collisions).toHaveLength(1)
    expect(alice.session.refused.identifier).toBe(10)
  })

  it('RFC 3550 §8.2: a source at another address is refused until signalling moves it', () => {
    const { alice, bob } = pair(5)
    const receive = (from: string): boolean => alice.hear(bob.packet(), from) !== undefined
    expect([receive('bob:0'), receive('bob:0'), receive('elsewhere:0')]).toEqual([false, true, false])
    alice.session.forgetAddresses()
    expect(receive('elsewhere:0')).toBe(true)
  })

  it('RFC 3550 §5.1: malformed packets cost a counter, unproven sources do not stay', () => {
    const { clock, alice } = pair(5)
    alice.hear(Buffer.alloc(5), 'x')
    alice.session.receiveRtcp(Buffer.alloc(5), at('x'))
    expect(alice.session.faults.total).toBe(1)
    expect(alice.session.refused.version).toBe(1)
    for (let ssrc = 1; ssrc < 200; ssrc++) {
      const bytes = Buffer.alloc(12)
      bytes.writeUInt8(0x80, 0)
      bytes.writeUInt32BE(ssrc, 8)
      expect(alice.hear(bytes, 'x')).toBeUndefined()
    }
    expect(alice.session.sources.size).toBe(64)
    clock.advance(60_000)
    expect(alice.session.sources.size).toBe(0)
  })
})

describe('RtpSession, its tables and options', () => {
  it('RFC 3550 §5.1: only what lies before the end is read', () => {
    const { clock, alice, bob } = pair(5)
    const padded = Buffer.concat([bob.packet(), Buffer.alloc(10, 0xee)])
    bob.session.onSent()
    alice.session.receiveRtp(padded, 172, at('bob:0'), clock.now())
    const bytes = Buffer.concat([bob.packet(), Buffer.alloc(10, 0xee)])
    const received = alice.session.receiveRtp(bytes, 172, at('bob:0'), clock.now())
    expect(received?.packet.payloadLength).toBe(160)
    expect(alice.session.receiveRtp(bytes, 11, at('bob:0'), clock.now())).toBeUndefined()
    expect(alice.session.receiveRtp(bytes, bytes.length + 1, at('bob:0'), clock.now())).toBeUndefined()
    expect(alice.session.faults.short).toBe(2)
  })

  it('RFC 3551 §6: a payload type that was not negotiated is counted and dropped, and a callback that throws knows none', () => {
    const { clock, timers, alice } = pair(5)
    const dynamic = Buffer.alloc(20)
    dynamic.writeUInt16BE(0x8060)
    expect([alice.hear(dynamic, 'bob:0'), alice.session.refused.payloadType]).toEqual([undefined, 1])
    expect(alice.session.sources.size).toBe(0)
    const failing = new Party(clock, timers, 5, {
      clockRateOf() {
        throw new Error('no such table')
      },
    })
    failing.hear(dynamic, 'bob:0')
    expect([failing.session.refused.payloadType, failing.session.callbackErrors]).toEqual([1, 1])
  })

  it('RFC 3550 §6.6: contributing sources leave by the BYE of their mixer, not of others, and by falling silent', () => {
    const { clock, alice } = pair(5)
    const mixed = (sequence: number, csrcs: number[]): Buffer => {
      const bytes = Buffer.alloc(12 + 4 * csrcs.length)
      encodeRtp(bytes, 0, { payloadType: 0, sequence, timestamp: 0, ssrc: 9, csrcs }, Buffer.alloc(0))
      return bytes
    }
    alice.hear(mixed(1, []), 'mixer:0')
    alice.hear(mixed(2, [100, 101]), 'mixer:0')
    expect([...alice.session.members.all()].map(({ ssrc }) => ssrc)).toEqual([9, 100, 101])
    const bye = (ssrc: number): Buffer =>
      encodeRtcp([
        { type: 'rr', ssrc, reports: [] },
        { type: 'bye', ssrcs: [100] },
      ])
    alice.session.receiveRtcp(bye(77), at('mallory:1'))
    expect(alice.left).toEqual([])
    alice.session.receiveRtcp(bye(9), at('mixer:1'))
    expect([alice.left, alice.session.members.get(100)]).toEqual([['100 undefined false'], undefined])
    clock.advance(60_000)
    expect([alice.session.members.get(9), alice.session.members.get(101)]).toEqual([undefined, undefined])
    expect(alice.session.sources.size).toBe(0)
  })

  it('RFC 3550 §8.2: identifiers that only RTCP brought leave too, and make room', () => {
    const { clock, alice, bob } = pair(5)
    for (let ssrc = 5000; ssrc < 5200; ssrc++) {
      alice.session.receiveRtcp(encodeRtcp([{ type: 'rr', ssrc, reports: [] }]), at('crowd:1'))
    }
    expect([alice.hear(bob.packet(), 'bob:0'), alice.session.refused.identifier]).toEqual([undefined, 137])
    // 64 members stretch the intervals
    clock.advance(600_000)
    expect([alice.hear(bob.packet(), 'bob:0'), alice.hear(bob.packet(), 'bob:0')?.source.ssrc]).toEqual([
      undefined,
      1002,
    ])
  })

  it('RFC 3550 §8.2: its own packets may come back where that is allowed, and count as nobody else', () => {
    const { clock, timers } = pair(5)
    const echoing = new Party(clock, timers, 2001, { allowEcho: true })
    const verdicts = [1, 2, 3].map(() => echoing.hear(echoing.packet(), 'peer:0')?.verdict)
    expect([verdicts, echoing.collisions]).toEqual([[undefined, 'valid', 'valid'], []])
    expect(echoing.session.members.size).toBe(0)
  })

  it('RFC 3550 §8.2: signalling that moves the peer again and again does not let the sources grow', () => {
    const { alice } = pair(5)
    for (let ssrc = 1; ssrc < 500; ssrc++) {
      const bytes = Buffer.alloc(12)
      bytes.writeUInt8(0x80, 0)
      bytes.writeUInt32BE(ssrc, 8)
      alice.hear(bytes, 'x:1')
      alice.session.forgetAddresses()
    }
    expect(alice.session.sources.size).toBe(64)
  })

  it('RFC 4568 §6.4: the first sequence number lies below 2^15, and that after a collision too', () => {
    for (let seed = 0; seed < 200; seed++) {
      const sender = new RtpSender({ payloadType: 0, clockRate: 8000, random: seededRandom(seed) })
      const first = sender.sequence
      sender.renew(() => false)
      expect([first, sender.sequence].every(sequence => sequence < 0x8000)).toBe(true)
      expect(sender.sequence).not.toBe(first)
    }
  })
})
