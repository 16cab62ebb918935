import { describe, expect, it } from 'vitest'
import { Component } from '../../../src/media/flow/component.ts'
import { DirectPath } from '../../../src/media/flow/direct-path.ts'
import type { DiscoverySettings } from '../../../src/media/flow/discovery.ts'
import { Protection } from '../../../src/media/flow/protection.ts'
import { type BindSocket, PortPool, type Remotes } from '../../../src/media/socket/index.ts'
import { SocketPair } from '../../../src/media/socket/socket-pair.ts'
import { method, parseStun, StunWriter, XorMappedAddress } from '../../../src/media/stun/index.ts'
import type { DatagramReceiver } from '../../../src/net/udp.ts'
import type { Remote } from '../../../src/util/address.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { EnvironmentError } from '../../../src/util/errors.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'

const silent = { address: '192.0.2.1', port: 3478 }
const unreachable = { address: '192.0.2.2', port: 3478 }
const good = { address: '192.0.2.3', port: 3478 }
const mapped = { address: '198.51.100.1', port: 1234 }

/** One component over a direct path, on a network where only `good` answers and nothing reaches `unreachable`. */
class World {
  readonly clock = new SimulatedClock()
  readonly timers = new Timers(this.clock)
  readonly log: string[] = []
  readonly sent: string[] = []
  bound = 0
  receiver: DatagramReceiver | undefined
  mappedTo: Remote = mapped
  /** Lets a socket be bound, or a closing one go. */
  bindNow: () => void = () => {}
  held = false

  readonly bind: BindSocket = async (address, _, receiver) => {
    if (this.held) await new Promise<void>(resolve => (this.bindNow = resolve))
    this.bound++
    this.receiver = receiver
    return {
      local: { address, port: 30_000 },
      send: (bytes, port, to) => {
        this.sent.push(`${this.clock.now()} ${to}`)
        if (to === unreachable.address) {
          const error = new EnvironmentError('EHOSTUNREACH', 'no way there')
          this.timers.after(1, () => receiver.onSocketError(error, { address: to, port, family: 4 }))
        } else if (to === good.address) this.#answer(Buffer.from(bytes), receiver)
      },
      close: async () => {
        this.bound--
      },
    }
  }

  #answer(bytes: Buffer, receiver: DatagramReceiver): void {
    const request = parseStun(bytes)
    if (typeof request === 'string' || request.method !== method.Binding) return
    const answer = StunWriter.responseTo(request, 'success').add(XorMappedAddress, this.mappedTo).finish()
    this.timers.after(1, () => receiver.onDatagram(Buffer.from(answer), good.address, good.port))
  }

  component(locate?: DiscoverySettings['locate']): Component {
    const { timers, log } = this
    const random = seededRandom(1)
    const pool = new PortPool({ random, now: () => timers.now(), bind: this.bind })
    const pair = new SocketPair(pool, { address: '192.0.2.9', port: 0 }, 1)
    const discovery = locate && {
      locate,
      credentials: undefined,
      timers,
      random,
      timing: undefined,
      keepAlive: 0,
    }
    const path = new DirectPath({ openSocket: () => pair.open(0), hostAddress: () => '192.0.2.9', discovery })
    const component: Component = new Component(
      path,
      { attempts: 0, timers },
      new Protection(timers, { onReadable() {}, onSecured() {}, onRekeyed() {}, failed() {} }),
      {
        onConnected() {
          log.push('connected')
          component.ready()
        },
        onReady: () => log.push('ready'),
        onChanged: () => log.push('changed'),
        onFailure: error => log.push('code' in error ? String(error.code) : error.message),
        onRefused() {},
        onUnsent() {},
        onSendError: (error, to) => log.push(`${error.code} ${to?.address}`),
        onPacket: kind => log.push(kind),
        onSrtp() {},
      },
    )
    return component
  }

  async pass(milliseconds: number): Promise<void> {
    for (let i = 0; i < milliseconds; i += 10) {
      for (let n = 0; n < 30; n++) await Promise.resolve()
      this.clock.advance(10)
    }
    for (let n = 0; n < 30; n++) await Promise.resolve()
  }
}

describe('a component', () => {
  it('that is suspended drops what is sent, keeps its addresses, and is ready again when its way is', async () => {
    const world = new World()
    const component = world.component()
    component.connect()
    await world.pass(10)
    const to = component.path.remotes.keep({ address: '192.0.2.7', port: 4000 })
    const bytes = Buffer.alloc(12)
    expect([component.state, component.send(bytes, to)]).toEqual(['Ready', true])
    component.onSuspended()
    expect([component.state, component.send(bytes, to)]).toEqual(['Connected', false])
    expect(component.path.session).toEqual({ address: '192.0.2.9', port: 30_000 })
    // what comes is heard all the same
    world.receiver?.onDatagram(Buffer.from([0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7]), '192.0.2.7', 4000)
    component.onEstablished()
    expect([component.state, component.send(bytes, to)]).toEqual(['Ready', true])
    expect(world.log).toEqual(['connected', 'ready', 'rtp', 'connected', 'ready'])
  })

  it('is closed when its port is free, also while the socket is being bound', async () => {
    const world = new World()
    world.held = true
    const component = world.component()
    component.connect()
    await world.pass(10)
    const settled: number[] = []
    const closings = [1, 2].map(n => component.close().then(() => settled.push(n)))
    await world.pass(10)
    expect([settled, world.bound]).toEqual([[], 0])
    world.bindNow()
    await Promise.all(closings)
    expect([settled, world.bound, world.log]).toEqual([[1, 2], 0, []])
  })

  it('does not wait at close for a look-up that hangs', async () => {
    const world = new World()
    const component = world.component(() => new Promise(() => {}))
    component.connect()
    await world.pass(10)
    expect(world.bound).toBe(1)
    await component.close()
    expect([world.bound, world.log]).toEqual([0, []])
  })
})

describe('discovery over UDP (RFC 8489 §6.2.1, §8)', () => {
  it('asks every address of the server; where nothing can be sent the next is asked at once', async () => {
    const world = new World()
    const component = world.component(async () => [unreachable, good])
    component.connect()
    await world.pass(100)
    expect(world.sent).toEqual(['0 192.0.2.2', '1 192.0.2.3'])
    expect([component.state, component.path.session]).toEqual(['Ready', mapped])
  })

  it('goes on where the first is silent, and fails where all are', async () => {
    const world = new World()
    world.component(async () => [silent, good]).connect()
    await world.pass(39_400)
    expect(world.log).toEqual([])
    await world.pass(200)
    expect(world.log).toEqual(['connected', 'ready'])
    const lost = new World()
    lost.component(async () => [silent, unreachable]).connect()
    await lost.pass(40_000)
    expect(lost.log).toEqual(['ERR_STUN_TRANSPORT'])
    expect(lost.bound).toBe(0)
  })
})

describe("a path's remotes", () => {
  it('are those that are kept, and no more', async () => {
    const world = new World()
    const component = world.component()
    component.connect()
    await world.pass(10)
    const remotes: Remotes = component.path.remotes
    for (let port = 1; port < 1000; port++) {
      world.receiver?.onDatagram(Buffer.from([0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7]), '203.0.113.5', port)
    }
    expect(remotes.size).toBe(0)
  })
})
