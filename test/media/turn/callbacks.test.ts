import { describe, expect, it } from 'vitest'
import {
  AlternateServer,
  BindingServer,
  ConnectionId,
  Data,
  ErrorCode,
  EvenPort,
  Icmp,
  longTermKey,
  method,
  NatBehaviorDiscovery,
  nodeHash,
  parseStun,
  StunClient,
  StunMessage,
  StunWriter,
  type TransportAddress,
  XorMappedAddress,
  XorPeerAddress,
} from '../../../src/media/stun/index.ts'
import {
  TurnAsyncSocket,
  type TurnAsyncSocketHandler,
  TurnClient,
  type TurnClientUser,
  TurnSocket,
  turnCredentials,
} from '../../../src/media/turn/index.ts'
import { TurnPeerConnection } from '../../../src/media/turn/peer-connection.ts'
import type { StreamConnection, StreamReceiver } from '../../../src/net/stream.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { EnvironmentError } from '../../../src/util/errors.ts'
import { Inbox } from '../../../src/util/inbox.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'
import { resolverOf } from '../resolver.ts'
import { FakeServer, peer, serverAddress } from './fake-server.ts'

/** The two ways in which an application's callback can fail. */
const failings: [string, () => unknown][] = [
  [
    'throws',
    () => {
      throw new Error('application')
    },
  ],
  ['rejects', () => Promise.reject(new Error('application'))],
]

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

async function pass(clock: SimulatedClock, milliseconds: number): Promise<void> {
  for (let i = 0; i < milliseconds; i += 10) {
    await settled()
    clock.advance(10)
  }
  await settled()
}

const key = longTermKey({ username: 'alice', password: 'secret' }, 'turn.test', nodeHash)

/** A stream whose far end takes every ConnectionBind. */
function bindingStream(
  _server: TransportAddress,
  _domain: string,
  receiver: StreamReceiver,
): StreamConnection {
  const connection: StreamConnection = {
    ...idleStream,
    write(bytes) {
      const request = parseStun(Buffer.from(bytes))
      if (!(request instanceof StunMessage)) return
      const response = StunWriter.responseTo(request, 'success').integrity(key).finish()
      queueMicrotask(() => receiver.onBytes(connection, response))
    },
  }
  queueMicrotask(() => receiver.onConnected(connection))
  return connection
}

const idleStream: StreamConnection = {
  id: 1,
  protocol: 'tcp',
  accepted: false,
  local: undefined,
  remote: { ...serverAddress, family: 4 },
  bytesIn: 0,
  bytesOut: 0,
  bufferedBytes: 0,
  write() {},
  end() {},
  destroy() {},
}

/** An object whose every property is a callback that notes its name and fails. */
function failingHandler<T extends object>(called: Set<string>, fail: () => unknown): T {
  return new Proxy<T>({} as T, {
    get: (_, name) => () => {
      called.add(String(name))
      return fail()
    },
  })
}

describe('a callback of the application', () => {
  it('that asks for an allocation where a 300 has one asked for already hurts nobody (RFC 8489 §10)', async () => {
    const clock = new SimulatedClock()
    const timers = new Timers(clock)
    const server = new FakeServer(timers)
    const granted: number[] = []
    const unhandled: unknown[] = []
    const onUnhandled = (reason: unknown): number => unhandled.push(reason)
    process.on('unhandledRejection', onUnhandled)
    const socket: TurnAsyncSocket = new TurnAsyncSocket(
      {
        onAlternateServer: () => socket.createAllocation({ ports: 'even' }),
        onAllocationSuccess: (_, __, { port }) => granted.push(port),
      },
      server.network(false),
      {
        host: serverAddress.address,
        username: 'alice',
        password: 'secret',
        timers,
        random: seededRandom(5),
      },
    )
    socket.connect()
    await settled()
    server.refusals.set(method.Allocate, 300)
    socket.createAllocation()
    await pass(clock, 500)
    await new Promise(setImmediate)
    process.off('unhandledRejection', onUnhandled)
    expect(unhandled).toEqual([])
    expect(granted).toHaveLength(1)
    expect(server.allocates.map(request => request.has(EvenPort))).toEqual([false, true])
    await socket.close()
  })
})

