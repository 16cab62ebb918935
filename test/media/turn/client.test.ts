import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  Data,
  DontFragment,
  method,
  StunErrorResponse,
  StunFramer,
  StunWriter,
  type TransportAddress,
  XorPeerAddress,
} from '../../../src/media/stun/index.ts'
import { channelData, channelPayload } from '../../../src/media/turn/channel-data.ts'
import {
  type AllocationRequest,
  allocationMachine,
  grantMachine,
  TurnClient,
  turnCredentials,
  turnRefusal,
} from '../../../src/media/turn/index.ts'
import { KnownPeers } from '../../../src/media/turn/known-peers.ts'
import { SendIndications } from '../../../src/media/turn/send-indication.ts'
import { addressBytes, canonicalAddress } from '../../../src/util/address.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { openCells } from '../../../src/util/machine.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'
import { clientAddress, FakeServer, peer, relayAddress, serverAddress } from './fake-server.ts'

function setUp({ reliable = false, nonceLifetime = 3_600_000 } = {}) {
  const clock = new SimulatedClock()
  const timers = new Timers(clock)
  const server = new FakeServer(timers, nonceLifetime)
  const log: string[] = []
  const note = (what: string): void => {
    log.push(`${clock.now()} ${what}`)
  }
  const credentials = turnCredentials()
  credentials.set({ username: 'alice', password: 'secret' })
  const client: TurnClient = new TurnClient(
    {
      transport: {
        reliable,
        send: (bytes, to) => server.receive(bytes, answer => client.receive(answer, to.address, to.port)),
      },
      server: serverAddress,
      timers,
      random: seededRandom(1),
      credentials,
    },
    {
      onAllocated: ({ relay, lifetime }) => note(`allocated ${relay.port} for ${lifetime}`),
      onAllocationFailure: failure => note(`refused ${failure.message}`),
      onRefreshed: lifetime => note(`refreshed for ${lifetime}`),
      onRefreshFailure: failure => note(`refresh failed ${failure.code}`),
      onAllocationLost: failure => note(`lost ${failure.code}`),
      onReleased: () => note('released'),
      onChannelBound: (number, { port }) => note(`channel ${number} to ${port}`),
      onChannelFailure: ({ port }, failure) => note(`no channel to ${port}: ${turnRefusal(failure)}`),
      onPermissionFailure: (address, failure) =>
        note(`no permission for ${address}: ${turnRefusal(failure)}`),
      onData: (data, address, port) => note(`${Buffer.from(data)} from ${address}:${port}`),
      onIcmp: icmp => note(`icmp ${icmp.type}`),
      onConnectionAttempt: (_, id) => note(`attempt ${id}`),
      onServerChanged: ({ address }) => note(`server ${address}`),
    },
  )
  return { clock, server, client, log }
}

function allocated(request: AllocationRequest = {}, options = {}) {
  const setup = setUp(options)
  setup.client.allocate(request)
  setup.clock.advance(100)
  setup.log.length = 0
  setup.server.ladder.length = 0
  return setup
}

describe('the tables (RFC 8656 §7 to §12)', () => {
  it('have a row or a word for every cell', () => {
    expect(openCells(allocationMachine)).toEqual([])
    expect(openCells(grantMachine)).toEqual([])
  })
})

