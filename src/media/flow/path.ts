import type { TransportAddress } from '../stun/ip.ts'
import type { PacketKind } from './demux.ts'

/** The way a flow's packets take: a socket, with or without a server behind it. */
export interface FlowPath {
  /** What the machine does first, and what it asks for once the path is open. */
  readonly entry: 'connect' | 'connect server'
  readonly next: 'opened' | 'bind' | 'allocate'
  readonly local: TransportAddress | undefined
  readonly reflexive: TransportAddress | undefined
  readonly relay: TransportAddress | undefined
  /** What peers are to be told. */
  readonly session: TransportAddress | undefined
  /** Eight octets for the sibling's allocation, where one was reserved. */
  readonly reservationToken: Uint8Array | undefined
  open(user: PathUser): Promise<void>
  establish(): void
  /** Sends to a numeric address. Never throws. */
  send(data: Uint8Array, address: string, port: number): void
  /** Prepares for many packets to one address: a channel, where there is a relay. */
  activate(address: string, port: number): void
  deactivate(): void
  close(): Promise<void>
}

/** What a path tells its flow. */
export interface PathUser {
  onEstablished(): void
  onFailure(error: Error): void
  /** The reflexive address is another one. */
  onChanged(): void
  /** The server forgot the allocation. */
  onLost(): void
  /** The connection to the server is gone. */
  onDisconnected(): void
  /** `bytes` belongs to the receiver. */
  onPacket(kind: PacketKind, bytes: Uint8Array, address: string, port: number): void
}
