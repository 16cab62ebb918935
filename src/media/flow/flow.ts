import { canonicalAddress, type Remote } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import { guarded } from '../../util/guard.ts'
import { Inbox, type ReceiveCallback, type Received, type ReceiveOptions } from '../../util/inbox.ts'
import { printable } from '../../util/log.ts'
import type { Timers } from '../../util/timers.ts'
import type { CallbackErrors } from '../callback-errors.ts'
import type { PacketKind } from '../socket/packet-kind.ts'
import type { Component } from './component.ts'
import type { Destination } from './destination.ts'
import { type FlowCounters, flowCounters } from './flow-counters.ts'
import type { FlowState } from './flow-machine.ts'
import type { Proof } from './proof.ts'

/**
 * `bytes` belongs to the listener. `from` is the same object for each packet of a destination. What the listener throws, or
 * rejects with, is counted and goes to `onCallbackError`.
 */
export type PacketListener = (bytes: Buffer, from: Remote) => unknown

/** @internal */
export interface FlowSetup {
  readonly kind: 'rtp' | 'rtcp'
  readonly component: Component
  /** Absent: everybody is heard, and packets go where the application said. */
  readonly destination: Destination | undefined
  readonly timers: Timers
  readonly receiveQueue: number
  readonly errors: CallbackErrors
}

let lastId = 0

/** One direction-less way for RTP or RTCP packets; part of a MediaStream. */
export class Flow {
  /** Unlike any other flow's of this process. */
  readonly id: number = ++lastId
  readonly component: 'rtp' | 'rtcp'
  readonly counters: FlowCounters
  /** Gets STUN that is not an answer to ours: connectivity checks. Dropped and counted without. */
  onStun: PacketListener | undefined
  readonly #component: Component
  readonly #destination: Destination | undefined
  readonly #errors: CallbackErrors
  readonly #inbox: Inbox
  #listener: PacketListener | undefined
  #onDtls: PacketListener | undefined
  #active: Remote | undefined
  #closed = false

  /** @internal */
  constructor(setup: FlowSetup) {
    this.component = setup.kind
    this.#component = setup.component
    this.#destination = setup.destination
    this.#errors = setup.errors
    this.#inbox = new Inbox(setup.timers, setup.receiveQueue, RECEIVE_QUEUE_BYTES, setup.errors.failed)
    this.counters = flowCounters(setup.errors)
  }

  /** Gets DTLS records, those first that came before it was set: the newest eight. */
  get onDtls(): PacketListener | undefined {
    return this.#onDtls
  }

