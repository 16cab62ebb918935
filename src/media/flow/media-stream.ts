import { errorCode } from '../../net/failure.ts'
import type { Timers } from '../../util/timers.ts'
import { addressText, type TransportAddress } from '../stun/ip.ts'
import type { PacketKind } from './demux.ts'
import { Flow } from './flow.ts'
import type { FlowPath } from './path.ts'
import { FlowTransport } from './transport.ts'

/** Who a stream reports to. Nothing is called after `close`. */
export interface MediaStreamHandler {
  /**
   * Once, when all flows are ready: what peers are to be told. `rtcpTuple` is `undefined` without RTCP, and the RTP
   * tuple where both are multiplexed.
   */
  onMediaStreamReady?(rtpTuple: TransportAddress, rtcpTuple: TransportAddress | undefined): void
  /**
   * Once, where the stream cannot be had or has broken down: a stable code (`EADDRINUSE`, `ERR_STUN_TIMEOUT`,
   * `ERR_STUN_RESPONSE` …) and the error itself, whose `status` is the server's code where it refused. The stream is
   * of no use any more: close it.
   */
  onMediaStreamError?(errorCode: string, error: Error): void
  /** The tuples are others than were told: the NAT forgot the mapping, or the server the allocation. */
  onMediaStreamChanged?(rtpTuple: TransportAddress, rtcpTuple: TransportAddress | undefined): void
}

/** @internal */
export interface MediaStreamSetup {
  readonly handler: MediaStreamHandler
  readonly rtp: FlowPath
  /** A path of its own, or none where RTCP is off or multiplexed. */
  readonly rtcp: FlowPath | undefined
  readonly multiplexed: boolean
  /** RTCP's path needs what RTP's learns first: the reservation token. */
  readonly inTurn: boolean
  readonly timers: Timers
  readonly receiveQueue: number
  readonly recoveryAttempts: number
  readonly onClose: (stream: MediaStream) => void
}

/** The flows of one medium: RTP, and RTCP beside or within it. Made by `FlowManager.createMediaStream`. */
export class MediaStream {
  readonly rtpFlow: Flow
  /** `undefined` where RTCP is off. */
  readonly rtcpFlow: Flow | undefined
  readonly #setup: MediaStreamSetup
  readonly #transports: FlowTransport[]
  #told: string | undefined
  #failed = false
  #closed = false

  /** @internal */
  constructor(setup: MediaStreamSetup) {
    this.#setup = setup
    const { timers, receiveQueue, multiplexed } = setup
    const first = this.#transport(setup.rtp, (kind, bytes, address, port) =>
      this.#dispatch(kind, bytes, address, port),
    )
    this.rtpFlow = new Flow({
      component: 'rtp',
      transport: first,
      timers,
      receiveQueue,
    })
    this.#transports = [first]
    const second =
      setup.rtcp === undefined
        ? undefined
        : this.#transport(setup.rtcp, (kind, bytes, address, port) =>
            this.rtcpFlow?.take(kind, bytes, address, port),
          )
    if (second !== undefined) this.#transports.push(second)
    const shared = multiplexed ? first : second
    if (shared !== undefined) {
      this.rtcpFlow = new Flow({
        component: 'rtcp',
        transport: shared,
        timers,
        receiveQueue,
      })
    }
  }

  get isReady(): boolean {
    return this.#transports.every(({ state }) => state === 'Ready')
  }

  /** @internal begins; the handler hears how it ends */
  start(): void {
    const [first, ...others] = this.#transports
    first?.connect()
    if (!this.#setup.inTurn) for (const transport of others) transport.connect()
  }

  /** Closes the flows; allocations are given back. Nothing is called from here on. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.rtpFlow.end()
    this.rtcpFlow?.end()
    this.#setup.onClose(this)
    await Promise.all(this.#transports.map(transport => transport.close()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #transport(
    path: FlowPath,
    onPacket: (kind: PacketKind, bytes: Uint8Array, address: string, port: number) => void,
  ): FlowTransport {
    const { timers, recoveryAttempts: attempts } = this.#setup
    return new FlowTransport(
      path,
      { attempts, timers },
      {
        onConnected: () => this.#onConnected(),
        onReady: () => {},
        onChanged: () => this.#report(),
        onFailure: error => this.#onFailure(error),
        onPacket,
      },
    )
  }

  /** On a shared transport RTCP goes to its own flow, and all else to RTP's. */
  #dispatch(kind: PacketKind, bytes: Uint8Array, address: string, port: number): void {
    const flow = kind === 'rtcp' && this.#setup.multiplexed ? this.rtcpFlow : this.rtpFlow
    flow?.take(kind, bytes, address, port)
  }

  #onConnected(): void {
    if (this.#setup.inTurn) for (const transport of this.#transports.slice(1)) transport.connect()
    if (!this.#transports.every(({ state }) => state === 'Connected' || state === 'Ready')) return
    for (const transport of this.#transports) transport.ready()
    this.#report()
  }

  #onFailure(error: Error): void {
    if (this.#closed || this.#failed) return
    this.#failed = true
    this.#setup.handler.onMediaStreamError?.(errorCode(error), error)
  }

  /** Tells the tuples, the first time as ready and later where they are others. */
  #report(): void {
    const { handler } = this.#setup
    const rtp = this.rtpFlow.sessionTuple
    const rtcp = this.rtcpFlow?.sessionTuple
    if (this.#closed || this.#failed || rtp === undefined || !this.#connected()) return
    const told = `${addressText(rtp)} ${rtcp === undefined ? '' : addressText(rtcp)}`
    const before = this.#told
    this.#told = told
    if (before === undefined) handler.onMediaStreamReady?.(rtp, rtcp)
    else if (before !== told) handler.onMediaStreamChanged?.(rtp, rtcp)
  }

  /** Ready is committed when the machine's actions are done; until then `Connected` will do. */
  #connected(): boolean {
    return this.#transports.every(({ state }) => state === 'Ready' || state === 'Connected')
  }
}
