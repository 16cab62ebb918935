import type { Remote } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import { feed } from '../../util/machine.ts'
import type { Timer, Timers } from '../../util/timers.ts'
import type { Base } from '../socket/base.ts'
import { type PacketKind, packetKind } from '../socket/packet-kind.ts'
import { PacketSlab } from '../socket/packet-slab.ts'
import { srtpFault } from '../srtp/faults.ts'
import { type FlowActor, type FlowState, flowMachine } from './flow-machine.ts'
import { type HeldPacket, HeldPackets } from './held-packets.ts'
import type { FlowPath, PathUser } from './path.ts'
import type { Proof } from './proof.ts'
import type { Protection } from './protection.ts'
import type { SrtpFlowCounters } from './srtp-counters.ts'

/** @internal Who hears of a component: its stream, and the flows for their packets. */
export interface ComponentUser {
  onConnected(): void
  onReady(): void
  onChanged(): void
  onFailure(error: Error): void
  onRefused(address: string, error: Error): void
  onUnsent(count: number): void
  onSendError(error: EnvironmentError, to: Remote | undefined): void
  onPacket(kind: PacketKind, bytes: Buffer, from: Remote, proof: Proof): void
  onSrtp(kind: 'rtp' | 'rtcp', counted: keyof SrtpFlowCounters): void
}

/** SRTP packets that wait for keys, and DTLS records that wait for somebody who reads them. */
const HELD_SRTP = 16
const HELD_DTLS = 8

/** What all components send protected packets from. */
const slab = new PacketSlab()

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
  readonly #protection: Protection
  readonly #heldSrtp = new HeldPackets(HELD_SRTP)
  readonly #heldDtls = new HeldPackets(HELD_DTLS)
  /** New attempts that are left; none before the first success. */
  #attemptsLeft = 0
  #connectedAt: number | undefined
  #lostAt = Number.NEGATIVE_INFINITY
  #retry: Timer | undefined

  constructor(path: FlowPath, recovery: Recovery, protection: Protection, user: ComponentUser) {
    this.path = path
    this.#protection = protection
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

  /** Never throws; false where the packet was dropped. RTP and RTCP are protected, in memory of ours. */
  send(bytes: Uint8Array, to: Remote): boolean {
    if (this.state !== 'Ready') return false
    if (this.#protection.state === 'plain') return this.path.send(bytes, to)
    const kind = packetKind(bytes)
    if (kind === 'stun' || kind === 'dtls') return this.path.send(bytes, to)
    if (kind !== 'rtp' && kind !== 'rtcp') return false
    const own = slab.take(bytes.length + this.#protection.overhead(kind))
    own.set(bytes)
    return this.#sendProtected(kind, own, 0, bytes.length, to)
  }

  /** As `send`, from `start` to `end` of memory that is the component's from here on: protected where it lies, if there is room. */
  sendOwned(bytes: Buffer, start: number, end: number, to: Remote): boolean {
    const packet = bytes.subarray(start, end)
    const protection = this.#protection
    const kind = packetKind(packet)
    if (protection.state === 'plain' || (kind !== 'rtp' && kind !== 'rtcp')) return this.send(packet, to)
    if (end + protection.overhead(kind) > bytes.length) return this.send(packet, to)
    return this.state === 'Ready' && this.#sendProtected(kind, bytes, start, end, to)
  }

  /** Keys are there: what came before them is read. */
  releaseSrtp(): void {
    for (const { kind, bytes, from } of this.#heldSrtp.release()) {
      if (kind === 'rtp' || kind === 'rtcp') this.#unprotect(kind, bytes, from)
    }
  }

  /** No keys will come for what is held. */
  dropSrtp(): void {
    this.#heldSrtp.release()
  }

  /** Records that came before somebody read them. */
  releaseDtls(): readonly HeldPacket[] {
    return this.#heldDtls.release()
  }

  /** A record that nobody reads yet. */
  holdDtls(bytes: Buffer, from: Remote): void {
    this.#heldDtls.hold('dtls', bytes, from)
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
    if (this.state === 'Closed') return
    if (this.#protection.state === 'plain' || (kind !== 'rtp' && kind !== 'rtcp')) {
      this.#user.onPacket(kind, bytes, from, 'none')
    } else this.#unprotect(kind, bytes, from)
  }

  #unprotect(kind: 'rtp' | 'rtcp', bytes: Buffer, from: Remote): void {
    const protection = this.#protection
    const user = this.#user
    if (!protection.hears) {
      if (protection.state === 'pending') {
        this.#heldSrtp.hold(kind, bytes, from)
        user.onSrtp(kind, 'early')
      } else user.onSrtp(kind, 'unprotected')
      return
    }
    const end = protection.unprotect(kind, bytes, bytes.length)
    if (end < 0) {
      user.onSrtp(kind, droppedAs(end))
      return
    }
    user.onSrtp(kind, 'authenticated')
    user.onPacket(kind, bytes.subarray(0, end), from, protection.isNewest ? 'newest' : 'authentic')
  }

  #sendProtected(kind: 'rtp' | 'rtcp', bytes: Buffer, start: number, end: number, to: Remote): boolean {
    const sealed = this.#protection.protect(kind, bytes, start, end)
    if (sealed >= 0) {
      const isWhole = start === 0 && sealed === bytes.length
      return this.path.send(isWhole ? bytes : bytes.subarray(start, sealed), to)
    }
    const fault = srtpFault(sealed)
    if (fault === undefined) this.#user.onSrtp(kind, 'unprotected')
    else if (fault === 'reused' || fault === 'expired' || fault === 'sources') this.#user.onSrtp(kind, fault)
    return false
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

/** Which counter a packet goes to that was not taken. */
function droppedAs(result: number): keyof SrtpFlowCounters {
  const fault = srtpFault(result)
  switch (fault) {
    case 'replayed':
    case 'old':
    case 'mki':
    case 'sources':
    case 'expired':
      return fault
    default:
      return 'failed'
  }
}
