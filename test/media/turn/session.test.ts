import { describe, expect, it } from 'vitest'
import { EvenPort, method, ReservationToken } from '../../../src/media/stun/index.ts'
import {
  type CarrierUser,
  TurnAsyncSocket,
  type TurnNetwork,
  TurnSocket,
} from '../../../src/media/turn/index.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { EnvironmentError } from '../../../src/util/errors.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'
import { naptr, resolverOf, srv, type Zone, ZoneResolver } from '../resolver.ts'
import { FakeServer, peer, relayAddress, serverAddress } from './fake-server.ts'

function setUp(reliable = false, addresses: readonly string[] = [serverAddress.address]) {
  const clock = new SimulatedClock()
  const timers = new Timers(clock)
  const server = new FakeServer(timers)
  const network = server.network(reliable)
  const options = {
    host: 'turn.test',
    resolver: resolverOf(...addresses),
    username: 'alice',
    password: 'secret',
    timers,
    random: seededRandom(3),
  }
  return { clock, server, network, options, socket: new TurnSocket(network, options) }
}

async function allocated(reliable = false) {
  const setup = setUp(reliable)
  await setup.socket.connect()
  await passing(setup.clock, setup.socket.createAllocation())
  return setup
}

/** Lets promises settle between the milliseconds. */
async function pass(clock: SimulatedClock, milliseconds: number): Promise<void> {
  for (let i = 0; i < milliseconds; i += 10) {
    await settled()
    clock.advance(10)
  }
  await settled()
}

async function passing<T>(clock: SimulatedClock, promise: Promise<T>): Promise<T> {
  const [result] = await Promise.all([promise, pass(clock, 200)])
  return result
}

async function settled(): Promise<void> {
  for (let i = 0; i < 40; i++) await Promise.resolve()
}

describe('the addresses of a server over UDP (RFC 8489 §8.1, RFC 8656 §7.1)', () => {
  it('are asked in turn where the first stays silent', async () => {
    const { clock, server, network, socket } = setUp(false, ['192.0.2.66', '192.0.2.67', '192.0.2.1'])
    server.dead.add('192.0.2.66').add('192.0.2.67')
    await socket.connect()
    const allocating = socket.createAllocation()
    await pass(clock, 80_000)
    expect((await allocating).relay).toEqual(relayAddress)
    expect(network.opened).toEqual([
      '192.0.2.66:3478 turn.test',
      '192.0.2.67:3478 turn.test',
      '192.0.2.1:3478 turn.test',
    ])
  })

  it('are asked at once where an ICMP error tells that nobody is there', async () => {
    const { clock, server, network, socket } = setUp(false, ['192.0.2.66', '192.0.2.1'])
    server.dead.add('192.0.2.66')
    await socket.connect()
    const allocating = socket.createAllocation()
    network.user?.onUnreachable(new EnvironmentError('ECONNREFUSED', 'nobody'))
    expect((await passing(clock, allocating)).relay).toEqual(relayAddress)
  })

  it('are asked in turn for our own address too', async () => {
    const { clock, server, socket } = setUp(false, ['192.0.2.66', '192.0.2.1'])
    server.dead.add('192.0.2.66')
    await socket.connect()
    const binding = socket.bindRequest()
    await pass(clock, 40_000)
    expect((await binding).port).toBe(40_000)
  })

  it('fit the family of the local address, and none that fits is told', async () => {
    const { network, options } = setUp(false, ['2001:db8::1', '192.0.2.1'])
    const bound = (family: 'IPv4' | 'IPv6'): TurnSocket => new TurnSocket({ ...network, family }, options)
    expect(await bound('IPv4').connect()).toEqual(serverAddress)
    expect(await bound('IPv6').connect()).toEqual({ address: '2001:db8::1', port: 3478 })
    const resolver = resolverOf('192.0.2.1')
    const none = new TurnSocket({ ...network, family: 'IPv6' }, { ...options, resolver })
    await expect(none.connect()).rejects.toMatchObject({ code: 'ERR_TURN_FAMILY' })
  })
})

