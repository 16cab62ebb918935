import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../test/peers/ports.ts'
import { ensureSipp } from '../test/peers/sipp.ts'
import { memoryOf, startMeasured } from './measured-program.ts'
import type { Measurement } from './measurement.ts'
import { loadAt, loadFigures, sippCalls, WARM_UP_CALLS } from './sipp-load.ts'

const RATE = 5000
/** Longer than a finished transaction is kept, in milliseconds. */
const REST = 40_000
/** INVITE and BYE. */
const TRANSACTIONS_A_CALL = 2

/** `examples/uas.mjs` under SIPp's default call: CPU, what finished transactions hold, and whether it is given back. */
export async function uas(): Promise<Measurement[]> {
  ensureSipp()
  const port = await freePort('127.0.0.1')
  const program = await startMeasured('examples/uas.mjs', [`udp:127.0.0.1:${port}`])
  try {
    await sippCalls(port, RATE, WARM_UP_CALLS)
    await sleep(REST)
    const idle = await memoryOf(program)
    const load = await loadAt(RATE, port, program.pid)
    const loaded = await memoryOf(program)
    await sleep(REST)
    const rested = await memoryOf(program)
    const row = (what: string, value: number, unit: string): Measurement => ({
      bench: 'uas',
      case: what,
      value,
      unit,
    })
    const kept = (loaded.held - idle.held) / (load.calls * TRANSACTIONS_A_CALL)
    return [
      ...loadFigures('uas', RATE, load),
      row('kept a finished transaction', kept, 'bytes'),
      row('held 40 s after the load, beside idle', (rested.held / idle.held - 1) * 100, '%'),
      row('RSS after the load', loaded.rss / 1e6, 'MB'),
    ]
  } finally {
    await program.stop()
  }
}
