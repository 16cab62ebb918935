import { describe, expect, it } from 'vitest'
import { FlowManager } from '../../../src/media/flow/index.ts'
import { EvenPort, method } from '../../../src/media/stun/index.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'
import { FakeServer, peer, serverAddress } from '../turn/fake-server.ts'

async function pass(clock: SimulatedClock, milliseconds: number): Promise<void> {
  for (let i = 0; i < milliseconds; i += 10) {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    clock.advance(10)
  }
}

function opened(server: FakeServer, timers: Timers, rtcpEnabled: boolean) {
  const told: string[] = []
  const network = server.network(false)
  const manager = new FlowManager({
    timers,
    random: seededRandom(1),
    resolve: async () => [{ address: serverAddress.address }],
    turnNetwork: () => network,
  })
  const stream = manager.createMediaStream(
    {
      onMediaStreamReady: ({ port }) => told.push(`ready ${port}`),
      onMediaStreamError: (code, error) => told.push(`${code} ${'status' in error && error.status}`),
    },
    { address: '0.0.0.0', port: 0 },
    {
      rtcpEnabled,
      natTraversalMode: 'TurnUdpAllocation',
      serverHostname: 'turn.test',
      stunUsername: 'alice',
      stunPassword: 'secret',
    },
  )
  return { manager, stream, told }
}

describe('a stream through a TURN server', () => {
  it.each([403, 443])(
    'tells its handler that a peer is refused (%i, RFC 8656 §9.2), once, and goes on',
    async code => {
      const clock = new SimulatedClock()
      const timers = new Timers(clock)
      const server = new FakeServer(timers)
      const { manager, stream, told } = opened(server, timers, false)
      await pass(clock, 100)
      server.stubborn.set(method.CreatePermission, code)
      for (let i = 0; i < 3; i++) {
        stream.rtpFlow.sendTo(peer.address, peer.port, Buffer.from('x'))
        await pass(clock, 50)
      }
      server.stubborn.clear()
      stream.rtpFlow.sendTo(peer.address, peer.port, Buffer.from('y'))
      await pass(clock, 50)
      expect(told).toEqual(['ready 50000', `ERR_STUN_RESPONSE ${code}`])
      expect(server.ladder.at(-1)).toMatch(/Send y/)
      await manager.close()
    },
  )

  it('takes any port where the server has no pair (508, RFC 8656 §7.4)', async () => {
    const clock = new SimulatedClock()
    const timers = new Timers(clock)
    const server = new FakeServer(timers)
    server.refusals.set(method.Allocate, 508)
    const { manager, told } = opened(server, timers, true)
    await pass(clock, 300)
    expect(told).toEqual(['ready 50000'])
    expect(server.allocates.map(request => request.get(EvenPort)?.reserve)).toEqual([true, false, undefined])
    await manager.close()
  })
})
