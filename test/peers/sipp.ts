import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { hostPort } from '../../src/util/address.ts'
import { Child } from './child.ts'
import { installed } from './installed.ts'

/** Finds SIPp, installs it where that can be done, else throws one sentence that says what to install. */
export function ensureSipp(): void {
  installed('sipp', 'sip-tester')
}

export interface SippOptions {
  /** A scenario that is built in, or the file of one of our own. */
  readonly scenario: 'uac' | 'uas' | URL
  /** Datagrams unless said. */
  readonly transport?: 'UDP' | 'TCP'
  readonly address: string
  readonly port: number
  /** Where a client sends to. */
  readonly target?: number
  /** How many calls to make; a server runs until it is stopped. */
  readonly calls?: number
  /** Calls a second. */
  readonly rate?: number
  /** Milliseconds that a caller's calls last. */
  readonly duration?: number
  /** Percent of packets to lose. */
  readonly lost?: number
  readonly keys?: Readonly<Record<string, string | number>>
  /** A port that sends back what RTP comes. */
  readonly echo?: number
  /** What lies in the folder it runs in: audio that a scenario sends. */
  readonly files?: Readonly<Record<string, Uint8Array>>
}

export interface SippResult {
  /** Calls that were begun, from either side. */
  readonly calls: number
  /** Calls that came to their end; a server's are some seconds late, for it waits for retransmissions. */
  readonly successful: number
  readonly failed: number
  /** Those of them that failed because their connection was closed. */
  readonly cutOff: number
  readonly retransmissions: number
  readonly seconds: number
  /** Messages that a scenario did not wait for. */
  readonly unexpected: number
  /** What the scenario's `<log>` actions wrote. */
  readonly log: readonly string[]
  /** What SIPp had to say about calls that failed; empty where all went well. */
  readonly errors: string
}

/** A SIPp that runs, with the files it writes in a folder of its own. */
export class Sipp {
  readonly #child: Child
  readonly #folder: string
  readonly #began: number = performance.now()
  #result: Promise<SippResult> | undefined

  static async start(options: SippOptions): Promise<Sipp> {
    const folder = await mkdtemp(join(tmpdir(), 'resip-sipp-'))
    for (const [name, bytes] of Object.entries(options.files ?? {}))
      await writeFile(join(folder, name), bytes)
    const child = await Child.start('sipp', argumentsOf(options, folder), { directory: folder })
    const sipp = new Sipp(child, folder)
    // the file comes once the socket is open
    while (child.isRunning && !(await exists(join(folder, 'stat.csv')))) await sleep(20)
    return sipp
  }

  private constructor(child: Child, folder: string) {
    this.#child = child
    this.#folder = folder
  }

  get pid(): number {
    return this.#child.pid
  }

  /** Resolves when a client has made its calls. */
  finished(): Promise<SippResult> {
    this.#result ??= this.#child.ended.then(() => this.#collect())
    return this.#result
  }

  /** Ends it, if it runs still; resolves with what it counted. */
  async stop(): Promise<SippResult> {
    await this.#child.stop()
    return this.finished()
  }

  async #collect(): Promise<SippResult> {
    const statistics = await this.#read('stat.csv')
    const errors = await this.#read('errors.log')
    const log = (await this.#read('log.log')).split('\n').filter(line => line !== '')
    await rm(this.#folder, { recursive: true, force: true })
    if (statistics === '') throw new Error(`SIPp did not run: ${this.#child.complaint.trim()}`)
    const count = countsOf(statistics)
    return {
      calls: count('TotalCallCreated'),
      successful: count('SuccessfulCall(C)'),
      failed: count('FailedCall(C)'),
      cutOff: count('FailedTcpClosed(C)'),
      retransmissions: count('Retransmissions(C)'),
      seconds: (performance.now() - this.#began) / 1000,
      unexpected: count('OutOfCallMsgs(C)') + count('FailedUnexpectedMessage(C)'),
      log,
      errors: errors.slice(0, 4000),
    }
  }

  async #read(name: string): Promise<string> {
    const path = join(this.#folder, name)
    return (await exists(path)) ? readFile(path, 'latin1') : ''
  }
}

function argumentsOf(options: SippOptions, folder: string): string[] {
  const { scenario, transport = 'UDP', address, port, target, keys = {} } = options
  const { calls, rate, duration, lost, echo } = options
  const what = typeof scenario === 'string' ? ['-sn', scenario] : ['-sf', fileURLToPath(scenario)]
  const args = [
    ...what,
    '-i',
    address,
    '-mi',
    address,
    '-p',
    `${port}`,
    '-t',
    transport === 'UDP' ? 'u1' : 't1',
  ]
  args.push('-nostdin', '-buff_size', '4194304')
  args.push('-trace_stat', '-stf', join(folder, 'stat.csv'), '-fd', '1')
  args.push('-trace_err', '-error_file', join(folder, 'errors.log'))
  args.push('-trace_logs', '-log_file', join(folder, 'log.log'))
  if (calls !== undefined) args.push('-m', `${calls}`)
  if (rate !== undefined) args.push('-r', `${rate}`, '-l', '15000')
  if (duration !== undefined) args.push('-d', `${duration}`)
  if (lost !== undefined) args.push('-lost', `${lost}`)
  for (const [key, value] of Object.entries(keys)) args.push('-key', key, `${value}`)
  if (echo !== undefined) args.push('-rtp_echo', '-mp', `${echo}`)
  if (target !== undefined) args.push(hostPort(address, target))
  return args
}

/** Reads the last line of SIPp's statistics by the names in the first. */
function countsOf(csv: string): (column: string) => number {
  const lines = csv.trimEnd().split('\n')
  const names = lines[0]?.split(';') ?? []
  const values = lines.length > 1 ? (lines.at(-1)?.split(';') ?? []) : []
  return column => Number(values[names.indexOf(column)] ?? 0)
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
