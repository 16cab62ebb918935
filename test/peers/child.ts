import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** How long a program may take to say that it is ready, and to end when it is told to, in milliseconds. */
const PATIENCE = 10_000
const REMEMBERED = 8192

/** Children that still run; whatever happens to us, none of them outlives us. */
const running = new Set<Child>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export interface ChildOptions {
  readonly environment?: Record<string, string>
  readonly directory?: string
  /** Opens a channel for messages (`process.send` in the child). */
  readonly channel?: boolean
}

/** A program that runs beside us, known by its process number and stopped by it. */
export class Child {
  readonly pid: number
  /** Resolves with the exit code, -1 where a signal ended it. */
  readonly ended: Promise<number>
  readonly #process: ChildProcess
  /** The end of what it wrote to standard error. */
  #complaint = ''
  #lines: string[] = []
  #onLine: (() => void) | undefined

  /** Starts `command`; rejects where it cannot be started. */
  static async start(command: string, args: readonly string[], options: ChildOptions = {}): Promise<Child> {
    const { environment, directory, channel = false } = options
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe', ...(channel ? (['ipc'] as const) : [])],
      env: { ...process.env, TERM: 'xterm', ...environment },
      ...(directory !== undefined && { cwd: directory }),
    })
    await new Promise((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
    return new Child(child)
  }

  private constructor(child: ChildProcess) {
    this.#process = child
    this.pid = child.pid ?? -1
    this.ended = new Promise(resolve => {
      child.once('exit', code => {
        running.delete(this)
        this.#onLine?.()
        resolve(code ?? -1)
      })
    })
    running.add(this)
    child.stderr?.on('data', chunk => {
      this.#complaint = (this.#complaint + chunk).slice(-REMEMBERED)
    })
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', line => {
        this.#lines = [...this.#lines.slice(-100), line]
        this.#onLine?.()
      })
    }
  }

  get isRunning(): boolean {
    return running.has(this)
  }

  get complaint(): string {
    return this.#complaint
  }

  /** Resolves with the first line of its output that holds `text`; rejects where it ends before or takes too long. */
  async says(text: string): Promise<string> {
    const deadline = Date.now() + PATIENCE
    for (;;) {
      const line = this.#lines.find(written => written.includes(text))
      if (line !== undefined) return line
      const left = deadline - Date.now()
      if (!this.isRunning || left <= 0) {
        const why = this.isRunning ? `did not say "${text}" within ${PATIENCE} ms` : 'ended'
        throw new Error(`${this.#process.spawnargs.join(' ')}: ${why}: ${this.#complaint || 'no complaint'}`)
      }
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, left)
        this.#onLine = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  /** Sends a message over the channel and resolves with the next one that comes back. */
  ask(question: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#process.once('message', resolve)
      void this.ended.then(() => reject(new Error(`${question}: the program has ended: ${this.#complaint}`)))
      this.#process.send(question)
    })
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Tells it to stop, and ends it where it does not; resolves when it is gone. */
  async stop(): Promise<void> {
    if (!this.isRunning) return
    this.kill('SIGTERM')
    const timer = setTimeout(() => this.kill('SIGKILL'), PATIENCE)
    await this.ended
    clearTimeout(timer)
  }
}
