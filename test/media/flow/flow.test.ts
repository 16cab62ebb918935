import { describe, expect, it } from 'vitest'
import {
  FlowManager,
  type FlowManagerOptions,
  flowMachine,
  type MediaStreamOptions,
} from '../../../src/media/flow/index.ts'
import type { BindSocket } from '../../../src/media/socket/index.ts'
import { method, parseStun, StunWriter, XorMappedAddress } from '../../../src/media/stun/index.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { EnvironmentError } from '../../../src/util/errors.ts'
import { openCells } from '../../../src/util/machine.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'
import { srv, ZoneResolver } from '../resolver.ts'
import { FakeServer, peer, serverAddress } from '../turn/fake-server.ts'

/** A network in memory: what is sent to a bound port arrives 1 ms later, the STUN server included. */
class Net {
  readonly clock = new SimulatedClock()
  readonly timers = new Timers(this.clock)
  readonly bound = new Map<number, (bytes: Buffer, address: string, port: number) => void>()
  readonly taken = new Set<number>()
  readonly log: string[] = []
  /** Added to ports by the NAT, as the STUN server sees it. */
  shift = 1000
  stunAnswers = true
  /** The ports at which the STUN server was asked. */
  readonly asked: number[] = []
  #nextPort = 30_001

  readonly bind: BindSocket = async (address, asked, receiver) => {
    const port = asked === 0 ? this.#nextPort++ : asked
    if (this.bound.has(port) || this.taken.has(port)) throw new EnvironmentError('EADDRINUSE', `port ${port}`)
    this.bound.set(port, (bytes, from, fromPort) => receiver.onDatagram(bytes, from, fromPort))
    return {
      local: { address, port },
      send: (bytes, toPort, to) => {
        const copy = Buffer.from(bytes)
        this.timers.after(1, () => {
          if (to === serverAddress.address) {
            this.asked.push(toPort)
            this.#answer(copy, port)
          } else this.bound.get(toPort)?.(copy, address, port)
        })
      },
      close: async () => {
        this.bound.delete(port)
      },
    }
  }

  #answer(bytes: Buffer, port: number): void {
    const request = parseStun(bytes)
    if (typeof request === 'string' || request.method !== method.Binding || !this.stunAnswers) return
    this.log.push(`${this.clock.now()} Binding`)
    const mapped = { address: '198.51.100.1', port: port + this.shift }
    const answer = StunWriter.responseTo(request, 'success').add(XorMappedAddress, mapped).finish()
    this.bound.get(port)?.(answer, serverAddress.address, serverAddress.port)
  }

  manager(options: FlowManagerOptions = {}): FlowManager {
    return new FlowManager({
      timers: this.timers,
      random: seededRandom(3),
      bindSocket: this.bind,
      ...options,
    })
  }

  open(manager: FlowManager, options: MediaStreamOptions = {}, port = 0) {
    return manager.createMediaStream(
      {
        onMediaStreamReady: (rtp, rtcp) =>
          this.log.push(`${this.clock.now()} ready ${rtp.port} ${rtcp?.port}`),
        onMediaStreamChanged: (rtp, rtcp) =>
          this.log.push(`${this.clock.now()} changed ${rtp.port} ${rtcp?.port}`),
        onMediaStreamError: code => this.log.push(`${this.clock.now()} ${code}`),
      },
      { address: '127.0.0.1', port },
      options,
    )
  }

  async pass(milliseconds: number, step = 1): Promise<void> {
    for (let i = 0; i < milliseconds; i += step) {
      await settled()
      this.clock.advance(step)
    }
    await settled()
  }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 60; i++) await Promise.resolve()
}

const rtp = Buffer.from([0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7])
const rtcp = Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 7])
const viaStun = { natTraversalMode: 'StunBindDiscovery', serverHostname: serverAddress.address } as const

describe('the table', () => {
  it('has a row or a word for every cell', () => {
    expect(openCells(flowMachine)).toEqual([])
  })
})

