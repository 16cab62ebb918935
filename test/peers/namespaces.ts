import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Child, type ChildOptions } from './child.ts'
import { installed } from './installed.ts'

/** Namespaces that exist; whatever happens to us, none of them outlives us. */
const existing = new Set<Namespace>()
process.once('exit', () => {
  for (const namespace of existing) namespace.delete()
})

/** Why no network namespace can be made here, `undefined` where one can. */
export function namespaceProblem(): string | undefined {
  try {
    installed('ip', 'iproute2')
    sweep()
    new Namespace('probe').delete()
    return undefined
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return `network namespaces cannot be made here, which needs root on Linux: ${why}`
  }
}

/** A network of its own, with a loopback interface (ip-netns(8)). */
export class Namespace {
  /** Unlike that of any other process. */
  readonly name: string

  constructor(name: string) {
    this.name = `resip-${process.pid}-${name}`
    ip('netns', 'add', this.name)
    existing.add(this)
    this.ip('link', 'set', 'lo', 'up')
  }

  /** `ip` within. */
  ip(...args: readonly string[]): void {
    ip('-n', this.name, ...args)
  }

  /** An interface with these addresses, up at once: IPv6 ones without duplicate detection, which takes a second. */
  address(link: string, ...addresses: readonly string[]): void {
    for (const address of addresses) {
      const nodad = address.includes(':') ? ['nodad'] : []
      this.ip('addr', 'add', address, 'dev', link, ...nodad)
    }
    this.ip('link', 'set', link, 'up')
  }

  /** A program of Node within, which listens to messages. */
  node(program: URL, options: ChildOptions = {}): Promise<Child> {
    const args = ['netns', 'exec', this.name, process.execPath, fileURLToPath(program)]
    return Child.start('ip', args, { ...options, channel: true })
  }

  delete(): void {
    if (existing.delete(this)) spawnSync('ip', ['netns', 'del', this.name])
  }
}

/** A cable between two namespaces, with the name of its end in each. */
export function cable(one: Namespace, oneEnd: string, other: Namespace, otherEnd: string): void {
  one.ip('link', 'add', oneEnd, 'type', 'veth', 'peer', 'name', otherEnd, 'netns', other.name)
}

/** Deletes what processes left that were killed: their names begin with the numbers of those. */
function sweep(): void {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' })
  for (const [name, pid] of stdout.matchAll(/^resip-(\d+)-\w+/gm)) {
    if (!isRunning(Number(pid))) spawnSync('ip', ['netns', 'del', name])
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function ip(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${error?.message ?? stderr.trim()}`)
}
