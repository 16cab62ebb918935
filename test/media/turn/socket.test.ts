import { describe, expect, it } from 'vitest'
import { method } from '../../../src/media/stun/index.ts'
import { TurnAsyncSocket, type TurnAsyncSocketHandler, TurnSocket } from '../../../src/media/turn/index.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { EnvironmentError } from '../../../src/util/errors.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'
import { resolverOf } from '../resolver.ts'
import { clientAddress, FakeServer, peer, relayAddress, serverAddress } from './fake-server.ts'

function setUp(reliable = false) {
  const clock = new SimulatedClock()
  const timers = new Timers(clock)
  const server = new FakeServer(timers)
  const network = server.network(reliable)
  const options = {
    host: 'turn.test',
    resolver: resolverOf(serverAddress.address),
    username: 'alice',
    password: 'secret',
    timers,
    random: seededRandom(2),
  }
  return { clock, server, network, options, socket: new TurnSocket(network, options) }
}

/** Lets promises settle between the milliseconds. */
async function pass(clock: SimulatedClock, milliseconds: number): Promise<void> {
  for (let i = 0; i < milliseconds; i += 10) {
    await settled()
    clock.advance(10)
  }
  await settled()
}

async function settled(): Promise<void> {
  for (let i = 0; i < 40; i++) await Promise.resolve()
}

describe('the awaited form', () => {
  it('allocates, binds a channel, sends and receives', async () => {
    const { clock, server, socket } = setUp()
    expect(await socket.connect()).toEqual(serverAddress)
    const allocating = socket.createAllocation({ ports: 'even-and-reserve', lifetime: 300 })
    await pass(clock, 100)
    expect(await allocating).toMatchObject({
      relay: relayAddress,
      reservationToken: new Uint8Array(8).fill(7),
    })
    expect([socket.relayTuple, socket.reflexiveTuple, socket.localTuple]).toEqual([
      relayAddress,
      clientAddress,
      clientAddress,
    ])
    const binding = socket.setActiveDestination(peer.address, peer.port)
    const waiting = socket.receiveFrom(peer.address, peer.port)
    await pass(clock, 50)
    expect(await binding).toBe(0x4000)
    server.indicate(Buffer.from('other'), { ...peer, port: 1 })
    server.indicate(Buffer.from('hello'), peer)
    await pass(clock, 50)
    expect((await waiting).data).toEqual(Buffer.from('hello'))
    expect((await socket.receive()).source.port).toBe(1)
    const refreshing = socket.refreshAllocation(900)
    await pass(clock, 50)
    expect(await refreshing).toBe(900)
    expect(socket.lifetime).toBe(900)
  })

  it('times a receive out to the millisecond', async () => {
    const { clock, socket } = setUp()
    let code = ''
    socket.receive({ timeout: 250 }).catch((error: EnvironmentError) => {
      code = error.code
    })
    clock.advance(249)
    await settled()
    expect(code).toBe('')
    clock.advance(1)
    await settled()
    expect(code).toBe('ERR_TIMEOUT')
  })

  it('drops the oldest where nobody receives', async () => {
    const { clock, server, network, options } = setUp()
    const socket = new TurnSocket(network, { ...options, receiveQueue: 2 })
    await socket.connect()
    socket.createAllocation()
    await pass(clock, 100)
    socket.permit(peer.address)
    await pass(clock, 50)
    for (const text of ['a', 'b', 'c']) server.indicate(Buffer.from(text), peer)
    await pass(clock, 50)
    expect(socket.dropped).toBe(1)
    expect(Buffer.from((await socket.receive()).data).toString()).toBe('b')
  })

  it('rejects what is awaited at close, and throws before connect', async () => {
    const { clock, socket } = setUp()
    await expect(socket.createAllocation()).rejects.toMatchObject({ code: 'ERR_TURN_STATE' })
    await socket.connect()
    const awaited = [
      socket.createAllocation(),
      socket.bindRequest(),
      socket.receive(),
      socket.acceptConnection(),
    ]
    const ends = Promise.allSettled(awaited)
    await socket.close()
    await pass(clock, 100)
    const codes = (await ends).map(end => end.status === 'rejected' && end.reason.code)
    expect(codes).toEqual(['ERR_CLOSED', 'ERR_CLOSED', 'ERR_CLOSED', 'ERR_CLOSED'])
  })

  it('follows a 300 over a stream to another connection (RFC 8489 §10)', async () => {
    const { clock, server, network, socket } = setUp(true)
    server.refusals.set(method.Allocate, 300)
    await socket.connect()
    const allocating = socket.createAllocation()
    await pass(clock, 200)
    expect((await allocating).relay).toEqual(relayAddress)
    expect(network.opened).toEqual(['192.0.2.1:3478 turn.test', '192.0.2.2:3478 turn.test'])
  })

  it('tells the loss of its connection, and connects again', async () => {
    const { clock, network, options } = setUp(true)
    const lost: Error[] = []
    const socket = new TurnSocket(network, { ...options, onAllocationLost: error => lost.push(error) })
    await socket.connect()
    const first = socket.createAllocation()
    await pass(clock, 100)
    await first
    const refreshing = socket.refreshAllocation()
    const refused = expect(refreshing).rejects.toThrow()
    network.user?.onDown(new EnvironmentError('ECONNRESET', 'reset'))
    await refused
    expect(lost).toMatchObject([{ code: 'ERR_TURN_CONNECTION' }])
    expect(() => socket.send(Buffer.from('x'))).toThrow(/not connected/)
    await socket.connect()
    const again = socket.createAllocation()
    await pass(clock, 100)
    expect((await again).relay.port).toBe(50_001)
  })
})

