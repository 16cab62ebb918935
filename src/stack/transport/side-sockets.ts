import { ConnectedUdpSocket } from '../../net/udp-connected.ts'
import { hostPort } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import type { Timer, Timers } from '../../util/timers.ts'
import type { Flow } from '../message/flow.ts'
import type { FlowConnection, TransportReceiver } from './transport.ts'

export interface SideSocketLimits {
  /** Side sockets open at a time; beyond that the main socket is used, which hears of no refusal. */
  readonly maxSideSockets: number
  /** Milliseconds without a datagram in or out after which one is closed: longer than Timer C, for its INVITE may ring. */
  readonly sideIdle: number
}

export const defaultSideSocketLimits: SideSocketLimits = { maxSideSockets: 64, sideIdle: 240_000 }

/** What tells a passing failure from a refusal, and counts it. */
export type IsPassing = (error: EnvironmentError) => boolean

/**
 * Connected sockets beside the bound one of a UDP transport, one for each remote address where a refusal shall be
 * noticed. Each is a flow with a connection number of its own; responses find it by `rport` (RFC 3581).
 */
export class SideSockets {
  readonly #byNumber = new Map<number, SideSocket>()
  readonly #byAddress = new Map<string, SideSocket>()
  readonly #localAddress: string
  readonly #receiver: TransportReceiver
  readonly #timers: Timers
  readonly #limits: SideSocketLimits
  readonly #isPassing: IsPassing
  #last = 0

  constructor(
    localAddress: string,
    receiver: TransportReceiver,
    timers: Timers,
    limits: SideSocketLimits,
    isPassing: IsPassing,
  ) {
    this.#localAddress = localAddress
    this.#receiver = receiver
    this.#timers = timers
    this.#limits = limits
    this.#isPassing = isPassing
  }

  get size(): number {
    return this.#byNumber.size
  }

  /** The flow of the side socket to an address, opened if need be; `undefined` where there are too many. */
  flowTo({ protocol, transport, address, port }: Flow): Flow | undefined {
    const name = hostPort(address, port)
    const known = this.#byAddress.get(name)
    if (known !== undefined) return known.flow
    if (this.size >= this.#limits.maxSideSockets) return undefined
    const flow: Flow = { protocol, transport, address, port, connection: ++this.#last, serverName: undefined }
    const side = new SideSocket(flow, this.#timers, this.#limits.sideIdle, this)
    side.socket = new ConnectedUdpSocket({ localAddress: this.#localAddress, address, port }, side)
    this.#byNumber.set(flow.connection, side)
    this.#byAddress.set(name, side)
    return flow
  }

  /** Answers whether the flow's socket is still open. */
  send(bytes: Uint8Array, flow: Flow): boolean {
    const side = this.#byNumber.get(flow.connection)
    if (side === undefined) return false
    side.isUsed = true
    side.socket?.send(bytes)
    return true
  }

  /** The open side socket of a flow. */
  of(flow: Flow): FlowConnection | undefined {
    return this.#byNumber.get(flow.connection)
  }

  close(): void {
    for (const side of this.#byNumber.values()) this.release(side)
  }

  onDatagram(bytes: Buffer, side: SideSocket): void {
    side.isUsed = true
    this.#receiver.onDatagram(bytes, side.flow)
  }

  onSocketError(error: EnvironmentError, side: SideSocket): void {
    if (this.#isPassing(error)) return
    this.release(side)
    this.#receiver.onFlowFailed(side.flow, error)
  }

  release(side: SideSocket): void {
    const { address, port, connection } = side.flow
    this.#byNumber.delete(connection)
    this.#byAddress.delete(hostPort(address, port))
    side.close()
  }
}

class SideSocket implements FlowConnection {
  readonly flow: Flow
  heardAt: number
  readonly isReceiving = false
  socket: ConnectedUdpSocket | undefined
  isUsed = false
  readonly #timers: Timers
  readonly #idle: number
  readonly #owner: SideSockets
  readonly #timer: Timer

  constructor(flow: Flow, timers: Timers, idle: number, owner: SideSockets) {
    this.flow = flow
    this.#timers = timers
    this.#idle = idle
    this.#owner = owner
    this.heardAt = timers.now()
    this.#timer = timers.start(this, 'idle', idle)
  }

  onDatagram(bytes: Buffer): void {
    this.heardAt = this.#timers.now()
    this.#owner.onDatagram(bytes, this)
  }

  onSocketError(error: EnvironmentError): void {
    this.#owner.onSocketError(error, this)
  }

  cutOff(code: string, what: string): void {
    const where = `udp ${hostPort(this.flow.address, this.flow.port)}`
    this.#owner.onSocketError(new EnvironmentError(code, `${where}: ${what}; its socket was closed`), this)
  }

  /** Looked at no oftener, so that one may be idle for up to twice as long. */
  onTimer(): void {
    if (!this.isUsed) {
      this.#owner.release(this)
      return
    }
    this.isUsed = false
    this.#timers.restart(this.#timer, this.#idle)
  }

  close(): void {
    this.#timers.stop(this.#timer)
    this.socket?.close()
  }
}