describe.each(failings)('a callback of the application that %s', (_, fail) => {
  const setUp = (reliable = false) => {
    const clock = new SimulatedClock()
    const timers = new Timers(clock)
    const server = new FakeServer(timers)
    const errors: unknown[] = []
    const options = {
      host: 'turn.test',
      resolver: resolverOf(serverAddress.address),
      username: 'alice',
      password: 'secret',
      timers,
      random: seededRandom(5),
      onCallbackError: (error: unknown) => {
        errors.push(error)
      },
    }
    return { clock, timers, server, network: server.network(reliable), options, errors }
  }

  it('of a handler form hurts nobody, whichever it is', async () => {
    const called = new Set<string>()
    const { clock, server, network, options, errors } = setUp(true)
    const handler = failingHandler<TurnAsyncSocketHandler>(called, fail)
    const refused = new TurnAsyncSocket(handler, network, {
      ...options,
      resolver: {
        ...resolverOf(),
        addresses: () => Promise.reject(new EnvironmentError('ESERVFAIL', 'nobody')),
      },
    })
    refused.connect()
    const socket = new TurnAsyncSocket(handler, { ...network, stream: bindingStream }, options)
    socket.connect()
    await settled()
    socket.requestSharedSecret()
    socket.bindRequest()
    server.refusals.set(method.Allocate, 300)
    socket.createAllocation()
    await pass(clock, 200)
    socket.setActiveDestination(peer.address, peer.port)
    await pass(clock, 50)
    socket.send(Buffer.from('x'))
    socket.refreshAllocation(700)
    const indication = (stunMethod: number): StunWriter =>
      new StunWriter(stunMethod, 'indication', new Uint8Array(12)).add(XorPeerAddress, peer)
    const told = (writer: StunWriter): void =>
      network.user?.onMessage(writer.finish(), server.alternate.address, server.alternate.port)
    told(indication(method.Data).add(Data, Buffer.from('hello')))
    told(indication(method.Data).add(Icmp, { type: 3, code: 3, data: 0 }))
    told(indication(method.ConnectionAttempt).add(ConnectionId, 7))
    await pass(clock, 50)
    socket.clearActiveDestination()
    socket.send(Buffer.from('nowhere'))
    server.refusals.set(method.ChannelBind, 403)
    socket.setActiveDestination(peer.address, 7001)
    await pass(clock, 50)
    socket.connectPeer(peer.address, peer.port)
    socket.acceptConnection(peer.address, peer.port, 7)
    await pass(clock, 50)
    server.refusals.set(method.Refresh, 437)
    socket.refreshAllocation()
    await pass(clock, 50)
    server.refusals.set(method.Allocate, 486)
    socket.createAllocation()
    await pass(clock, 50)
    socket.bindRequest()
    socket.requestSharedSecret()
    network.user?.onDown(new EnvironmentError('ECONNRESET', 'reset'))
    await settled()
    expect(() => socket.clearActiveDestination()).not.toThrow()
    await settled()
    expect([...called].sort()).toEqual([
      'onAllocationFailure',
      'onAllocationLost',
      'onAllocationSuccess',
      'onAlternateServer',
      'onBindFailure',
      'onBindSuccess',
      'onChannelBindFailure',
      'onChannelBindSuccess',
      'onClearActiveDestinationFailure',
      'onClearActiveDestinationSuccess',
      'onConnectFailure',
      'onConnectSuccess',
      'onConnectionAttempt',
      'onDisconnected',
      'onIcmp',
      'onPeerConnectionFailure',
      'onPeerConnectionSuccess',
      'onReceiveFailure',
      'onReceiveSuccess',
      'onRefreshFailure',
      'onRefreshSuccess',
      'onSendFailure',
      'onSendSuccess',
      'onSetActiveDestinationFailure',
      'onSetActiveDestinationSuccess',
      'onSharedSecretFailure',
      'onSharedSecretSuccess',
    ])
    expect(errors.length).toBeGreaterThanOrEqual(27)
    expect(errors).toHaveLength(socket.callbackErrors + refused.callbackErrors)
  })

  it('of a client without a socket hurts nobody', async () => {
    const called = new Set<string>()
    const { clock, timers, server, errors, options } = setUp()
    const credentials = turnCredentials()
    credentials.set({ username: 'alice', password: 'secret' })
    const client: TurnClient = new TurnClient(
      {
        transport: {
          reliable: false,
          send: (bytes, to) => server.receive(bytes, answer => client.receive(answer, to.address, to.port)),
        },
        server: serverAddress,
        timers,
        random: seededRandom(6),
        credentials,
        onCallbackError: options.onCallbackError,
      },
      failingHandler<TurnClientUser>(called, fail),
    )
    server.refusals.set(method.Allocate, 300)
    client.allocate()
    await pass(clock, 100)
    client.setActiveDestination(peer)
    await pass(clock, 50)
    server.indicate(Buffer.from('x'), peer)
    client.refresh()
    await pass(clock, 50)
    server.refusals.set(method.ChannelBind, 403)
    client.setActiveDestination({ ...peer, port: 1 })
    server.refusals.set(method.CreatePermission, 403)
    client.permit('203.0.113.1')
    await pass(clock, 50)
    const answer = failingHandler<{ onSuccess(): void; onFailure(): void }>(called, fail)
    client.bind(answer)
    client.release()
    await pass(clock, 50)
    client.allocate()
    await pass(clock, 50)
    server.refusals.set(method.Refresh, 437)
    client.refresh()
    await pass(clock, 50)
    server.refusals.set(method.Allocate, 486)
    client.allocate()
    client.requestSharedSecret(answer)
    client.unreachable(new Error('gone'))
    await settled()
    expect([...called].sort()).toEqual([
      'onAllocated',
      'onAllocationFailure',
      'onAllocationLost',
      'onChannelBound',
      'onChannelFailure',
      'onData',
      'onFailure',
      'onPermissionFailure',
      'onRefreshFailure',
      'onRefreshed',
      'onReleased',
      'onServerChanged',
      'onSuccess',
    ])
    expect(errors).toHaveLength(client.callbackErrors)
    client.allocate()
    await pass(clock, 100)
    expect(client.allocation).toBeDefined()
  })

  it('of an awaited socket hurts nobody', async () => {
    const { clock, server, network, options, errors } = setUp()
    const socket = new TurnSocket(network, {
      ...options,
      onAllocationLost: fail,
      onSendFailure: fail,
    })
    await socket.connect()
    const allocating = socket.createAllocation()
    await pass(clock, 100)
    await allocating
    server.refusals.set(method.CreatePermission, 403)
    socket.sendTo(peer.address, 1, Buffer.from('x'))
    await pass(clock, 50)
    server.refusals.set(method.Refresh, 437)
    const refreshing = expect(socket.refreshAllocation()).rejects.toMatchObject({ status: 437 })
    await pass(clock, 50)
    await refreshing
    expect([socket.callbackErrors, errors.length]).toEqual([2, 2])
  })

  it('of a STUN client, its redirection and a NAT discovery hurts nobody', async () => {
    const { clock, timers, errors, options } = setUp()
    const called = new Set<string>()
    const user = failingHandler<{ onSuccess(): void; onFailure(): void }>(called, fail)
    let redirected = false
    const client: StunClient = new StunClient({
      transport: {
        reliable: false,
        send(bytes, to) {
          const request = parseStun(bytes)
          if (!(request instanceof StunMessage)) return
          const moved = request.method === method.Allocate && !redirected
          redirected ||= moved
          const response = moved
            ? StunWriter.responseTo(request, 'error')
                .add(ErrorCode, { code: 300, reason: '' })
                .add(AlternateServer, { address: '192.0.2.2', port: 1 })
            : StunWriter.responseTo(request, 'success').add(XorMappedAddress, peer)
          if (request.method !== method.Refresh) client.receive(response.finish(), to)
        },
      },
      server: serverAddress,
      timers,
      random: seededRandom(7),
      onAlternateServer: fail,
      onCallbackError: options.onCallbackError,
    })
    client.request({ method: method.Allocate }, user)
    client.request({ method: method.Refresh }, user)
    clock.advance(60_000)
    await settled()
    expect([...called].sort()).toEqual(['onFailure', 'onSuccess'])
    expect([client.callbackErrors, errors.length, client.pending]).toEqual([3, 3, 0])

    const server = new BindingServer()
    const discovery: NatBehaviorDiscovery = new NatBehaviorDiscovery({
      transport: {
        reliable: false,
        send(bytes, to) {
          const { answer } = server.receive(Buffer.from(bytes), peer, to)
          if (answer !== undefined) discovery.receive(answer.bytes, to)
        },
      },
      server: serverAddress,
      local: peer,
      timers,
      random: seededRandom(8),
      onResult: fail,
      onCallbackError: options.onCallbackError,
    })
    discovery.start()
    clock.advance(60_000)
    await settled()
    expect(errors).toHaveLength(4)
  })

  it('of a peer’s connection and of an inbox hurts nobody', async () => {
    const { clock, timers } = setUp()
    const errors: unknown[] = []
    const written: Buffer[] = []
    const stream: StreamConnection = {
      ...idleStream,
      write: bytes => void written.push(Buffer.from(bytes)),
    }
    const connection = new TurnPeerConnection({
      connectionId: 1,
      peer,
      server: serverAddress,
      credentials: turnCredentials(),
      timers,
      random: seededRandom(9),
      failed: error => errors.push(error),
      open: () => stream,
      onReady: fail,
      onFailure() {},
      onEnd() {},
    })
    connection.onConnected()
    const request = parseStun(written[0] ?? Buffer.alloc(0))
    if (!(request instanceof StunMessage)) throw new Error(request)
    connection.onBytes(stream, StunWriter.responseTo(request, 'success').finish())
    connection.listen({ onBytes: fail, onClosed: fail })
    connection.onBytes(stream, Buffer.from('x'))
    connection.onClosed(stream, undefined)
    await settled()
    expect(errors).toHaveLength(3)

    const inbox = new Inbox(timers, 2, 1000, error => errors.push(error))
    inbox.take(undefined, undefined, fail)
    inbox.push(Buffer.from('a'), '192.0.2.1', 1)
    inbox.push(Buffer.from('b'), '192.0.2.1', 1)
    inbox.take(undefined, undefined, fail)
    inbox.take(undefined, 10, fail)
    clock.advance(10)
    inbox.take(undefined, undefined, fail)
    inbox.interrupt(new EnvironmentError('ECONNRESET', 'reset'))
    inbox.take(undefined, undefined, fail)
    inbox.close()
    await settled()
    expect(errors).toHaveLength(8)
  })
})
