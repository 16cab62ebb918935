import type { Remote } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import { feed } from '../../util/machine.ts'
import type { Timer, Timers } from '../../util/timers.ts'
import type { Base } from '../socket/base.ts'
import type { PacketKind } from '../socket/packet-kind.ts'
import { type FlowActor, type FlowState, flowMachine } from './flow-machine.ts'
import type { FlowPath, PathUser } from './path.ts'

/** @internal Who hears of a component: its stream, and the flows for their packets. */
export interface ComponentUser {
  onConnected(): void
  onReady(): void
  onChanged(): void
  onFailure(error: Error): void
  onRefused(address: string, error: Error): void
  onUnsent(count: number): void
  onSendError(error: EnvironmentError, to: Remote | undefined): void
  onPacket(kind: PacketKind, bytes: Buffer, from: Remote): void
}

/** How often a component that was connected once tries to be so again, and what it waits with. */
export interface Recovery {
  readonly attempts: number
  readonly timers: Timers
}

/** Milliseconds before the first new attempt; doubled for each after. */
const FIRST_WAIT = 1000
/** Milliseconds that a way must have stood, or lasted since the last loss, so that a loss is news and no failed attempt. */
const STOOD = 10_000

/**
 * @internal One port of an m-line, RTP or RTCP or both (RFC 8445 §4): a path and how far it has come. All packets of
 * its flows pass `send` and `onPacket`, and nothing else does: what is done to packets is done here.
 */
export class Component implements FlowActor, PathUser {
  state: FlowState = 'Unconnected'
  turn: unknown[] | null = null
  readonly path: FlowPath
  readonly #user: ComponentUser
  readonly #recovery: Recovery
  /** New attempts that are left; none before the first success. */
  #attemptsLeft = 0
  #connectedAt: number | undefined
  #lostAt = Number.NEGATIVE_INFINITY
  #retry: Timer | undefined

  constructor(path: FlowPath, recovery: Recovery, user: ComponentUser) {
    this.path = path
    this.#recovery = recovery
    this.#user = user
  }

  connect(): void {
    feed(flowMachine, this, this.path.entry, {})
  }

  /** All components of the stream are connected. */
  ready(): void {
    feed(flowMachine, this, 'ready', {})
  }

  /** Never throws; false where the packet was dropped. */
  send(bytes: Uint8Array, to: Remote): boolean {
    return this.state === 'Ready' && this.path.send(bytes, to)
  }

  /** Resolves when the port is free. */
  close(): Promise<void> {
    this.#recovery.timers.stop(this.#retry)
    feed(flowMachine, this, 'close', {})
    return this.path.close()
  }

  openPath(): void {
    this.path.open(this).then(
      () => feed(flowMachine, this, this.path.next, {}),
      (error: Error) => this.onFailure(error),
    )
  }

  establish(): void {
    try {
      this.path.establish()
    } catch (error) {
      this.onFailure(error instanceof Error ? error : new Error(String(error)))
    }
  }

  closePath(): void {
    // the socket's own end is nobody's business any more
    this.path.close().catch(() => {})
  }

  reportConnected(): void {
    if (this.#connectedAt === undefined) this.#attemptsLeft = this.#recovery.attempts
    this.#connectedAt = this.#recovery.timers.now()
    this.#user.onConnected()
  }

  reportReady(): void {
    this.#user.onReady()
  }

  reportChanged(): void {
    this.#user.onChanged()
  }

  reportFailure(error: Error): void {
    const { attempts, timers } = this.#recovery
    if (this.#connectedAt !== undefined && timers.now() - this.#connectedAt >= STOOD) {
      this.#attemptsLeft = attempts
      // until it stands again, what follows are attempts
      this.#connectedAt = Number.POSITIVE_INFINITY
    }
    if (this.#attemptsLeft === 0) {
      this.#user.onFailure(error)
      return
    }
    const wait = FIRST_WAIT * 2 ** (attempts - this.#attemptsLeft)
    this.#attemptsLeft--
    this.#retry = timers.after(wait, () => this.connect())
  }

  onEstablished(): void {
    feed(flowMachine, this, 'established', {})
  }

  onFailure(error: Error): void {
    feed(flowMachine, this, 'failed', { error })
  }

  onChanged(): void {
    feed(flowMachine, this, 'changed', {})
  }

  onLost(): void {
    this.#onGone('lost', takenBack)
  }

  onDisconnected(error: Error): void {
    this.#onGone('disconnected', () => error)
  }

  onSuspended(): void {
    feed(flowMachine, this, 'suspended', {})
  }

  onRefused(address: string, error: Error): void {
    if (this.state !== 'Closed') this.#user.onRefused(address, error)
  }

  onUnsent(count: number): void {
    this.#user.onUnsent(count)
  }

  onSendError(error: EnvironmentError, to: Remote | undefined): void {
    if (this.state !== 'Closed') this.#user.onSendError(error, to)
  }

  onPacket(kind: PacketKind, bytes: Buffer, from: Remote, _: Base): void {
    if (this.state !== 'Closed') this.#user.onPacket(kind, bytes, from)
  }

  /** What is lost again at once would be asked for, and lost, as fast as the server answers. */
  #onGone(input: 'lost' | 'disconnected', why: () => Error): void {
    const now = this.#recovery.timers.now()
    const again = now - this.#lostAt < STOOD
    this.#lostAt = now
    if (again && (this.state === 'Allocating' || this.state === 'Connected' || this.state === 'Ready')) {
      this.onFailure(why())
    } else feed(flowMachine, this, input, {})
  }
}

function takenBack(): EnvironmentError {
  return new EnvironmentError(
    'ERR_FLOW_LOST',
    'the server takes back what it gave, again and again: see its log',
  )
}
