import type { TransportAddress } from '../../util/address.ts'
import type { EnvironmentError } from '../../util/errors.ts'
import type { Head } from '../message/head.ts'
import type { ParseError } from '../message/parse-error.ts'
import type { Flow, Protocol } from './flow.ts'

/** What a transport tells the layer above. Called directly, with no queue between. */
export interface TransportReceiver {
  /** One datagram, not looked at yet. The bytes belong to the receiver. */
  onDatagram(bytes: Buffer, flow: Flow): void
  /** One message of a stream, framed. */
  onFramed(head: Head, bytes: Buffer, flow: Flow): void
  /** A stream whose framing is lost; the transport closes it afterwards. */
  onBrokenStream(error: ParseError, flow: Flow): void
  /** Nothing more will come or go on `flow`: its connection is gone, or a datagram could not be sent to its address. */
  onFlowFailed(flow: Flow, error: EnvironmentError | undefined): void
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
  /** Where it can be reached; known once it is open. One address, never a wildcard. */
  readonly local: TransportAddress
  /** Starts receiving. Rejects with an EnvironmentError, which names the port, where it cannot. */
  open(receiver: TransportReceiver): Promise<void>
  /**
   * Sends wire text (one character a byte). A flow without a connection goes over a connection made to its address
   * before, or a new one. Answers the number of the connection used, 0 for datagrams, and -1 where the flow's own
   * connection is gone. What fails later is told to `onFlowFailed`.
   */
  send(wire: string, flow: Flow): number
  /** Stops; nothing is delivered from this call on. */
  close(): Promise<void>
}

/** What a listener is asked for on a command line or by `SipStack.listen`: `udp:127.0.0.1:5060`. */
export interface ListenPoint {
  readonly protocol: Protocol
  /** A numeric address, a wildcard address, or the name of an interface. */
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
}
