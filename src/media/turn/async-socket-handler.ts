import type { IcmpError } from '../../stun/attributes/turn.ts'
import type { TransportAddress } from '../../stun/ip.ts'
import type { EnvironmentError } from '../../util/errors.ts'
import type { StunFailure } from '../stun/failure.ts'
import type { TurnPeerConnection } from './peer-connection.ts'

/** Why something came to nothing: the server's refusal with code and reason, its silence, or the network. */
export type TurnFailure = StunFailure

/**
 * What a TurnAsync socket calls; each is optional, and `id` is the socket's own, so that one handler can serve many.
 * Nothing is called after `close`. What they throw, or reject with, ends at `onCallbackError` of the options.
 */
export interface TurnAsyncSocketHandler {
  onConnectSuccess?(id: number, address: string, port: number): void
  onConnectFailure?(id: number, error: Error): void
  /** The connection to the server is gone; never over UDP. */
  onDisconnected?(id: number, error: EnvironmentError): void
  onSharedSecretSuccess?(id: number, username: string, password: string): void
  onSharedSecretFailure?(id: number, error: TurnFailure): void
  onBindSuccess?(id: number, reflexive: TransportAddress, server: TransportAddress): void
  onBindFailure?(id: number, error: TurnFailure, server: TransportAddress): void
  /** Lifetime in seconds, bandwidth in kbit/s where the server tells it, the token where one was asked for. */
  onAllocationSuccess?(
    id: number,
    reflexive: TransportAddress | undefined,
    relay: TransportAddress,
    lifetime: number,
    bandwidth: number | undefined,
    reservationToken: Uint8Array | undefined,
  ): void
  onAllocationFailure?(id: number, error: TurnFailure): void
  /** A refresh, asked for or due, went through; lifetime 0 is the end of `destroyAllocation`. */
  onRefreshSuccess?(id: number, lifetime: number): void
  onRefreshFailure?(id: number, error: TurnFailure): void
  /** The server holds the allocation no more: it expired, was forgotten, or the connection is gone. */
  onAllocationLost?(id: number, error: TurnFailure): void
  onSetActiveDestinationSuccess?(id: number, address: string, port: number): void
  onSetActiveDestinationFailure?(id: number, error: TurnFailure): void
  onClearActiveDestinationSuccess?(id: number): void
  onClearActiveDestinationFailure?(id: number, error: Error): void
  onChannelBindSuccess?(id: number, channel: number): void
  onChannelBindFailure?(id: number, error: TurnFailure): void
  /** `data` belongs to the handler. */
  onReceiveSuccess?(id: number, address: string, port: number, data: Buffer): void
  /** A `receive` timed out, or the connection to the server is gone. */
  onReceiveFailure?(id: number, error: Error): void
  /** What was sent has been given to the system, or waits for its permission. */
  onSendSuccess?(id: number): void
  onSendFailure?(id: number, error: Error): void
  /** ICMP at the relay for something that we sent (RFC 8656 §11.5). */
  onIcmp?(id: number, icmp: IcmpError, address: string, port: number): void
  /** A peer connected to a TCP allocation; `acceptConnection` takes it (RFC 6062 §4.4). */
  onConnectionAttempt?(id: number, address: string, port: number, connectionId: number): void
  onPeerConnectionSuccess?(id: number, connection: TurnPeerConnection): void
  onPeerConnectionFailure?(id: number, error: TurnFailure): void
  onAlternateServer?(id: number, address: string, port: number): void
}
