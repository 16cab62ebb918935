import { feed } from '../../util/machine.ts'
import type { Timer, Timers } from '../../util/timers.ts'
import type { PacketKind } from './demux.ts'
import { type FlowActor, type FlowState, flowMachine } from './flow-machine.ts'
import type { FlowPath, PathUser } from './path.ts'

/** @internal Who hears of a transport: its stream, and the flows for their packets. */
export interface TransportUser {
  onConnected(): void
  onReady(): void
  onChanged(): void
  onFailure(error: Error): void
  onPacket(kind: PacketKind, bytes: Uint8Array, address: string, port: number): void
}

/** How often a transport that was connected once tries to be so again, and what it waits with. */
export interface Recovery {
  readonly attempts: number
  readonly timers: Timers
}

/** Milliseconds before the first new attempt; doubled for each after. */
const FIRST_WAIT = 1000

/** @internal A path and how far it has come; two flows share one where RTP and RTCP are multiplexed. */
export class FlowTransport implements FlowActor, PathUser {
  state: FlowState = 'Unconnected'
  turn: unknown[] | null = null
  readonly path: FlowPath
  readonly #user: TransportUser
  readonly #recovery: Recovery
  /** New attempts that are left; none before the first success. */
  #attemptsLeft = 0
  #retry: Timer | undefined

  constructor(path: FlowPath, recovery: Recovery, user: TransportUser) {
    this.path = path
    this.#recovery = recovery
    this.#user = user
  }

  connect(): void {
    feed(flowMachine, this, this.path.entry, {})
  }

  /** All flows of the stream are connected. */
  ready(): void {
    feed(flowMachine, this, 'ready', {})
  }

  async close(): Promise<void> {
    this.#recovery.timers.stop(this.#retry)
    feed(flowMachine, this, 'close', {})
    await this.path.close()
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
    this.#attemptsLeft = this.#recovery.attempts
    this.#user.onConnected()
  }

  reportReady(): void {
    this.#user.onReady()
  }

  reportChanged(): void {
    this.#user.onChanged()
  }

  reportFailure(error: Error): void {
    if (this.#attemptsLeft === 0) {
      this.#user.onFailure(error)
      return
    }
    const { attempts, timers } = this.#recovery
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
    feed(flowMachine, this, 'lost', {})
  }

  onDisconnected(): void {
    feed(flowMachine, this, 'disconnected', {})
  }

  onPacket(kind: PacketKind, bytes: Uint8Array, address: string, port: number): void {
    if (this.state !== 'Closed') this.#user.onPacket(kind, bytes, address, port)
  }
}
