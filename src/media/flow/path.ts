import type { Remote } from '../../util/address.ts'
import type { EnvironmentError } from '../../util/errors.ts'
import type { Base } from '../socket/base.ts'
import type { PacketKind } from '../socket/packet-kind.ts'
import type { Remotes } from '../socket/remotes.ts'

/** The way a component's packets take: a socket, with or without a server behind it. */
export interface FlowPath {
  /** What the machine does first, and what it asks for once the path is open. */
  readonly entry: 'connect' | 'connect server'
  readonly next: 'opened' | 'bind' | 'allocate'
  readonly local: Remote | undefined
  readonly reflexive: Remote | undefined
  readonly relay: Remote | undefined
  /** What peers are to be told. */
  readonly session: Remote | undefined
  /** Eight octets for the sibling's allocation, where one was reserved. */
  readonly reservationToken: Uint8Array | undefined
  /** The peers that packets are told from. */
  readonly remotes: Remotes
  /** What the system granted the socket, in bytes; 0 where nobody knows. */
  readonly receiveBufferSize: number
  open(user: PathUser): Promise<void>
  establish(): void
  /** Never throws; false where the packet was dropped. */
  send(bytes: Uint8Array, to: Remote): boolean
  /** Prepares for many packets to one address: a channel, where there is a relay. */
  activate(to: Remote): void
  deactivate(): void
  /** Resolves when the port is free, also while the path is opening, and however often it is called. */
  close(): Promise<void>
}

/** What a path tells its component. */
export interface PathUser {
  /** It has its addresses, or after `onSuspended` its way, again. */
  onEstablished(): void
  onFailure(error: Error): void
  /** The reflexive address is another one. */
  onChanged(): void
  /** The server forgot the allocation. */
  onLost(): void
  /** The connection to the server is gone. */
  onDisconnected(error: Error): void
  /** Nothing may be sent until `onEstablished`; the addresses stay. */
  onSuspended(): void
  /** The server refuses to relay to `address` (403, 443; RFC 8656 §9.2, §12.2). The path stays. */
  onRefused(address: string, error: Error): void
  /** Packets that `send` took, to wait for the server's leave, were dropped. */
  onUnsent(count: number): void
  /** The system refused what was sent to `to`, or the socket failed. */
  onSendError(error: EnvironmentError, to: Remote | undefined): void
  /** `bytes` belongs to the receiver. */
  onPacket(kind: PacketKind, bytes: Buffer, from: Remote, base: Base): void
}
