import { valued } from '../../stun/attribute.ts'
import { mappedAddressOf, XorPeerAddress } from '../../stun/attributes/address.ts'
import { Password, Username } from '../../stun/attributes/credentials.ts'
import { ConnectionId } from '../../stun/attributes/turn.ts'
import { isChannelData } from '../../stun/framer.ts'
import { messageType, method } from '../../stun/header.ts'
import type { TransportAddress } from '../../stun/ip.ts'
import { parseStun, type StunMessage } from '../../stun/message.ts'
import { UsageError } from '../../util/errors.ts'
import { guarded } from '../../util/guard.ts'
import { CallbackErrors } from '../callback-errors.ts'
import { StunClient } from '../stun/client.ts'
import type { StunTransport } from '../stun/client-options.ts'
import type { StunCounters } from '../stun/counters.ts'
import type { StunRequestUser } from '../stun/exchange.ts'
import { unusable } from '../stun/failure.ts'
import { type AllocationUser, TurnAllocation } from './allocation.ts'
import type { Answer, TurnClientOptions, TurnClientUser, TurnCounters } from './client-options.ts'
import { type TurnCredentials, turnCredentials } from './credentials.ts'
import { checkedPeer, gone, isMismatch } from './failure.ts'
import { Incoming } from './incoming.ts'
import { KeepAlive } from './keep-alive.ts'
import { Outgoing } from './outgoing.ts'
import { type Channel, TurnPeers } from './peers.ts'
import type { Allocation, AllocationRequest } from './request.ts'
import { SendIndications } from './send-indication.ts'

