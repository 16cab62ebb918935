import { describe, expect, it } from 'vitest'
import {
  FlowManager,
  MediaSession,
  type MediaStream,
  type MediaStreamHandler,
  type MediaStreamOptions,
  protectionMachine,
} from '../../../src/media/flow/index.ts'
import { RtpSender } from '../../../src/media/rtp/sender.ts'
import type { BindSocket } from '../../../src/media/socket/index.ts'
import { createInboundSrtp, createOutboundSrtp } from '../../../src/media/srtp/index.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { EnvironmentError, UsageError } from '../../../src/util/errors.ts'
import { openCells } from '../../../src/util/machine.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'

const SUITE = 'AES_CM_128_HMAC_SHA1_80'
const GCM = 'AEAD_AES_128_GCM'
const key = (seed: number, octets = 30): Buffer => seededRandom(seed).fill(Buffer.alloc(octets))
const rtp = (sequence: number, ssrc = 7, octets = 160): Buffer => {
  const bytes = Buffer.alloc(12 + octets, sequence)
  bytes.writeUInt32BE(0x80000000 + (sequence & 0xffff), 0)
  bytes.writeUInt32BE(ssrc, 8)
  return bytes
}
const report = Buffer.from('81c9000700000007000000010000000200000003000000040000000500000006', 'hex')

/** Two ends over a network in memory that shows what went over it. */
class Wire {
  readonly clock = new SimulatedClock()
  readonly timers = new Timers(this.clock)
  readonly log: string[] = []
  readonly seen: Buffer[] = []
  readonly #bound = new Map<number, (bytes: Buffer, address: string, port: number) => void>()
  #nextPort = 30_000