describe('an allocation (RFC 8656 §7, §8)', () => {
  it('answers the challenge, and is refreshed a minute before its end, each time', () => {
    const { client, clock, server, log } = setUp()
    client.allocate()
    clock.advance(1_200_000)
    expect(server.ladder).toEqual(['10 Allocate 401', '30 Allocate', '540050 Refresh', '1080070 Refresh'])
    expect(log).toEqual([
      '40 allocated 50000 for 600',
      '540060 refreshed for 600',
      '1080080 refreshed for 600',
    ])
    expect(client.allocation).toMatchObject({ relay: relayAddress, reflexive: clientAddress, lifetime: 600 })
  })

  it('of a short lifetime is refreshed halfway', () => {
    const { clock, server } = allocated({ lifetime: 40 })
    clock.advance(30_000)
    expect(server.ladder).toEqual(['20050 Refresh'])
  })

  it('takes a new nonce when the old one is stale (RFC 8489 §9.2.5)', () => {
    const { clock, server, log } = allocated({}, { nonceLifetime: 300_000 })
    clock.advance(550_000)
    expect(server.ladder).toEqual(['540050 Refresh 438', '540070 Refresh'])
    expect(log).toEqual(['540080 refreshed for 600'])
  })

  it('that the server has forgotten (437) is lost at the next refresh', () => {
    const { client, clock, server, log } = allocated()
    server.refusals.set(method.Refresh, 437)
    clock.advance(550_000)
    expect(log).toEqual(['540060 refresh failed ERR_STUN_RESPONSE', '540060 lost ERR_STUN_RESPONSE'])
    expect(client.allocation).toBeUndefined()
  })

  it('granted for no time is none: given back, and not asked for again (RFC 8656 §7.3)', () => {
    const { client, clock, server, log } = setUp()
    server.lifetime = 0
    client.allocate()
    clock.advance(60_000)
    expect(log).toHaveLength(1)
    expect(log[0]).toMatch(/refused .*for no time/)
    expect(server.ladder.map(line => line.replace(/^\d+ /, ''))).toEqual([
      'Allocate 401',
      'Allocate',
      'Refresh',
    ])
  })

  it('refreshed for no time, unasked, is lost (RFC 8656 §8)', () => {
    const { client, clock, server, log } = allocated()
    server.lifetime = 0
    client.refresh()
    clock.advance(60_000)
    expect(log.map(line => line.replace(/^\d+ /, ''))).toEqual([
      'refresh failed ERR_TURN_EXPIRED',
      'lost ERR_TURN_EXPIRED',
    ])
    expect(server.ladder).toHaveLength(1)
  })

  it('is refreshed again and again while the server is silent, and lost at its end', () => {
    const { client, clock, server, log } = allocated()
    server.mute = true
    clock.advance(700_000)
    expect(log).toEqual(['579540 refresh failed ERR_STUN_TIMEOUT', '600040 lost ERR_TURN_EXPIRED'])
    expect(client.allocation).toBeUndefined()
    server.mute = false
    client.allocate()
    clock.advance(100)
    expect(log.at(-1)).toBe('700120 allocated 50001 for 600')
  })

  it.each([
    [437, 'allocation-mismatch'],
    [441, 'wrong-credentials'],
    [442, 'unsupported-transport'],
    [486, 'allocation-quota-reached'],
    [508, 'insufficient-capacity'],
  ])('refused with %i is told as %s, with code and reason', (code, meaning) => {
    const { client, clock, server, log } = setUp()
    server.refusals.set(method.Allocate, code)
    client.allocate()
    clock.advance(100)
    expect(log).toHaveLength(1)
    expect(log[0]).toMatch(new RegExp(`^40 refused STUN server 192.0.2.1:3478 answered ${code} `))
    const failure = Object.create(StunErrorResponse.prototype, { status: { value: code } })
    expect(turnRefusal(failure)).toBe(meaning)
  })

  it('goes to the alternate server of a 300 over UDP (RFC 8489 §10)', () => {
    const { client, clock, server, log } = setUp()
    server.refusals.set(method.Allocate, 300)
    client.allocate()
    clock.advance(200)
    expect(log).toEqual(['40 server 192.0.2.2', '80 allocated 50000 for 600'])
    expect(client.server).toEqual(server.alternate)
  })

  it('is ended by a Refresh with lifetime 0, and told so even where nobody answers', () => {
    const { client, clock, server, log } = allocated()
    client.release()
    clock.advance(100)
    expect(server.ladder).toEqual(['110 Refresh'])
    expect(log).toEqual(['120 released'])
    expect(() => client.refresh()).toThrow(/no allocation/)
    client.allocate()
    clock.advance(100)
    server.mute = true
    client.release()
    clock.advance(60_000)
    expect(log.at(-1)).toMatch(/released$/)
  })

  it('is one at a time, and asked for what can be', () => {
    const { client } = allocated()
    expect(() => client.allocate()).toThrow(/has an allocation/)
    const fresh = setUp().client
    expect(() => fresh.allocate({ transport: 'TCP' })).toThrow(/TCP or TLS/)
    expect(() => fresh.allocate({ reservationToken: new Uint8Array(8), ports: 'even' })).toThrow(/token/)
  })

  it('is silent after close', () => {
    const { client, clock, server, log } = setUp()
    client.allocate()
    clock.advance(30)
    client.close()
    clock.advance(2_000_000)
    expect(log).toEqual([])
    expect(server.ladder).toEqual(['10 Allocate 401', '30 Allocate'])
  })

  it('is gone with its connection', () => {
    const { client, log } = allocated({}, { reliable: true })
    client.transportFailed(new Error('reset'))
    expect(log).toEqual(['100 lost ERR_TURN_CONNECTION'])
  })
})

