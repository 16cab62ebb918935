import { systemClock } from '../net/clock.ts'
import { interfaceAddresses, LocalAddresses } from '../net/interfaces.ts'
import { systemRandom } from '../net/random.ts'
import { TlsContexts } from '../net/tls-contexts.ts'
import type { Failed } from '../util/guard.ts'
import { guardedLog, type Log, printableError } from '../util/log.ts'
import { type RandomSource, Tokens } from '../util/random.ts'
import { Timers } from '../util/timers.ts'
import { Dispatch } from './dispatch.ts'
import { Flows } from './flow/flows.ts'
import { checkedKeep } from './flow/keep.ts'
import { FlowTokens } from './forward/flow-token.ts'
import { Forwarding } from './forward/forwarding.ts'
import { ResponseForwarding } from './forward/response-forwarding.ts'
import { LocateLine } from './locate/line.ts'
import { Locating } from './locate/locating.ts'
import { Identifiers, systemIdentifiers } from './message/identifiers.ts'
import { checkedLimits, defaultStackOptions, type StackOptions } from './options.ts'
import { StatelessReplies } from './stateless.ts'
import type { Counters } from './statistics.ts'
import { AwaitedRequests } from './transaction/awaited-requests.ts'
import { Congestion } from './transaction/congestion.ts'
import { TransactionLayer } from './transaction/layer.ts'
import type { RequestContext } from './transaction/request-options.ts'
import type { TransactionTiming } from './transaction/timers.ts'
import { TransportLayer } from './transport/layer.ts'
import { Listeners } from './transport/listeners.ts'

/** What a stack is made of, by the layers of docs/architecture.md. */
export interface StackParts {
  readonly timers: Timers
  readonly identifiers: Identifiers
  readonly flows: Flows
  readonly transports: TransportLayer
  readonly transactions: TransactionLayer
  readonly listeners: Listeners
  readonly replies: StatelessReplies
  readonly requests: RequestContext
  readonly awaited: AwaitedRequests
  readonly forwarding: Forwarding
  readonly responses: ResponseForwarding
  readonly tokens: FlowTokens
  readonly dispatch: Dispatch
  readonly locating: Locating
  readonly shared: SharedByStack
}

/** What an upper storey shares with the stack. */
export interface SharedByStack {
  /** Unix time in milliseconds, as the stack's clock tells it. */
  readonly date: () => number
  readonly timing: TransactionTiming
  readonly random: RandomSource
  /** Counts and logs what an application's handler threw. */
  readonly failed: Failed
}

/** Makes the parts of a stack by its options, each given what it needs of the others. @throws UsageError of an option */
export function assemble(options: StackOptions, counters: Counters): StackParts {
  const { followMaddr = defaultStackOptions.followMaddr } = options
  const keep = checkedKeep(options.keep)
  const clock = options.clock ?? systemClock
  const log = options.log ? guardedLog(options.log) : defaultStackOptions.log
  const timing = { ...defaultStackOptions.timing, ...options.timing }
  const limits = checkedLimits({ ...defaultStackOptions.limits, ...options.limits })
  const identifiers = options.random ? new Identifiers(new Tokens(options.random)) : systemIdentifiers
  const failed = (error: unknown): void => onHandlerError(error, counters, log)
  const timers = new Timers(clock, failed)
  const { interfaces = interfaceAddresses } = options
  const routes = new LocalAddresses(clock, options.route)
  const dispatch: Dispatch = new Dispatch({
    counters,
    failed,
    transactions: () => transactions,
    replies: () => replies,
    flows: () => flows,
  })
  const now = (): number => clock.now()
  const ways = { routes, interfaces, now }
  const transports = new TransportLayer({ receiver: dispatch, counters, log, limits, ...ways })
  const flows = new Flows(
    {
      timers,
      transports,
      counters,
      random: new Tokens(options.random ?? systemRandom),
      failed,
    },
    limits.maxFlowWatches,
  )
  const replies = new StatelessReplies(transports, counters, followMaddr)
  const congestion = new Congestion(timers, {
    ...defaultStackOptions.congestion,
    ...options.congestion,
  })
  const transactions = new TransactionLayer({
    timers,
    timing,
    transports,
    replies,
    congestion,
    counters,
    newTag: () => identifiers.newTag(),
    limits,
    followMaddr,
    keep,
    failed,
  })
  const { random = systemRandom } = options
  const { open } = transports
  const isOfSystem = clock === systemClock && random === systemRandom
  const locating = new Locating(options, { timers, random, isOfSystem, counters, transports: open })
  const line = new LocateLine(locating.locate, {
    maxWaitingPerHop: limits.maxWaitingPerHop,
    maxWaiting: limits.maxWaiting,
    failed,
    onRefused: () => counters.refusedWaiting++,
  })
  const requests: RequestContext = {
    timers,
    timing,
    transactions,
    transports,
    flows,
    line,
    maxDatagram: options.maxDatagram ?? defaultStackOptions.maxDatagram,
    udpErrors: options.udpErrors ?? defaultStackOptions.udpErrors,
    newBranch: () => identifiers.newBranch(),
    counters,
    failed,
  }
  const awaited = new AwaitedRequests(requests)
  const { flowTokenKey = random.fill(new Uint8Array(FLOW_TOKEN_KEY)) } = options
  const tokens = new FlowTokens(flowTokenKey, identifiers.newTag())
  const sending = { transports, line, counters, tokens }
  const forwarding = new Forwarding({ ...sending, maxDatagram: requests.maxDatagram, failed })
  const responses = new ResponseForwarding({ ...sending, followMaddr, keep })
  const contexts = options.tls instanceof TlsContexts ? options.tls : new TlsContexts(options.tls)
  const listeners = new Listeners(transports, timers, {
    limits,
    contexts,
    websocket: options.websocket,
    newHost: () => identifiers.newHost(),
    failed,
    interfaces,
    counters,
    log,
    followInterval: options.followInterval ?? defaultStackOptions.followInterval,
    ...(options.receiveBufferSize !== undefined && { receiveBufferSize: options.receiveBufferSize }),
  })
  return {
    timers,
    identifiers,
    flows,
    transports,
    transactions,
    listeners,
    replies,
    requests,
    awaited,
    forwarding,
    responses,
    tokens,
    dispatch,
    locating,
    shared: { date: () => clock.date(), timing, random, failed },
  }
}

/** Octets of the key that is made at start: as many as SHA-1 gives (RFC 2104 §3). */
const FLOW_TOKEN_KEY = 20

/** What an application's handler threw, or rejected with, must not stop the stack. */
function onHandlerError(error: unknown, counters: Counters, log: Log): void {
  counters.handlerErrors++
  if (log.enabled('error')) log.write('error', 'stack', `a handler threw: ${printableError(error)}`)
}
