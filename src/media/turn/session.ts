import { systemTimers } from '../../net/clock.ts'
import { systemRandom } from '../../net/random.ts'
import { addressText, type TransportAddress } from '../../stun/ip.ts'
import { EnvironmentError, UsageError } from '../../util/errors.ts'
import { guarded } from '../../util/guard.ts'
import type { Timers } from '../../util/timers.ts'
import { CallbackErrors } from '../callback-errors.ts'
import { StunErrorResponse, type StunFailure } from '../stun/failure.ts'
import { TurnClient } from './client.ts'
import type { Answer, TurnClientUser } from './client-options.ts'
import { type TurnCredentials, turnCredentials } from './credentials.ts'
import { gone, turnRefusal } from './failure.ts'
import type { TurnCarrier, TurnNetwork } from './network.ts'
import type { TurnPeerConnection } from './peer-connection.ts'
import { PeerConnections } from './peer-connections.ts'
import { type AllocationRequest, withoutPort } from './request.ts'
import { ServerChoice } from './server-choice.ts'
import type { TurnSessionOptions, TurnSessionUser } from './session-options.ts'

export type { TurnSessionOptions, TurnSessionUser } from './session-options.ts'

/** @internal A TURN client with its carrier: what the awaited and the handler form have in common. */
export class TurnSession {
  readonly timers: Timers
  readonly credentials: TurnCredentials
  readonly errors: CallbackErrors
  readonly #network: TurnNetwork
  readonly #options: TurnSessionOptions
  readonly #user: TurnSessionUser
  readonly #peerConnections: PeerConnections
  readonly #choice: ServerChoice
  #client: TurnClient | undefined
  #carrier: TurnCarrier | undefined
  #connecting: Promise<TransportAddress> | undefined
  #domain: string
  #request: AllocationRequest = {}
  /** The socket that is being bound, until it is known what became of it. */
  #opening: Promise<unknown> | undefined
  #closing: Promise<void> | undefined
  #closed = false

