import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { RtpEngineClient } from '../../../src/media/rtpengine/client.ts'
import { installed } from '../../peers/installed.ts'

export type CarrierName = 'udp' | 'tcp' | 'http' | 'ws'

export interface RtpEngineSetup {
  /** A loop-back address of its own, for control and media. */
  readonly address: string
  /** Where its DTMF log goes. */
  readonly dtmfLog?: string
  /** Further options of the command. */
  readonly options?: readonly string[]
}

/** A real rtpengine in user space on a loop-back address. */
export class RtpEngineProcess {
  readonly address: string
  readonly recordings: string
  readonly #process: ChildProcess
  #log = ''

  /** Installs the Debian packages where they are missing, starts the engine and waits until it answers. */
  static async start(setup: RtpEngineSetup): Promise<RtpEngineProcess> {
    installed('rtpengine', 'rtpengine-daemon')
    const engine = new RtpEngineProcess(setup)
    const client = new RtpEngineClient(engine.url('udp'))
    try {
      await answered(client)
    } catch (error) {
      engine.#process.kill('SIGKILL')
      throw new Error(`rtpengine did not start:\n${engine.#log}`, { cause: error })
    } finally {
      await client.close()
    }
    return engine
  }

  private constructor({ address, dtmfLog, options = [] }: RtpEngineSetup) {
    this.address = address
    this.recordings = mkdtempSync(join(tmpdir(), 'resip-rtpengine-'))
    this.#process = spawn(
      'rtpengine',
      [
        ...[
          '--config-file=none',
          '--foreground',
          '--log-stderr',
          '--log-level=4',
          '--table=-1',
          '--num-threads=2',
        ],
        ...[`--interface=a/${address}`, `--interface=b/${secondAddress(address)}`],
        ...[`--listen-ng=${address}:2223`, `--listen-tcp-ng=${address}:2224`],
        ...[
          `--listen-http=${address}:2225`,
          '--port-min=30000',
          '--port-max=34999',
          '--delete-delay=0',
          '--dtmf-log-ng-tcp',
        ],
        ...['--timeout=60', `--recording-dir=${this.recordings}`, '--recording-method=pcap'],
        ...options,
        ...(dtmfLog ? [`--dtmf-log-dest=${dtmfLog}`] : []),
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    this.#process.stderr?.on('data', chunk => {
      this.#log += chunk
    })
  }

  /** The process stands still, with its sockets open and filling up, until `resume`. */
  pause(): void {
    this.#process.kill('SIGSTOP')
  }

  resume(): void {
    this.#process.kill('SIGCONT')
  }

  url(carrier: CarrierName): string {
    const port = { udp: 2223, tcp: 2224, http: 2225, ws: 2225 }[carrier]
    return `${carrier}://${this.address}:${port}`
  }

  /** Ends it in order, or with `SIGKILL` as if its host had died. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const gone = once(this.#process, 'exit')
      this.#process.kill(signal)
      await gone
    }
    rmSync(this.recordings, { recursive: true, force: true })
  }
}

/** `127.62.0.1` for `127.61.0.1`: the engine's interface `b`. */
function secondAddress(address: string): string {
  return address.replace(/^127\.61/, '127.62')
}

const START = 10_000

/** Pings until the port that refused at first is open. */
async function answered(client: RtpEngineClient): Promise<void> {
  const deadline = performance.now() + START
  for (;;) {
    try {
      await client.ping({ timeout: 1_000 })
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
      await after(50)
    }
  }
}
