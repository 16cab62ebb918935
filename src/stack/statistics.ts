import { type KnownMethod, type Method, methods } from './grammar/method.ts'

/** Messages of one direction, by method; a method that is not known counts as `other`. */
export type MethodCounts = Record<KnownMethod | 'other', number>

/** Plain counters of a stack, changed in place; read them when you like. */
export class Counters {
  readonly requestsIn: MethodCounts = methodCounts()
  readonly requestsOut: MethodCounts = methodCounts()
  /** By status code, 100 to 699. */
  readonly responsesIn: Uint32Array = new Uint32Array(700)
  readonly responsesOut: Uint32Array = new Uint32Array(700)
  /** Requests and responses that were received again or sent again. */
  retransmissionsIn = 0
  retransmissionsOut = 0
  /** Received and no message, or one that lacks what every message needs. */
  malformed = 0
  brokenStreams = 0
  /** Responses whose top Via is not ours, or that no transaction waits for. */
  strayResponses = 0
  /** Responses to no request that was forwarded here: our Via in them is not one that we wrote above the Via below it. */
  unsignedResponses = 0
  /** ACKs that belong to nothing we know. */
  strayAcks = 0
  keepAlives = 0
  flowFailures = 0
  /** STUN Binding requests that were answered on a SIP port. */
  bindingRequests = 0
  /** Flows that were given up because a keep-alive of ours was not answered, or answered that the flow is another. */
  keepAliveFailures = 0
  /** Clients that were given a Flow-Timer and sent nothing for longer than it and its grace. */
  silentFlows = 0
  /** Keep-alives, watches and expectations that were not begun because there are too many. */
  refusedFlowWatches = 0
  /** Datagrams that the system did not take for a passing reason (ENOBUFS, EAGAIN, EPERM …) or for their size. */
  datagramsLost = 0
  /** Streams closed because what they began with is no SIP. */
  foreignStreams = 0
  /** Streams closed because a message, or the first one of an accepted stream, was not whole in time. */
  slowSenders = 0
  /** Streams closed because too many bytes waited for them, alone or together with others. */
  slowReaders = 0
  /** Streams closed because their peers took nothing of what waited for them for `writeTimeout`. */
  stuckWriters = 0
  /** Connections closed as soon as they came because a listener had `maxConnections`. */
  droppedConnections = 0
  /** TLS clients that were not let in: hand-shakes that failed, took too long or were too many, certificates that were refused. */
  failedHandshakes = 0
  /** Streams closed because all of them together kept too much of messages that were not whole; those that kept most. */
  crowdedStreams = 0
  /** WebSocket hand-shakes that were refused, or not done in time (RFC 6455 §4.2). */
  refusedUpgrades = 0
  /** WebSockets closed because what came breaks RFC 6455, or a bound: masks, lengths, fragments, UTF-8. */
  brokenWebSockets = 0
  /** WebSockets closed for the number of their pings and pongs. */
  controlFloods = 0
  /** WebSockets closed because a ping was not answered. */
  lostPongs = 0
  /** Messages that were not sent because too many bytes wait on all streams together. */
  refusedWrites = 0
  /** Connections that we made and closed while idle, to make room for others. */
  evictedConnections = 0
  /** Connections that were not made because there are too many, none of them idle. */
  refusedConnections = 0
  /** Looks at the host's addresses, and openings of one that came, that failed, and connections that could not be accepted. */
  listenFailures = 0
  /** New requests refused with 503 while the event loop was late. */
  refusedByCongestion = 0
  /** Requests refused, those of our own among them, because too many transactions are open or keep too much. */
  refusedByLimit = 0
  /** Requests and ACKs that a filter dropped or refused. */
  refusedByFilter = 0
  /** Messages that were not sent because too many waited for look-ups. */
  refusedWaiting = 0
  /** DNS records that were passed over because they are malformed. */
  malformedRecords = 0
  /** INVITEs whose target was given up for the next one, and which are hung up should it answer late. */
  drainedInvites = 0
  /** Errors thrown by an application's handlers. */
  handlerErrors = 0

  requestIn(method: Method): void {
    this.requestsIn[known(method)]++
  }

  requestOut(method: Method): void {
    this.requestsOut[known(method)]++
  }

  responseIn(status: number): void {
    this.responsesIn[status] = (this.responsesIn[status] ?? 0) + 1
  }

  responseOut(status: number): void {
    this.responsesOut[status] = (this.responsesOut[status] ?? 0) + 1
  }
}

const names: ReadonlySet<string> = new Set(methods)

function known(method: Method): KnownMethod | 'other' {
  return isKnown(method) ? method : 'other'
}

function isKnown(method: Method): method is KnownMethod {
  return names.has(method)
}

function methodCounts(): MethodCounts {
  return {
    INVITE: 0,
    ACK: 0,
    BYE: 0,
    CANCEL: 0,
    OPTIONS: 0,
    REGISTER: 0,
    INFO: 0,
    PRACK: 0,
    UPDATE: 0,
    SUBSCRIBE: 0,
    NOTIFY: 0,
    PUBLISH: 0,
    MESSAGE: 0,
    REFER: 0,
    SERVICE: 0,
    other: 0,
  }
}
