import type { TransportAddress } from '../../stun/ip.ts'
import type { StunTransport } from '../stun/client-options.ts'
import { channelData, LONGEST_DATA } from './channel-data.ts'
import type { TurnCounters } from './client-options.ts'
import { checkedPeer, isPort } from './failure.ts'
import type { Grant } from './grant.ts'
import type { Channel, TurnPeers } from './peers.ts'
import type { SendIndications } from './send-indication.ts'

/** @internal What an application sends to peers: through a channel, in indications, or held until the server lets it. */
export class Outgoing {
  /** What `send` sends through. */
  active: Channel | undefined
  /** Whether indications ask the server to set the DF bit. */
  dontFragment: boolean = false
  readonly #counters: TurnCounters
  readonly #peers: TurnPeers
  readonly #indications: SendIndications
  readonly #transport: StunTransport
  readonly #server: () => TransportAddress

  constructor(
    counters: TurnCounters,
    peers: TurnPeers,
    indications: SendIndications,
    transport: StunTransport,
    server: () => TransportAddress,
  ) {
    this.#counters = counters
    this.#peers = peers
    this.#indications = indications
    this.#transport = transport
    this.#server = server
  }

  /** To the active channel. False where the data was dropped and counted. */
  send(data: Uint8Array): boolean {
    const channel = this.active
    if (channel === undefined || data.length > LONGEST_DATA) return this.unsent()
    const { grant, number, peer } = channel
    if (grant.stands) return this.#transmit(channelData(number, data, this.#transport.reliable))
    return grant.hold(data, peer.port) || this.unsent()
  }

  /** To any peer. A UsageError for an address that is not numeric. */
  sendTo(data: Uint8Array, address: string, port: number): boolean {
    const present = isPort(port) ? this.#peers.present(address) : undefined
    const canonical = present === undefined ? checkedPeer(address, port) : address
    const permission = present ?? this.#peers.permission(canonical)
    if (permission.stands) return this.#indicate(data, canonical, port)
    return permission.hold(data, port) || this.unsent()
  }

  isActive(address: string, port: number): boolean {
    const peer = this.active?.peer
    return peer !== undefined && peer.port === port && peer.address === address
  }

  /** The channel stands: what waited for it goes. */
  sendHeld(channel: Channel): void {
    const { grant, number } = channel
    for (const { data } of grant.held()) this.#transmit(channelData(number, data, this.#transport.reliable))
  }

  /** As `sendHeld`, where a permission stands. */
  indicateHeld(address: string, permission: Grant): void {
    for (const { data, port } of permission.held()) this.#indicate(data, address, port)
  }

  unsent(): false {
    this.#counters.unsent++
    return false
  }

  #indicate(data: Uint8Array, address: string, port: number): boolean {
    const octets = this.#peers.known.octets(address)
    const bytes = octets && this.#indications.write(data, octets, port, this.dontFragment)
    return bytes === undefined ? this.unsent() : this.#transmit(bytes)
  }

  #transmit(bytes: Buffer): boolean {
    try {
      this.#transport.send(bytes, this.#server())
      return true
    } catch {
      return this.unsent()
    }
  }
}
