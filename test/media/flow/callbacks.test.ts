import { describe, expect, it } from 'vitest'
import {
  FlowManager,
  type FlowManagerOptions,
  MediaSession,
  type MediaSessionHandler,
  type MediaStreamHandler,
} from '../../../src/media/flow/index.ts'
import { RtpSender, staticClockRate } from '../../../src/media/rtp/index.ts'
import type { BindSocket } from '../../../src/media/socket/index.ts'
import { method, StunWriter } from '../../../src/media/stun/index.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { EnvironmentError } from '../../../src/util/errors.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'
import { FakeServer, peer, serverAddress } from '../turn/fake-server.ts'

/** One flow manager, in memory; `arrive` is what the network brings to its first port. */
class World {
  readonly clock = new SimulatedClock()
  readonly timers = new Timers(this.clock)
  readonly random = seededRandom(1)
  readonly server = new FakeServer(this.timers)
  readonly network = this.server.network(false)
  readonly heard: unknown[] = []
  arrive: (bytes: Buffer) => void = () => {}
  refuse = false

  readonly bindSocket: BindSocket = async (address, port, receiver) => {
    if (this.refuse) throw new EnvironmentError('EADDRINUSE', 'in use')
    this.arrive = bytes => receiver.onDatagram(bytes, peer.address, peer.port)
    return { local: { address, port: port || 30_000 }, send() {}, close: async () => {} }
  }

  manager(options: FlowManagerOptions = {}): FlowManager {
    const { timers, random, bindSocket, network } = this
    const onCallbackError = (error: unknown): void => {
      this.heard.push(error)
    }
    return new FlowManager({
      timers,
      random,
      bindSocket,
      turnNetwork: () => network,
      onCallbackError,
      ...options,
    })
  }

  async open(handler: MediaStreamHandler) {
    const flows = this.manager()
    const stream = flows.createMediaStream(handler, { address: '192.0.2.5', port: 0 }, { rtcpMux: true })
    await settled()
    return { flows, stream }
  }

  async relayed(handler: MediaStreamHandler) {
    const flows = this.manager()
    const stream = flows.createMediaStream(
      handler,
      { address: '192.0.2.5', port: 0 },
      {
        natTraversalMode: 'TurnUdpAllocation',
        serverHostname: serverAddress.address,
        stunUsername: 'alice',
        stunPassword: 'secret',
        rtcpEnabled: false,
      },
    )
    await this.pass(100)
    return { flows, stream }
  }

  session(
    handler: MediaSessionHandler,
    clockRateOf: (payloadType: number) => number | undefined = staticClockRate,
  ) {
    const { clock, timers, random } = this
    const sender = new RtpSender({ payloadType: 0, clockRate: 8000, random })
    const rtp = { sender, cname: 'bob', clock, timers, random, clockRateOf }
    const onCallbackError = (error: unknown): void => {
      this.heard.push(error)
    }
    return new MediaSession(
      this.manager(),
      handler,
      { address: '192.0.2.5', port: 0 },
      { rtp: { ...rtp, onCallbackError }, stream: { rtcpMux: true } },
    )
  }

  async pass(milliseconds: number): Promise<void> {
    for (let i = 0; i < milliseconds; i++) {
      await settled()
      this.clock.advance(1)
    }
    await settled()
  }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 60; i++) await Promise.resolve()
}

function rtp(sequence: number): Buffer {
  const bytes = Buffer.alloc(172)
  bytes[0] = 0x80
  bytes.writeUInt16BE(sequence, 2)
  bytes.writeUInt32BE(7, 8)
  return bytes
}

type Throwing = () => never

