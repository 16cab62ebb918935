import { canonicalAddress } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import { Inbox, type ReceiveCallback, type Received, type ReceiveOptions } from '../../util/inbox.ts'
import { printable } from '../../util/log.ts'
import type { Timers } from '../../util/timers.ts'
import type { TransportAddress } from '../stun/ip.ts'
import type { PacketKind } from './demux.ts'
import type { FlowState } from './flow-machine.ts'
import type { FlowTransport } from './transport.ts'

/** What passed through a flow, and what did not. */
export interface FlowCounters {
  packetsIn: number
  bytesIn: number
  packetsOut: number
  bytesOut: number
  stun: number
  dtls: number
  /** Neither RTP nor RTCP, STUN or DTLS; dropped. */
  unknown: number
  /** RTCP on a flow for RTP or the other way round; dropped. */
  misplaced: number
  /** Given to `send` before the flow was ready, or without a destination. */
  unsent: number
}

/** `bytes` belongs to the listener. */
export type PacketListener = (bytes: Uint8Array, address: string, port: number) => void

/** @internal */
export interface FlowSetup {
  readonly component: 'rtp' | 'rtcp'
  readonly transport: FlowTransport
  readonly timers: Timers
  readonly receiveQueue: number
}

let lastId = 0

/** One direction-less way for RTP or RTCP packets; part of a MediaStream. */
export class Flow {
  /** Unlike any other flow's of this process. */
  readonly id: number = ++lastId
  readonly component: 'rtp' | 'rtcp'
  readonly counters: FlowCounters = {
    packetsIn: 0,
    bytesIn: 0,
    packetsOut: 0,
    bytesOut: 0,
    stun: 0,
    dtls: 0,
    unknown: 0,
    misplaced: 0,
    unsent: 0,
  }
  /** Gets STUN that is not an answer to ours: connectivity checks. Dropped and counted without. */
  onStun: PacketListener | undefined
  /** Gets DTLS records. Dropped and counted without. */
  onDtls: PacketListener | undefined
  readonly #transport: FlowTransport
  readonly #inbox: Inbox
  #listener: PacketListener | undefined
  #address = ''
  #port = 0
  #closed = false

  /** @internal */
  constructor(setup: FlowSetup) {
    this.component = setup.component
    this.#transport = setup.transport
    this.#inbox = new Inbox(setup.timers, setup.receiveQueue)
  }

  get state(): FlowState {
    return this.#transport.state
  }

  get isReady(): boolean {
    return this.#transport.state === 'Ready'
  }

  /** Our own socket. */
  get localTuple(): TransportAddress | undefined {
    return this.#transport.path.local
  }

  /** What peers are to be told: the local, reflexive or relay tuple, by the NAT traversal mode. */
  get sessionTuple(): TransportAddress | undefined {
    return this.#transport.path.session
  }

  /** Ours as the STUN or TURN server sees it; `undefined` without one. */
  get reflexiveTuple(): TransportAddress | undefined {
    return this.#transport.path.reflexive
  }

  /** Ours on the TURN server; `undefined` without one. */
  get relayTuple(): TransportAddress | undefined {
    return this.#transport.path.relay
  }

  get activeDestination(): TransportAddress | undefined {
    return this.#port === 0 ? undefined : { address: this.#address, port: this.#port }
  }

  /** Packets dropped because nobody received them in time. */
  get dropped(): number {
    return this.#inbox.dropped
  }

  /**
   * Where `send` sends; in the TURN modes through a channel. Throws a UsageError for an address that is not numeric or
   * a port out of range.
   */
  setActiveDestination(address: string, port: number): void {
    const canonical = checkedDestination(address, port)
    this.#address = canonical
    this.#port = port
    this.#transport.path.activate(canonical, port)
  }

  clearActiveDestination(): void {
    this.#port = 0
    this.#transport.path.deactivate()
  }

  /**
   * Sends to the active destination. The bytes must not change until the next turn of the event loop. Never throws;
   * before the flow is ready, or without a destination, the packet is dropped and counted.
   */
  send(packet: Uint8Array): void {
    this.#transmit(packet, this.#address, this.#port)
  }

  /** As `send`, to any numeric address; throws a UsageError for others. */
  sendTo(address: string, port: number, packet: Uint8Array): void {
    this.#transmit(packet, checkedDestination(address, port), port)
  }

  /** The oldest packet that waits, or the next. Rejects with ERR_TIMEOUT, or ERR_CLOSED. */
  receive(options?: ReceiveOptions): Promise<Received>
  receive(options: ReceiveOptions, callback: ReceiveCallback): void
  receive(options: ReceiveOptions = {}, callback?: ReceiveCallback): Promise<Received> | undefined {
    if (callback === undefined) return this.#inbox.receive(undefined, options)
    this.#inbox.take(undefined, options.timeout, callback)
    return undefined
  }

  /** As `receive`, of one source; packets of others go on waiting. */
  receiveFrom(address: string, port: number, options?: ReceiveOptions): Promise<Received>
  receiveFrom(address: string, port: number, options: ReceiveOptions, callback: ReceiveCallback): void
  receiveFrom(
    address: string,
    port: number,
    options: ReceiveOptions = {},
    callback?: ReceiveCallback,
  ): Promise<Received> | undefined {
    if (callback === undefined) return this.#inbox.receive({ address, port }, options)
    this.#inbox.take({ address, port }, options.timeout, callback)
    return undefined
  }

  /** From now on `listener` gets every packet as it comes and `receive` none; `undefined` turns that back. */
  onReceive(listener: PacketListener | undefined): void {
    this.#listener = listener
  }

  /** Packets as they come, until the flow is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Received, void, void> {
    while (!this.#closed) {
      const received = await this.receive().catch(() => undefined)
      if (received === undefined) return
      yield received
    }
  }

  /** @internal a packet of the transport that is for this flow, or for all */
  take(kind: PacketKind, bytes: Uint8Array, address: string, port: number): void {
    if (this.#closed) return
    if (kind === 'stun' || kind === 'dtls') {
      this.counters[kind]++
      const listener = kind === 'stun' ? this.onStun : this.onDtls
      listener?.(bytes, address, port)
    } else if (kind !== 'rtp' && kind !== 'rtcp') this.counters.unknown++
    else if (kind !== this.component) this.counters.misplaced++
    else this.#deliver(bytes, address, port)
  }

  /** @internal */
  end(): void {
    this.#closed = true
    this.#listener = undefined
    this.#inbox.close()
  }

  #transmit(packet: Uint8Array, address: string, port: number): void {
    const transport = this.#transport
    const { counters } = this
    if (transport.state !== 'Ready' || port === 0) {
      counters.unsent++
      return
    }
    counters.packetsOut++
    counters.bytesOut += packet.length
    transport.path.send(packet, address, port)
  }

  #deliver(bytes: Uint8Array, address: string, port: number): void {
    this.counters.packetsIn++
    this.counters.bytesIn += bytes.length
    if (this.#listener !== undefined) this.#listener(bytes, address, port)
    else this.#inbox.push(bytes, address, port)
  }
}

function checkedDestination(address: string, port: number): string {
  const canonical = canonicalAddress(address)
  if (canonical !== undefined && Number.isInteger(port) && port > 0 && port <= 65_535) return canonical
  throw new UsageError(
    'ERR_ADDRESS',
    `flow: '${printable(address)}' port ${port} is no numeric address and port to send to`,
  )
}
