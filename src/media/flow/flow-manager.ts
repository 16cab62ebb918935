import { systemTimers } from '../../net/clock.ts'
import { hostAddress } from '../../net/interfaces.ts'
import { systemRandom } from '../../net/random.ts'
import type { Resolver } from '../../net/resolver/resolver.ts'
import { familyOf, type Remote } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import { type CallbackErrorOptions, CallbackErrors } from '../callback-errors.ts'
import type { BindSocket } from '../socket/media-socket.ts'
import { PortPool, type PortRange } from '../socket/port-pool.ts'
import { SocketPair } from '../socket/socket-pair.ts'
import { locateServer } from '../stun/locate-server.ts'
import type { StunTiming } from '../stun/transaction.ts'
import { type TlsOptions, type TurnNetwork, tcpNetwork, tlsNetwork, udpNetwork } from '../turn/network.ts'
import type { AllocationRequest } from '../turn/request.ts'
import type { DestinationOptions } from './destination.ts'
import { DirectPath } from './direct-path.ts'
import type { DiscoverySettings } from './discovery.ts'
import { MediaStream, type MediaStreamHandler } from './media-stream.ts'
import type { FlowPath } from './path.ts'
import { TurnPath } from './turn-path.ts'

/** How peers find us behind a NAT; the words are reflow's. */
export type NatTraversalMode =
  | 'NoNatTraversal'
  | 'StunBindDiscovery'
  | 'TurnUdpAllocation'
  | 'TurnTcpAllocation'
  | 'TurnTlsAllocation'

export interface FlowManagerOptions extends CallbackErrorOptions {
  /**
   * RTP takes the even ports of it, at random; a port rests for 10 s after use. Without a range the system chooses. Direct
   * modes only: relays choose their own.
   */
  readonly portRange?: PortRange
  /** Packets that may wait for `receive` on each flow; the oldest are dropped past it. Default 256. */
  readonly receiveQueue?: number
  /** Bytes that the system is asked to keep for each socket (SO_RCVBUF). Default 128 KiB; `receiveBufferSize` of a flow tells what it granted. */
  readonly receiveBufferSize?: number
  readonly timers?: Timers
  readonly random?: RandomSource
  /** Finds STUN and TURN servers; by default the one that all share. */
  readonly resolver?: Resolver
  /**
   * The address that peers are told of a stream bound to a wildcard, without a server; by default the first of the host's
   * own that others can reach.
   */
  readonly hostAddress?: (wildcard: string) => string
  /** How sockets are bound, and servers reached: for simulated networks. */
  readonly bindSocket?: BindSocket
  readonly turnNetwork?: (mode: NatTraversalMode, component: 0 | 1) => TurnNetwork
}

/** Where a stream's sockets are bound. */
export interface LocalMediaBinding {
  /** Numeric. Of a wildcard peers are told the host's own address (`hostAddress`), or what the server sees. */
  readonly address: string
  /** The RTP port; RTCP takes the next. 0 takes a free pair. */
  readonly port: number
}

export interface MediaStreamOptions {
  /** RTCP on the next port. Default true. */
  readonly rtcpEnabled?: boolean
  /** RTP and RTCP on one port (RFC 5761). Default false. */
  readonly rtcpMux?: boolean
  /** Default `NoNatTraversal`. */
  readonly natTraversalMode?: NatTraversalMode
  /** A name or a numeric address. */
  readonly serverHostname?: string
  /** By default what DNS says (RFC 8489 §8.1, RFC 5928), and at last 3478, or 5349 for TLS. */
  readonly serverPort?: number
  readonly stunUsername?: string
  readonly stunPassword?: string
  /** For `TurnTlsAllocation`. */
  readonly tls?: TlsOptions
  /** Seconds that an allocation is asked for; the server's default when absent. */
  readonly lifetime?: number
  /** Milliseconds between Binding requests in `StunBindDiscovery`; 0 sends none. Default 15,000. */
  readonly keepAlive?: number
  /**
   * How often a stream that was ready asks a server that is gone again, 1, 2, 4 … seconds apart, before
   * `onMediaStreamError`. Default 5.
   */
  readonly recoveryAttempts?: number
  /**
   * The stream watches its destination: packets of strangers are dropped, and it sends to, and hears, the signalled address
   * until a source proves itself. Absent: everybody is heard. A `MediaSession` watches by default.
   */
  readonly destination?: DestinationOptions
  /** Retransmissions to the server. */
  readonly timing?: Partial<StunTiming>
}

const QUEUE = 256
const KEEP_ALIVE = 15_000
const RECOVERY_ATTEMPTS = 5
/** Of a server's addresses, how many are tried: each costs 39.5 s where it is silent. */
const MOST_SERVERS = 4

type TurnMode = 'TurnUdpAllocation' | 'TurnTcpAllocation' | 'TurnTlsAllocation'

/** Makes media streams: sockets, or relays of a TURN server, for RTP and RTCP. */
export class FlowManager {
  readonly #options: FlowManagerOptions
  readonly #pool: PortPool
  readonly #errors: CallbackErrors
  readonly #streams = new Set<MediaStream>()

