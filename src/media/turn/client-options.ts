import type { RandomSource } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import type { IcmpError } from '../stun/attributes/turn.ts'
import type { StunTransport } from '../stun/client-options.ts'
import type { StunFailure } from '../stun/failure.ts'
import type { StunHash } from '../stun/hash.ts'
import type { TransportAddress } from '../stun/ip.ts'
import type { StunTiming } from '../stun/transaction.ts'
import type { AllocationUser } from './allocation.ts'
import type { TurnCredentials } from './credentials.ts'

export interface TurnClientOptions {
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
  /** Which 300s are followed; see StunClientOptions. */
  readonly alternateServer?: 'any' | 'authenticated' | 'never'
  /** Permissions kept alive; past it the oldest goes. Default 1000. */
  readonly maxPermissions?: number
}

/** Who hears what a TURN client has to tell. */
export interface TurnClientUser extends AllocationUser {
  /** The channel to `peer` stands: from now on what is sent to it has four octets of overhead. */
  onChannelBound(number: number, peer: TransportAddress): void
  onChannelFailure(peer: TransportAddress, failure: StunFailure): void
  /** What waited for this peer was dropped. */
  onPermissionFailure(address: string, failure: StunFailure): void
  /** `data` is a view of what was received. */
  onData(data: Uint8Array, address: string, port: number): void
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
  /** Not sent: no allocation or destination, or too much waits for a permission. */
  unsent: number
}
