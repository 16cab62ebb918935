import type { TransportAddress } from '../../stun/ip.ts'
import { EnvironmentError, UsageError } from '../../util/errors.ts'
import { guarded } from '../../util/guard.ts'
import { Inbox, type ReceiveCallback, type ReceiveOptions } from '../../util/inbox.ts'
import type { TurnAsyncSocketHandler, TurnFailure } from './async-socket-handler.ts'
import {
  type LocalBinding,
  type TlsOptions,
  type TurnNetwork,
  tcpNetwork,
  tlsNetwork,
  udpNetwork,
} from './network.ts'
import type { TurnPeerConnection } from './peer-connection.ts'
import type { AllocationRequest } from './request.ts'
import { TurnSession, type TurnSessionOptions } from './session.ts'

export interface TurnAsyncSocketOptions extends TurnSessionOptions {
  /**
   * `pushed`: what peers send is told as it comes, the default. `asked`: one datagram for each `receive` or
   * `receiveFrom`; the others wait.
   */
  readonly delivery?: 'pushed' | 'asked'
  /** With `asked`: datagrams that may wait; the oldest are dropped past it. Default 256. */
  readonly receiveQueue?: number
}

const QUEUE = 256

let lastId = 0

/** A TURN client that tells its handler; see TurnAsyncUdpSocket, TurnAsyncTcpSocket and TurnAsyncTlsSocket. */
export class TurnAsyncSocket {
  /** Unlike any other socket's of this process. */
  readonly id: number = ++lastId
  readonly #handler: TurnAsyncSocketHandler
  readonly #session: TurnSession
  /** Only where datagrams are asked for. */
  readonly #inbox: Inbox | undefined
  #closed = false

  /** @internal */
  constructor(handler: TurnAsyncSocketHandler, network: TurnNetwork, options: TurnAsyncSocketOptions) {
    this.#handler = handler
    this.#session = new TurnSession(network, options, {
      onAllocated: ({ reflexive, relay, lifetime, bandwidth, reservationToken }) =>
        this.#tell(handler.onAllocationSuccess, reflexive, relay, lifetime, bandwidth, reservationToken),
      onAllocationFailure: failure => this.#tell(handler.onAllocationFailure, failure),
      onRefreshed: lifetime => this.#tell(handler.onRefreshSuccess, lifetime),
      onRefreshFailure: failure => this.#tell(handler.onRefreshFailure, failure),
      onAllocationLost: failure => this.#tell(handler.onAllocationLost, failure),
      onReleased: () => this.#tell(handler.onRefreshSuccess, 0),
      onChannelBound: (number, { address, port }) => {
        this.#tell(handler.onChannelBindSuccess, number)
        this.#tell(handler.onSetActiveDestinationSuccess, address, port)
      },
      onChannelFailure: (_, failure, unsent) => {
        this.#tell(handler.onChannelBindFailure, failure)
        this.#tell(handler.onSetActiveDestinationFailure, failure)
        if (unsent > 0) this.#tell(handler.onSendFailure, failure)
      },
      onPermissionFailure: (_, failure) => this.#tell(handler.onSendFailure, failure),
      onData: (data, address, port) => {
        if (this.#inbox === undefined) this.#tell(handler.onReceiveSuccess, address, port, data)
        else this.#inbox.push(data, address, port)
      },
      onIcmp: (icmp, { address, port }) => this.#tell(handler.onIcmp, icmp, address, port),
      onConnectionAttempt: ({ address, port }, connectionId) =>
        this.#tell(handler.onConnectionAttempt, address, port, connectionId),
      onServerChanged: ({ address, port }) => this.#tell(handler.onAlternateServer, address, port),
      onDisconnected: error => {
        this.#tell(handler.onDisconnected, error)
        if (this.#inbox === undefined) this.#tell(handler.onReceiveFailure, error)
        else this.#inbox.interrupt(error)
      },
    })
    this.#inbox =
      options.delivery === 'asked'
        ? new Inbox(this.#session.timers, options.receiveQueue ?? QUEUE)
        : undefined
  }

  get localTuple(): TransportAddress | undefined {
    return this.#session.local
  }
  get relayTuple(): TransportAddress | undefined {
    return this.#session.present?.allocation?.relay
  }
  get reflexiveTuple(): TransportAddress | undefined {
    return this.#session.present?.allocation?.reflexive
  }
  /** Seconds, as of the last refresh; 0 without an allocation. */
  get lifetime(): number {
    return this.#session.present?.allocation?.lifetime ?? 0
  }
  /** Kilobits a second, where the server told it. */
  get bandwidth(): number | undefined {
    return this.#session.present?.allocation?.bandwidth
  }
  /** With `delivery: 'asked'`: datagrams dropped because nobody asked for them in time. */
  get dropped(): number {
    return this.#inbox?.dropped ?? 0
  }
  /** What the handler has thrown or rejected with so far. */
  get callbackErrors(): number {
    return this.#session.errors.count
  }

  setUsernameAndPassword(username: string, password: string, term: 'long' | 'short' = 'long'): void {
    this.#session.credentials.set({ username, password }, term)
  }

  connect(): void {
    this.#session.connect().then(
      ({ address, port }) => {
        this.#inbox?.resume()
        this.#tell(this.#handler.onConnectSuccess, address, port)
      },
      (error: Error) => this.#tell(this.#handler.onConnectFailure, error),
    )
  }

