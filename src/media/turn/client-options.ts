import type { IcmpError } from '../../stun/attributes/turn.ts'
import type { StunHash } from '../../stun/hash.ts'
import type { TransportAddress } from '../../stun/ip.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import type { CallbackErrorOptions } from '../callback-errors.ts'
import type { StunTransport } from '../stun/client-options.ts'
import type { StunFailure } from '../stun/failure.ts'
import type { StunTiming } from '../stun/transaction.ts'
import type { AllocationUser } from './allocation.ts'
import type { TurnCredentials } from './credentials.ts'

export interface TurnClientOptions extends CallbackErrorOptions {
  readonly transport: StunTransport
  readonly server: TransportAddress
  readonly timers: Timers
  readonly random: RandomSource
  readonly hash?: StunHash
  /** Shared by connections to the same server; each client has its own by default. */
  readonly credentials?: TurnCredentials
  readonly software?: string
  readonly timing?: Partial<StunTiming>
  /**
   * Error responses without a signature: coturn sends 437, 486 and others so, hence taken by default; `discard` is RFC
   * 8489's rule, by which such a refusal costs the whole time-out.
   */
  readonly unsignedErrors?: 'accept' | 'discard'
  /** Which 300s to Allocate are followed; see StunClientOptions. */
  readonly alternateServer?: 'any' | 'authenticated' | 'never'
  /** Permissions kept alive; past it the oldest goes. Default 1000. */
  readonly maxPermissions?: number
  /**
   * Milliseconds after which an allocation through which nothing is sent sends a Binding indication, so that the NATs
   * on the way keep their mappings; it may be twice as long. Over UDP only; 0 sends none. Default 15,000.
   */
  readonly keepAlive?: number
}

/** Who hears what a TURN client has to tell. What it throws, or rejects with, ends at `onCallbackError`. */
export interface TurnClientUser extends AllocationUser {
  /** The channel to `peer` stands: from now on what is sent to it has four octets of overhead. */
  onChannelBound(number: number, peer: TransportAddress): void
  /** The server refuses the channel; `unsent` packets that waited for it were dropped. */
  onChannelFailure(peer: TransportAddress, failure: StunFailure, unsent: number): void
  /** The server refuses to let this peer's address through; `unsent` packets that waited for it were dropped. */
  onPermissionFailure(address: string, failure: StunFailure, unsent: number): void
  /** `data` is a view of what was received. */
  onData(data: Buffer, address: string, port: number): void
  /** An ICMP message reached the relay, for something that we sent to `peer` (RFC 8656 §11.5). */
  onIcmp(icmp: IcmpError, peer: TransportAddress): void
  /** A peer connected to the relayed address of a TCP allocation (RFC 6062 §4.4). */
  onConnectionAttempt(peer: TransportAddress, connectionId: number): void
  /** A 300 was followed. */
  onServerChanged(server: TransportAddress): void
}

/** How one question ends: exactly one of the two, once; neither after close. */
export interface Answer<T> {
  onSuccess(value: T): void
  onFailure(failure: StunFailure): void
}

/** What was of no use; each costs nothing more. */
export interface TurnCounters {
  /** From another address than the server's. */
  foreign: number
  malformed: number
  /** ChannelData for a channel that is not bound. */
  unknownChannel: number
  /** Data from a peer that we never let through. */
  unknownPeer: number
  /** Requests, and indications that are not for clients. */
  ignored: number
  /** Not sent: no allocation or destination, too much waited for a permission, or what it waited for did not come. */
  unsent: number
  /** Binding indications that kept the way open. */
  keepAlives: number
}