const MAX_PERMISSIONS = 1000
const KEEP_ALIVE = 15_000
const DATA_INDICATION = messageType(method.Data, 'indication')

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
    keepAlives: 0,
  }
  readonly credentials: TurnCredentials
  readonly #user: TurnClientUser
  readonly #errors: CallbackErrors
  readonly #transport: StunTransport
  readonly #stun: StunClient
  readonly #plain: StunClient
  readonly #allocation: TurnAllocation
  readonly #peers: TurnPeers
  readonly #incoming: Incoming
  readonly #outgoing: Outgoing
  readonly #reliable: boolean
  readonly #keepAlive: KeepAlive

  constructor(options: TurnClientOptions, user: TurnClientUser) {
    this.#user = user
    this.#errors = new CallbackErrors(options)
    const { server, timers, random, software, timing, alternateServer } = options
    this.#reliable = options.transport.reliable
    const interval = this.#reliable ? 0 : (options.keepAlive ?? KEEP_ALIVE)
    this.#keepAlive = new KeepAlive(timers, interval, () => this.#sendKeepAlive())
    this.#transport = {
      reliable: this.#reliable,
      send: (bytes, to) => {
        this.#keepAlive.busy = true
        options.transport.send(bytes, to)
      },
    }
    this.credentials = options.credentials ?? turnCredentials(options.unsignedErrors, options.hash)
    const shared = {
      transport: this.#transport,
      server,
      timers,
      random,
      onCallbackError: this.#errors.failed,
      ...(software !== undefined && { software }),
      ...(timing && { timing }),
    }
    this.#plain = new StunClient({ ...shared, authentication: this.credentials.unchallenged })
    this.#stun = new StunClient({
      ...shared,
      authentication: this.credentials,
      ...(alternateServer && { alternateServer }),
      onAlternateServer: next => this.#tell(user.onServerChanged, next),
    })
    this.#allocation = new TurnAllocation(this.#stun, timers, this.#allocationUser())
    this.#peers = new TurnPeers(
      this.#stun,
      timers,
      {
        onPermitted: (address, permission) => this.#outgoing.indicateHeld(address, permission),
        onPermissionFailure: (address, failure, unsent) => {
          this.counters.unsent += unsent
          if (isMismatch(failure)) this.#allocation.lost(failure)
          this.#tell(user.onPermissionFailure, address, failure, unsent)
        },
        onBound: channel => this.#onBound(channel),
        onChannelFailure: (channel, failure, unsent) => {
          this.counters.unsent += unsent
          if (this.#outgoing.active === channel) this.#outgoing.active = undefined
          if (isMismatch(failure)) this.#allocation.lost(failure)
          this.#tell(user.onChannelFailure, channel.peer, failure, unsent)
        },
        onUnsent: count => {
          this.counters.unsent += count
        },
      },
      options.maxPermissions ?? MAX_PERMISSIONS,
    )
    this.#incoming = new Incoming(this.counters, this.#peers, user, this.#errors.failed)
    this.#outgoing = new Outgoing(
      this.counters,
      this.#peers,
      new SendIndications(random),
      this.#transport,
      () => this.#stun.server,
    )
  }

  get server(): TransportAddress {
    return this.#stun.server
  }

  get stunCounters(): StunCounters {
    return this.#stun.counters
  }

  /** What the user's callbacks have thrown or rejected with so far. */
  get callbackErrors(): number {
    return this.#errors.count
  }

  get allocation(): Allocation | undefined {
    return this.#allocation.current
  }

  /** There is no allocation, and none is being asked for or ended. */
  get idle(): boolean {
    return this.#allocation.state === 'unallocated'
  }

  /** What `send` sends to. */
  get activeDestination(): TransportAddress | undefined {
    return this.#outgoing.active?.peer
  }

  /** Asks for an allocation; a UsageError where there is one already, or what is asked for cannot be. */
  allocate(request: AllocationRequest = {}): void {
    if (!this.idle) {
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
    this.#outgoing.dontFragment = request.dontFragment ?? false
    this.#allocation.allocate(request)
  }

  /** Asks for another lifetime in seconds, or for as long as before; 0 is `release`. */
  refresh(lifetime?: number): void {
    this.#needAllocation()
    this.#allocation.refresh(lifetime)
  }

  /** Ends the allocation on the server; the request leaves within this call. */
  release(): void {
    this.#needAllocation()
    this.#allocation.release()
  }

  /** Asks the server which address it sees us at (RFC 8489 §2, Binding). */
  bind(answer: Answer<TransportAddress>): void {
    this.#ask(method.Binding, answer, mappedAddressOf)
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
    const before = this.#outgoing.active
    if (before !== undefined && before !== channel) this.#peers.unbind(before)
    this.#outgoing.active = channel
    if (channel.grant.stands) this.#tell(this.#user.onChannelBound, channel.number, channel.peer)
  }

  clearActiveDestination(): void {
    const { active } = this.#outgoing
    if (active !== undefined) this.#peers.unbind(active)
    this.#outgoing.active = undefined
  }

  /** Lets what comes from `address` through, before anything is sent there. */
  permit(address: string): void {
    this.#needAllocation()
    this.#peers.permission(checkedPeer(address, 0))
  }

  /**
   * Sends to the active destination, through its channel, or lets the data wait for it. False where there is none or
   * too much waits already: the data was dropped and counted.
   */
  send(data: Uint8Array): boolean {
    return this.#outgoing.send(data)
  }

  /**
   * Sends to any peer; the permission is asked for where there is none, and the data waits for it. False as `send`; a
   * UsageError for an address that is not numeric.
   */
  sendTo(data: Uint8Array, address: string, port: number): boolean {
    if (this.#outgoing.isActive(address, port)) return this.#outgoing.send(data)
    return this.#allocation.standing ? this.#outgoing.sendTo(data, address, port) : this.#outgoing.unsent()
  }

  /** Takes in one datagram, or one message cut from the stream, that came from `address` and `port`. */
  receive(bytes: Buffer, address: string, port: number): void {
    const { server } = this.#stun
    if (port !== server.port || address !== server.address) this.counters.foreign++
    else if (isChannelData(bytes)) this.#incoming.channelData(bytes)
    else {
      const message = parseStun(bytes)
      if (typeof message === 'string') this.counters.malformed++
      else if (message.type === DATA_INDICATION) this.#incoming.dataIndication(message, bytes)
      else if (!this.#clientOf(message).receiveMessage(message, server)) this.#incoming.indication(message)
    }
  }

  /** Nothing that is asked reaches the server just now, as an ICMP error tells; the allocation may stand all the same. */
  unreachable(cause: unknown): void {
    this.#stun.transportFailed(cause)
    this.#plain.transportFailed(cause)
  }

  /** The connection to the server is gone. */
  transportFailed(cause: unknown): void {
    this.unreachable(cause)
    this.#allocation.lost(gone(cause))
  }

  /** Ends all here, without a word to the user or the server. */
  close(): void {
    this.#keepAlive.stop()
    this.#peers.clear()
    this.#allocation.close()
    this.#stun.close()
    this.#plain.close()
  }

  #sendKeepAlive(): void {
    this.counters.keepAlives++
    try {
      this.#plain.indicate({ method: method.Binding, to: this.#stun.server })
    } catch {
      // the next one may leave
    }
  }

  #allocationUser(): AllocationUser {
    const user = this.#user
    const forget = (): void => {
      this.#keepAlive.stop()
      this.#peers.clear()
      this.#outgoing.active = undefined
    }
    return {
      onAllocated: allocation => {
        this.#keepAlive.start()
        this.#tell(user.onAllocated, allocation)
      },
      onAllocationFailure: failure => this.#tell(user.onAllocationFailure, failure),
      onRefreshed: lifetime => this.#tell(user.onRefreshed, lifetime),
      onRefreshFailure: failure => this.#tell(user.onRefreshFailure, failure),
      onAllocationLost: failure => {
        forget()
        this.#tell(user.onAllocationLost, failure)
      },
      onReleased: () => {
        forget()
        this.#tell(user.onReleased)
      },
    }
  }

  #tell<A extends unknown[]>(callback: (this: TurnClientUser, ...args: A) => unknown, ...args: A): void {
    guarded(this.#errors.failed, this.#user, callback, ...args)
  }

  #ask<T>(stunMethod: number, answer: Answer<T>, read: (response: StunMessage) => T | undefined): void {
    this.#plain.request({ method: stunMethod, to: this.#stun.server }, this.#reader(answer, read))
  }

  #clientOf(message: StunMessage): StunClient {
    const isPlain = message.method === method.Binding || message.method === method.SharedSecret
    return isPlain ? this.#plain : this.#stun
  }

  /** The STUN client guards what it calls, and so this answer. */
  #reader<T>(answer: Answer<T>, read: (response: StunMessage) => T | undefined): StunRequestUser {
    return {
      onSuccess: response => {
        const value = read(response)
        if (value !== undefined) return answer.onSuccess(value)
        return answer.onFailure(unusable(this.#stun.server, 'lacks what was asked for'))
      },
      onFailure: failure => answer.onFailure(failure),
    }
  }

  #onBound(channel: Channel): void {
    this.#tell(this.#user.onChannelBound, channel.number, channel.peer)
    this.#outgoing.sendHeld(channel)
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