  constructor(network: TurnNetwork, options: TurnSessionOptions, user: TurnSessionUser) {
    this.timers = options.timers ?? systemTimers
    this.credentials = turnCredentials(options.unsignedErrors)
    this.errors = new CallbackErrors(options)
    this.#network = network
    this.#options = options
    this.#choice = new ServerChoice(network, options)
    this.#peerConnections = new PeerConnections(
      network,
      this.credentials,
      this.timers,
      options,
      this.errors.failed,
    )
    this.#domain = options.host
    this.#user = user
    const { username, password } = options
    if (username !== undefined && password !== undefined) {
      this.credentials.set({ username, password }, options.credentials)
    }
  }

  /** A UsageError before `connect` has succeeded, and after the connection is gone. */
  get client(): TurnClient {
    if (this.#client !== undefined && this.#carrier !== undefined) return this.#client
    throw new UsageError('ERR_TURN_STATE', 'this TURN socket is not connected: connect it first')
  }

  get local(): TransportAddress | undefined {
    return this.#carrier?.local
  }

  /** Of the socket, in bytes; 0 where nobody knows. */
  get receiveBufferSize(): number {
    return this.#carrier?.receiveBufferSize ?? 0
  }

  /** The client where there is one; for getters that must not throw. */
  get present(): TurnClient | undefined {
    return this.#client
  }

  /**
   * Looks the server up and connects to it, to the first of its addresses that takes us; over UDP, where nobody
   * knows, the others are asked when the first stays silent. Called while it connects, it is the same call.
   */
  connect(): Promise<TransportAddress> {
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  allocate(request: AllocationRequest): void {
    const { client } = this
    if (client.idle) {
      this.#request = request
      this.#choice.begin(client.server)
    }
    client.allocate(request)
  }

  /** As the client's `bind`, of the server's addresses in turn over UDP, until one answers or an allocation stands. */
  bind(answer: Answer<{ reflexive: TransportAddress; server: TransportAddress }>): void {
    const { client } = this
    client.bind({
      onSuccess: reflexive => answer.onSuccess({ reflexive, server: client.server }),
      onFailure: failure => {
        // not while another request has moved us, or may
        const next =
          this.#carrier !== undefined && client.idle ? this.#choice.nextAddress(failure) : undefined
        if (next === undefined) return answer.onFailure(failure)
        this.#move(next, this.#domain).then(
          () => {
            if (this.#carrier !== undefined) this.bind(answer)
            else if (!this.#closed) answer.onFailure(failure)
          },
          (error: unknown) => {
            if (!this.#closed) answer.onFailure(asFailure(error, failure))
          },
        )
      },
    })
  }

  /** Takes a connection that a peer made (RFC 6062 §4.4). */
  acceptPeer(peer: TransportAddress, connectionId: number, answer: Answer<TurnPeerConnection>): void {
    try {
      this.#peerConnections.open(peer, connectionId, this.client.server, this.#domain, answer)
    } catch (error) {
      answer.onFailure(gone(error))
    }
  }

  /** Connects to a peer through a TCP allocation. */
  connectPeer(peer: TransportAddress, answer: Answer<TurnPeerConnection>): void {
    this.client.connectPeer(peer, {
      onSuccess: id => this.acceptPeer(peer, id, answer),
      onFailure: failure => answer.onFailure(failure),
    })
  }

  /**
   * Ends all, here; the user hears no more. The server keeps an allocation until it expires. Resolves when the port is free,
   * however often it is called.
   */
  close(): Promise<void> {
    this.#closed = true
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#client?.close()
    this.#peerConnections.close()
    const carrier = this.#carrier
    this.#carrier = undefined
    await carrier?.close()
    // a connection on its way holds no port that anybody asked for
    if (!this.#network.reliable) await this.#opening?.catch(() => {})
  }

  async #connect(): Promise<TransportAddress> {
    if (this.#carrier !== undefined) throw new UsageError('ERR_TURN_STATE', 'this TURN socket is connected')
    const { host } = this.#options
    await this.#choice.locate()
    let failure: unknown
    for (let next = this.#choice.next(); next !== undefined; next = this.#choice.next()) {
      if (this.#closed) break
      try {
        return await this.#open(next, host)
      } catch (error) {
        failure = error
      }
    }
    throw failure ?? closedMeanwhile()
  }

  #open(server: TransportAddress, domain: string): Promise<TransportAddress> {
    const opening = this.#bound(server, domain)
    this.#opening = opening
    return opening
  }

  async #bound(server: TransportAddress, domain: string): Promise<TransportAddress> {
    let client: TurnClient | undefined
    const carrier = await this.#network.open(server, domain, {
      onMessage: (bytes, address, port) => client?.receive(bytes, address, port),
      onDown: error => this.#onDown(error),
      onUnreachable: error => client?.unreachable(error),
    })
    if (this.#closed) {
      await carrier.close()
      throw closedMeanwhile()
    }
    this.#domain = domain
    const { software, timing, maxPermissions, keepAlive } = this.#options
    client = new TurnClient(
      {
        transport: carrier,
        server,
        timers: this.timers,
        random: this.#options.random ?? systemRandom,
        credentials: this.credentials,
        // followed by `#move`: another server is another socket
        alternateServer: 'never',
        onCallbackError: this.errors.failed,
        ...(software !== undefined && { software }),
        ...(timing && { timing }),
        ...(maxPermissions !== undefined && { maxPermissions }),
        ...(keepAlive !== undefined && { keepAlive }),
      },
      this.#clientUser(),
    )
    this.#client?.close()
    this.#client = client
    this.#carrier = carrier
    return server
  }

  /** As the user wants it: nothing after `close`, also where one event makes two calls and the first one closes. */
  #clientUser(): TurnClientUser {
    const user = this.#user
    const tell = (call: () => void): void => {
      if (!this.#closed) call()
    }
    return {
      onAllocated: allocation => tell(() => user.onAllocated(allocation)),
      onAllocationFailure: failure => tell(() => this.#onAllocationFailure(failure)),
      onRefreshed: lifetime => tell(() => user.onRefreshed(lifetime)),
      onRefreshFailure: failure => tell(() => user.onRefreshFailure(failure)),
      onAllocationLost: failure => tell(() => user.onAllocationLost(failure)),
      onReleased: () => tell(() => user.onReleased()),
      onChannelBound: (number, peer) => tell(() => user.onChannelBound(number, peer)),
      onChannelFailure: (peer, failure, unsent) => tell(() => user.onChannelFailure(peer, failure, unsent)),
      onPermissionFailure: (address, failure, unsent) =>
        tell(() => user.onPermissionFailure(address, failure, unsent)),
      onData: (data, address, port) => {
        if (!this.#closed) user.onData(data, address, port)
      },
      onIcmp: (icmp, peer) => tell(() => user.onIcmp(icmp, peer)),
      onConnectionAttempt: (peer, id) => tell(() => user.onConnectionAttempt(peer, id)),
      onServerChanged: server => tell(() => user.onServerChanged(server)),
    }
  }

  /** What RFC 8656 §7.4 does with a refusal, and §3.9 with silence; the user hears what is left. */
  #onAllocationFailure(failure: StunFailure): void {
    const choice = this.#choice
    const server = this.#client?.server
    const next =
      choice.alternate(failure, server) ?? choice.nextAddress(failure) ?? choice.sameServer(failure, server)
    const weaker = turnRefusal(failure) === 'insufficient-capacity' ? withoutPort(this.#request) : undefined
    if (next !== undefined) this.#allocateAt(next, failure)
    else if (weaker !== undefined && this.#client !== undefined) {
      this.#request = weaker
      this.#client.allocate(weaker)
    } else guarded(this.errors.failed, this.#user, this.#user.onAllocationFailure, failure)
  }

  #allocateAt(server: TransportAddress, failure: StunFailure): void {
    const before = this.#client?.server
    const named = failure instanceof StunErrorResponse ? failure.alternateDomain : undefined
    this.#move(server, named ?? this.#domain).then(
      () => {
        if (before === undefined || addressText(before) !== addressText(server)) {
          guarded(this.errors.failed, this.#user, this.#user.onServerChanged, server)
        }
        // the user may have closed the session, or asked for an allocation itself
        if (this.#closed || this.#carrier === undefined || !this.#client?.idle) return
        this.#choice.asked(server)
        this.#client.allocate(this.#request)
      },
      (error: unknown) => {
        if (!this.#closed) this.#onAllocationFailure(asFailure(error, failure))
      },
    )
  }

  /** To a server by a new socket; what was asked of the one before has failed. Who connects meanwhile gets this. */
  #move(server: TransportAddress, domain: string): Promise<TransportAddress> {
    const carrier = this.#carrier
    this.#carrier = undefined
    this.credentials.reset()
    this.#client?.unreachable(
      new EnvironmentError(
        'ERR_TURN_MOVED',
        'the TURN socket turned to another address meanwhile: ask again',
      ),
    )
    const moved = Promise.resolve(carrier?.close()).then(() => this.#open(server, domain))
    this.#connecting = moved.finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  #onDown(error: EnvironmentError): void {
    if (this.#closed) return
    this.#carrier = undefined
    guarded(this.errors.failed, this.#user, this.#user.onDisconnected, error)
    this.#client?.transportFailed(error)
  }
}

function closedMeanwhile(): EnvironmentError {
  return new EnvironmentError('ERR_CLOSED', 'the TURN socket was closed while it was connecting')
}

function asFailure(error: unknown, otherwise: StunFailure): StunFailure {
  return error instanceof EnvironmentError ? error : otherwise
}