  readonly bind: BindSocket = async (address, asked, receiver) => {
    while (this.#bound.has(this.#nextPort)) this.#nextPort++
    const port = asked === 0 ? this.#nextPort++ : asked
    if (this.#bound.has(port)) throw new EnvironmentError('EADDRINUSE', `port ${port}`)
    this.#bound.set(port, (bytes, from, fromPort) => receiver.onDatagram(bytes, from, fromPort))
    return {
      local: { address, port },
      send: (bytes, toPort) => {
        const copy = Buffer.from(bytes)
        this.seen.push(copy)
        this.timers.after(1, () => this.#bound.get(toPort)?.(Buffer.from(copy), address, port))
      },
      close: async () => {
        this.#bound.delete(port)
      },
    }
  }

  readonly manager: FlowManager = new FlowManager({
    timers: this.timers,
    random: seededRandom(3),
    bindSocket: this.bind,
    onCallbackError: error => this.log.push(`callback: ${error}`),
  })

  handler(name: string): MediaStreamHandler {
    return {
      onMediaStreamSecured: (flow, suite) => this.log.push(`${name} ${flow.component} secured ${suite}`),
      onMediaStreamRekeyed: rolledOver => this.log.push(`${this.clock.now()} ${name} rekeyed ${rolledOver}`),
    }
  }

  /** Two streams that send to each other. */
  async call(options: MediaStreamOptions = {}): Promise<[MediaStream, MediaStream]> {
    const binding = { address: '127.0.0.1', port: 0 }
    const a = this.manager.createMediaStream(this.handler('a'), binding, options)
    await this.pass(2)
    const b = this.manager.createMediaStream(this.handler('b'), binding, options)
    await this.pass(2)
    for (const [from, to] of [[a, b] as const, [b, a] as const]) {
      from.rtpFlow.setActiveDestination('127.0.0.1', to.rtpFlow.localTuple?.port ?? 0)
      from.rtcpFlow?.setActiveDestination('127.0.0.1', to.rtcpFlow?.localTuple?.port ?? 0)
    }
    return [a, b]
  }

  arrive(stream: MediaStream, bytes: Buffer, port = 9, address = '192.0.2.1'): void {
    this.#bound.get(stream.rtpFlow.localTuple?.port ?? 0)?.(Buffer.from(bytes), address, port)
  }

  async pass(milliseconds: number): Promise<void> {
    for (let i = 0; i < milliseconds; i++) {
      for (let n = 0; n < 40; n++) await Promise.resolve()
      this.clock.advance(1)
    }
    for (let n = 0; n < 40; n++) await Promise.resolve()
  }
}

function heardBy(stream: MediaStream): Buffer[] {
  const heard: Buffer[] = []
  stream.rtpFlow.onReceive(bytes => heard.push(Buffer.from(bytes)))
  stream.rtcpFlow?.onReceive(bytes => heard.push(Buffer.from(bytes)))
  return heard
}

/** `a` sends under key `ab`, `b` under key `ba`. */
function secure(a: MediaStream, b: MediaStream, ab = key(1), ba = key(2)): void {
  a.createOutboundSRTPSession(SUITE, ab)
  b.createInboundSRTPSession(SUITE, ab)
  b.createOutboundSRTPSession(SUITE, ba)
  a.createInboundSRTPSession(SUITE, ba)
}

describe('the table', () => {
  it('has a row or a word for every cell', () => {
    expect(openCells(protectionMachine)).toEqual([])
  })
})

describe('a protected stream', () => {
  it.each([{ rtcpMux: false }, { rtcpMux: true }])(
    'RFC 3711: carries RTP and RTCP as SRTP, %o',
    async options => {
      const wire = new Wire()
      const [a, b] = await wire.call(options)
      const heard = heardBy(b)
      secure(a, b)
      expect(wire.log).toEqual([
        `b rtp secured ${SUITE}`,
        `b rtcp secured ${SUITE}`,
        `a rtp secured ${SUITE}`,
        `a rtcp secured ${SUITE}`,
      ])
      const packet = rtp(5)
      expect([a.rtpFlow.send(packet), a.rtcpFlow?.send(report)]).toEqual([true, true])
      const owned = Buffer.concat([Buffer.alloc(4), rtp(6), Buffer.alloc(30)])
      expect(a.rtpFlow.sendOwned(owned, 4, 176)).toBe(true)
      await wire.pass(2)
      expect(packet).toEqual(rtp(5))
      expect(heard).toEqual([rtp(5), report, rtp(6)])
      expect(wire.seen.map(({ length }) => length)).toEqual([172 + 10, 32 + 4 + 10, 172 + 10])
      expect(wire.seen.some(bytes => bytes.includes(Buffer.alloc(16, 5)))).toBe(false)
      expect(b.rtpFlow.counters.srtp).toMatchObject({ authenticated: 2, failed: 0 })
      expect(b.rtcpFlow?.counters.srtp).toMatchObject({ authenticated: 1, failed: 0 })
      expect(b.rtpFlow.counters).toMatchObject({ packetsIn: 2, bytesIn: 344 })
    },
  )

  it('says nothing of the second flow to who closes the stream when told of the first', async () => {
    const wire = new Wire()
    const told: string[] = []
    const stream: MediaStream = wire.manager.createMediaStream(
      {
        onMediaStreamSecured: flow => {
          told.push(flow.component)
          return stream.close()
        },
      },
      { address: '127.0.0.1', port: 0 },
      { rtcpMux: true },
    )
    await wire.pass(2)
    stream.createOutboundSRTPSession(SUITE, key(1))
    stream.createInboundSRTPSession(SUITE, key(2))
    await wire.pass(2)
    expect(told).toEqual(['rtp'])
  })

  it('answers false to a key of a wrong length, and throws for a suite that is none', async () => {
    const wire = new Wire()
    const [a] = await wire.call()
    expect(a.createOutboundSRTPSession(SUITE, key(1, 29))).toBe(false)
    expect(a.createInboundSRTPSession(GCM, key(1, 30))).toBe(false)
    expect(a.createOutboundSRTPSession(GCM, key(1, 28))).toBe(true)
    // @ts-expect-error a suite that is none
    expect(() => a.createOutboundSRTPSession('NULL_HMAC_SHA1_80', key(1))).toThrow(UsageError)
  })

  it('RFC 3711 §3.3: counts and drops what is forged, replayed, too old or plain, and hears what is late', async () => {
    const wire = new Wire()
    const [a, b] = await wire.call()
    const heard = heardBy(b)
    secure(a, b)
    const out = createOutboundSrtp(SUITE, key(1))
    const sent = Array.from({ length: 100 }, (_, i) => {
      const bytes = Buffer.concat([rtp(i), Buffer.alloc(10)])
      out.protect(bytes, 0, 172)
      return bytes
    })
    const at = (i: number): Buffer => sent[i] ?? Buffer.alloc(0)
    const forged = Buffer.from(at(98))
    forged[20] = 255
    for (const bytes of [at(99), at(90), at(99), at(10), forged, rtp(95), at(98).subarray(0, 100)]) {
      wire.arrive(b, bytes)
    }
    expect(heard).toEqual([rtp(99), rtp(90)])
    expect(b.rtpFlow.counters.srtp).toMatchObject({ authenticated: 2, replayed: 1, old: 1, failed: 3 })
    expect(b.rtpFlow.counters.packetsIn).toBe(2)
  })

  it('drops plain RTP both ways while keys are awaited, and after they failed', async () => {
    const wire = new Wire()
    const [a, b] = await wire.call()
    const heard = heardBy(b)
    b.expectSRTP()
    wire.seen.length = 0
    expect([b.rtpFlow.send(rtp(1)), b.rtcpFlow?.send(report)]).toEqual([false, false])
    a.rtpFlow.send(rtp(1))
    await wire.pass(2)
    b.failSRTP()
    a.rtpFlow.send(rtp(2))
    await wire.pass(2)
    expect(b.rtpFlow.send(rtp(2))).toBe(false)
    expect(b.createInboundSRTPSession(SUITE, key(1))).toBe(false)
    b.stopSRTP()
    a.rtpFlow.send(rtp(3))
    await wire.pass(2)
    expect([heard, b.rtpFlow.send(rtp(3)), wire.seen.length]).toEqual([[], false, 3])
    expect(b.rtpFlow.counters).toMatchObject({ unsent: 3, packetsIn: 0 })
    expect(b.rtpFlow.counters.srtp).toMatchObject({ early: 1, unprotected: 5 })
  })

  it('RFC 8643 §3: goes back to plain RTP only where signalling says so', async () => {
    const wire = new Wire()
    const [a, b] = await wire.call()
    const heard = heardBy(b)
    secure(a, b)
    b.stopSRTP()
    wire.seen.length = 0
    a.stopSRTP()
    a.rtpFlow.send(rtp(1))
    await wire.pass(2)
    expect([heard, wire.seen]).toEqual([[rtp(1)], [rtp(1)]])
  })

  it('holds the newest 16 packets that beat the keys, and eight records of DTLS', async () => {
    const wire = new Wire()
    const [a, b] = await wire.call()
    const heard = heardBy(b)
    a.createOutboundSRTPSession(SUITE, key(1))
    b.createOutboundSRTPSession(SUITE, key(2))
    a.createInboundSRTPSession(SUITE, key(2))
    for (let sequence = 1; sequence <= 20; sequence++) a.rtpFlow.send(rtp(sequence))
    a.rtpFlow.send(rtp(21, 7, 1489))
    await wire.pass(2)
    for (let i = 0; i < 10; i++) wire.arrive(b, Buffer.from([22, 254, 253, i]))
    expect(heard).toEqual([])
    b.createInboundSRTPSession(SUITE, key(1))
    expect(heard).toEqual(Array.from({ length: 16 }, (_, i) => rtp(5 + i)))
    expect(b.rtpFlow.counters.srtp).toMatchObject({ early: 21, authenticated: 16, failed: 0 })
    const records: number[] = []
    b.rtpFlow.onDtls = bytes => records.push(bytes[3] ?? -1)
    wire.arrive(b, Buffer.from([22, 254, 253, 10]))
    expect(records).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(b.rtpFlow.counters.dtls).toBe(11)
  })

  it('is moved by the newest packet of who has the keys, and by no copy of it', async () => {
    const wire = new Wire()
    const [a, b] = await wire.call({ destination: { clockRateOf: () => 8000, otherSources: 'refuse' } })
    const heard = heardBy(b)
    secure(a, b)
    a.rtpFlow.send(rtp(1))
    await wire.pass(2)
    const copy = wire.seen.at(-1) ?? Buffer.alloc(0)
    wire.arrive(b, copy, 66, '203.0.113.9')
    expect(b.rtpFlow.activeDestination).toEqual(a.rtpFlow.localTuple)
    const out = createOutboundSrtp(SUITE, key(1))
    const moved = Buffer.concat([rtp(2), Buffer.alloc(10)])
    const late = Buffer.concat([rtp(0), Buffer.alloc(10)])
    out.protect(moved, 0, 172)
    out.protect(late, 0, 172)
    wire.arrive(b, moved, 67, '198.51.100.7')
    wire.arrive(b, late, 68, '198.51.100.8')
    expect(b.rtpFlow.activeDestination).toEqual({ address: '198.51.100.7', port: 67 })
    expect(heard.length).toBe(3)
    expect(b.rtpFlow.counters.srtp).toMatchObject({ authenticated: 3, replayed: 1 })
  })

  it('RFC 3711 §9.1: sends no index twice', async () => {
    const wire = new Wire()
    const [a, b] = await wire.call()
    secure(a, b)
    expect([5, 5, 4, 4].map(sequence => a.rtpFlow.send(rtp(sequence)))).toEqual([true, false, true, false])
    expect(a.rtpFlow.counters).toMatchObject({ unsent: 2, packetsOut: 2 })
    expect(a.rtpFlow.counters.srtp.reused).toBe(2)
  })

  it('passes STUN and DTLS unprotected, and nothing else', async () => {
    const wire = new Wire()
    const [a, b] = await wire.call()
    secure(a, b)
    const hello = Buffer.from([22, 254, 253, 1])
    const binding = Buffer.from('000100002112a442000000000000000000000000', 'hex')
    expect([hello, binding, Buffer.from('x')].map(bytes => a.rtpFlow.send(bytes))).toEqual([
      true,
      true,
      false,
    ])
    expect(wire.seen).toEqual([hello, binding])
  })
})

describe('new keys', () => {
  it('RFC 4568 §7.1.4: the same again change nothing', async () => {
    const wire = new Wire()
    const [a, b] = await wire.call()
    const heard = heardBy(b)
    secure(a, b)
    a.rtpFlow.send(rtp(5))
    secure(a, b)
    await wire.pass(1000)
    expect([a.rtpFlow.send(rtp(5)), a.rtpFlow.send(rtp(6))]).toEqual([false, true])
    await wire.pass(2)
    expect(heard).toEqual([rtp(5), rtp(6)])
    expect(wire.log.filter(line => line.includes('rekeyed'))).toEqual([])
  })

  it('RFC 4568 §7.1.4: both are heard; ours is used once the peer shows its own, the old one goes 2 s after', async () => {
    const wire = new Wire()
    const [a, b] = await wire.call()
    const heard = heardBy(a)
    secure(a, b)
    a.createInboundSRTPSession(SUITE, key(4))
    a.createOutboundSRTPSession(SUITE, key(3))
    const started = wire.clock.now()
    b.rtpFlow.send(rtp(1))
    a.rtpFlow.send(rtp(1))
    await wire.pass(2)
    expect(heard).toEqual([rtp(1)])
    expect(b.rtpFlow.counters.srtp.authenticated).toBe(1)
    // the peer has the new ones now
    b.createOutboundSRTPSession(SUITE, key(4))
    b.createInboundSRTPSession(SUITE, key(3))
    b.rtpFlow.send(rtp(2))
    await wire.pass(2)
    expect(heard).toEqual([rtp(1), rtp(2)])
    expect(wire.log.slice(4)).toEqual([`${started + 2} b rekeyed false`, `${started + 3} a rekeyed false`])
    a.rtpFlow.send(rtp(2))
    await wire.pass(2)
    expect(b.rtpFlow.counters.srtp).toMatchObject({ authenticated: 2, failed: 0 })
    const old = createOutboundSrtp(SUITE, key(2))
    const late = [3, 4].map(sequence => {
      const bytes = Buffer.concat([rtp(sequence), Buffer.alloc(10)])
      old.protect(bytes, 0, 172)
      return bytes
    })
    await wire.pass(1900)
    wire.arrive(a, late[0] ?? Buffer.alloc(0))
    await wire.pass(200)
    wire.arrive(a, late[1] ?? Buffer.alloc(0))
    expect(heard).toEqual([rtp(1), rtp(2), rtp(3)])
    expect(a.rtpFlow.counters.srtp.failed).toBe(1)
  })

  it('RFC 3711 §9.1: one of ours that waits is taken back; one that another replaced never comes again', async () => {
    const wire = new Wire()
    const [a, b] = await wire.call()
    secure(a, b)
    a.rtpFlow.send(rtp(5))
    a.createInboundSRTPSession(SUITE, key(4))
    expect(a.createOutboundSRTPSession(SUITE, key(3))).toBe(true)
    expect(a.createOutboundSRTPSession(SUITE, key(1))).toBe(true)
    await wire.pass(600)
    // the same context: the index that went out does not go again
    expect([a.rtpFlow.send(rtp(5)), a.rtpFlow.send(rtp(6))]).toEqual([false, true])
    expect(a.createOutboundSRTPSession(SUITE, key(3))).toBe(true)
    expect(a.createOutboundSRTPSession(SUITE, key(1))).toBe(false)
    a.stopSRTP()
    expect(a.createOutboundSRTPSession(SUITE, key(1))).toBe(false)
    expect(a.createOutboundSRTPSession(SUITE, key(3))).toBe(false)
    expect(a.createOutboundSRTPSession(SUITE, key(5))).toBe(true)
  })

  it.each([
    ['with another lifetime', SUITE, [{ keySalt: key(1), lifetime: 1000 }]],
    ['with an MKI', SUITE, [{ keySalt: key(1), mki: Buffer.of(1) }]],
    ['with a shorter tag', 'AES_CM_128_HMAC_SHA1_32', key(1)],
    [
      'beside another',
      SUITE,
      [
        { keySalt: key(8), mki: Buffer.of(1) },
        { keySalt: key(1), mki: Buffer.of(2) },
      ],
    ],
  ] as const)(
    'RFC 3711 §9.1: the octets of a key in use come into no second context, %s',
    async (_, suite, keys) => {
      const wire = new Wire()
      const [a] = await wire.call()
      expect(a.createOutboundSRTPSession(SUITE, key(1))).toBe(true)
      expect(a.createOutboundSRTPSession(suite, keys)).toBe(false)
    },
  )

  it('RFC 4568 §7.1.4: the old one goes 2 s after also where there is none of ours yet', async () => {
    const wire = new Wire()
    const [a, b] = await wire.call()
    const heard = heardBy(b)
    a.createOutboundSRTPSession(SUITE, key(1))
    b.createInboundSRTPSession(SUITE, key(1))
    b.createInboundSRTPSession(SUITE, key(3))
    a.rtpFlow.send(rtp(1))
    await wire.pass(2100)
    a.rtpFlow.send(rtp(2))
    await wire.pass(2)
    expect(heard).toEqual([rtp(1)])
    expect(b.rtpFlow.counters.srtp).toMatchObject({ authenticated: 1, failed: 1 })
    await Promise.all([a.close(), b.close()])
    expect(wire.timers.size).toBe(0)
  })

  it('RFC 3711 §9.2: what is not sent under a key that is over is counted', async () => {
    const wire = new Wire()
    const [a] = await wire.call()
    a.createOutboundSRTPSession(SUITE, [{ keySalt: key(1), lifetime: 1 }], { sources: 1 })
    expect([a.rtpFlow.send(rtp(1)), a.rtpFlow.send(rtp(2))]).toEqual([true, false])
    expect(a.rtpFlow.counters.srtp).toMatchObject({ expired: 1 })
  })

  it("a key of the peer's that is still heard comes back with what was heard under it", async () => {
    const wire = new Wire()
    const [a, b] = await wire.call()
    const heard = heardBy(a)
    secure(a, b)
    b.rtpFlow.send(rtp(1))
    await wire.pass(2)
    const replay = wire.seen.at(-1) ?? Buffer.alloc(0)
    a.createInboundSRTPSession(SUITE, key(4))
    a.createInboundSRTPSession(SUITE, key(2))
    wire.arrive(a, replay)
    b.rtpFlow.send(rtp(2))
    await wire.pass(2)
    expect(heard).toEqual([rtp(1), rtp(2)])
    expect(a.rtpFlow.counters.srtp).toMatchObject({ replayed: 1, authenticated: 2 })
  })

  it('ours is used after 500 ms where the peer sends nothing', async () => {
    const wire = new Wire()
    const [a, b] = await wire.call()
    secure(a, b)
    const began = wire.clock.now()
    a.createInboundSRTPSession(SUITE, key(4))
    a.createOutboundSRTPSession(SUITE, key(3))
    await wire.pass(600)
    expect(wire.log.slice(4)).toEqual([`${began + 500} a rekeyed false`])
    a.rtpFlow.send(rtp(1))
    const inbound = createInboundSrtp(SUITE, key(3))
    const sent = Buffer.from(wire.seen.at(-1) ?? Buffer.alloc(0))
    expect(inbound.unprotect(sent, 0, sent.length)).toBe(172)
  })

  it('RFC 4568 §6.4: past the first roll-over a MediaSession goes on with a new SSRC and says BYE', async () => {
    const wire = new Wire()
    const [a] = await wire.call()
    const sender = new RtpSender({ payloadType: 0, clockRate: 8000, random: seededRandom(9) })
    const told: boolean[] = []
    const session = new MediaSession(
      wire.manager,
      { onMediaStreamRekeyed: rolledOver => told.push(rolledOver) },
      { address: '127.0.0.1', port: 0 },
      {
        rtp: {
          sender,
          cname: 'a',
          clock: wire.clock,
          timers: wire.timers,
          random: seededRandom(1),
        },
      },
    )
    await wire.pass(2)
    session.setRemote(a.rtpFlow.localTuple ?? { address: '127.0.0.1', port: 9 })
    session.stream.createOutboundSRTPSession(SUITE, key(1))
    session.stream.createInboundSRTPSession(SUITE, key(2))
    const first = sender.ssrc
    const send = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const bytes = Buffer.alloc(13)
        sender.write(bytes, 0, bytes.subarray(12), 160, wire.clock.now())
        session.send(bytes)
      }
    }
    send(10)
    session.stream.createOutboundSRTPSession(SUITE, key(3))
    expect([told, sender.ssrc === first]).toEqual([[false], true])
    send(65_536)
    session.stream.createOutboundSRTPSession(SUITE, key(4))
    expect(told).toEqual([false, true])
    expect(sender.ssrc).not.toBe(first)
    expect(sender.sequence).toBeLessThan(2 ** 15)
    const bye = Buffer.from(wire.seen.at(-1) ?? Buffer.alloc(0))
    const end = createInboundSrtp(SUITE, key(4)).unprotectRtcp(bye, 0, bye.length)
    expect(end).toBeGreaterThan(0)
    send(1)
    const packet = Buffer.from(wire.seen.at(-1) ?? Buffer.alloc(0))
    expect(createInboundSrtp(SUITE, key(4)).unprotect(packet, 0, packet.length)).toBe(13)
  })

  it('what throws when a key is due is counted, and the packet goes', async () => {
    const wire = new Wire()
    const [a] = await wire.call()
    a.createInboundSRTPSession(SUITE, key(2))
    a.createOutboundSRTPSession(SUITE, [{ keySalt: key(1), lifetime: 10 }], {
      onKeyDue: () => {
        throw new Error('no time')
      },
    })
    const sent = Array.from({ length: 11 }, (_, i) => a.rtpFlow.send(rtp(i)))
    expect(sent).toEqual([...Array(10).fill(true), false])
    expect(wire.log).toContain('callback: Error: no time')
  })
})
