import { describe, expect, it } from 'vitest'
import { AbandonedCalls } from '../../../../src/media/rtpengine/pool/abandoned-calls.ts'
import { RtpEnginePool, type RtpEnginePoolOptions } from '../../../../src/media/rtpengine/pool/pool.ts'
import { weightedOrder } from '../../../../src/media/rtpengine/pool/weighted-choice.ts'
import { UsageError } from '../../../../src/util/errors.ts'
import { seededRandom } from '../../../../src/util/random.ts'
import { FakeEngine, type FakeEngineOptions } from '../fake-engine.ts'
import { outcome, Simulation, simulateClient } from '../simulation.ts'

const A = 'udp://192.0.2.1:2223'
const B = 'udp://192.0.2.2:2223'

interface PoolSimulation {
  readonly simulation: Simulation
  readonly pool: RtpEnginePool
  readonly engines: ReadonlyMap<string, FakeEngine>
  readonly health: string[]
}

function simulatePool(
  options: RtpEnginePoolOptions = {},
  engineOptions: FakeEngineOptions | ((url: string) => FakeEngineOptions) = {},
  members: ConstructorParameters<typeof RtpEnginePool>[0] = [A, B],
): PoolSimulation {
  const simulation = new Simulation()
  const { timers } = simulation
  const engines = new Map(
    [A, B].map(url => [
      url,
      new FakeEngine(timers, typeof engineOptions === 'function' ? engineOptions(url) : engineOptions),
    ]),
  )
  const health: string[] = []
  const pool = new RtpEnginePool(members, {
    timers,
    random: seededRandom(1),
    carrier: url => {
      const engine = engines.get(url)
      if (engine === undefined) throw new Error(`no engine ${url}`)
      return engine.carrier
    },
    onHealth: engine => health.push(`${timers.now()} ${engine.url} ${engine.healthy ? 'up' : 'down'}`),
    ...options,
  })
  return { simulation, pool, engines, health }
}

/** Call-IDs whose first choice is the engine. */
function callsOf(url: string, count: number): string[] {
  const calls: string[] = []
  for (let i = 0; calls.length < count; i++) {
    if (
      weightedOrder(`call${i}`, [
        { url: A, weight: 1 },
        { url: B, weight: 1 },
      ])[0]?.url === url
    )
      calls.push(`call${i}`)
  }
  return calls
}

const isOffer = (line: string): boolean => line.endsWith('offer')
const only = (calls: readonly string[]): string => calls[0] ?? ''