  /** Throws a UsageError for a port range without a pair of ports. */
  constructor(options: FlowManagerOptions = {}) {
    this.#options = options
    this.#errors = new CallbackErrors(options)
    this.#pool = new PortPool({
      range: options.portRange,
      random: options.random ?? systemRandom,
      now: () => this.#timers.now(),
      receiveBufferSize: options.receiveBufferSize,
      bind: options.bindSocket,
    })
  }

  /** How often a callback of the application threw or rejected. */
  get callbackErrors(): number {
    return this.#errors.count
  }

  /** Streams that are not closed. */
  get size(): number {
    return this.#streams.size
  }

  /**
   * A stream whose flows come up on their own; the handler hears when they are ready, or why not. Throws a UsageError
   * for a mode without the server it needs.
   */
  createMediaStream(
    handler: MediaStreamHandler,
    localBinding: LocalMediaBinding,
    options: MediaStreamOptions = {},
  ): MediaStream {
    const { rtcpEnabled = true, rtcpMux = false, natTraversalMode: mode = 'NoNatTraversal' } = options
    if (mode !== 'NoNatTraversal' && options.serverHostname === undefined) {
      throw new UsageError('ERR_FLOW_SERVER', `${mode} needs a server: pass serverHostname`)
    }
    const separate = rtcpEnabled && !rtcpMux
    const inTurn = mode !== 'NoNatTraversal' && mode !== 'StunBindDiscovery'
    const paths = inTurn
      ? this.#turnPaths(mode, localBinding, options, separate)
      : this.#directPaths(mode, localBinding, options, separate)
    const stream = new MediaStream({
      handler,
      rtp: paths.rtp,
      rtcp: paths.rtcp,
      multiplexed: rtcpEnabled && rtcpMux,
      inTurn,
      timers: this.#timers,
      receiveQueue: this.#options.receiveQueue ?? QUEUE,
      recoveryAttempts: options.recoveryAttempts ?? RECOVERY_ATTEMPTS,
      destination: options.destination,
      errors: this.#errors,
      onClose: closed => this.#streams.delete(closed),
    })
    this.#streams.add(stream)
    stream.start()
    return stream
  }

  /** Closes all streams. */
  async close(): Promise<void> {
    await Promise.all([...this.#streams].map(stream => stream.close()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get #timers(): Timers {
    return this.#options.timers ?? systemTimers
  }

  #directPaths(
    mode: NatTraversalMode,
    binding: LocalMediaBinding,
    options: MediaStreamOptions,
    separate: boolean,
  ): { rtp: FlowPath; rtcp: FlowPath | undefined } {
    const pair = new SocketPair(this.#pool, binding, separate ? 2 : 1)
    const discovery =
      mode === 'StunBindDiscovery' ? this.#discovery(options, familyOf(binding.address)) : undefined
    const path = (component: 0 | 1): DirectPath =>
      new DirectPath({
        openSocket: () => pair.open(component),
        hostAddress: this.#options.hostAddress ?? hostAddress,
        discovery,
      })
    return { rtp: path(0), rtcp: separate ? path(1) : undefined }
  }

  #discovery(options: MediaStreamOptions, family: 4 | 6 | undefined): DiscoverySettings {
    const { serverHostname: host = '', serverPort: port } = options
    const { resolver, random } = this.#options
    const families = family && ([family] as const)
    const locate = async (): Promise<Remote[]> => {
      const server = { scheme: 'stun', secure: false, host, port, transport: 'udp' } as const
      const found = await locateServer(server, { resolver, random, families })
      return found.slice(0, MOST_SERVERS)
    }
    return {
      locate,
      credentials: credentialsOf(options),
      timers: this.#timers,
      random: this.#options.random ?? systemRandom,
      timing: options.timing,
      keepAlive: options.keepAlive ?? KEEP_ALIVE,
    }
  }

  #turnPaths(
    mode: TurnMode,
    binding: LocalMediaBinding,
    options: MediaStreamOptions,
    separate: boolean,
  ): { rtp: FlowPath; rtcp: FlowPath | undefined } {
    const { lifetime } = options
    const shared: AllocationRequest = lifetime === undefined ? {} : { lifetime }
    const rtp = this.#turnPath(mode, 0, binding, options, () => ({
      ...shared,
      ...(separate && { ports: 'even-and-reserve' as const }),
    }))
    if (!separate) return { rtp, rtcp: undefined }
    const reserved = (): AllocationRequest => {
      const { reservationToken } = rtp
      // a token is good for one allocation: one that is made again takes any port
      rtp.reservationToken = undefined
      return reservationToken === undefined ? shared : { ...shared, reservationToken }
    }
    const rtcp = this.#turnPath(mode, 1, binding, options, reserved, () => rtp.server)
    return { rtp, rtcp }
  }

  #turnPath(
    mode: TurnMode,
    component: 0 | 1,
    binding: LocalMediaBinding,
    options: MediaStreamOptions,
    request: () => AllocationRequest,
    firstServer?: () => Remote | undefined,
  ): TurnPath {
    const { timers, random, resolver, receiveBufferSize } = this.#options
    const { serverHostname: host = '', serverPort, timing } = options
    const session = {
      host,
      ...(serverPort !== undefined && { port: serverPort }),
      ...credentialsOf(options),
      ...(timing && { timing }),
      ...(timers && { timers }),
      ...(random && { random }),
      ...(resolver && { resolver }),
      ...(firstServer && { firstServer }),
    }
    const network =
      this.#options.turnNetwork?.(mode, component) ??
      networkOf(mode, component, binding, options, receiveBufferSize)
    return new TurnPath(network, session, request)
  }
}

function credentialsOf(options: MediaStreamOptions): { username: string; password: string } | undefined {
  const { stunUsername: username, stunPassword: password } = options
  return username === undefined || password === undefined ? undefined : { username, password }
}

function networkOf(
  mode: TurnMode,
  component: 0 | 1,
  { address, port }: LocalMediaBinding,
  { tls }: MediaStreamOptions,
  receiveBufferSize: number | undefined,
): TurnNetwork {
  if (mode === 'TurnUdpAllocation') {
    return udpNetwork({ address, port: port === 0 ? 0 : port + component, receiveBufferSize })
  }
  return mode === 'TurnTcpAllocation' ? tcpNetwork({ address }) : tlsNetwork(tls, { address })
}
