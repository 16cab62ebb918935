import { systemTimers } from '../../net/clock.ts'
import { systemRandom } from '../../net/random.ts'
import { resolveHost } from '../../net/resolve.ts'
import { EnvironmentError, UsageError } from '../../util/errors.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import { StunErrorResponse, type StunFailure } from '../stun/failure.ts'
import { addressText, isIPv6, type TransportAddress } from '../stun/ip.ts'
import { locateServer, type ResolveHost } from '../stun/server-name.ts'
import type { StunTiming } from '../stun/transaction.ts'
import { TurnClient } from './client.ts'
import type { Answer, TurnClientUser } from './client-options.ts'
import { type TurnCredentials, turnCredentials } from './credentials.ts'
import type { TurnCarrier, TurnNetwork } from './network.ts'
import { TurnPeerConnection } from './peer-connection.ts'
import type { AllocationRequest } from './request.ts'

export interface TurnSessionOptions {
  /** A name or a numeric address. */
  readonly host: string
  /** Default 3478; 5349 over TLS. */
  readonly port?: number
  readonly username?: string
  readonly password?: string
  /** `short` for credentials of a shared secret (RFC 3489). Default `long`. */
  readonly credentials?: 'long' | 'short'
  readonly software?: string
  readonly timing?: Partial<StunTiming>
  readonly unsignedErrors?: 'accept' | 'discard'
  readonly alternateServer?: 'any' | 'authenticated' | 'never'
  readonly maxPermissions?: number
  readonly timers?: Timers
  readonly random?: RandomSource
  /** The system's look-up by default. */
  readonly resolve?: ResolveHost
}

/** What a session tells; nothing after `close`. */
export interface TurnSessionUser extends TurnClientUser {
  /** The connection to the server is gone; never over UDP. */
  onDisconnected(error: EnvironmentError): void
}

/** A 300 over a stream leads to another connection; this many in a row are followed. */
const MOST_REDIRECTIONS = 4

/** @internal A TURN client with its carrier: what the awaited and the handler form have in common. */
export class TurnSession {
  readonly timers: Timers
  readonly credentials: TurnCredentials
  readonly #network: TurnNetwork
  readonly #options: TurnSessionOptions
  readonly #user: TurnSessionUser
  readonly #defaultPort: number
  readonly #peerConnections = new Set<TurnPeerConnection>()
  #client: TurnClient | undefined
  #carrier: TurnCarrier | undefined
  #domain: string
  #request: AllocationRequest | undefined
  #redirections = 0
  #closed = false

