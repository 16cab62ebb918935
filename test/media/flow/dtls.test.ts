import { describe, expect, it } from 'vitest'
import type { DtlsFactory } from '../../../src/media/dtls/index.ts'
import { FlowManager, type MediaStream, type MediaStreamOptions } from '../../../src/media/flow/index.ts'
import type { BindSocket } from '../../../src/media/socket/index.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'
import { clearMessage, clientHello, cookieOf, helloBody } from '../dtls/wire.ts'

const SUITE = 'AES_CM_128_HMAC_SHA1_80'
const binding = { address: '127.0.0.1', port: 0 }
const rtp = (sequence: number): Buffer => {
  const bytes = Buffer.alloc(172, sequence)
  bytes.writeUInt32BE(0x80000000 + sequence, 0)
  bytes.writeUInt32BE(7, 8)
  return bytes
}

/** Two managers, each with a certificate, over a network in memory. */
class Wire {
  readonly clock = new SimulatedClock()
  readonly timers = new Timers(this.clock)
  readonly log: string[] = []
  readonly plain: Buffer[] = []
  readonly #bound = new Map<number, (bytes: Buffer, address: string, port: number) => void>()
  readonly #streams: MediaStream[] = []
  #nextPort = 30_000

  readonly bind: BindSocket = async (address, asked, receiver) => {
    const port = asked === 0 ? this.#nextPort++ : asked
    this.#bound.set(port, (bytes, from, fromPort) => receiver.onDatagram(bytes, from, fromPort))
    return {
      local: { address, port },
      send: (bytes, toPort) => {
        const copy = Buffer.from(bytes)
        if ((copy[0] ?? 0) >= 128) this.plain.push(copy)
        this.timers.after(1, () => this.#bound.get(toPort)?.(copy, address, port))
      },
      close: async () => {
        this.#bound.delete(port)
      },
    }
  }

  manager(seed: number): FlowManager {
    const random = seededRandom(seed)
    return new FlowManager({
      timers: this.timers,
      random,
      bindSocket: this.bind,
      onCallbackError: error => this.log.push(`callback: ${error}`),
    })
  }

  async stream(manager: FlowManager, name: string, options: MediaStreamOptions = { rtcpMux: true }) {
    const stream = manager.createMediaStream(
      {
        onMediaStreamSecured: (flow, suite) => this.log.push(`${name} ${flow.component} ${suite}`),
        onMediaStreamError: code => this.log.push(`${name} ${code}`),
      },
      binding,
      options,
    )
    this.#streams.push(stream)
    await this.pass(2)
    return stream
  }

  async pass(milliseconds: number): Promise<void> {
    for (let i = 0; i < milliseconds; i++) {
      for (let n = 0; n < 40; n++) await Promise.resolve()
      this.clock.advance(1)
    }
    for (let n = 0; n < 40; n++) await Promise.resolve()
  }

  async close(): Promise<void> {
    for (const stream of this.#streams) await stream.close()
  }
}

interface Call {
  readonly wire: Wire
  readonly a: MediaStream
  readonly b: MediaStream
  readonly ours: DtlsFactory
  readonly theirs: DtlsFactory
  readonly heard: Buffer[]
}

async function call(): Promise<Call> {
  const wire = new Wire()
  const [one, other] = [wire.manager(1), wire.manager(2)]
  const ours = await one.initializeDtlsFactory('sip:alice@example.org')
  const theirs = await other.initializeDtlsFactory()
  const a = await wire.stream(one, 'a')
  const b = await wire.stream(other, 'b')
  a.rtpFlow.setActiveDestination('127.0.0.1', port(b))
  b.rtpFlow.setActiveDestination('127.0.0.1', port(a))
  const heard: Buffer[] = []
  b.rtpFlow.onReceive(bytes => heard.push(Buffer.from(bytes)))
  return { wire, a, b, ours, theirs, heard }
}

const port = (stream: MediaStream): number => stream.rtpFlow.localTuple?.port ?? 0
const text = ({ hash, value }: { hash: string; value: string }): string => `${hash} ${value}`

describe('DTLS-SRTP on a flow', () => {
  it('RFC 5763 §5: one side is active, the first ClientHello makes the other passive, and media is SRTP', async () => {
    const { wire, a, b, ours, theirs, heard } = await call()
    a.rtpFlow.setRemoteSDPFingerprint(text(theirs.fingerprint()))
    b.rtpFlow.setRemoteSDPFingerprint(text(ours.fingerprint('sha-512')))
    expect(a.rtpFlow.remoteSDPFingerprint).toEqual(theirs.fingerprint())
    expect(a.rtpFlow.send(rtp(1))).toBe(false)
    a.rtpFlow.startDtlsClient('127.0.0.1', port(b))
    await wire.pass(20)
    expect(wire.log.sort()).toEqual([
      `a rtcp ${SUITE}`,
      `a rtp ${SUITE}`,
      `b rtcp ${SUITE}`,
      `b rtp ${SUITE}`,
    ])
    a.rtpFlow.send(rtp(2))
    await wire.pass(2)
    expect(heard).toEqual([rtp(2)])
    expect(wire.plain.map(({ length }) => length)).toEqual([182])
    await wire.close()
    // the last words arrive
    await wire.pass(2)
    expect(wire.timers.size).toBe(0)
  })

  it('RFC 5763 §6.2: a hello that comes before the answer is answered, and keys wait for the fingerprint', async () => {
    const { wire, a, b, ours, theirs, heard } = await call()
    b.expectSRTP()
    a.rtpFlow.setRemoteSDPFingerprint(text(theirs.fingerprint()))
    a.rtpFlow.startDtlsClient('127.0.0.1', port(b))
    await wire.pass(20)
    a.rtpFlow.send(rtp(1))
    await wire.pass(2)
    expect([wire.log.length, heard.length]).toEqual([2, 0])
    b.rtpFlow.setRemoteSDPFingerprint(text(ours.fingerprint()))
    // what came before is held, and read now
    expect([wire.log.length, heard.length]).toEqual([4, 1])
    await wire.close()
  })

  it('RFC 8122 §6.2: a certificate of another fingerprint ends the stream, and nothing passes', async () => {
    const { wire, a, b, ours, heard } = await call()
    a.rtpFlow.setRemoteSDPFingerprint(text(ours.fingerprint()))
    b.rtpFlow.setRemoteSDPFingerprint(text(ours.fingerprint()))
    a.rtpFlow.startDtlsClient('127.0.0.1', port(b))
    await wire.pass(2100)
    expect(wire.log).toEqual(['a ERR_DTLS_FINGERPRINT', 'b ERR_DTLS_ALERT'])
    expect([a.rtpFlow.send(rtp(1)), b.rtpFlow.send(rtp(1)), heard.length]).toEqual([false, false, 0])
    await wire.close()
  })

  it("a stranger's hello leaves a plain stream plain; it is held until keys are expected", async () => {
    const { wire, a, b, ours, theirs, heard } = await call()
    a.rtpFlow.startDtlsClient('127.0.0.1', port(b))
    await wire.pass(5)
    expect(b.rtpFlow.send(rtp(1))).toBe(true)
    expect(b.rtpFlow.counters.dtls).toBe(1)
    b.rtpFlow.setRemoteSDPFingerprint(text(ours.fingerprint()))
    a.rtpFlow.setRemoteSDPFingerprint(text(theirs.fingerprint()))
    // no time-out of 200 ms is needed
    await wire.pass(20)
    expect(wire.log.length).toBe(4)
    expect(heard.length).toBe(0)
    await wire.close()
  })

  it("a stranger's broken handshake does not end a stream whose keys signalling has agreed on", async () => {
    const { wire, a, b } = await call()
    b.createOutboundSRTPSession(SUITE, Buffer.alloc(30, 1))
    // one that was begun before the answer, and is never ended
    a.rtpFlow.startDtlsClient('127.0.0.1', port(b))
    await wire.pass(5)
    b.createInboundSRTPSession(SUITE, Buffer.alloc(30, 2))
    await a.close()
    const stranger = await wire.stream(wire.manager(5), 'stranger')
    const hello = helloBody({ suites: [0x002f] })
    const asked: Buffer[] = []
    stranger.rtpFlow.onDtls = bytes => asked.push(Buffer.from(bytes))
    const say = (body: Buffer) => stranger.rtpFlow.send(clearMessage(1, 0, body))
    stranger.rtpFlow.setActiveDestination('127.0.0.1', port(b))
    say(hello)
    await wire.pass(5)
    for (const request of asked) say(helloBody({ suites: [0x002f], cookie: cookieOf(request) }))
    await wire.pass(40_000)
    expect(wire.log.filter(line => line.includes('ERR'))).toEqual([])
    expect(b.rtpFlow.send(rtp(1))).toBe(true)
    await wire.close()
  })

  it('RFC 8842 §3.1: once its keys are there no hello is read, not after close_notify either', async () => {
    const { wire, a, b, ours, theirs } = await call()
    a.rtpFlow.setRemoteSDPFingerprint(text(theirs.fingerprint()))
    b.rtpFlow.setRemoteSDPFingerprint(text(ours.fingerprint()))
    a.rtpFlow.startDtlsClient('127.0.0.1', port(b))
    await wire.pass(20)
    await a.close()
    await wire.pass(5)
    const stranger = await wire.stream(wire.manager(5), 'stranger')
    const answers: Buffer[] = []
    stranger.rtpFlow.onDtls = bytes => answers.push(Buffer.from(bytes))
    stranger.rtpFlow.setActiveDestination('127.0.0.1', port(b))
    stranger.rtpFlow.send(clientHello())
    await wire.pass(5)
    expect(answers.length).toBe(0)
    expect(b.rtpFlow.send(rtp(1))).toBe(true)
    await wire.close()
  })

  it('stopSRTP ends the handshake under way, and the same fingerprint again never means plain RTP', async () => {
    const { wire, a, b, ours, theirs } = await call()
    a.rtpFlow.setRemoteSDPFingerprint(text(theirs.fingerprint()))
    b.rtpFlow.setRemoteSDPFingerprint(text(ours.fingerprint()))
    a.rtpFlow.startDtlsClient('127.0.0.1', port(b))
    a.stopSRTP()
    await wire.pass(20)
    expect(wire.log).toEqual([])
    expect(a.rtpFlow.send(rtp(1))).toBe(true)
    a.rtpFlow.setRemoteSDPFingerprint(text(theirs.fingerprint()))
    expect(a.rtpFlow.send(rtp(2))).toBe(false)
    a.rtpFlow.startDtlsClient('127.0.0.1', port(b))
    await wire.pass(1000)
    expect(wire.log.length).toBe(4)
    await wire.close()
  })

  it('RFC 8842 §3.1: another fingerprint is another association; the old keys go on until it has its own', async () => {
    const { wire, a, b, ours, theirs, heard } = await call()
    a.rtpFlow.setRemoteSDPFingerprint(text(theirs.fingerprint()))
    b.rtpFlow.setRemoteSDPFingerprint(text(ours.fingerprint()))
    a.rtpFlow.startDtlsClient('127.0.0.1', port(b))
    await wire.pass(20)
    expect(() => a.rtpFlow.startDtlsClient('127.0.0.1', port(b))).toThrow(/has a DTLS association/)
    // the same certificate by another hash is what a re-INVITE of the same peer may say
    a.rtpFlow.setRemoteSDPFingerprint(text(theirs.fingerprint('sha-384')))
    b.rtpFlow.setRemoteSDPFingerprint(text(ours.fingerprint('sha-384')))
    a.rtpFlow.send(rtp(1))
    await wire.pass(2)
    expect(heard.length).toBe(1)
    a.rtpFlow.startDtlsClient('127.0.0.1', port(b))
    await wire.pass(20)
    b.rtpFlow.send(rtp(50))
    a.rtpFlow.send(rtp(2))
    await wire.pass(600)
    a.rtpFlow.send(rtp(3))
    await wire.pass(2)
    expect(heard).toEqual([rtp(1), rtp(2), rtp(3)])
    await wire.close()
  })

  it('RFC 5764 §4.1: needs one port for RTP and RTCP, a certificate, and a fingerprint that can be checked', async () => {
    const wire = new Wire()
    const manager = wire.manager(1)
    const two = await wire.stream(manager, 'two', {})
    expect(() => two.rtpFlow.startDtlsClient('127.0.0.1', 9)).toThrow(/rtcpMux/)
    const one = await wire.stream(manager, 'one')
    expect(() => one.rtpFlow.startDtlsClient('127.0.0.1', 9)).toThrow(/initializeDtlsFactory/)
    expect(() => one.rtcpFlow?.startDtlsClient('127.0.0.1', 9)).toThrow(/flow of RTCP/)
    await manager.initializeDtlsFactory()
    expect(() => one.rtpFlow.setRemoteSDPFingerprint('sha-1 AA')).toThrow(/sha-256/)
    await wire.close()
  })
})