describe('ports (RFC 3550 §11)', () => {
  it('are an even one and the next', async () => {
    const net = new Net()
    net.open(net.manager())
    await net.pass(2)
    expect(net.log).toEqual(['0 ready 30000 30001'])
    expect([...net.bound.keys()].sort()).toEqual([30_000, 30_001])
  })

  it('are those of the binding where it names one, and a range must hold a pair', async () => {
    const net = new Net()
    net.open(net.manager(), {}, 20_000)
    await net.pass(1)
    net.open(net.manager(), {}, 20_000)
    await net.pass(1)
    expect(net.log).toEqual(['0 ready 20000 20001', '1 EADDRINUSE'])
    expect(() => net.manager({ portRange: { min: 9, max: 10 } })).toThrow(/no even port/)
  })

  it('are one where RTCP is off or multiplexed (RFC 5761)', async () => {
    const net = new Net()
    net.open(net.manager(), { rtcpEnabled: false })
    net.open(net.manager(), { rtcpMux: true })
    await net.pass(1)
    expect(net.log).toEqual(['0 ready 30001 undefined', '0 ready 30002 30002'])
  })
})

describe('a flow', () => {
  it('sends to its active destination, and gives packets to whoever receives', async () => {
    const net = new Net()
    const manager = net.manager()
    const [a, b] = [net.open(manager), net.open(manager)]
    expect([a.rtpFlow.state, a.rtpFlow.isReady]).toEqual(['Connecting', false])
    a.rtpFlow.send(rtp)
    await net.pass(2)
    expect(a.isReady).toBe(true)
    a.rtpFlow.send(rtp)
    expect(a.rtpFlow.counters.unsent).toBe(2)
    a.rtpFlow.setActiveDestination('127.0.0.1', b.rtpFlow.localTuple?.port ?? 0)
    a.rtpFlow.send(rtp)
    const receiving = b.rtpFlow.receive({ timeout: 100 })
    await net.pass(2)
    expect(await receiving).toEqual({ data: rtp, source: a.rtpFlow.localTuple })
    const calls: unknown[] = []
    b.rtpFlow.receiveFrom('127.0.0.1', 1, { timeout: 50 }, error => calls.push(error?.code))
    b.rtpFlow.receive({}, (_, received) => calls.push(received?.data))
    a.rtpFlow.send(rtp)
    await net.pass(60)
    expect(calls).toEqual([rtp, 'ERR_TIMEOUT'])
    expect(a.rtpFlow.counters).toMatchObject({ packetsOut: 2, bytesOut: 24 })
    expect(b.rtpFlow.counters).toMatchObject({ packetsIn: 2, bytesIn: 24 })
    expect(a.rtpFlow.id).not.toBe(b.rtpFlow.id)
    expect(() => a.rtpFlow.setActiveDestination('example.com', 5)).toThrow(/numeric/)
  })

  it('sorts what comes in: RTP, RTCP, STUN, DTLS, and the rest (RFC 7983)', async () => {
    const net = new Net()
    const stream = net.open(net.manager(), { rtcpMux: true })
    await net.pass(1)
    const arrive = net.bound.get(30_001)
    const seen: string[] = []
    stream.rtpFlow.onStun = () => seen.push('stun')
    stream.rtpFlow.onReceive(() => seen.push('rtp'))
    stream.rtcpFlow?.onReceive(() => seen.push('rtcp'))
    const dtls = Buffer.from([22, 254, 253])
    const stun = new StunWriter(method.Binding, 'request', new Uint8Array(12)).finish()
    for (const bytes of [rtp, rtcp, dtls, stun, Buffer.from('x')]) arrive?.(bytes, peer.address, peer.port)
    expect(seen).toEqual(['rtp', 'rtcp', 'stun'])
    expect(stream.rtpFlow.counters).toMatchObject({
      packetsIn: 1,
      stun: 1,
      dtls: 1,
      unknown: 1,
      misplaced: 0,
    })
    const separate = net.open(net.manager())
    await net.pass(1)
    net.bound.get(30_002)?.(rtcp, peer.address, peer.port)
    expect(separate.rtpFlow.counters.misplaced).toBe(1)
  })

  it('is silent after close, and what was awaited is told', async () => {
    const net = new Net()
    const manager = net.manager()
    const stream = net.open(manager)
    await net.pass(1)
    const arrive = net.bound.get(30_000)
    const seen: unknown[] = []
    stream.rtpFlow.receive({}, error => seen.push(error?.code))
    const iterated = (async () => {
      for await (const { data } of stream.rtcpFlow ?? []) seen.push(data)
      seen.push('end')
    })()
    await stream.close()
    await iterated
    arrive?.(rtp, peer.address, peer.port)
    expect(seen).toEqual(['ERR_CLOSED', 'end'])
    expect([manager.size, net.bound.size, stream.rtpFlow.state]).toEqual([0, 0, 'Closed'])
    const early = net.open(manager)
    await early.close()
    await net.pass(5)
    expect([net.log.length, net.bound.size]).toEqual([1, 0])
  })
})