describe('the handler form', () => {
  it('says no second word where the first one closes it', async () => {
    const { clock, network, options } = setUp(true)
    const log: string[] = []
    const socket: TurnAsyncSocket = new TurnAsyncSocket(
      {
        onDisconnected() {
          log.push('disconnected')
          void socket.close()
        },
        onAllocationLost: () => log.push('lost'),
        onReceiveFailure: () => log.push('receive failed'),
      },
      network,
      options,
    )
    socket.connect()
    await settled()
    socket.createAllocation()
    await pass(clock, 100)
    network.user?.onDown(new EnvironmentError('ECONNRESET', 'reset'))
    await settled()
    expect(log).toEqual(['disconnected'])
  })

  it('calls back with its id first, and nothing after close', async () => {
    const { clock, server, network, options } = setUp()
    const log: unknown[][] = []
    const handler: TurnAsyncSocketHandler = new Proxy(
      {},
      {
        get:
          (_, name) =>
          (...values: unknown[]) =>
            void log.push([name, ...values]),
      },
    )
    const socket = new TurnAsyncSocket(handler, network, options)
    const { id } = socket
    socket.connect()
    await settled()
    socket.requestSharedSecret()
    socket.createAllocation({ lifetime: 500 })
    await pass(clock, 100)
    socket.setActiveDestination(peer.address, peer.port)
    await pass(clock, 50)
    server.indicate(Buffer.from('hello'), peer)
    await pass(clock, 50)
    socket.send(Buffer.from('x'))
    socket.clearActiveDestination()
    socket.send(Buffer.from('nowhere'))
    server.refusals.set(method.ChannelBind, 403)
    socket.setActiveDestination(peer.address, 7001)
    server.refusals.set(method.Refresh, 437)
    socket.refreshAllocation()
    await pass(clock, 50)
    const relay = { ...relayAddress }
    expect(log.map(([name, ...rest]) => [name, rest[0]])).toEqual([
      ['onConnectSuccess', id],
      ['onSharedSecretSuccess', id],
      ['onAllocationSuccess', id],
      ['onChannelBindSuccess', id],
      ['onSetActiveDestinationSuccess', id],
      ['onReceiveSuccess', id],
      ['onSendSuccess', id],
      ['onClearActiveDestinationSuccess', id],
      ['onSendFailure', id],
      ['onChannelBindFailure', id],
      ['onSetActiveDestinationFailure', id],
      ['onRefreshFailure', id],
      ['onAllocationLost', id],
    ])
    expect(log[1]).toEqual(['onSharedSecretSuccess', id, 'once', 'only'])
    const token = new Uint8Array(8).fill(7)
    expect(log[2]).toEqual(['onAllocationSuccess', id, clientAddress, relay, 500, undefined, token])
    expect(log[5]).toEqual(['onReceiveSuccess', id, peer.address, peer.port, Buffer.from('hello')])
    log.length = 0
    socket.bindRequest()
    await socket.close()
    await pass(clock, 100_000)
    expect(log).toEqual([])
  })
})