describe('channels and permissions (RFC 8656 §9, §11, §12)', () => {
  it('hold what is sent until the channel stands, and renew it every four minutes', () => {
    const { client, clock, server, log } = allocated()
    client.setActiveDestination(peer)
    client.send(Buffer.from('one'))
    client.send(Buffer.from('two'))
    clock.advance(100)
    client.send(Buffer.from('three'))
    clock.advance(480_000)
    expect(server.ladder).toEqual([
      '110 ChannelBind',
      '130 channel 16384 one to 7000, 7 octets',
      '130 channel 16384 two to 7000, 7 octets',
      '210 channel 16384 three to 7000, 9 octets',
      '240130 ChannelBind',
      '480150 ChannelBind',
    ])
    expect(log).toEqual(['120 channel 16384 to 7000'])
  })

  it('pad channel data over a stream to four octets (§12.5)', () => {
    const { client, clock, server } = allocated({}, { reliable: true })
    client.setActiveDestination(peer)
    clock.advance(50)
    client.send(Buffer.from('three'))
    clock.advance(50)
    expect(server.ladder.at(-1)).toBe('160 channel 16384 three to 7000, 12 octets')
  })

  it('keep a number for the peer it was given to, and do not renew it once cleared', () => {
    const { client, clock, server, log } = allocated()
    client.setActiveDestination(peer)
    clock.advance(100)
    client.setActiveDestination({ ...peer, port: 7001 })
    clock.advance(100)
    client.setActiveDestination(peer)
    clock.advance(100)
    client.clearActiveDestination()
    clock.advance(530_000)
    expect(log).toEqual([
      '120 channel 16384 to 7000',
      '220 channel 16385 to 7001',
      '320 channel 16384 to 7000',
    ])
    expect(server.ladder).toEqual(['110 ChannelBind', '210 ChannelBind', '310 ChannelBind'])
  })

  it('take what their length can tell, and no more (§12.4)', () => {
    const { client, clock, server } = allocated({}, { reliable: true })
    client.setActiveDestination(peer)
    clock.advance(50)
    server.ladder.length = 0
    expect([client.send(Buffer.alloc(65_536)), client.send(Buffer.alloc(65_535))]).toEqual([false, true])
    clock.advance(50)
    expect([server.ladder.length, client.counters.unsent]).toEqual([1, 1])
  })

  it('hold no more octets than packets of a usual size make', () => {
    const { client, clock, server } = allocated()
    const held = Array.from({ length: 32 }, () => client.sendTo(Buffer.alloc(8192), peer.address, 7))
    expect(held.filter(Boolean)).toHaveLength(8)
    clock.advance(100)
    expect(server.ladder.filter(line => line.includes('Send'))).toHaveLength(8)
    expect(client.sendTo(Buffer.alloc(8192), '203.0.113.77', 7)).toBe(true)
  })

  it('ask for a permission before an indication, once an address', () => {
    const { client, clock, server } = allocated()
    client.sendTo(Buffer.from('a'), peer.address, peer.port)
    client.sendTo(Buffer.from('b'), peer.address, 7001)
    clock.advance(100)
    client.sendTo(Buffer.from('c'), peer.address, 7002)
    clock.advance(240_000)
    expect(server.ladder).toEqual([
      '110 CreatePermission',
      '130 Send a to 7000',
      '130 Send b to 7001',
      '210 Send c to 7002',
      '240130 CreatePermission',
    ])
  })

  it('tell a refusal, and ask again at the next packet', () => {
    const { client, clock, server, log } = allocated()
    server.refusals.set(method.CreatePermission, 403)
    client.sendTo(Buffer.from('a'), peer.address, peer.port)
    clock.advance(100)
    client.sendTo(Buffer.from('b'), peer.address, peer.port)
    clock.advance(100)
    server.refusals.set(method.ChannelBind, 508)
    client.setActiveDestination(peer)
    clock.advance(100)
    expect(log).toEqual([
      `120 no permission for ${peer.address}: forbidden`,
      '320 no channel to 7000: insufficient-capacity',
    ])
    expect(server.ladder).toContain('230 Send b to 7000')
  })

  it('let through what comes from a peer we know, and count the rest', () => {
    const { client, clock, server, log } = allocated()
    client.setActiveDestination(peer)
    clock.advance(100)
    server.indicate(Buffer.from('hello'), peer)
    server.indicate(Buffer.from('who'), { address: '203.0.113.66', port: 1 })
    clock.advance(100)
    client.receive(channelData(0x4000, Buffer.from('fast'), false), serverAddress.address, serverAddress.port)
    client.receive(channelData(0x4001, Buffer.from('none'), false), serverAddress.address, serverAddress.port)
    client.receive(channelData(0x4000, Buffer.from('spoof'), false), '192.0.2.66', 3478)
    client.receive(Buffer.from([0x40, 0, 0, 9, 1]), serverAddress.address, serverAddress.port)
    expect(log.slice(1)).toEqual(['210 hello from 203.0.113.9:7000', '300 fast from 203.0.113.9:7000'])
    expect(client.counters).toMatchObject({ unknownPeer: 1, unknownChannel: 1, foreign: 1, malformed: 1 })
  })

  it('are for numeric addresses', () => {
    const { client } = allocated()
    expect(() => client.sendTo(Buffer.from('x'), 'example.com', 5)).toThrow(/numeric/)
    expect(() => client.permit('')).toThrow(/numeric/)
    expect(() => client.setActiveDestination({ address: peer.address, port: 70_000 })).toThrow(/numeric/)
  })

  it('drop what there is no place for, and count it', () => {
    const { client } = setUp()
    client.send(Buffer.from('no allocation'))
    client.sendTo(Buffer.from('none either'), peer.address, peer.port)
    expect(client.counters.unsent).toBe(2)
    const held = allocated()
    for (let i = 0; i < 40; i++) held.client.sendTo(Buffer.from('x'), peer.address, peer.port)
    expect(held.client.counters.unsent).toBe(8)
  })

  it('are lost with an allocation that the server does not know (437)', () => {
    const { client, clock, server, log } = allocated()
    server.refusals.set(method.ChannelBind, 437)
    client.setActiveDestination(peer)
    clock.advance(100)
    expect(log).toEqual(['120 lost ERR_STUN_RESPONSE', '120 no channel to 7000: allocation-mismatch'])
  })
})

