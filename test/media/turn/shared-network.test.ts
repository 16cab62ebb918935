import { afterEach, describe, expect, it } from 'vitest'
import { Discovery } from '../../../src/media/flow/discovery.ts'
import { MediaSocket, mediaReceiveBuffer, type PacketKind, Remotes } from '../../../src/media/socket/index.ts'
import { Data, method, StunWriter, XorPeerAddress } from '../../../src/media/stun/index.ts'
import { sharedNetwork, TurnSocket, udpNetwork } from '../../../src/media/turn/index.ts'
import { systemTimers } from '../../../src/net/clock.ts'
import { systemRandom } from '../../../src/net/random.ts'
import { UdpSocket } from '../../../src/net/udp.ts'
import type { Remote } from '../../../src/util/address.ts'
import { ScriptedServer } from './scripted-server.ts'

const closers: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** A bound port of ours, what it gave to its user, and a server beside it. */
async function setUp() {
  const server = await ScriptedServer.start()
  const heard: { readonly kind: PacketKind; readonly from: Remote }[] = []
  let wake: () => void = () => {}
  const socket = await MediaSocket.bind(
    (address, port, receiver) => UdpSocket.bind({ address, port }, receiver),
    '127.0.0.1',
    0,
  )
  socket.user = {
    remotes: new Remotes(),
    onPacket(kind, _, from) {
      heard.push({ kind, from })
      wake()
    },
    onSendError() {},
  }
  const until = async (count: number): Promise<void> => {
    while (heard.length < count) await new Promise<void>(resolve => (wake = resolve))
  }
  const turn = new TurnSocket(sharedNetwork(socket), {
    host: '127.0.0.1',
    port: server.address.port,
    username: 'alice',
    password: 'secret',
  })
  closers.push(
    () => server.close(),
    () => socket.close(),
    () => turn.close(),
  )
  return { server, socket, turn, heard, until }
}

function discover(socket: MediaSocket, server: Remote): Promise<Remote> {
  return new Promise((resolve, reject) => {
    const settings = {
      locate: async () => [server],
      credentials: { username: 'alice', password: 'secret' },
      timers: systemTimers,
      random: systemRandom,
      timing: undefined,
      keepAlive: 0,
    }
    Discovery.start(socket, settings, { onReflexive: resolve, onDiscoveryFailure: reject }).then(
      discovery => {
        closers.push(async () => discovery.close())
        discovery.ask()
      },
      reject,
    )
  })
}

const rtp = Buffer.from([0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7])
const peer = { address: '127.0.0.1', port: 7000 }

describe('one port for STUN, TURN and media (RFC 8445 §5.1.1.2)', () => {
  it('lets a STUN and a TURN client ask the same server at the same time, each gets its own', async () => {
    const { server, socket, turn } = await setUp()
    await turn.connect()
    const [reflexive, { relay }] = await Promise.all([
      discover(socket, server.address),
      turn.createAllocation(),
    ])
    expect(reflexive.port).toBe(socket.local.port)
    expect(relay.port).toBe(50_000)
    expect(new Set(server.heard.map(({ from }) => from.port))).toEqual(new Set([socket.local.port]))
  })

  it('gives media to its user, and what a peer sends through the relay to the TURN client', async () => {
    const { server, socket, turn, heard, until } = await setUp()
    await turn.connect()
    await turn.createAllocation()
    turn.permit(peer.address)
    const indication = new StunWriter(method.Data, 'indication', new Uint8Array(12))
    server.send(indication.add(XorPeerAddress, peer).add(Data, rtp).finish(), socket.local)
    expect((await turn.receive()).data).toEqual(rtp)
    // media that the server itself sends is media, a check that it sends is the user's, a response to nobody is dropped
    server.send(new StunWriter(method.Binding, 'success', new Uint8Array(12)).finish(), socket.local)
    server.send(rtp, socket.local)
    server.send(new StunWriter(method.Binding, 'request', new Uint8Array(12)).finish(), socket.local)
    await until(2)
    expect(heard.map(({ kind }) => kind)).toEqual(['rtp', 'stun'])
    expect(socket.unexpected).toBe(1)
  })

  it('stays open when the TURN client goes, which hears no more', async () => {
    const { server, socket, turn, until } = await setUp()
    await turn.connect()
    await turn.createAllocation()
    await turn.close()
    expect(socket.send(rtp, server.address)).toBe(true)
    server.send(Buffer.from([0x40, 0, 0, 0]), socket.local)
    await until(1)
    await socket.close()
    const late = new TurnSocket(sharedNetwork(socket), { host: '127.0.0.1', port: server.address.port })
    await expect(late.connect()).rejects.toMatchObject({ code: 'ERR_TURN_SHARED' })
  })

  it('has a receive buffer of media size, as has a port of its own', async () => {
    const server = await ScriptedServer.start()
    closers.push(() => server.close())
    const user = { onMessage() {}, onDown() {}, onUnreachable() {} }
    const carrier = await udpNetwork().open(server.address, '', user)
    closers.push(() => carrier.close())
    expect(carrier.receiveBufferSize).toBeGreaterThan(0)
    expect(carrier.receiveBufferSize).toBeLessThanOrEqual(2 * mediaReceiveBuffer)
  })
})