describe('RtpEnginePool', () => {
  it('keeps a call on the engine that got its offer', async () => {
    const { simulation, pool, engines } = simulatePool()
    for (const [url, call] of [
      [A, only(callsOf(A, 1))],
      [B, only(callsOf(B, 1))],
    ] as const) {
      const offer = pool.offer('v=0', call, 'a')
      await simulation.advance(5)
      await offer
      const rest = [pool.answer('v=0', call, 'a', 'b'), pool.blockDtmf(call), pool.delete(call, 'a')]
      expect(pool.engineOf(call)?.url).toBe(url)
      await simulation.advance(5)
      await Promise.all(rest)
      expect(pool.engineOf(call)).toBeUndefined()
      const commands = engines.get(url)?.requests.filter(request => request.get('call-id') === call)
      expect(commands?.map(request => request.get('command'))).toEqual([
        'offer',
        'answer',
        'block DTMF',
        'delete',
      ])
    }
    expect(pool.metrics).toMatchObject({ calls: 0, failovers: 0 })
  })

  it('spreads new calls by weight', async () => {
    const { simulation, pool, engines } = simulatePool({}, {}, [
      { url: A, weight: 3 },
      { url: B, weight: 1 },
    ])
    const offers = Array.from({ length: 400 }, (_, i) => pool.offer('v=0', `call${i}`, 'a'))
    await simulation.advance(5)
    await Promise.all(offers)
    expect(pool.metrics.calls).toBe(400)
    const onA = engines.get(A)?.requests.filter(request => request.get('command') === 'offer').length ?? 0
    expect(onA).toBeGreaterThan(270)
    expect(onA).toBeLessThan(330)
    expect(pool.metrics.engines.map(engine => engine.opened)).toEqual([onA, 400 - onA])
  })

  it('gives no new call to an engine of weight 0', async () => {
    const { simulation, pool, engines } = simulatePool({}, {}, [{ url: A, weight: 0 }, B])
    const offers = Array.from({ length: 20 }, (_, i) => pool.offer('v=0', `call${i}`, 'a'))
    await simulation.advance(5)
    await Promise.all(offers)
    expect(engines.get(A)?.requests.some(request => request.get('command') === 'offer')).toBe(false)
  })

  it('takes an engine that misses two pings out, and back when it answers one', async () => {
    const { simulation, pool, engines, health } = simulatePool()
    const engine = engines.get(A)
    await simulation.advance(100)
    if (engine) engine.down = true
    await simulation.advance(10_000)
    // pinged at 5,002 ms after the pong at 2 ms; twice one second without an answer
    expect(health).toEqual([`7002 ${A} down`])
    expect(pool.metrics.engines[0]).toMatchObject({ healthy: false, downs: 1 })
    if (engine) engine.down = false
    await simulation.advance(10_000)
    expect(health.at(-1)).toBe(`12004 ${A} up`)
    expect(pool.engines.map(one => one.healthy)).toEqual([true, true])
    expect(pool.metrics.engines[0]?.roundTrip).toBe(2)
  })

  it('loses no new call when an engine dies under load', async () => {
    const { simulation, pool, engines } = simulatePool()
    const offers: Promise<string>[] = []
    const engine = engines.get(A)
    for (let i = 0; i < 400; i++) {
      if (i === 100 && engine) engine.down = true
      offers.push(outcome(pool.offer('v=0', `call${i}`, 'a')))
      await simulation.advance(20)
    }
    await simulation.advance(10_000)
    expect(new Set(await Promise.all(offers))).toEqual(new Set(['ok']))
    expect(pool.metrics.failovers).toBeGreaterThan(10)
    expect(pool.metrics.engines[0]?.healthy).toBe(false)
    // those it had before stay with it
    const before = Array.from({ length: 100 }, (_, i) => pool.engineOf(`call${i}`)?.url)
    expect(before.filter(url => url === A).length).toBeGreaterThan(20)
    const after = Array.from({ length: 300 }, (_, i) => pool.engineOf(`call${i + 100}`)?.url)
    expect(new Set(after)).toEqual(new Set([B]))
  })

  it('moves the offers of an engine that refuses the connection at once', async () => {
    const { simulation, pool, engines } = simulatePool({}, { reliable: true })
    const engine = engines.get(A)
    await simulation.advance(10)
    if (engine) engine.refusing = true
    const offer = outcome(pool.offer('v=0', only(callsOf(A, 1)), 'a'))
    await simulation.advance(5)
    expect(await offer).toBe('ok')
    expect(pool.engines.map(one => one.healthy)).toEqual([false, true])
  })

  it('asks the next engine where one is too busy, but not where one refuses', async () => {
    const busy = (request: ReadonlyMap<string, unknown>): { [key: string]: string } =>
      request.get('command') === 'ping' ? { result: 'pong' } : { result: 'load limit' }
    const { simulation, pool, engines } = simulatePool({}, { answer: busy })
    const call = only(callsOf(A, 1))
    const offer = outcome(pool.offer('v=0', call, 'a'))
    await simulation.advance(10)
    expect(await offer).toBe('ERR_RTPENGINE_LOAD_LIMIT')
    expect([...engines.values()].flatMap(engine => engine.ladder.filter(isOffer))).toHaveLength(2)
    expect(pool.engineOf(call)).toBeUndefined()

    const refusing = simulatePool({}, { answer: () => ({ result: 'error', 'error-reason': 'no' }) })
    const refused = outcome(refusing.pool.offer('v=0', call, 'a'))
    await refusing.simulation.advance(10)
    expect(await refused).toBe('ERR_RTPENGINE_REFUSED')
    expect(refusing.engines.get(B)?.ladder.filter(isOffer)).toEqual([])
  })

  it('tells at once that no engine is left, and finds one again by itself', async () => {
    const { simulation, pool, engines } = simulatePool()
    for (const engine of engines.values()) engine.down = true
    await simulation.advance(3_000)
    expect(await outcome(pool.offer('v=0', 'x', 'a'))).toBe('ERR_RTPENGINE_NO_ENGINE')
    expect(pool.metrics.withoutEngine).toBe(1)
    for (const engine of engines.values()) engine.down = false
    await simulation.advance(7_000)
    const offer = outcome(pool.offer('v=0', 'x', 'a'))
    await simulation.advance(10)
    expect(await offer).toBe('ok')
  })

  it('finds the engine of a call that another process opened', async () => {
    const { simulation, pool, engines } = simulatePool()
    const call = only(callsOf(B, 1))
    const query = outcome(pool.delete(call, 'a'))
    await simulation.advance(10)
    expect(await query).toBe('ok')
    expect(engines.get(B)?.ladder).toContain('0 → delete')
    expect(engines.get(A)?.ladder).not.toContain('0 → delete')
  })

  it('gives up when the caller does, and when his time is over', async () => {
    const { simulation, pool, engines } = simulatePool()
    await simulation.advance(10)
    for (const engine of engines.values()) engine.down = true
    const controller = new AbortController()
    const offer = outcome(pool.offer('v=0', 'x', 'a', { signal: controller.signal }))
    await simulation.advance(100)
    controller.abort('hung up')
    expect(await offer).toBe('hung up')
    const started = simulation.timers.now()
    const late = outcome(pool.offer('v=0', 'y', 'a', { timeout: 500 })).then(
      () => simulation.timers.now() - started,
    )
    await simulation.advance(1_000)
    expect(await late).toBe(500)
  })

  it('forgets the call longest unused when there are too many', async () => {
    const { simulation, pool } = simulatePool({ maxCalls: 2 })
    for (const call of ['x', 'y', 'z']) {
      const offer = pool.offer('v=0', call, 'a')
      await simulation.advance(5)
      await offer
    }
    expect(pool.engineOf('x')).toBeUndefined()
    expect(pool.engineOf('z')).toBeDefined()
    expect(pool.metrics).toMatchObject({ calls: 2, forgotten: 1 })
  })

  it('forgets calls whose Call-IDs are long before there are too many of them', async () => {
    const { simulation, pool } = simulatePool({ maxCallIdLengths: 25 })
    for (const call of ['0123456789a', '0123456789b', '0123456789c', 'short']) {
      const offer = pool.offer('v=0', call, 'a')
      await simulation.advance(5)
      await offer
    }
    expect(pool.metrics).toMatchObject({ calls: 2, forgotten: 2 })
    expect(pool.engineOf('0123456789c')).toBeDefined()
  })

  it('remembers the engine of a transform by the Call-ID of the reply', async () => {
    const reply = { result: 'ok', 'call-id': 'made', 'from-tag': 'a', media: [] }
    const { simulation, pool } = simulatePool({}, { answer: () => reply })
    const transform = pool.transform([])
    await simulation.advance(10)
    expect((await transform).callId).toBe('made')
    expect(pool.engineOf('made')).toBeDefined()
  })

  it('stops pinging when it is closed', async () => {
    const { simulation, pool, engines } = simulatePool()
    await simulation.advance(10)
    await pool.close()
    const pings = engines.get(A)?.ladder.length
    await simulation.advance(20_000)
    expect(engines.get(A)?.ladder.length).toBe(pings)
    expect(simulation.timers.size).toBe(0)
  })

  it('refuses what cannot be', () => {
    expect(() => new RtpEnginePool([])).toThrow(UsageError)
    expect(() => new RtpEnginePool([{ url: A, weight: -1 }])).toThrow(UsageError)
    expect(() => new RtpEnginePool([A], { attemptTimeout: 0 })).toThrow(UsageError)
    expect(() => new RtpEnginePool([A], { health: { interval: Number.NaN } })).toThrow(UsageError)
    const { pool } = simulatePool()
    expect(() => pool.request('statistics')).toThrow(UsageError)
  })
})