  requestSharedSecret(): void {
    this.#session.client.requestSharedSecret({
      onSuccess: ({ username, password }) =>
        this.#tell(this.#handler.onSharedSecretSuccess, username, password),
      onFailure: failure => this.#tell(this.#handler.onSharedSecretFailure, failure),
    })
  }

  bindRequest(): void {
    const { server } = this.#session.client
    this.#session.bind({
      onSuccess: bound => this.#tell(this.#handler.onBindSuccess, bound.reflexive, bound.server),
      onFailure: failure =>
        this.#tell(this.#handler.onBindFailure, failure, this.#session.present?.server ?? server),
    })
  }

  /** A UsageError where there is an allocation already, before `connect`, and for what cannot be asked for. */
  createAllocation(request: AllocationRequest = {}): void {
    this.#session.allocate(request)
  }

  /** Asks for another lifetime in seconds, or for as long as before; 0 is `destroyAllocation`. */
  refreshAllocation(lifetime?: number): void {
    this.#session.client.refresh(lifetime)
  }

  destroyAllocation(): void {
    this.#session.client.release()
  }

  /** Binds a channel; what is sent meanwhile waits for it. */
  setActiveDestination(address: string, port: number): void {
    this.#session.client.setActiveDestination({ address, port })
  }

  clearActiveDestination(): void {
    try {
      this.#session.client.clearActiveDestination()
    } catch (error) {
      this.#tell(this.#handler.onClearActiveDestinationFailure, asError(error))
      return
    }
    this.#tell(this.#handler.onClearActiveDestinationSuccess)
  }

  /** Sends to the active destination. */
  send(data: Uint8Array): void {
    this.#sent(() => this.#session.client.send(data))
  }

  sendTo(address: string, port: number, data: Uint8Array): void {
    this.#sent(() => this.#session.client.sendTo(data, address, port))
  }

  /**
   * With `delivery: 'asked'`: has `onReceiveSuccess` told the oldest datagram that waits, or the next; or
   * `onReceiveFailure` that none came in time, or that the connection is gone. A UsageError where they are pushed.
   */
  receive({ timeout }: ReceiveOptions = {}): void {
    this.#asked().take(undefined, timeout, this.#received)
  }

  /** As `receive`, of one peer; datagrams of others go on waiting. */
  receiveFrom(address: string, port: number, { timeout }: ReceiveOptions = {}): void {
    this.#asked().take({ address, port }, timeout, this.#received)
  }

  /** Connects to a peer through a TCP allocation (RFC 6062 §4.3). */
  connectPeer(address: string, port: number): void {
    this.#session.connectPeer({ address, port }, this.#peerAnswer())
  }

  /** Takes a connection of `onConnectionAttempt`; the server gives up after 30 seconds. */
  acceptConnection(address: string, port: number, connectionId: number): void {
    this.#session.acceptPeer({ address, port }, connectionId, this.#peerAnswer())
  }

  /** Closes; nothing is called from here on. */
  close(): Promise<void> {
    this.#closed = true
    this.#inbox?.close()
    return this.#session.close()
  }

  readonly #received: ReceiveCallback<Buffer> = (error, received) => {
    const { onReceiveFailure, onReceiveSuccess } = this.#handler
    if (received !== undefined) {
      this.#tell(onReceiveSuccess, received.source.address, received.source.port, received.data)
    } else if (error !== undefined) this.#tell(onReceiveFailure, error)
  }

  #asked(): Inbox {
    if (this.#inbox !== undefined) return this.#inbox
    throw new UsageError(
      'ERR_TURN_DELIVERY',
      "this TURN socket tells datagrams as they come: make it with delivery 'asked' to ask for them",
    )
  }

  /** The one door to the handler: its own id first, and nothing after `close`. */
  #tell<A extends unknown[]>(
    callback: ((this: TurnAsyncSocketHandler, id: number, ...args: A) => unknown) | undefined,
    ...args: A
  ): void {
    if (!this.#closed) guarded(this.#session.errors.failed, this.#handler, callback, this.id, ...args)
  }

  #peerAnswer(): { onSuccess(connection: TurnPeerConnection): void; onFailure(failure: TurnFailure): void } {
    return {
      onSuccess: connection => this.#tell(this.#handler.onPeerConnectionSuccess, connection),
      onFailure: failure => this.#tell(this.#handler.onPeerConnectionFailure, failure),
    }
  }

  #sent(send: () => boolean): void {
    try {
      if (!send()) throw notSent()
    } catch (error) {
      this.#tell(this.#handler.onSendFailure, asError(error))
      return
    }
    this.#tell(this.#handler.onSendSuccess)
  }
}

/** Over UDP. */
export class TurnAsyncUdpSocket extends TurnAsyncSocket {
  constructor(handler: TurnAsyncSocketHandler, options: TurnAsyncSocketOptions & { local?: LocalBinding }) {
    super(handler, udpNetwork(options.local), options)
  }
}

/** Over TCP. */
export class TurnAsyncTcpSocket extends TurnAsyncSocket {
  constructor(handler: TurnAsyncSocketHandler, options: TurnAsyncSocketOptions & { local?: LocalBinding }) {
    super(handler, tcpNetwork(options.local), options)
  }
}

/** Over TLS; the server's certificate is checked unless `tls` says otherwise. */
export class TurnAsyncTlsSocket extends TurnAsyncSocket {
  constructor(
    handler: TurnAsyncSocketHandler,
    options: TurnAsyncSocketOptions & { local?: LocalBinding; tls?: TlsOptions },
  ) {
    super(handler, tlsNetwork(options.tls, options.local), options)
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

function notSent(): EnvironmentError {
  return new EnvironmentError(
    'ERR_TURN_NOT_SENT',
    'not sent: there is no allocation or no active destination, or too much waits for a permission already',
  )
}