describe('a server that DNS knows of (RFC 5928 §3)', () => {
  const zone: Zone = {
    'NAPTR turn.test': [
      naptr(1, 'RELAY:turn.tls', 's', '_turns._tcp.turn.test'),
      naptr(2, 'RELAY:turn.udp', 's', '_turn._udp.turn.test'),
    ],
    'SRV _turn._udp.turn.test': [srv(1, 'b.turn.test', 5000), srv(2, 'a.turn.test', 5001)],
    'SRV _turns._tcp.turn.test': [srv(1, 'a.turn.test', 443)],
    'A a.turn.test': [serverAddress.address],
    'A b.turn.test': ['192.0.2.66'],
  }

  it('is asked at the ports of its SRV records, in their order', async () => {
    const { clock, server, network, options } = setUp()
    const socket = new TurnSocket(network, { ...options, resolver: new ZoneResolver(zone) })
    server.dead.add('192.0.2.66')
    await socket.connect()
    const allocating = socket.createAllocation()
    await pass(clock, 41_000)
    expect((await allocating).relay).toEqual(relayAddress)
    expect(network.opened).toEqual(['192.0.2.66:5000 turn.test', '192.0.2.1:5001 turn.test'])
  })

  it('over TLS by the records of that, and proves the name that was given', async () => {
    const { network, options } = setUp(true)
    const resolver = new ZoneResolver(zone)
    await new TurnSocket({ ...network, transport: 'tls', family: 'IPv4' }, { ...options, resolver }).connect()
    expect(network.opened).toEqual(['192.0.2.1:443 turn.test'])
    expect(resolver.asked).toEqual(['NAPTR turn.test', 'SRV _turns._tcp.turn.test', 'A a.turn.test'])
  })

  it('with a port is asked for by its addresses alone', async () => {
    const { network, options } = setUp()
    const resolver = new ZoneResolver({ ...zone, 'A turn.test': ['192.0.2.9'] })
    await new TurnSocket({ ...network, family: 'IPv4' }, { ...options, resolver, port: 3479 }).connect()
    expect([network.opened, resolver.asked]).toEqual([['192.0.2.9:3479 turn.test'], ['A turn.test']])
  })
})

describe('a refusal that can be helped (RFC 8656 §7.4)', () => {
  it('437 is tried from three addresses of ours, and then told', async () => {
    const { clock, server, network, socket } = setUp()
    server.stubborn.set(method.Allocate, 437)
    await socket.connect()
    const refused = expect(socket.createAllocation()).rejects.toMatchObject({ status: 437 })
    await pass(clock, 300)
    await refused
    expect(network.opened).toHaveLength(3)
  })

  it('437 once is got over', async () => {
    const { clock, server, network, socket } = setUp()
    server.refusals.set(method.Allocate, 437)
    await socket.connect()
    expect((await passing(clock, socket.createAllocation())).relay).toEqual(relayAddress)
    expect(network.opened).toHaveLength(2)
  })

  it('437 to the one port that we are bound to is told at once', async () => {
    const { clock, server, options } = setUp()
    const network = server.network(false, false)
    const socket = new TurnSocket(network, options)
    server.stubborn.set(method.Allocate, 437)
    await socket.connect()
    const refused = expect(socket.createAllocation()).rejects.toMatchObject({ status: 437 })
    await pass(clock, 100)
    await refused
    expect(network.opened).toHaveLength(1)
  })

  it('508 to a pair is asked again for an even port, then for any, where that will do', async () => {
    const { clock, server, socket } = setUp()
    server.stubborn.set(method.Allocate, 508)
    await socket.connect()
    const refused = expect(
      socket.createAllocation({ ports: 'even-and-reserve', anyPort: true }),
    ).rejects.toMatchObject({ status: 508 })
    await pass(clock, 300)
    await refused
    expect(server.allocates.map(request => request.get(EvenPort)?.reserve)).toEqual([true, false, undefined])
  })

  it('508 to a reservation is asked again without, and to an even port alone is told', async () => {
    const { clock, server, socket } = setUp()
    server.refusals.set(method.Allocate, 508)
    await socket.connect()
    const reservationToken = new Uint8Array(8)
    await passing(clock, socket.createAllocation({ reservationToken, anyPort: true }))
    expect(server.allocates.map(request => request.has(ReservationToken))).toEqual([true, false])
    await passing(clock, socket.destroyAllocation())
    server.refusals.set(method.Allocate, 508)
    const refused = expect(socket.createAllocation({ ports: 'even' })).rejects.toMatchObject({ status: 508 })
    await pass(clock, 100)
    await refused
  })
})