describe('renewals that the server does not answer (RFC 8656 §9, §12)', () => {
  it('of a channel are tried again; the channel stands until it expires', () => {
    const { client, clock, server, log } = allocated()
    client.setActiveDestination(peer)
    clock.advance(230_000)
    server.mute = true
    clock.advance(60_000)
    server.mute = false
    expect(client.send(Buffer.from('still'))).toBe(true)
    clock.advance(100_000)
    expect(server.ladder.filter(line => line.includes('channel'))).toEqual([
      '290110 channel 16384 still to 7000, 9 octets',
    ])
    expect(log).toEqual(['120 channel 16384 to 7000'])
    const renewed = server.ladder.findLast(line => line.includes('ChannelBind'))
    expect(renewed).toBe('292130 ChannelBind')
    clock.advance(200_000)
    expect(server.ladder.findLast(line => line.includes('ChannelBind'))).toBe('532150 ChannelBind')
  })

  it('of a channel until it expires have it bound again, and what is sent meanwhile waits', () => {
    const { client, clock, server, log } = allocated({ lifetime: 3600 })
    client.setActiveDestination(peer)
    clock.advance(100_000)
    server.mute = true
    clock.advance(700_000)
    expect(client.activeDestination).toEqual(peer)
    expect(client.send(Buffer.from('waits'))).toBe(true)
    for (let i = 0; i < 31; i++) client.send(Buffer.from('more'))
    expect(client.send(Buffer.from('too much'))).toBe(false)
    expect(client.counters.unsent).toBe(1)
    server.mute = false
    clock.advance(60_000)
    expect(log).toHaveLength(2)
    expect(log[1]).toMatch(/channel 16384 to 7000$/)
    expect(server.ladder.filter(line => line.includes('waits'))).toHaveLength(1)
  })

  it('of a permission have it asked for again: who only listens goes on hearing', () => {
    const { client, clock, server, log } = allocated({ lifetime: 3600 })
    client.permit(peer.address)
    clock.advance(100_000)
    server.mute = true
    clock.advance(400_000)
    server.mute = false
    clock.advance(60_000)
    const asked = server.ladder.filter(line => line.includes('CreatePermission')).length
    clock.advance(240_000)
    expect(server.ladder.filter(line => line.includes('CreatePermission'))).toHaveLength(asked + 1)
    expect(log).toEqual([])
  })

  it('are over where the server refuses one, which is told with what was dropped', () => {
    const { client, clock, server, log } = allocated()
    client.setActiveDestination(peer)
    clock.advance(230_000)
    server.refusals.set(method.ChannelBind, 403)
    clock.advance(20_000)
    expect(log.at(-1)).toBe('240140 no channel to 7000: forbidden')
    expect(client.send(Buffer.from('nowhere'))).toBe(false)
    server.refusals.set(method.CreatePermission, 443)
    client.sendTo(Buffer.from('a'), '203.0.113.8', 1)
    client.sendTo(Buffer.from('b'), '203.0.113.8', 2)
    clock.advance(100)
    expect(log.at(-1)).toBe('250120 no permission for 203.0.113.8: peer-address-family-mismatch')
    expect(client.counters.unsent).toBe(3)
  })
})

