import { performance } from 'node:perf_hooks'
import { SipStack } from 'resip/stack'
import type { Measurement } from './measurement.ts'
import { median } from './median.ts'

const COUNT = 200_000
const RUNS = 5

interface Cost {
  start: number
  stop: number
  fire: number
  bytes: number
}

/** Timers of a stack against the host's: what one costs to start, to stop and to fire, and what it takes while it runs. */
export async function timers(): Promise<Measurement[]> {
  const wheel: Cost[] = []
  const host: Cost[] = []
  for (let run = 0; run < RUNS; run++) {
    wheel.push(await wheelCost())
    host.push(await hostCost())
  }
  const figure = (what: string, unit: string, of: (cost: Cost) => number): Measurement => ({
    bench: 'timers',
    case: what,
    value: median(wheel.map(of)),
    unit,
    peers: { setTimeout: median(host.map(of)) },
  })
  return [
    figure('start', 'ns', cost => cost.start),
    figure('stop', 'ns', cost => cost.stop),
    figure('fire', 'ns', cost => cost.fire),
    figure('kept while it runs', 'bytes', cost => cost.bytes),
  ]
}

async function wheelCost(): Promise<Cost> {
  const { timers } = new SipStack()
  const owner = { onTimer() {} }
  const before = usedBytes()
  let began = performance.now()
  const started = Array.from({ length: COUNT }, (_, at) => timers.start(owner, 'bench', 32_000 + (at & 1023)))
  const start = performance.now() - began
  const bytes = (usedBytes() - before) / COUNT
  began = performance.now()
  for (const timer of started) timers.stop(timer)
  const stop = performance.now() - began
  const fire = await firingTime(done => {
    for (let at = 1; at < COUNT; at++) timers.start(owner, 'bench', 1)
    timers.after(1, done)
  })
  return costs(start, stop, fire, bytes)
}

async function hostCost(): Promise<Cost> {
  const nothing = (): void => {}
  const before = usedBytes()
  let began = performance.now()
  const started = Array.from({ length: COUNT }, (_, at) => setTimeout(nothing, 32_000 + (at & 1023)))
  const start = performance.now() - began
  const bytes = (usedBytes() - before) / COUNT
  began = performance.now()
  for (const timer of started) clearTimeout(timer)
  const stop = performance.now() - began
  const fire = await firingTime(done => {
    for (let at = 1; at < COUNT; at++) setTimeout(nothing, 1)
    setTimeout(done, 1)
  })
  return costs(start, stop, fire, bytes)
}

/** Milliseconds from the end of starting to the last that fires; all are due by then. */
async function firingTime(start: (done: () => void) => void): Promise<number> {
  let began = 0
  await new Promise<void>(resolve => {
    start(resolve)
    began = performance.now()
  })
  return performance.now() - began
}

function costs(start: number, stop: number, fire: number, bytes: number): Cost {
  const nanoseconds = (milliseconds: number): number => (milliseconds * 1e6) / COUNT
  return { start: nanoseconds(start), stop: nanoseconds(stop), fire: nanoseconds(fire), bytes }
}

function usedBytes(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