/** Every callback of streams, flows and sessions: each makes it be called, and then proves that work went on. */
const callbacks: Record<string, (world: World, callback: Throwing) => Promise<void>> = {
  async onMediaStreamReady(world, callback) {
    const { stream } = await world.open({ onMediaStreamReady: callback })
    expect(stream.isReady).toBe(true)
    await stream.close()
  },
  async onMediaStreamError(world, callback) {
    world.refuse = true
    const { flows, stream } = await world.open({ onMediaStreamError: callback })
    await stream.close()
    expect(flows.size).toBe(0)
  },
  async onMediaStreamChanged(world, callback) {
    const { stream } = await world.relayed({ onMediaStreamChanged: callback })
    stream.rtpFlow.setActiveDestination(peer.address, peer.port)
    world.server.refusals.set(method.Refresh, 437)
    for (let i = 0; i < 600 && world.heard.length === 0; i++) {
      await settled()
      world.clock.advance(1000)
    }
    await world.pass(100)
    expect(stream.rtpFlow.send(rtp(1))).toBe(true)
  },
  async onMediaStreamRefused(world, callback) {
    world.server.refusals.set(method.ChannelBind, 403)
    const { stream } = await world.relayed({ onMediaStreamRefused: callback })
    stream.rtpFlow.setActiveDestination(peer.address, peer.port)
    await world.pass(100)
    expect(stream.isReady).toBe(true)
  },
  async onMediaStreamMoved(world, callback) {
    const session = world.session({ onMediaStreamMoved: callback })
    await settled()
    session.setRemote({ address: '192.0.2.7', port: 4000 })
    for (let sequence = 1; sequence < 5; sequence++) world.arrive(rtp(sequence))
    expect(session.rtp.sources.get(7)?.sequence.received).toBeGreaterThan(1)
  },
  async onReceive(world, callback) {
    const { stream } = await world.open({})
    stream.rtpFlow.onReceive(callback)
    world.arrive(rtp(1))
    stream.rtpFlow.onReceive(undefined)
    world.arrive(rtp(2))
    expect((await stream.rtpFlow.receive()).data).toEqual(rtp(2))
  },
  async 'receive, called back'(world, callback) {
    const { stream } = await world.open({})
    stream.rtpFlow.receive({}, callback)
    stream.rtpFlow.receiveFrom(peer.address, peer.port, {}, (_, received) => {
      expect(received?.data).toEqual(rtp(2))
    })
    world.arrive(rtp(1))
    world.arrive(rtp(2))
    expect(stream.rtpFlow.counters.packetsIn).toBe(2)
  },
  async onStun(world, callback) {
    const { stream } = await world.open({})
    stream.rtpFlow.onStun = callback
    world.arrive(Buffer.from(new StunWriter(method.Binding, 'request', new Uint8Array(12)).finish()))
    expect(stream.rtpFlow.counters.stun).toBe(1)
  },
  async onDtls(world, callback) {
    const { stream } = await world.open({})
    stream.rtpFlow.onDtls = callback
    world.arrive(Buffer.from([22, 254, 253]))
    expect(stream.rtpFlow.counters.dtls).toBe(1)
  },
  async onRtp(world, callback) {
    const session = world.session({ onRtp: callback })
    await settled()
    session.setRemote(peer)
    world.arrive(rtp(1))
    world.arrive(rtp(2))
    expect(session.rtp.sources.get(7)?.sequence.received).toBe(1)
  },
  async onCollision(world, callback) {
    const session = world.session({ onCollision: callback })
    await settled()
    session.setRemote(peer)
    const { ssrc } = session.rtp.sender
    const bytes = rtp(1)
    bytes.writeUInt32BE(ssrc, 8)
    world.arrive(bytes)
    expect(session.rtp.sender.ssrc).not.toBe(ssrc)
  },
  async clockRateOf(world, callback) {
    const asked: number[] = []
    const session = world.session({}, payloadType => {
      asked.push(payloadType)
      return asked.length === 1 ? callback() : staticClockRate(payloadType)
    })
    await settled()
    session.setRemote({ address: '192.0.2.7', port: 4000 })
    for (let sequence = 1; sequence < 6; sequence++) world.arrive(rtp(sequence))
    expect(session.rtp.sources.get(7)?.sequence.received).toBeGreaterThan(1)
  },
}

describe.each(Object.entries(callbacks))('%s', (_, run) => {
  it.each([
    [
      'throws',
      (): never => {
        throw new Error('the application failed')
      },
    ],
    // the type says that nothing comes back; an async function is passed all the same
    ['rejects', (() => Promise.reject(new Error('the application failed'))) as unknown as Throwing],
  ])('%s: nobody else is hurt, and it is told', async (__, callback) => {
    const world = new World()
    await run(world, callback)
    await settled()
    expect(world.heard).toEqual([expect.objectContaining({ message: 'the application failed' })])
  })
})

describe('a listener for callback errors', () => {
  it('that throws itself hurts nobody, and all are counted', async () => {
    const world = new World()
    const flows = world.manager({
      onCallbackError() {
        throw new Error('and so did its log')
      },
    })
    const stream = flows.createMediaStream(
      {
        onMediaStreamReady() {
          throw new Error('the application failed')
        },
      },
      { address: '192.0.2.5', port: 0 },
      { rtcpEnabled: false },
    )
    await settled()
    stream.rtpFlow.onReceive(() => Promise.reject(new Error('again')))
    world.arrive(rtp(1))
    await settled()
    expect([stream.isReady, flows.callbackErrors, stream.rtpFlow.counters.callbackErrors]).toEqual([
      true,
      2,
      2,
    ])
  })
})