describe('what is asked for and given', () => {
  it('refresh(0) is a release, and told as such (RFC 8656 §8)', () => {
    const { client, clock, server, log } = allocated()
    client.refresh(0)
    clock.advance(600_000)
    expect(server.ladder).toEqual(['110 Refresh'])
    expect(log).toEqual(['120 released'])
  })

  it('a release is not held back by ten requests under way', () => {
    const { client, clock, server } = allocated()
    for (let i = 1; i <= 12; i++) client.permit(`203.0.113.${i}`)
    client.release()
    clock.advance(10)
    expect(server.ladder.filter(line => line.endsWith('CreatePermission'))).toHaveLength(10)
    expect(server.ladder).toContain('110 Refresh')
  })

  it('a relay of a family that was not asked for is given back, and refused (RFC 8656 §7.3)', () => {
    const { client, clock, server, log } = setUp()
    client.allocate({ addressFamily: 'IPv6' })
    clock.advance(200)
    expect(server.ladder).toEqual(['10 Allocate 401', '30 Allocate', '50 Refresh'])
    expect(log).toHaveLength(1)
    expect(log[0]).toMatch(/^40 refused .*family/)
    expect(client.idle).toBe(true)
  })

  it('an idle allocation over UDP keeps its way open, a busy one needs not', () => {
    const { client, clock, server } = allocated()
    client.setActiveDestination(peer)
    clock.advance(60_000)
    expect(server.keepAlives).toEqual([30_050, 45_050, 60_050])
    for (let i = 0; i < 10; i++) {
      client.send(Buffer.from('x'))
      clock.advance(10_000)
    }
    expect(server.keepAlives).toHaveLength(3)
    expect(client.counters.keepAlives).toBe(3)
    client.release()
    clock.advance(100_000)
    expect(server.keepAlives.length).toBeLessThan(6)
    const still = server.keepAlives.length
    clock.advance(100_000)
    expect(server.keepAlives).toHaveLength(still)
  })

  it('over a stream there is nothing to keep open', () => {
    const { clock, server } = allocated({}, { reliable: true })
    clock.advance(100_000)
    expect(server.keepAlives).toEqual([])
  })

  it('a lifetime that is none throws before anything has changed', () => {
    const { client, clock, log } = allocated()
    expect(() => client.refresh(-1)).toThrow(/whole number/)
    client.refresh(700)
    clock.advance(100)
    expect(log).toEqual(['120 refreshed for 700'])
  })

  it('a hard ICMP error fails what is under way at once, and takes no allocation (RFC 8489 §6.2.1)', () => {
    const { client, clock, server, log } = allocated()
    server.mute = true
    client.refresh()
    client.setActiveDestination(peer)
    client.unreachable(new Error('port unreachable'))
    expect(log).toEqual(['100 refresh failed ERR_STUN_TRANSPORT', '100 no channel to 7000: undefined'])
    expect(client.allocation).toBeDefined()
    server.mute = false
    clock.advance(400_000)
    expect(log[2]).toMatch(/refreshed for 600$/)
  })
})

describe('a Send indication (RFC 8656 §11.1)', () => {
  it('says what a message made attribute by attribute would', () => {
    const indications = new SendIndications(seededRandom(9))
    const address = fc.oneof(fc.ipV4(), fc.ipV6()).map(text => canonicalAddress(text) ?? '0.0.0.0')
    fc.assert(
      fc.property(
        address,
        fc.nat({ max: 65_535 }),
        fc.uint8Array(),
        fc.boolean(),
        (peer, port, data, whole) => {
          const bytes = indications.write(data, addressBytes(peer) ?? data, port, whole) ?? Buffer.alloc(0)
          const message = new StunWriter(method.Send, 'indication', bytes.subarray(8, 20))
            .add(XorPeerAddress, { address: peer, port })
            .add(Data, data)
          if (whole) message.add(DontFragment, true)
          expect(bytes.equals(message.finish())).toBe(true)
        },
      ),
    )
    expect(indications.write(new Uint8Array(65_520), new Uint8Array(4), 1, false)).toBeUndefined()
  })
})

