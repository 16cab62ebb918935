import type { TransportAddress } from '../../util/address.ts'
import type { EnvironmentError } from '../../util/errors.ts'
import type { ParseError } from '../grammar/parse-error.ts'
import type { Flow, Protocol } from '../message/flow.ts'
import type { Head } from '../message/head.ts'
import type { SentBy } from './sent-by.ts'

/**
 * Why nothing was sent: the flow's connection is not there any more, no datagram carries so much, a write queue or the
 * table of connections is full, the transport is closed.
 */
export type SendFailure = 'gone' | 'too large' | 'full' | 'closed'

/**
 * The flow that was used, or why none was. For datagrams it is the flow that was given, for streams the connection's
 * own object, so that nothing is made for a message.
 */
export type Sent = Flow | SendFailure

/** What a transport tells the layer above. Called directly, with no queue between. */
export interface TransportReceiver {
  /** One datagram, not looked at yet. The bytes belong to the receiver. */
  onDatagram(bytes: Buffer, flow: Flow): void
  /** One message of a stream, framed. */
  onFramed(head: Head, bytes: Buffer, flow: Flow): void
  /**
   * A stream whose framing is lost; the transport closes it afterwards. `head` and `bytes` are what there is of the
   * message that is to blame, where it can be answered.
   */
  onBrokenStream(error: ParseError, flow: Flow, head?: Head, bytes?: Buffer): void
  /** Nothing more will come or go on `flow`: its connection is gone, or a datagram could not be sent to its address. */
  onFlowFailed(flow: Flow, error: EnvironmentError | undefined): void
  /** A stream is up, accepted or made. */
  onFlowOpened(flow: Flow): void
  /** One CR LF in answer to our ping (RFC 5626 §4.4.1). */
  onPong(flow: Flow): void
  /** A STUN message beside SIP (RFC 5626 §4.4.2). The bytes belong to the receiver. */
  onStun(bytes: Buffer, flow: Flow): void
}

/** One connection, as others than its transport know it. */
export interface FlowConnection {
  readonly flow: Flow
  /** When bytes came last, on the scale of the stack's timers; when it was made, where none have come. */
  readonly heardAt: number
  /** A message has begun to come and is not whole. */
  readonly isReceiving: boolean
  /** Closes it for a reason of ours, which `onFlowFailed` is told. */
  cutOff(code: string, what: string): void
}

/**
 * One way in and out of the stack: a bound UDP socket, a TCP listener with its connections, or what an application
 * makes itself. Small on purpose.
 */
export interface Transport {
  /** Unlike any other transport's of the stack: `udp:127.0.0.1:5060`. */
  readonly key: string
  readonly protocol: Protocol
  /** Whether it delivers in order and without loss, so that nothing is sent again (RFC 3261 §17). */
  readonly isReliable: boolean
  /** What is bound; known once it is open. One address, never a wildcard. */
  readonly local: TransportAddress
  /** What is advertised in Via, Contact and Record-Route: `local`, unless another was given. Known once it is open. */
  readonly sentBy: SentBy
  /** Starts receiving. Rejects with an EnvironmentError, which names the port, where it cannot. */
  open(receiver: TransportReceiver): Promise<void>
  /**
   * Sends wire text (one character a byte). A flow without a connection goes over a connection made to its address
   * before, or a new one. What fails later is told to `onFlowFailed`.
   */
  send(wire: string, flow: Flow): Sent
  /**
   * Sends a ping of two CR LF, which a stream's peer answers with one (RFC 5626 §3.5.1); over datagrams it keeps a
   * NAT's binding open and has no answer.
   */
  keepAlive?(flow: Flow): Sent
  /**
   * Opens a connection to a flow's address, unless there is one, and answers its flow: `onFlowOpened` or `onFlowFailed`
   * tells what becomes of it. Left out by a transport whose addresses are tried in turn only.
   */
  connect?(flow: Flow): Sent
  /** Whether there is a connection to a flow's address that is up. */
  isUp?(flow: Flow): boolean
  /** Closes a connection that `connect` made and over which nothing was sent; does nothing to any other. */
  discard?(flow: Flow): void
  /**
   * A flow to the same address on which a refusal is noticed and told to `onFlowFailed`, as an ICMP port unreachable
   * is on a connected UDP socket alone. It has a connection number of its own. `undefined` where there is none to have.
   */
  sideFlow?(flow: Flow): Flow | undefined
  /**
   * The open connection of a flow, or the one made to its address where it names none; `undefined` where there is none.
   * A transport without this cannot be asked whether a flow is gone, nor be told to close one.
   */
  connectionOf?(flow: Flow): FlowConnection | undefined
  /**
   * Whether its requests say `alias` (RFC 5923): their receiver may send its own on the same connection. Only over TLS, and
   * with a certificate to prove who we are.
   */
  readonly offersAlias?: boolean
  /**
   * What the peer of a TLS connection proved to be (RFC 5922): of a server the name it was asked for, of a client the first
   * that its certificate proves; `undefined` for any other flow.
   */
  peerIdentity?(flow: Flow): string | undefined
  /** All domains and addresses that its certificate proves; none for any other flow. */
  peerDomains?(flow: Flow): readonly string[]
  /** Stops; nothing is delivered from this call on. */
  close(): Promise<void>
}
