import { freePort } from '../test/peers/ports.ts'
import { Sipp, type SippResult } from '../test/peers/sipp.ts'
import { cpuMicroseconds } from './measured-program.ts'
import type { Measurement } from './measurement.ts'
import { median } from './median.ts'

/** Calls that let the compiler of the engine do its work, before anything is measured. */
export const WARM_UP_CALLS = 30_000
const RUNS = 3
const RUN_SECONDS = 4

export interface Load {
  /** CPU of the program a call, in microseconds, median of the runs. */
  readonly cpu: number
  /** Of all runs together. */
  readonly calls: number
  readonly failed: number
  readonly retransmissions: number
}

/** SIPp's default call to a port of the loop-back, `calls` times. */
export async function sippCalls(target: number, rate: number, calls: number): Promise<SippResult> {
  const address = '127.0.0.1'
  const port = await freePort(address)
  return (await Sipp.start({ scenario: 'uac', address, port, target, rate, calls })).finished()
}

/** Puts a program that is warm under SIPp's calls at a fixed rate, three times. */
export async function loadAt(rate: number, target: number, pid: number): Promise<Load> {
  const cpu: number[] = []
  let failed = 0
  let calls = 0
  let retransmissions = 0
  for (let run = 0; run < RUNS; run++) {
    const before = cpuMicroseconds(pid)
    const result = await sippCalls(target, rate, rate * RUN_SECONDS)
    cpu.push((cpuMicroseconds(pid) - before) / result.calls)
    calls += result.calls
    failed += result.failed
    retransmissions += result.retransmissions
  }
  return { cpu: median(cpu), calls, failed, retransmissions }
}

/** The figures of a load as a bench reports them, beside a peer's where there is one. */
export function loadFigures(bench: string, rate: number, load: Load, peer?: [string, Load]): Measurement[] {
  const at = `at ${rate.toLocaleString('en')} calls/s`
  const figure = (what: string, unit: string, of: (load: Load) => number): Measurement => ({
    bench,
    case: `${what} ${at}`,
    value: of(load),
    unit,
    ...(peer && { peers: { [peer[0]]: of(peer[1]) } }),
  })
  return [
    figure('CPU a call', 'µs', ({ cpu }) => cpu),
    figure(`failed of ${load.calls.toLocaleString('en')}`, 'calls', ({ failed }) => failed),
    figure('sent again by SIPp', 'messages', ({ retransmissions }) => retransmissions),
  ]
}
