import type { AskRoute, InterfaceAddress } from '../net/interfaces.ts'
import type { TlsContexts, TlsOptions } from '../net/tls-contexts.ts'
import type { Clock } from '../util/clock.ts'
import { UsageError } from '../util/errors.ts'
import { type Log, silentLog } from '../util/log.ts'
import type { RandomSource } from '../util/random.ts'
import type { SecretKey } from './forward/flow-token.ts'
import type { LocatingOptions } from './locate/locating.ts'
import { defaultFramerLimits } from './message/framer.ts'
import { type CongestionLimits, defaultCongestionLimits } from './transaction/congestion.ts'
import type { TransactionLimits } from './transaction/ledger.ts'
import { defaultTiming, type TransactionTiming } from './transaction/timers.ts'
import { defaultConnectionLimits } from './transport/framed-connection.ts'
import type { ListenLimits } from './transport/makers.ts'
import type { WebSocketOptions } from './transport/websocket-options.ts'

/** Everything that bounds what others can make us keep. */
export interface StackLimits extends ListenLimits, TransactionLimits {
  /** Messages that may wait for one next hop to be looked up. */
  readonly maxWaitingPerHop: number
  /** Messages that may wait for look-ups in all. */
  readonly maxWaiting: number
  /** Keep-alives, watches and expectations of flows, all together. */
  readonly maxFlowWatches: number
}

export interface StackOptions extends LocatingOptions {
  /** The host's clock unless given. */
  readonly clock?: Clock
  /** The system's randomness unless given. */
  readonly random?: RandomSource
  /** Nothing is logged unless given. */
  readonly log?: Log
  /** Certificates, keys and trust of TLS and WSS in both roles; see also `SipStack.updateTls`. */
  readonly tls?: TlsOptions | TlsContexts
  /** Who may connect by WebSocket, pings, and what our own requests for one say (RFC 7118). */
  readonly websocket?: WebSocketOptions
  readonly timing?: Partial<TransactionTiming>
  readonly limits?: Partial<StackLimits>
  readonly congestion?: Partial<CongestionLimits>
  /** Bytes above which a request leaves over TCP instead of UDP (RFC 3261 §18.1.1). Default 1,300; Infinity for never. */
  readonly maxDatagram?: number
  /**
   * Whether a UDP target where nobody listens gives way to the next at once, not by time-out. Default false: it takes a
   * connected socket beside the bound one for each such target, so that the request comes from another port.
   */
  readonly udpErrors?: boolean
  /**
   * Signs what our Via says of the way back, and the Record-Routes that are `signed`: 16 octets or more, or a
   * `KeyObject`. Made at start unless given; give one that nodes behind one address share, or that outlives a restart.
   */
  readonly flowTokenKey?: SecretKey
  /**
   * Send the responses to a request over UDP to the `maddr` of its Via (RFC 3261 §18.2.2). Default false: it lets whoever
   * sends requests choose whom we send to.
   */
  readonly followMaddr?: boolean
  /**
   * Seconds that are put to the `keep` of the Via before ours in what is answered or forwarded (RFC 6223): keep-alives are
   * answered here, and so often they should come; 0 for as often as the client likes. Not done unless given.
   */
  readonly keep?: number
  /** UDP receive buffer in bytes, as far as the system lets it. Default 4 MiB. */
  readonly receiveBufferSize?: number
  /** Milliseconds between two looks at the addresses of a wildcard or interface listener. Default 5,000. */
  readonly followInterval?: number
  /** Tells the host's addresses; the system's unless given. */
  readonly interfaces?: () => readonly InterfaceAddress[]
  /** Tells the local address that leads to a remote one, both numeric; the system's routes unless given. */
  readonly route?: AskRoute
}

export const defaultStackOptions = {
  log: silentLog as Log,
  timing: defaultTiming as TransactionTiming,
  congestion: defaultCongestionLimits as CongestionLimits,
  limits: {
    ...defaultFramerLimits,
    ...defaultConnectionLimits,
    maxConnections: 10_000,
    maxBufferedBytes: 1_048_576,
    maxTransactions: 1_000_000,
    maxTransactionBytes: 268_435_456,
    maxWaitingPerHop: 1_000,
    maxWaiting: 10_000,
    maxFlowWatches: 200_000,
  } as StackLimits,
  maxDatagram: 1300,
  udpErrors: false,
  followMaddr: false,
  followInterval: 5000,
} as const

/**
 * The limits, where each of them is one.
 * @throws UsageError where one is no number of 0 or more: nothing is bounded by NaN, and found out by the first peer
 */
export function checkedLimits(limits: StackLimits): StackLimits {
  for (const [name, value] of Object.entries(limits)) {
    if (!(typeof value === 'number' && value >= 0)) {
      throw new UsageError('ERR_SIP_LIMIT', `limits.${name} is ${value}; a number of 0 or more is needed`)
    }
  }
  return limits
}
