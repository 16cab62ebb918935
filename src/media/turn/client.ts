import { UsageError } from '../../util/errors.ts'
import { valued } from '../stun/attribute.ts'
import { MappedAddress, XorMappedAddress, XorPeerAddress } from '../stun/attributes/address.ts'
import { Password, Username } from '../stun/attributes/credentials.ts'
import { ConnectionId, Data, DontFragment, Icmp } from '../stun/attributes/turn.ts'
import { StunClient } from '../stun/client.ts'
import type { StunCounters } from '../stun/counters.ts'
import { unusable } from '../stun/failure.ts'
import { isChannelData } from '../stun/framer.ts'
import { method } from '../stun/header.ts'
import type { TransportAddress } from '../stun/ip.ts'
import { parseStun, type StunMessage } from '../stun/message.ts'
import { type AllocationUser, TurnAllocation } from './allocation.ts'
import { channelData, channelOf, channelPayload } from './channel-data.ts'
import type { Answer, TurnClientOptions, TurnClientUser, TurnCounters } from './client-options.ts'
import { type TurnCredentials, turnCredentials } from './credentials.ts'
import { checkedPeer, gone, isMismatch } from './failure.ts'
import type { Grant } from './grant.ts'
import { type Channel, TurnPeers } from './peers.ts'
import type { Allocation, AllocationRequest } from './request.ts'

const MAX_PERMISSIONS = 1000

/**
 * The client of one TURN server, without a socket: what comes from the server goes into `receive`, what goes to it
 * comes out of `transport`, time comes from `timers` (RFC 8656, 8489, 6062).
 */
export class TurnClient {
  readonly counters: TurnCounters = {
    foreign: 0,
    malformed: 0,
    unknownChannel: 0,
    unknownPeer: 0,
    ignored: 0,
    unsent: 0,
  }
  readonly credentials: TurnCredentials
  readonly #options: TurnClientOptions
  readonly #user: TurnClientUser
  readonly #stun: StunClient
  readonly #plain: StunClient
  readonly #allocation: TurnAllocation
  readonly #peers: TurnPeers
  readonly #reliable: boolean
  #dontFragment = false
  #active: Channel | undefined