describe('every promise settles', () => {
  it('of connects at the same time: they are one', async () => {
    const { network, socket } = setUp()
    const both = await Promise.all([socket.connect(), socket.connect()])
    expect(both).toEqual([serverAddress, serverAddress])
    expect(network.opened).toHaveLength(1)
    await expect(socket.connect()).rejects.toMatchObject({ code: 'ERR_TURN_STATE' })
  })

  it('of a connect that close overtakes, at once', async () => {
    const { options } = setUp()
    const never: TurnNetwork = { reliable: true, picksPorts: true, open: () => new Promise(() => {}) }
    const socket = new TurnSocket(never, options)
    const refused = expect(socket.connect()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await settled()
    await socket.close()
    await refused
  })

  it('of a close that is called twice, and while the socket is being bound, when the port is free', async () => {
    const { options } = setUp()
    const log: string[] = []
    let bind = (): void => {}
    let free = (): void => {}
    const slow: TurnNetwork = {
      reliable: false,
      picksPorts: true,
      open: async () => {
        await new Promise<void>(resolve => (bind = resolve))
        return {
          reliable: false,
          local: serverAddress,
          send() {},
          close: () => new Promise<void>(resolve => (free = resolve)).then(() => void log.push('free')),
        }
      },
    }
    const socket = new TurnSocket(slow, options)
    const connecting = socket.connect().catch((error: { code: string }) => log.push(error.code))
    await settled()
    const closes = [socket.close(), socket.close()].map(close => close.then(() => log.push('closed')))
    await settled()
    bind()
    await settled()
    free()
    await Promise.all([connecting, ...closes])
    expect(log).toEqual(['ERR_CLOSED', 'free', 'closed', 'closed'])
  })

  it('of refreshes at the same time', async () => {
    const { clock, socket } = await allocated()
    const all = Promise.all([socket.refreshAllocation(700), socket.refreshAllocation(800)])
    expect(await passing(clock, all)).toEqual([800, 800])
  })

  it('of a refresh that a release overtakes, and of what waits for a channel', async () => {
    const { clock, socket } = await allocated()
    const ends = Promise.allSettled([
      socket.refreshAllocation(700),
      socket.setActiveDestination(peer.address, peer.port),
      socket.destroyAllocation(),
      socket.destroyAllocation(),
    ])
    const [refresh, channel, release, second] = await passing(clock, ends)
    expect(refresh).toMatchObject({ reason: { code: 'ERR_TURN_RELEASED' } })
    expect(channel).toMatchObject({ value: 0x4000 })
    expect(release).toMatchObject({ status: 'fulfilled' })
    expect(second).toMatchObject({ reason: { code: 'ERR_TURN_STATE' } })
  })

  it('of refreshAllocation(0), which gives the allocation back (RFC 8656 §8)', async () => {
    const { clock, network, options } = setUp()
    const lost: Error[] = []
    const socket = new TurnSocket(network, { ...options, onAllocationLost: error => lost.push(error) })
    await socket.connect()
    await passing(clock, socket.createAllocation())
    expect(await passing(clock, socket.refreshAllocation(0))).toBe(0)
    await pass(clock, 1000)
    expect(lost).toEqual([])
    expect(socket.relayTuple).toBeUndefined()
  })

  it('of what fails within the call', async () => {
    const { options } = setUp()
    const broken: TurnNetwork = {
      reliable: false,
      picksPorts: true,
      open: async () => ({
        reliable: false,
        local: peer,
        send() {
          throw new Error('broken')
        },
        close: async () => {},
      }),
    }
    const socket = new TurnSocket(broken, options)
    await socket.connect()
    for (const failing of [socket.createAllocation(), socket.bindRequest(), socket.requestSharedSecret()]) {
      await expect(failing).rejects.toMatchObject({ code: 'ERR_STUN_TRANSPORT' })
    }
    expect(socket.send(Buffer.from('x'))).toBe(false)
  })

  it('of a refresh that fails within the call', async () => {
    const { clock, server, options } = setUp()
    let broken = false
    const network = server.network(false)
    const breaking: TurnNetwork = {
      ...network,
      open: async (to, domain, user: CarrierUser) => {
        const carrier = await network.open(to, domain, user)
        return {
          ...carrier,
          send(bytes, at) {
            if (broken) throw new Error('broken')
            carrier.send(bytes, at)
          },
        }
      },
    }
    const socket = new TurnSocket(breaking, options)
    await socket.connect()
    await passing(clock, socket.createAllocation())
    broken = true
    await expect(socket.refreshAllocation(700)).rejects.toMatchObject({ code: 'ERR_STUN_TRANSPORT' })
    await expect(socket.setActiveDestination(peer.address, peer.port)).rejects.toThrow()
    await socket.destroyAllocation()
  })

  it('of a destination that another replaces, or that is cleared; a bad one leaves it be', async () => {
    const { clock, socket } = await allocated()
    const first = expect(socket.setActiveDestination(peer.address, 1)).rejects.toMatchObject({
      code: 'ERR_TURN_REPLACED',
    })
    const second = socket.setActiveDestination(peer.address, 2)
    await expect(socket.setActiveDestination('peer.test', 3)).rejects.toMatchObject({ code: 'ERR_ADDRESS' })
    await first
    expect(await passing(clock, second)).toBe(0x4001)
    const third = expect(socket.setActiveDestination(peer.address, 4)).rejects.toMatchObject({
      code: 'ERR_TURN_REPLACED',
    })
    socket.clearActiveDestination()
    await third
  })

  it('of what was asked of a server that a 300 took us from', async () => {
    const { clock, server, socket } = setUp()
    server.refusals.set(method.Allocate, 300)
    await socket.connect()
    const allocating = socket.createAllocation()
    await pass(clock, 30)
    const binding = expect(socket.bindRequest()).rejects.toMatchObject({ code: 'ERR_STUN_TRANSPORT' })
    await passing(clock, allocating)
    await binding
  })

  it('of receive and acceptConnection, when the connection is lost; once connected again they go on', async () => {
    const { clock, server, network, socket } = await allocated(true)
    const ends = [socket.receive(), socket.receiveFrom(peer.address, peer.port), socket.acceptConnection()]
    const all = Promise.allSettled(ends)
    network.user?.onDown(new EnvironmentError('ECONNRESET', 'reset'))
    const codes = (await all).map(end => end.status === 'rejected' && end.reason.code)
    expect(codes).toEqual(['ECONNRESET', 'ECONNRESET', 'ECONNRESET'])
    await expect(socket.receive()).rejects.toMatchObject({ code: 'ECONNRESET' })
    await socket.connect()
    await passing(clock, socket.createAllocation())
    socket.permit(peer.address)
    await pass(clock, 50)
    const receiving = socket.receive()
    server.indicate(Buffer.from('again'), peer)
    expect(String((await passing(clock, receiving)).data)).toBe('again')
  })
})

describe('a send that is dropped is told', () => {
  it('at once where there is no place for it, later where the server refuses', async () => {
    const { clock, server, network, options } = setUp()
    const told: string[] = []
    const socket = new TurnSocket(network, {
      ...options,
      onSendFailure: (error, address) => told.push(`${address} ${error.message}`),
    })
    await socket.connect()
    await passing(clock, socket.createAllocation())
    expect(socket.send(Buffer.from('nowhere'))).toBe(false)
    server.refusals.set(method.CreatePermission, 403)
    expect(socket.sendTo(peer.address, 1, Buffer.from('waits'))).toBe(true)
    await pass(clock, 50)
    server.refusals.set(method.ChannelBind, 443)
    const refused = expect(socket.setActiveDestination(peer.address, 2)).rejects.toMatchObject({
      status: 443,
    })
    expect(socket.send(Buffer.from('waits'))).toBe(true)
    await pass(clock, 50)
    await refused
    expect(told).toHaveLength(2)
    expect(told[0]).toMatch(/^203.0.113.9 .* answered 403 /)
    expect(told[1]).toMatch(/^203.0.113.9 .* answered 443 /)
  })
})

describe('the handler form, asked for datagrams (row M5)', () => {
  function asking() {
    const { clock, server, network, options } = setUp(true)
    const log: string[] = []
    const socket: TurnAsyncSocket = new TurnAsyncSocket(
      {
        onReceiveSuccess: (id, address, port, data) =>
          log.push(`${id === socket.id} ${address}:${port} ${data}`),
        onReceiveFailure: (_, error) => log.push('code' in error ? String(error.code) : error.message),
      },
      network,
      { ...options, delivery: 'asked', receiveQueue: 2 },
    )
    return { clock, server, network, log, socket, options }
  }

  it('gives one for each receive, of one peer or any, and tells what did not come', async () => {
    const { clock, server, network, log, socket } = asking()
    socket.connect()
    await settled()
    socket.createAllocation()
    await pass(clock, 100)
    socket.setActiveDestination(peer.address, peer.port)
    await pass(clock, 50)
    for (const text of ['a', 'b', 'c']) server.indicate(Buffer.from(text), peer)
    await pass(clock, 50)
    expect([log, socket.dropped]).toEqual([[], 1])
    socket.receive()
    socket.receiveFrom(peer.address, 1, { timeout: 100 })
    socket.receiveFrom(peer.address, peer.port)
    expect(log).toEqual([`true 203.0.113.9:7000 b`, `true 203.0.113.9:7000 c`])
    await pass(clock, 100)
    expect(log.slice(2)).toEqual(['ERR_TIMEOUT'])
    socket.receive()
    network.user?.onDown(new EnvironmentError('ECONNRESET', 'reset'))
    expect(log.slice(3)).toEqual(['ECONNRESET'])
    socket.receive()
    await socket.close()
    expect(log).toHaveLength(5)
  })

  it('has nothing to ask for where they are pushed', () => {
    const { network, options } = asking()
    expect(() => new TurnAsyncSocket({}, network, options).receive()).toThrow(/delivery 'asked'/)
  })
})
