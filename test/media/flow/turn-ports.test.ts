import { describe, expect, it } from 'vitest'
import { FlowManager } from '../../../src/media/flow/index.ts'
import { EvenPort, method } from '../../../src/media/stun/index.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'
import { resolverOf } from '../resolver.ts'
import { FakeServer, serverAddress } from '../turn/fake-server.ts'

async function pass(clock: SimulatedClock, milliseconds: number): Promise<void> {
  for (let i = 0; i < milliseconds; i += 10) {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    clock.advance(10)
  }
}

function opened(server: FakeServer, timers: Timers) {
  const told: string[] = []
  const network = server.network(false)
  const manager = new FlowManager({
    timers,
    random: seededRandom(1),
    resolver: resolverOf(serverAddress.address),
    turnNetwork: () => network,
  })
  manager.createMediaStream(
    {
      onMediaStreamReady: ({ port }) => told.push(`ready ${port}`),
      onMediaStreamError: (code, error) => told.push(`${code} ${'status' in error && error.status}`),
    },
    { address: '0.0.0.0', port: 0 },
    {
      natTraversalMode: 'TurnUdpAllocation',
      serverHostname: 'turn.test',
      stunUsername: 'alice',
      stunPassword: 'secret',
    },
  )
  return { manager, told }
}

describe('a stream through a TURN server', () => {
  it('takes any port where the server has no pair (508, RFC 8656 §7.4)', async () => {
    const clock = new SimulatedClock()
    const timers = new Timers(clock)
    const server = new FakeServer(timers)
    server.refusals.set(method.Allocate, 508)
    const { manager, told } = opened(server, timers)
    await pass(clock, 300)
    expect(told).toEqual(['ready 50000'])
    expect(server.allocates.map(request => request.get(EvenPort)?.reserve)).toEqual([true, false, undefined])
    await manager.close()
  })
})