  constructor(network: TurnNetwork, defaultPort: number, options: TurnSessionOptions, user: TurnSessionUser) {
    this.timers = options.timers ?? systemTimers
    this.credentials = turnCredentials(options.unsignedErrors)
    this.#network = network
    this.#options = options
    this.#defaultPort = defaultPort
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

  /** The client where there is one; for getters that must not throw. */
  get present(): TurnClient | undefined {
    return this.#client
  }

  /** Looks the server up and connects to it, to the first of its addresses that takes us. */
  async connect(): Promise<TransportAddress> {
    const { host, port = this.#defaultPort, resolve = resolveHost } = this.#options
    if (this.#carrier !== undefined) throw new UsageError('ERR_TURN_STATE', 'this TURN socket is connected')
    const transport = this.#network.reliable ? 'tcp' : 'udp'
    const locations = await locateServer({ scheme: 'turn', host, port, transport }, resolve)
    let failure: unknown
    for (const { address } of locations) {
      try {
        return await this.#connectTo({ address, port }, host)
      } catch (error) {
        failure = error
      }
      if (this.#closed) break
    }
    throw failure
  }

  allocate(request: AllocationRequest): void {
    this.client.allocate(request)
    this.#request = request
    this.#redirections = 0
  }

  /** Opens the data connection that `connectionId` stands for (RFC 6062 §4.3, §4.4). */
  bindConnection(peer: TransportAddress, connectionId: number, answer: Answer<TurnPeerConnection>): void {
    const { server } = this.client
    const { stream } = this.#network
    if (stream === undefined) {
      throw new UsageError(
        'ERR_TURN_REQUEST',
        'connections to peers need TCP or TLS to the server (RFC 6062)',
      )
    }
    const connection: TurnPeerConnection = new TurnPeerConnection({
      connectionId,
      peer,
      server,
      credentials: this.credentials,
      timers: this.timers,
      random: this.#options.random ?? systemRandom,
      open: receiver => stream(server, this.#domain, receiver),
      onReady: ready => {
        if (!this.#closed) answer.onSuccess(ready)
      },
      onFailure: failure => {
        this.#peerConnections.delete(connection)
        if (!this.#closed) answer.onFailure(failure)
      },
    })
    this.#peerConnections.add(connection)
  }

  /** Connects to a peer through a TCP allocation. */
  connectPeer(peer: TransportAddress, answer: Answer<TurnPeerConnection>): void {
    this.client.connectPeer(peer, {
      onSuccess: id => this.bindConnection(peer, id, answer),
      onFailure: failure => answer.onFailure(failure),
    })
  }

  /** Ends all, here; the user hears no more. The server keeps an allocation until it expires. */
  async close(): Promise<void> {
    this.#closed = true
    this.#client?.close()
    for (const connection of this.#peerConnections) connection.close()
    this.#peerConnections.clear()
    const carrier = this.#carrier
    this.#carrier = undefined
    await carrier?.close()
  }

  async #connectTo(server: TransportAddress, domain: string): Promise<TransportAddress> {
    let client: TurnClient | undefined
    const carrier = await this.#network.open(server, domain, {
      onMessage: (bytes, address, port) => client?.receive(bytes, address, port),
      onDown: error => this.#onDown(error),
    })
    if (this.#closed) {
      await carrier.close()
      throw new EnvironmentError('ERR_CLOSED', 'the TURN socket was closed while it was connecting')
    }
    this.#domain = domain
    const { software, timing, alternateServer, maxPermissions } = this.#options
    client = new TurnClient(
      {
        transport: carrier,
        server,
        timers: this.timers,
        random: this.#options.random ?? systemRandom,
        credentials: this.credentials,
        ...(software !== undefined && { software }),
        ...(timing && { timing }),
        ...(alternateServer && { alternateServer }),
        ...(maxPermissions !== undefined && { maxPermissions }),
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
      onChannelFailure: (peer, failure) => tell(() => user.onChannelFailure(peer, failure)),
      onPermissionFailure: (address, failure) => tell(() => user.onPermissionFailure(address, failure)),
      onData: (data, address, port) => {
        if (!this.#closed) user.onData(data, address, port)
      },
      onIcmp: (icmp, peer) => tell(() => user.onIcmp(icmp, peer)),
      onConnectionAttempt: (peer, id) => tell(() => user.onConnectionAttempt(peer, id)),
      onServerChanged: server => tell(() => user.onServerChanged(server)),
    }
  }

  #onAllocationFailure(failure: StunFailure): void {
    const next = this.#alternate(failure)
    if (next === undefined) {
      this.#user.onAllocationFailure(failure)
      return
    }
    this.#redirections++
    const domain = failure instanceof StunErrorResponse ? failure.alternateDomain : undefined
    this.#redirect(next, domain ?? this.#domain, failure).catch(() => {})
  }

  /** Over a stream, the server of the same family that a 300 names; over UDP the STUN client follows it. */
  #alternate(failure: StunFailure): TransportAddress | undefined {
    if (!(failure instanceof StunErrorResponse) || !this.#network.reliable) return undefined
    const policy = this.#options.alternateServer ?? 'any'
    if (policy !== 'any' || this.#redirections >= MOST_REDIRECTIONS) return undefined
    const server = this.#client?.server
    return failure.alternateServers.find(
      other =>
        server !== undefined &&
        isIPv6(other.address) === isIPv6(server.address) &&
        addressText(other) !== addressText(server),
    )
  }

  async #redirect(server: TransportAddress, domain: string, failure: StunFailure): Promise<void> {
    const carrier = this.#carrier
    this.#carrier = undefined
    this.credentials.reset()
    await carrier?.close()
    try {
      await this.#connectTo(server, domain)
    } catch (error) {
      if (this.#closed) return
      this.#user.onAllocationFailure(error instanceof EnvironmentError ? error : failure)
      return
    }
    this.#user.onServerChanged(server)
    if (!this.#closed) this.#client?.allocate(this.#request ?? {})
  }

  #onDown(error: EnvironmentError): void {
    if (this.#closed) return
    this.#carrier = undefined
    this.#user.onDisconnected(error)
    this.#client?.transportFailed(error)
  }
}