  constructor(options: TurnClientOptions, user: TurnClientUser) {
    this.#options = options
    this.#user = user
    this.#reliable = options.transport.reliable
    const { transport, server, timers, random, software, timing, alternateServer } = options
    this.credentials = options.credentials ?? turnCredentials(options.unsignedErrors, options.hash)
    const shared = {
      transport,
      server,
      timers,
      random,
      ...(software !== undefined && { software }),
      ...(timing && { timing }),
    }
    this.#plain = new StunClient({ ...shared, authentication: this.credentials.unchallenged })
    this.#stun = new StunClient({
      ...shared,
      authentication: this.credentials,
      ...(alternateServer && { alternateServer }),
      onAlternateServer: next => user.onServerChanged(next),
    })
    this.#allocation = new TurnAllocation(this.#stun, timers, this.#allocationUser())
    this.#peers = new TurnPeers(
      this.#stun,
      timers,
      {
        onPermitted: (address, permission) => this.#flush(address, permission),
        onPermissionFailure: (address, failure) => {
          if (isMismatch(failure)) this.#allocation.lost(failure)
          user.onPermissionFailure(address, failure)
        },
        onBound: channel => this.#onBound(channel),
        onChannelFailure: (channel, failure) => {
          if (this.#active === channel) this.#active = undefined
          if (isMismatch(failure)) this.#allocation.lost(failure)
          user.onChannelFailure(channel.peer, failure)
        },
      },
      options.maxPermissions ?? MAX_PERMISSIONS,
    )
  }

  get server(): TransportAddress {
    return this.#stun.server
  }

  get stunCounters(): StunCounters {
    return this.#stun.counters
  }

  get allocation(): Allocation | undefined {
    return this.#allocation.current
  }

  /** What `send` sends to. */
  get activeDestination(): TransportAddress | undefined {
    return this.#active?.peer
  }

  /** Asks for an allocation; a UsageError where there is one already, or what is asked for cannot be. */
  allocate(request: AllocationRequest = {}): void {
    if (this.#allocation.state !== 'unallocated') {
      throw new UsageError(
        'ERR_TURN_STATE',
        'this TURN client has an allocation, or is about to: destroy it first',
      )
    }
    if (request.transport === 'TCP' && !this.#reliable) {
      throw new UsageError(
        'ERR_TURN_REQUEST',
        'a TCP allocation needs TCP or TLS to the server (RFC 6062 §4.1)',
      )
    }
    this.#dontFragment = request.dontFragment ?? false
    this.#allocation.allocate(request)
  }

  refresh(lifetime?: number): void {
    this.#needAllocation()
    this.#allocation.refresh(lifetime)
  }

  release(): void {
    this.#needAllocation()
    this.#allocation.release()
  }

  /** Asks the server which address it sees us at (RFC 8489 §2, Binding). */
  bind(answer: Answer<TransportAddress>): void {
    this.#ask(
      method.Binding,
      answer,
      response => response.get(XorMappedAddress) ?? response.get(MappedAddress),
    )
  }

  /** Asks for a temporary user name and password (RFC 3489 §9.3), over TLS to servers that still serve it. */
  requestSharedSecret(answer: Answer<{ username: string; password: string }>): void {
    this.#ask(method.SharedSecret, answer, response => {
      const username = response.get(Username)
      const password = response.get(Password)
      return username === undefined || password === undefined ? undefined : { username, password }
    })
  }

  /** Has the relay connect to `peer`; the answer is the connection's id (RFC 6062 §4.3). */
  connectPeer({ address, port }: TransportAddress, answer: Answer<number>): void {
    this.#needAllocation()
    const attributes = [valued(XorPeerAddress, { address: checkedPeer(address, port), port })]
    this.#stun.request(
      { method: method.Connect, attributes },
      this.#reader(answer, response => response.get(ConnectionId)),
    )
  }

  /** Binds a channel to `peer`, and has `send` send there from now on; what is sent meanwhile waits. */
  setActiveDestination({ address, port }: TransportAddress): void {
    this.#needAllocation()
    const channel = this.#peers.bind({ address: checkedPeer(address, port), port })
    if (this.#active !== undefined && this.#active !== channel) this.#peers.unbind(this.#active)
    this.#active = channel
    if (channel.grant.stands) this.#user.onChannelBound(channel.number, channel.peer)
  }

  clearActiveDestination(): void {
    if (this.#active !== undefined) this.#peers.unbind(this.#active)
    this.#active = undefined
  }

  /** Lets what comes from `address` through, before anything is sent there. */
  permit(address: string): void {
    this.#needAllocation()
    this.#peers.permission(checkedPeer(address, 0))
  }

  /** Sends to the active destination, through its channel. Without one the data is dropped and counted. */
  send(data: Uint8Array): void {
    const channel = this.#active
    if (channel === undefined) this.counters.unsent++
    else if (channel.grant.stands) {
      this.#options.transport.send(channelData(channel.number, data, this.#reliable), this.#stun.server)
    } else if (!channel.grant.hold(data, channel.peer.port)) this.counters.unsent++
  }

  /**
   * Sends to any peer; the permission is asked for where there is none, and the data waits for it. A UsageError for an
   * address that is not numeric.
   */
  sendTo(data: Uint8Array, address: string, port: number): void {
    const active = this.#active?.peer
    if (active !== undefined && active.port === port && active.address === address) {
      this.send(data)
      return
    }
    if (!this.#allocation.standing) {
      this.counters.unsent++
      return
    }
    const canonical = checkedPeer(address, port)
    const permission = this.#peers.permission(canonical)
    if (permission.stands) this.#indicate(data, { address: canonical, port })
    else if (!permission.hold(data, port)) this.counters.unsent++
  }

  /** Takes in one datagram, or one message cut from the stream, that came from `address` and `port`. */
  receive(bytes: Uint8Array, address: string, port: number): void {
    const { server } = this.#stun
    if (port !== server.port || address !== server.address) this.counters.foreign++
    else if (isChannelData(bytes)) this.#receiveChannelData(bytes)
    else {
      const message = parseStun(bytes)
      if (typeof message === 'string') this.counters.malformed++
      else if (!this.#clientOf(message).receiveMessage(message, server)) this.#receiveIndication(message)
    }
  }

  /** The connection to the server is gone. */
  transportFailed(cause: unknown): void {
    this.#stun.transportFailed(cause)
    this.#plain.transportFailed(cause)
    this.#allocation.lost(gone(cause))
  }

  /** Ends all here, without a word to the user or the server. */
  close(): void {
    this.#peers.clear()
    this.#allocation.close()
    this.#stun.close()
    this.#plain.close()
  }

  #allocationUser(): AllocationUser {
    const user = this.#user
    const forget = (): void => {
      this.#peers.clear()
      this.#active = undefined
    }
    return {
      onAllocated: allocation => user.onAllocated(allocation),
      onAllocationFailure: failure => user.onAllocationFailure(failure),
      onRefreshed: lifetime => user.onRefreshed(lifetime),
      onRefreshFailure: failure => user.onRefreshFailure(failure),
      onAllocationLost: failure => {
        forget()
        user.onAllocationLost(failure)
      },
      onReleased: () => {
        forget()
        user.onReleased()
      },
    }
  }

  #ask<T>(stunMethod: number, answer: Answer<T>, read: (response: StunMessage) => T | undefined): void {
    this.#plain.request({ method: stunMethod, to: this.#stun.server }, this.#reader(answer, read))
  }

  #clientOf(message: StunMessage): StunClient {
    const isPlain = message.method === method.Binding || message.method === method.SharedSecret
    return isPlain ? this.#plain : this.#stun
  }

  #reader<T>(answer: Answer<T>, read: (response: StunMessage) => T | undefined): Answer<StunMessage> {
    return {
      onSuccess: response => {
        const value = read(response)
        if (value !== undefined) answer.onSuccess(value)
        else answer.onFailure(unusable(this.#stun.server, 'lacks what was asked for'))
      },
      onFailure: failure => answer.onFailure(failure),
    }
  }

  #onBound(channel: Channel): void {
    const waiting = channel.grant.held()
    this.#user.onChannelBound(channel.number, channel.peer)
    for (const { data } of waiting) {
      this.#options.transport.send(channelData(channel.number, data, this.#reliable), this.#stun.server)
    }
  }

  #flush(address: string, permission: Grant): void {
    for (const { data, port } of permission.held()) this.#indicate(data, { address, port })
  }

  #indicate(data: Uint8Array, peer: TransportAddress): void {
    const attributes = [valued(XorPeerAddress, peer), valued(Data, data)]
    if (this.#dontFragment) attributes.push(valued(DontFragment, true))
    this.#stun.indicate({ method: method.Send, attributes })
  }

  #receiveChannelData(bytes: Uint8Array): void {
    const data = channelPayload(bytes)
    if (data === undefined) {
      this.counters.malformed++
      return
    }
    const channel = this.#peers.channel(channelOf(bytes))
    if (channel === undefined) this.counters.unknownChannel++
    else this.#user.onData(data, channel.peer.address, channel.peer.port)
  }

  #receiveIndication(message: StunMessage): void {
    const peer = message.get(XorPeerAddress)
    const known = message.method === method.Data || message.method === method.ConnectionAttempt
    if (message.class !== 'indication' || !known) this.counters.ignored++
    else if (peer === undefined) this.counters.malformed++
    else if (message.method === method.ConnectionAttempt) this.#receiveAttempt(message, peer)
    else if (!this.#peers.knows(peer.address)) this.counters.unknownPeer++
    else this.#receiveData(message, peer)
  }

  #receiveAttempt(message: StunMessage, peer: TransportAddress): void {
    const id = message.get(ConnectionId)
    if (id === undefined) this.counters.malformed++
    else this.#user.onConnectionAttempt(peer, id)
  }

  #receiveData(message: StunMessage, peer: TransportAddress): void {
    const data = message.get(Data)
    if (data !== undefined) {
      this.#user.onData(data, peer.address, peer.port)
      return
    }
    const icmp = message.get(Icmp)
    if (icmp === undefined) this.counters.malformed++
    else this.#user.onIcmp(icmp, peer)
  }

  #needAllocation(): void {
    if (!this.#allocation.standing) {
      throw new UsageError(
        'ERR_TURN_STATE',
        'there is no allocation: create one, and wait until it is granted',
      )
    }
  }
}