describe('weighted rendezvous', () => {
  it('moves only the keys of a candidate that is missing', () => {
    const all = ['x', 'y', 'z'].map(url => ({ url, weight: 1 }))
    const keys = Array.from({ length: 300 }, (_, i) => `key${i}`)
    for (const key of keys) {
      const [first, second] = weightedOrder(key, all)
      const without = all.filter(one => one !== first)
      expect(weightedOrder(key, without)[0]).toBe(second)
      expect(
        weightedOrder(
          key,
          all.filter(one => one === first || one === second),
        )[0],
      ).toBe(first)
    }
  })
})

describe('calls that an engine opened too late', () => {
  const commandsAt = (engine: FakeEngine | undefined, call: string): string[] =>
    (engine?.requests ?? [])
      .filter(request => request.get('call-id') === call)
      .map(request => `${request.get('command')} ${request.get('from-tag')}`)

  it('are deleted where the engine was only slow, as soon as its late reply comes', async () => {
    let slow = 1
    const { simulation, pool, engines } = simulatePool({}, url => ({ delay: () => (url === A ? slow : 1) }))
    await simulation.advance(10)
    slow = 1_500
    const call = only(callsOf(A, 1))
    const offer = pool.offer('v=0', call, 'a')
    await simulation.advance(2_100)
    await offer
    expect(pool.engineOf(call)?.url).toBe(B)
    expect(pool.metrics.engines[0]?.abandoned).toBe(1)
    slow = 1
    await simulation.advance(2_000)
    const rest = [pool.answer('v=0', call, 'a', 'b'), pool.delete(call, 'a')]
    await simulation.advance(10)
    await Promise.all(rest)
    const atA = commandsAt(engines.get(A), call)
    expect(atA.slice(0, 1)).toEqual(['offer a'])
    expect(atA.at(-1)).toBe('delete a')
    expect(engines.get(A)?.requests.at(-1)?.get('delete-delay') ?? 0).toBe(0)
    expect(commandsAt(engines.get(B), call)).toEqual(['offer a', 'answer a', 'delete a'])
    expect(pool.metrics.engines[0]).toMatchObject({ abandoned: 0, healthy: true })
    expect(pool.metrics.engines[0]?.abandonedDeleted).toBeGreaterThan(0)
    expect(pool.engines[0]?.client.counters.lateReplies).toBeGreaterThan(0)
  })

  it('are deleted when an engine that was down comes back', async () => {
    const { simulation, pool, engines } = simulatePool()
    await simulation.advance(10)
    const engine = engines.get(A)
    if (engine) engine.down = true
    const calls = callsOf(A, 40)
    const offers = calls.map(call => outcome(pool.offer('v=0', call, `tag of ${call}`)))
    await simulation.advance(9_000)
    expect(new Set(await Promise.all(offers))).toEqual(new Set(['ok']))
    expect(pool.metrics.engines[0]).toMatchObject({ abandoned: 40, healthy: false })
    if (engine) engine.down = false
    await simulation.advance(10_000)
    for (const call of calls) {
      expect(commandsAt(engine, call)).toEqual([`delete tag of ${call}`])
      expect(pool.engineOf(call)?.url).toBe(B)
    }
    expect(pool.metrics.engines[0]).toMatchObject({ abandoned: 0, abandonedDeleted: 40, healthy: true })
  })

  it('stay where the call came back to the engine, and where it was none of the offer that began it', async () => {
    const { simulation, pool, engines } = simulatePool()
    await simulation.advance(10)
    const call = only(callsOf(A, 1))
    for (const engine of engines.values()) engine.loseNext = 3
    const failed = outcome(pool.offer('v=0', call, 'a', { timeout: 1_000 }))
    await simulation.advance(900)
    expect(pool.metrics.engines[0]?.abandoned).toBe(0)
    await simulation.advance(101)
    expect(await failed).toBe('ERR_RTPENGINE_TIMEOUT')
    const again = outcome(pool.offer('v=0', call, 'a'))
    await simulation.advance(10_000)
    expect(await again).toBe('ok')
    expect(commandsAt(engines.get(A), call)).toEqual(['offer a'])

    const other = only(callsOf(B, 1))
    const engine = engines.get(B)
    if (engine) engine.down = true
    const reinvite = outcome(pool.offer('v=0', other, 'a', { toTag: 'b' }))
    await simulation.advance(4_000)
    expect(await reinvite).toBe('ok')
    if (engine) engine.down = false
    await simulation.advance(10_000)
    expect(commandsAt(engine, other)).toEqual([])
  })

  it('are bounded: the oldest is forgotten and counted, and nothing is sent after close', async () => {
    const { simulation, engine, client } = simulateClient()
    const abandoned = new AbandonedCalls(client, 2)
    for (const call of ['x', 'y', 'z', 'z', '']) abandoned.add(call, 'a')
    expect([abandoned.size, abandoned.forgotten]).toEqual([2, 1])
    abandoned.onAlive()
    abandoned.onAlive()
    await simulation.advance(5)
    expect(engine.ladder).toEqual(['0 → delete', '0 → delete'])
    expect([abandoned.size, abandoned.deleted]).toEqual([0, 2])
    const roomy = new AbandonedCalls(client, 10_000)
    for (let i = 0; i < 100; i++) roomy.add(`${'x'.repeat(60_000)}${i}`, 'a')
    expect([roomy.size, roomy.forgotten]).toEqual([69, 31])
    abandoned.add('w', undefined)
    abandoned.close()
    abandoned.onAlive()
    await simulation.advance(5)
    expect([abandoned.size, engine.ladder.length]).toEqual([0, 2])
  })
})