  set onDtls(listener: PacketListener | undefined) {
    this.#onDtls = listener
    if (listener === undefined) return
    for (const { bytes, from } of this.#component.releaseDtls()) {
      guarded(this.#errors.failed, undefined, listener, bytes, from)
    }
  }

  get state(): FlowState {
    return this.#component.state
  }

  get isReady(): boolean {
    return this.#component.state === 'Ready'
  }

  /** Our own socket. */
  get localTuple(): Remote | undefined {
    return this.#component.path.local
  }

  /** What peers are to be told: the local, reflexive or relay tuple, by the NAT traversal mode. */
  get sessionTuple(): Remote | undefined {
    return this.#component.path.session
  }

  /** Ours as the STUN or TURN server sees it; `undefined` without one. */
  get reflexiveTuple(): Remote | undefined {
    return this.#component.path.reflexive
  }

  /** Ours on the TURN server; `undefined` without one. */
  get relayTuple(): Remote | undefined {
    return this.#component.path.relay
  }

  /** Where packets go: what was set, or the source that has proved itself since. */
  get activeDestination(): Remote | undefined {
    return this.#destination === undefined ? this.#active : this.#destination.remote
  }

  /** What the system granted the socket for packets that wait, in bytes (Linux tells twice what was asked); 0 if unknown. */
  get receiveBufferSize(): number {
    return this.#component.path.receiveBufferSize
  }

  /** Packets dropped because nobody received them in time. */
  get dropped(): number {
    return this.#inbox.dropped
  }

  /**
   * Where `send` sends, and with a destination that is watched whom the flow hears until a source proves itself; in the
   * TURN modes through a channel. Throws a UsageError for an address that is not numeric or a port out of range. False, and
   * no destination, where a watched one cannot be the peer's: a wildcard, multicast, broadcast, loopback from outside.
   */
  setActiveDestination(address: string, port: number): boolean {
    const { path } = this.#component
    const to = checkedDestination(address, port)
    const before = this.#active
    this.#active = path.remotes.keep(to)
    if (before !== undefined) path.remotes.release(before)
    const destination = this.#destination
    if (destination !== undefined && !destination.signal(to)) {
      this.clearActiveDestination()
      return false
    }
    path.activate(destination?.remote ?? this.#active)
    return true
  }

  clearActiveDestination(): void {
    const { path } = this.#component
    if (this.#active !== undefined) path.remotes.release(this.#active)
    this.#active = undefined
    this.#destination?.clear()
    path.deactivate()
  }

  /**
   * Sends to the active destination. The bytes must not change until the next turn of the event loop. Never throws. False
   * where the packet was dropped, and counted as `unsent`: the flow is not ready, has no destination, or no way there.
   */
  send(packet: Uint8Array): boolean {
    return this.#transmit(packet, this.#destination === undefined ? this.#active : this.#destination.remote)
  }

  /**
   * As `send`, the packet from `start` to `end` of memory that is given away for good: where the stream is protected and 30 octets
   * are left behind `end`, nothing is copied.
   */
  sendOwned(bytes: Buffer, start: number, end: number): boolean {
    const to = this.activeDestination
    return this.#count(to !== undefined && this.#component.sendOwned(bytes, start, end, to), end - start)
  }

  /** As `send`, to any numeric address; throws a UsageError for others. */
  sendTo(address: string, port: number, packet: Uint8Array): boolean {
    return this.#transmit(packet, checkedDestination(address, port))
  }

  /** The oldest packet that waits, or the next. Rejects with ERR_TIMEOUT, or ERR_CLOSED. */
  receive(options?: ReceiveOptions): Promise<Received<Buffer>>
  receive(options: ReceiveOptions, callback: ReceiveCallback<Buffer>): void
  receive(
    options: ReceiveOptions = {},
    callback?: ReceiveCallback<Buffer>,
  ): Promise<Received<Buffer>> | undefined {
    if (callback === undefined) return this.#inbox.receive(undefined, options)
    this.#inbox.take(undefined, options.timeout, callback)
    return undefined
  }

  /** As `receive`, of one source; packets of others go on waiting. */
  receiveFrom(address: string, port: number, options?: ReceiveOptions): Promise<Received<Buffer>>
  receiveFrom(address: string, port: number, options: ReceiveOptions, callback: ReceiveCallback<Buffer>): void
  receiveFrom(
    address: string,
    port: number,
    options: ReceiveOptions = {},
    callback?: ReceiveCallback<Buffer>,
  ): Promise<Received<Buffer>> | undefined {
    if (callback === undefined) return this.#inbox.receive({ address, port }, options)
    this.#inbox.take({ address, port }, options.timeout, callback)
    return undefined
  }

  /** From now on `listener` gets every packet as it comes and `receive` none; `undefined` turns that back. */
  onReceive(listener: PacketListener | undefined): void {
    this.#listener = listener
  }

  /** Packets as they come, until the flow is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Received<Buffer>, void, void> {
    while (!this.#closed) {
      const received = await this.receive().catch(() => undefined)
      if (received === undefined) return
      yield received
    }
  }

  /** @internal whether RTP and RTCP are multiplexed */
  sharesPort(other: Flow): boolean {
    return this.#component === other.#component
  }

  /** @internal a packet of the component that is for this flow, or for all */
  take(kind: PacketKind, bytes: Buffer, from: Remote, proof: Proof): void {
    if (this.#closed) return
    if (kind === 'stun') {
      this.counters.stun++
      guarded(this.#errors.failed, undefined, this.onStun, bytes, from)
    } else if (kind === 'dtls') this.#takeDtls(bytes, from)
    else if (kind !== 'rtp' && kind !== 'rtcp') this.counters.unknown++
    else if (kind !== this.component) this.counters.misplaced++
    else if (this.#destination !== undefined && !this.#destination.hears(kind, bytes, from, proof)) {
      this.counters.strangers++
    } else this.#deliver(bytes, from)
  }

  /** @internal */
  sendFailed(): void {
    this.counters.failed++
  }

  /** @internal */
  end(): void {
    this.#closed = true
    this.#listener = undefined
    this.#inbox.close()
  }

  #transmit(packet: Uint8Array, to: Remote | undefined): boolean {
    return this.#count(to !== undefined && this.#component.send(packet, to), packet.length)
  }

  #count(sent: boolean, octets: number): boolean {
    const { counters } = this
    if (sent) {
      counters.packetsOut++
      counters.bytesOut += octets
    } else counters.unsent++
    return sent
  }

  #takeDtls(bytes: Buffer, from: Remote): void {
    this.counters.dtls++
    if (this.#onDtls === undefined) this.#component.holdDtls(bytes, from)
    else guarded(this.#errors.failed, undefined, this.#onDtls, bytes, from)
  }

  #deliver(bytes: Buffer, from: Remote): void {
    this.counters.packetsIn++
    this.counters.bytesIn += bytes.length
    if (this.#listener !== undefined) guarded(this.#errors.failed, undefined, this.#listener, bytes, from)
    else this.#inbox.push(bytes, from.address, from.port)
  }
}

/** Bytes that may wait for `receive`; the oldest packets go first. */
const RECEIVE_QUEUE_BYTES = 512 * 1024

function checkedDestination(address: string, port: number): Remote {
  const canonical = canonicalAddress(address)
  if (canonical !== undefined && Number.isInteger(port) && port > 0 && port <= 65_535) {
    return { address: canonical, port }
  }
  throw new UsageError(
    'ERR_ADDRESS',
    `flow: '${printable(address)}' port ${port} is no numeric address and port to send to`,
  )
}