describe('the address of a Data indication (RFC 8656 §11.4)', () => {
  it('is found by its octets as by its text, of either family', () => {
    const known = new KnownPeers()
    const address = fc.oneof(fc.ipV4(), fc.ipV6()).map(text => canonicalAddress(text) ?? '0.0.0.0')
    fc.assert(
      fc.property(
        fc.array(address, { minLength: 1 }),
        address,
        fc.uint8Array({ minLength: 12, maxLength: 12 }),
        (peers, stranger, id) => {
          known.clear()
          for (const one of peers) known.add(one)
          for (const one of [...peers, stranger]) {
            const bytes = new StunWriter(method.Data, 'indication', id)
              .add(XorPeerAddress, { address: one, port: 9 })
              .finish()
            expect(known.find(bytes, 24, bytes.length - 24)).toBe(peers.includes(one) ? one : undefined)
          }
          for (const one of peers) known.delete(one)
          expect(peers.some(one => known.has(one))).toBe(false)
        },
      ),
    )
  })

  it('that is malformed is counted so, a stranger’s as such', () => {
    const { client, clock } = allocated()
    client.permit(peer.address)
    clock.advance(50)
    const indication = (value: readonly number[]): Buffer =>
      new StunWriter(method.Data, 'indication', new Uint8Array(12))
        .addOctets(XorPeerAddress.type, Uint8Array.from(value))
        .addOctets(Data.type, Buffer.from('x'))
        .finish()
    for (const value of [[], [0, 1, 0, 1, 1, 2, 3], [0, 2, 0, 1, 1, 2, 3, 4], [0, 3, 0, 1, 1, 2, 3, 4]]) {
      client.receive(indication(value), serverAddress.address, serverAddress.port)
    }
    expect(client.counters).toMatchObject({ malformed: 4, unknownPeer: 0 })
    client.receive(indication([0, 1, 0, 1, 1, 2, 3, 4]), serverAddress.address, serverAddress.port)
    expect(client.counters).toMatchObject({ malformed: 4, unknownPeer: 1 })
  })
})

describe('Binding and Shared Secret', () => {
  it('go out unsigned, and their answers are taken so', () => {
    const { client, clock } = allocated()
    const answers: (TransportAddress | object)[] = []
    const answer = {
      onSuccess: (value: object) => answers.push(value),
      onFailure: (failure: Error) => answers.push(failure),
    }
    client.bind(answer)
    client.requestSharedSecret(answer)
    clock.advance(100)
    expect(answers).toEqual([clientAddress, { username: 'once', password: 'only' }])
  })
})

describe('whatever comes in', () => {
  it('throws nothing and costs a counter', () => {
    const { client, clock } = allocated()
    client.setActiveDestination(peer)
    clock.advance(100)
    const starts = fc.constantFrom(
      [0x40, 0x00],
      [0x00, 0x17],
      [0x01, 0x03],
      [0x01, 0x13],
      [0x00, 0x1c],
      [0xff],
    )
    fc.assert(
      fc.property(starts, fc.uint8Array({ maxLength: 80 }), (start, rest) => {
        client.receive(Buffer.from([...start, ...rest]), serverAddress.address, serverAddress.port)
      }),
      { numRuns: 5000 },
    )
    expect(client.counters.malformed).toBeGreaterThan(100)
  })

  it('channel data survives any cutting of the stream', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat({ max: 30 }), { maxLength: 20 }),
        (payloads, cuts) => {
          const stream = Buffer.concat(payloads.map((data, i) => channelData(0x4000 + i, data, true)))
          const framer = new StunFramer()
          const frames: Buffer[] = []
          let at = 0
          for (const size of [...cuts, stream.length]) {
            frames.push(...framer.push(stream.subarray(at, at + size)))
            at += size
          }
          expect(frames.map(frame => channelPayload(frame))).toEqual(payloads.map(data => Buffer.from(data)))
        },
      ),
    )
  })
})
