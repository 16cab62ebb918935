import { XorPeerAddress } from '../../stun/attributes/address.ts'
import { ConnectionId, Data, Icmp } from '../../stun/attributes/turn.ts'
import { method } from '../../stun/header.ts'
import type { StunMessage } from '../../stun/message.ts'
import { uint16 } from '../../stun/octets.ts'
import { type Failed, guarded } from '../../util/guard.ts'
import { channelOf, channelPayload } from './channel-data.ts'
import type { TurnClientUser, TurnCounters } from './client-options.ts'
import { isAddress } from './known-peers.ts'
import type { TurnPeers } from './peers.ts'

/** The port of an XOR-PEER-ADDRESS is XORed with the upper half of the magic cookie (RFC 8489 §14.2). */
const PORT_MASK = 0x2112

/** @internal What a server passes on from peers, and tells of them, handed to the user or counted. */
export class Incoming {
  readonly #counters: TurnCounters
  readonly #peers: TurnPeers
  readonly #user: TurnClientUser
  readonly #failed: Failed

  constructor(counters: TurnCounters, peers: TurnPeers, user: TurnClientUser, failed: Failed) {
    this.#counters = counters
    this.#peers = peers
    this.#user = user
    this.#failed = failed
  }

  channelData(bytes: Buffer): void {
    const data = channelPayload(bytes)
    if (data === undefined) {
      this.#counters.malformed++
      return
    }
    const channel = this.#peers.channel(channelOf(bytes))
    if (channel === undefined) this.#counters.unknownChannel++
    else guarded(this.#failed, this.#user, this.#user.onData, data, channel.peer.address, channel.peer.port)
  }

  indication(message: StunMessage): void {
    if (message.class !== 'indication' || message.method !== method.ConnectionAttempt) {
      this.#counters.ignored++
      return
    }
    const peer = message.get(XorPeerAddress)
    const id = message.get(ConnectionId)
    if (peer === undefined || id === undefined) this.#counters.malformed++
    else guarded(this.#failed, this.#user, this.#user.onConnectionAttempt, peer, id)
  }

  /** For each packet of a peer without a channel: no value is decoded, and no address becomes text. */
  dataIndication(message: StunMessage, bytes: Buffer): void {
    const at = message.find(XorPeerAddress.type)
    if (at < 0) {
      this.#counters.malformed++
      return
    }
    const address = this.#peers.known.find(bytes, at, message.lengthAt(at))
    if (address === undefined) {
      if (isAddress(bytes, at, message.lengthAt(at))) this.#counters.unknownPeer++
      else this.#counters.malformed++
      return
    }
    const port = uint16(bytes, at + 2) ^ PORT_MASK
    const data = message.find(Data.type)
    if (data >= 0) {
      guarded(
        this.#failed,
        this.#user,
        this.#user.onData,
        bytes.subarray(data, data + message.lengthAt(data)),
        address,
        port,
      )
      return
    }
    const icmp = message.get(Icmp)
    if (icmp === undefined) this.#counters.malformed++
    else guarded(this.#failed, this.#user, this.#user.onIcmp, icmp, { address, port })
  }
}
