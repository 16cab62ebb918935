import { RtpEngineClient, type RtpEngineClientOptions } from '../../../src/media/rtpengine/client.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'
import { FakeEngine, type FakeEngineOptions } from './fake-engine.ts'

/** Lets promises that are settled run their continuations. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

export class Simulation {
  readonly clock: SimulatedClock = new SimulatedClock()
  readonly timers: Timers = new Timers(this.clock)

  /** Moves time on by single milliseconds, so that what promises start is started at its own instant. */
  async advance(milliseconds: number): Promise<void> {
    await settle()
    for (let i = 0; i < milliseconds; i++) {
      this.clock.advance(1)
      await settle()
    }
  }
}

export interface ClientSimulation {
  readonly simulation: Simulation
  readonly engine: FakeEngine
  readonly client: RtpEngineClient
}

export function simulateClient(
  engineOptions: FakeEngineOptions = {},
  options: RtpEngineClientOptions = {},
): ClientSimulation {
  const simulation = new Simulation()
  const engine = new FakeEngine(simulation.timers, engineOptions)
  const client = new RtpEngineClient('udp://192.0.2.1:2223', {
    timers: simulation.timers,
    random: seededRandom(1),
    carrier: engine.carrier,
    ...options,
  })
  return { simulation, engine, client }
}

/** The request's end as one line: `ok`, or the error's code. */
export function outcome(request: Promise<unknown>): Promise<string> {
  return request.then(
    () => 'ok',
    error => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
  )
}
