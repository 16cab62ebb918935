import { valued } from '../../stun/attribute.ts'
import { XorPeerAddress } from '../../stun/attributes/address.ts'
import { ChannelNumber } from '../../stun/attributes/turn.ts'
import { method } from '../../stun/header.ts'
import { addressText, type TransportAddress } from '../../stun/ip.ts'
import { UsageError } from '../../util/errors.ts'
import type { Timers } from '../../util/timers.ts'
import type { StunClient } from '../stun/client.ts'
import type { StunFailure } from '../stun/failure.ts'
import { firstChannel, lastChannel } from './channel-data.ts'
import { Grant } from './grant.ts'
import { KnownPeers } from './known-peers.ts'

/** @internal Who hears what becomes of permissions and channels. */
export interface PeersUser {
  onPermitted(address: string, permission: Grant): void
  /** `unsent`: packets that waited for it, and are dropped. */
  onPermissionFailure(address: string, failure: StunFailure, unsent: number): void
  onBound(channel: Channel): void
  onChannelFailure(channel: Channel, failure: StunFailure, unsent: number): void
  /** Packets that waited were dropped, for what they waited for was ended by ourselves. */
  onUnsent(count: number): void
}

/** @internal A number that stands for a peer, for as long as the allocation lasts. */
export interface Channel {
  readonly number: number
  readonly peer: TransportAddress
  grant: Grant
  /** When it was renewed no more. */
  endedAt: number
}

/** An expired channel's number must not be used again for five minutes (RFC 8656 §12); it expires after ten. */
const NUMBER_REST = 900_000
/** Milliseconds (RFC 8656 §9, §12). */
const PERMISSION_LIFETIME = 300_000
const CHANNEL_LIFETIME = 600_000
const NUMBERS = lastChannel - firstChannel + 1

/** @internal The permissions and channels of one allocation. */
export class TurnPeers {
  /** Whom we ever let through; data from others is not for us (RFC 8656 §11.6). */
  readonly known: KnownPeers = new KnownPeers()
  readonly #client: StunClient
  readonly #timers: Timers
  readonly #user: PeersUser
  readonly #limit: number
  readonly #permissions = new Map<string, Grant>()
  readonly #byPeer = new Map<string, Channel>()
  readonly #byNumber: (Channel | undefined)[] = []
  #nextNumber = 0

  constructor(client: StunClient, timers: Timers, user: PeersUser, limit: number) {
    this.#client = client
    this.#timers = timers
    this.#user = user
    this.#limit = limit
  }

  channel(number: number): Channel | undefined {
    return this.#byNumber[number - firstChannel]
  }

  /** The permission that `address`, as it is written, has already. */
  present(address: string): Grant | undefined {
    return this.#permissions.get(address)
  }

  /** The permission for `address`, asked for where there is none. Past the limit the oldest is let go. */
  permission(address: string): Grant {
    const present = this.#permissions.get(address)
    if (present !== undefined) return present
    for (const [oldest, grant] of this.#permissions) {
      if (this.#permissions.size < this.#limit) break
      this.#permissions.delete(oldest)
      this.known.delete(oldest)
      this.#end(grant)
    }
    const request = {
      method: method.CreatePermission,
      attributes: [valued(XorPeerAddress, { address, port: 0 })],
    }
    const permission = new Grant(this.#client, this.#timers, request, PERMISSION_LIFETIME, {
      onGranted: grant => this.#user.onPermitted(address, grant),
      onRefused: (grant, failure) => {
        this.#permissions.delete(address)
        this.#user.onPermissionFailure(address, failure, grant.held().length)
      },
    })
    this.#permissions.set(address, permission)
    this.known.add(address)
    permission.ask()
    return permission
  }

  /** The channel to `peer`: the one it has, renewed, or a new one. A UsageError where no number is free. */
  bind(peer: TransportAddress): Channel {
    const key = addressText(peer)
    const present = this.#byPeer.get(key)
    if (present !== undefined) {
      if (present.grant.ended) this.#ask(present)
      return present
    }
    const number = this.#freeNumber()
    const channel: Channel = { number, peer, grant: this.#grant(number, peer), endedAt: 0 }
    this.#byPeer.set(key, channel)
    this.#byNumber[number - firstChannel] = channel
    this.#ask(channel)
    return channel
  }

  /** The channel is renewed no more; what still comes through it is taken. */
  unbind(channel: Channel): void {
    channel.endedAt = this.#timers.now()
    this.#end(channel.grant)
  }

  /** The allocation is gone, and all of this with it. */
  clear(): void {
    for (const permission of this.#permissions.values()) this.#end(permission)
    for (const channel of this.#byPeer.values()) this.#end(channel.grant)
    this.#permissions.clear()
    this.#byPeer.clear()
    this.known.clear()
    this.#byNumber.length = 0
    this.#nextNumber = 0
  }

  #end(grant: Grant): void {
    const unsent = grant.held().length
    grant.end()
    if (unsent > 0) this.#user.onUnsent(unsent)
  }

  #ask(channel: Channel): void {
    if (channel.grant.ended) channel.grant = this.#grant(channel.number, channel.peer)
    this.known.add(channel.peer.address)
    channel.grant.ask()
  }

  #grant(number: number, peer: TransportAddress): Grant {
    const request = {
      method: method.ChannelBind,
      attributes: [valued(ChannelNumber, number), valued(XorPeerAddress, peer)],
    }
    return new Grant(this.#client, this.#timers, request, CHANNEL_LIFETIME, {
      onGranted: () => {
        const channel = this.channel(number)
        if (channel !== undefined) this.#user.onBound(channel)
      },
      onRefused: (grant, failure) => {
        const channel = this.channel(number)
        if (channel === undefined) return
        channel.endedAt = this.#timers.now()
        this.#user.onChannelFailure(channel, failure, grant.held().length)
      },
    })
  }

  #freeNumber(): number {
    for (let tried = 0; tried < NUMBERS; tried++) {
      const at = this.#nextNumber
      this.#nextNumber = (at + 1) % NUMBERS
      const holder = this.#byNumber[at]
      if (holder === undefined) return firstChannel + at
      if (holder.grant.ended && this.#timers.now() - holder.endedAt >= NUMBER_REST) {
        this.#byPeer.delete(addressText(holder.peer))
        return firstChannel + at
      }
    }
    throw new UsageError('ERR_TURN_CHANNELS', `all ${NUMBERS} channels of this allocation are in use`)
  }
}