describe('Flow.send', () => {
  it('allocates nothing of its own', async () => {
    const net = new Net()
    const sink: BindSocket = async (address, port) => ({
      local: { address, port: port || 30_000 },
      send() {},
      close: async () => {},
    })
    const stream = net.open(net.manager({ bindSocket: sink }), { rtcpEnabled: false })
    await net.pass(1)
    stream.rtpFlow.setActiveDestination(peer.address, peer.port)
    const send = (count: number): void => {
      for (let i = 0; i < count; i++) stream.rtpFlow.send(rtp)
    }
    send(100_000)
    const { gc } = globalThis
    if (gc === undefined) throw new Error('run with --expose-gc')
    gc()
    const before = process.memoryUsage().heapUsed
    send(500_000)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(500_000)
    expect(stream.rtpFlow.counters.packetsOut).toBe(600_000)
  })
})

describe('discovery by STUN (RFC 8489 §2)', () => {
  it('gives the reflexive tuple, keeps the mapping alive and tells when it changes', async () => {
    const net = new Net()
    const stream = net.open(net.manager(), { ...viaStun, rtcpMux: true })
    await settled()
    expect(stream.rtpFlow.state).toBe('Binding')
    await net.pass(20_000, 10)
    net.shift = 2000
    await net.pass(30_000, 10)
    expect(net.log).toEqual([
      '1 Binding',
      '1 ready 31001 31001',
      '15002 Binding',
      '30003 Binding',
      '30003 changed 32001 32001',
      '45004 Binding',
    ])
    expect(stream.rtpFlow.sessionTuple).toEqual({ address: '198.51.100.1', port: 32_001 })
    expect(stream.rtpFlow.localTuple?.port).toBe(30_001)
  })

  it('asks the server that DNS names, at its port (RFC 8489 §8.1)', async () => {
    const net = new Net()
    const resolver = new ZoneResolver({
      'SRV _stun._udp.stun.test': [srv(1, 'a.stun.test', 19_302)],
      'A a.stun.test': [serverAddress.address],
    })
    const stream = net.open(net.manager({ resolver }), {
      ...viaStun,
      serverHostname: 'stun.test',
      rtcpMux: true,
    })
    await net.pass(5)
    expect(net.asked).toEqual([19_302])
    expect(resolver.asked).toEqual(['SRV _stun._udp.stun.test', 'A a.stun.test'])
    await stream.close()
  })

  it('fails once where nobody answers', async () => {
    const net = new Net()
    net.stunAnswers = false
    const stream = net.open(net.manager(), viaStun)
    await net.pass(50_000, 10)
    expect(net.log).toEqual(['39500 ERR_STUN_TIMEOUT'])
    expect([stream.isReady, net.bound.size]).toEqual([false, 0])
  })

  it('needs a server', () => {
    const net = new Net()
    expect(() => net.open(net.manager(), { natTraversalMode: 'TurnUdpAllocation' })).toThrow(/serverHostname/)
  })
})

