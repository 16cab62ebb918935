import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tone } from './rtp-party.ts'
import { installed } from '../../peers/installed.ts'

const ADDRESS = '127.0.0.1'

export interface SippSetup {
  /** A scenario that is built in, or one of `scenarios/`. */
  readonly scenario: 'uac' | 'uas' | URL
  readonly port: number
  /** Where a caller sends to. */
  readonly target?: number
  readonly calls?: number
  /** Calls a second. */
  readonly rate?: number
  /** Milliseconds of a call. */
  readonly duration?: number
  readonly keys?: Readonly<Record<string, string | number>>
  /** A port that sends back what RTP comes. */
  readonly echo?: number
}

export interface SippResult {
  readonly calls: number
  readonly successful: number
  readonly failed: number
  readonly errors: string
}

/** A SIPp on loop-back, in a folder of its own that holds `tone.ulaw`, a second of a tone for `rtp_stream`. */
export class SippProcess {
  readonly #process: ChildProcess
  readonly #folder: string
  readonly #ended: Promise<unknown>

  constructor(setup: SippSetup) {
    installed('sipp', 'sip-tester')
    this.#folder = mkdtempSync(join(tmpdir(), 'resip-sipp-'))
    writeFileSync(
      join(this.#folder, 'tone.ulaw'),
      Buffer.concat(Array.from({ length: 50 }, tone(440))),
    )
    this.#process = spawn('sipp', argumentsOf(setup), {
      cwd: this.#folder,
      stdio: 'ignore',
      env: { ...process.env, TERM: 'xterm' },
    })
    this.#ended = once(this.#process, 'exit')
  }

  /** Resolves with what it counted, when its calls are made. */
  async finished(): Promise<SippResult> {
    await this.#ended
    const [names = [], ...values] = this.#read('stat.csv')
      .trimEnd()
      .split('\n')
      .map(line => line.split(';'))
    const count = (name: string): number => Number(values.at(-1)?.[names.indexOf(name)])
    return {
      calls: count('TotalCallCreated'),
      successful: count('SuccessfulCall(C)'),
      failed: count('FailedCall(C)'),
      errors: this.#read('errors.log').slice(0, 2000),
    }
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null) this.#process.kill('SIGKILL')
    await this.#ended
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #read(name: string): string {
    const path = join(this.#folder, name)
    return existsSync(path) ? readFileSync(path, 'latin1') : ''
  }
}

function argumentsOf(setup: SippSetup): string[] {
  const { scenario, port, target, calls, rate, duration, keys = {}, echo } = setup
  const args = typeof scenario === 'string' ? ['-sn', scenario] : ['-sf', fileURLToPath(scenario)]
  args.push('-i', ADDRESS, '-p', `${port}`, '-mi', ADDRESS, '-nostdin')
  args.push('-trace_stat', '-stf', 'stat.csv', '-fd', '1', '-trace_err', '-error_file', 'errors.log')
  if (calls !== undefined) args.push('-m', `${calls}`)
  if (rate !== undefined) args.push('-r', `${rate}`)
  if (duration !== undefined) args.push('-d', `${duration}`)
  for (const [key, value] of Object.entries(keys)) args.push('-key', key, `${value}`)
  if (echo !== undefined) args.push('-rtp_echo', '-mp', `${echo}`)
  if (target !== undefined) args.push(`${ADDRESS}:${target}`)
  return args
}
