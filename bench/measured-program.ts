import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Child } from '../test/peers/child.ts'

/** Linux counts processor time in hundredths of a second, whatever its timer runs at. */
const TICK_MICROSECONDS = 10_000

const root = new URL('../../', import.meta.url)

/** A program of ours under load, in a process of its own. */
export async function startMeasured(program: string, args: readonly string[]): Promise<Child> {
  const port = fileURLToPath(new URL('memory-port.js', import.meta.url))
  const path = fileURLToPath(new URL(program, root))
  const child = await Child.start(process.execPath, ['--expose-gc', '--import', port, path, ...args], {
    channel: true,
  })
  await child.says('listens on')
  return child
}

/** What a measured program holds after a full collection, in bytes; `held` is heapUsed + external. */
export async function memoryOf(child: Child): Promise<{ readonly rss: number; readonly held: number }> {
  const answer: unknown = await child.ask('memory')
  if (!isMemory(answer)) throw new Error('the program did not tell its memory')
  return answer
}

/** Resident bytes of a process and of those it started; what they share is counted once. */
export function residentBytes(pid: number): number {
  let kilobytes = 0
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    if (Number(name) !== pid && Number(statistics(name)[1]) !== pid) continue
    const [, pss = '0'] = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/smaps_rollup`, 'latin1')) ?? []
    kilobytes += Number(pss)
  }
  return kilobytes * 1024
}

function isMemory(answer: unknown): answer is { rss: number; held: number } {
  return typeof answer === 'object' && answer !== null && 'rss' in answer && 'held' in answer
}

/** Processor time of a process and of those it started, user and system, in microseconds. */
export function cpuMicroseconds(pid: number): number {
  let ticks = 0
  for (const name of readdirSync('/proc')) {
    const fields = /^\d+$/.test(name) ? statistics(name) : []
    // after the name in brackets: state, parent, …, and as 12th and 13th utime and stime
    if (Number(name) === pid || Number(fields[1]) === pid) ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks * TICK_MICROSECONDS
}

function statistics(pid: string): string[] {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return line.slice(line.lastIndexOf(')') + 2).split(' ')
  } catch {
    // the process has ended in between
    return []
  }
}