describe('relays (RFC 8656)', () => {
  async function relayed(reliable: boolean, options: MediaStreamOptions = {}) {
    const net = new Net()
    const server = new FakeServer(net.timers)
    const network = server.network(reliable)
    const manager = net.manager({ turnNetwork: () => network })
    const stream = net.open(manager, {
      natTraversalMode: reliable ? 'TurnTcpAllocation' : 'TurnUdpAllocation',
      serverHostname: serverAddress.address,
      stunUsername: 'alice',
      stunPassword: 'secret',
      ...options,
    })
    await net.pass(200)
    return { net, server, network, stream }
  }

  it('are two: the even port, and the one reserved beside it', async () => {
    const { net, server, stream } = await relayed(false)
    expect(net.log).toEqual(['80 ready 50000 50001'])
    expect(server.ladder).toEqual(['10 Allocate 401', '30 Allocate', '50 Allocate 401', '70 Allocate'])
    expect(stream.rtpFlow.sessionTuple).toEqual(stream.rtpFlow.relayTuple)
    expect(stream.rtpFlow.reflexiveTuple).toEqual({ address: '198.51.100.7', port: 40_000 })
  })

  it('are on one server, whichever of several the RTP flow came to (RFC 8656 §7.2)', async () => {
    const net = new Net()
    const server = new FakeServer(net.timers)
    const network = server.network(false)
    const targets = Array.from({ length: 6 }, (_, i) => srv(1, 'a.turn.test', 5000 + i))
    const resolver = new ZoneResolver({
      'SRV _turn._udp.turn.test': targets,
      'A a.turn.test': [serverAddress.address],
    })
    const manager = net.manager({ turnNetwork: () => network, resolver, random: seededRandom(1) })
    for (let i = 0; i < 5; i++) {
      net.open(manager, {
        natTraversalMode: 'TurnUdpAllocation',
        serverHostname: 'turn.test',
        stunUsername: 'alice',
        stunPassword: 'secret',
      })
      await net.pass(200)
    }
    const pairs = Array.from({ length: 5 }, (_, i) => network.opened.slice(2 * i, 2 * i + 2))
    expect(network.opened).toHaveLength(10)
    for (const [rtpServer, rtcpServer] of pairs) expect(rtcpServer).toBe(rtpServer)
    expect(new Set(network.opened).size).toBeGreaterThan(1)
  })

  it('carry the active destination through a channel', async () => {
    const { net, server, stream } = await relayed(false, { rtcpMux: true })
    stream.rtpFlow.setActiveDestination(peer.address, peer.port)
    stream.rtcpFlow?.setActiveDestination(peer.address, peer.port)
    await net.pass(50)
    stream.rtpFlow.send(rtp)
    await net.pass(20)
    expect(server.ladder.slice(2).map(line => line.replace(/^\d+ /, '').slice(0, 13))).toEqual([
      'ChannelBind',
      'channel 16384',
    ])
  })

  it.each([
    [false, 'the server forgot it (437)'],
    [true, 'the connection broke'],
  ])('are allocated again where %s: %s', async (reliable, _) => {
    const { net, server, network, stream } = await relayed(reliable, { rtcpEnabled: false })
    stream.rtpFlow.setActiveDestination(peer.address, peer.port)
    await net.pass(50)
    if (reliable) network.user?.onDown(new EnvironmentError('ECONNRESET', 'reset'))
    else {
      server.refusals.set(method.Refresh, 437)
      await net.pass(541_000, 100)
    }
    await net.pass(200)
    expect(net.log).toHaveLength(2)
    expect(net.log[1]).toMatch(/changed 50001/)
    stream.rtpFlow.send(rtp)
    await net.pass(50)
    expect(server.ladder.at(-1)).toMatch(/channel 16384/)
  })

  it.each([
    ['knows no permission of ours (437)', false],
    ['closes each connection', true],
  ])('of a server that %s are asked for a few times more, and then given up', async (_, reliable) => {
    const { net, server, network, stream } = await relayed(reliable, { rtcpEnabled: false })
    if (reliable) {
      const breakDown = (): void => {
        net.timers.after(100, () => {
          network.user?.onDown(new EnvironmentError('ECONNRESET', 'reset'))
          breakDown()
        })
      }
      breakDown()
    } else {
      server.stubborn.set(method.ChannelBind, 437)
      stream.rtpFlow.setActiveDestination(peer.address, peer.port)
    }
    await net.pass(60_000, 10)
    expect(net.log.at(-1)).toMatch(reliable ? /ECONNRESET$/ : /ERR_FLOW_LOST$/)
    const asked = server.ladder.filter(line => / Allocate$/.test(line))
    expect(asked.length).toBeLessThan(10)
    expect(asked.length).toBeGreaterThan(2)
    await stream.close()
  })

  it('of a server that is silent are asked for 5 times more, and then given up', async () => {
    const { net, server, stream } = await relayed(false, {
      rtcpEnabled: false,
      timing: { requests: 1, lastWait: 1 },
    })
    server.mute = true
    await net.pass(700_000, 100)
    expect(stream.isReady).toBe(false)
    expect(net.log).toHaveLength(2)
    expect(net.log[1]).toMatch(/^6\d{5} ERR_STUN_TIMEOUT$/)
    const asked = server.ladder.filter(line => / Allocate$/.test(line))
    expect(asked).toHaveLength(1 + 1 + 5)
    await stream.close()
    await net.pass(100_000, 100)
    expect(net.log).toHaveLength(2)
  })

  it('that are refused are told once', async () => {
    const { net } = await relayed(false, { stunPassword: 'guess' })
    expect(net.log).toEqual(['40 ERR_STUN_RESPONSE'])
  })
})
