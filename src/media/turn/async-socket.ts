import { EnvironmentError } from '../../util/errors.ts'
import type { IcmpError } from '../stun/attributes/turn.ts'
import type { StunFailure } from '../stun/failure.ts'
import type { TransportAddress } from '../stun/ip.ts'
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

/** Why something came to nothing: the server's refusal with code and reason, its silence, or the network. */
export type TurnFailure = StunFailure

/**
 * What a TurnAsync socket calls; each is optional, and `id` is the socket's own, so that one handler can serve many.
 * Nothing is called after `close`.
 */
export interface TurnAsyncSocketHandler {
  onConnectSuccess?(id: number, address: string, port: number): void
  onConnectFailure?(id: number, error: Error): void
  /** The connection to the server is gone; never over UDP. */
  onDisconnected?(id: number, error: EnvironmentError): void
  onSharedSecretSuccess?(id: number, username: string, password: string): void
  onSharedSecretFailure?(id: number, error: TurnFailure): void
  onBindSuccess?(id: number, reflexive: TransportAddress, server: TransportAddress): void
  onBindFailure?(id: number, error: TurnFailure, server: TransportAddress): void
  /** Lifetime in seconds, bandwidth in kbit/s where the server tells it, the token where one was asked for. */
  onAllocationSuccess?(
    id: number,
    reflexive: TransportAddress | undefined,
    relay: TransportAddress,
    lifetime: number,
    bandwidth: number | undefined,
    reservationToken: Uint8Array | undefined,
  ): void
  onAllocationFailure?(id: number, error: TurnFailure): void
  /** A refresh, asked for or due, went through; lifetime 0 is the end of `destroyAllocation`. */
  onRefreshSuccess?(id: number, lifetime: number): void
  onRefreshFailure?(id: number, error: TurnFailure): void
  /** The server holds the allocation no more: it expired, was forgotten, or the connection is gone. */
  onAllocationLost?(id: number, error: TurnFailure): void
  onSetActiveDestinationSuccess?(id: number, address: string, port: number): void
  onSetActiveDestinationFailure?(id: number, error: TurnFailure): void
  onClearActiveDestinationSuccess?(id: number): void
  onClearActiveDestinationFailure?(id: number, error: Error): void
  onChannelBindSuccess?(id: number, channel: number): void
  onChannelBindFailure?(id: number, error: TurnFailure): void
  /** `data` belongs to the handler. */
  onReceiveSuccess?(id: number, address: string, port: number, data: Uint8Array): void
  onReceiveFailure?(id: number, error: Error): void
  /** What was sent has been given to the system, or waits for its permission. */
  onSendSuccess?(id: number): void
  onSendFailure?(id: number, error: Error): void
  /** ICMP at the relay for something that we sent (RFC 8656 §11.5). */
  onIcmp?(id: number, icmp: IcmpError, address: string, port: number): void
  /** A peer connected to a TCP allocation; `acceptConnection` takes it (RFC 6062 §4.4). */
  onConnectionAttempt?(id: number, address: string, port: number, connectionId: number): void
  onPeerConnectionSuccess?(id: number, connection: TurnPeerConnection): void
  onPeerConnectionFailure?(id: number, error: TurnFailure): void
  onAlternateServer?(id: number, address: string, port: number): void
}

let lastId = 0

/** A TURN client that tells its handler; see TurnAsyncUdpSocket, TurnAsyncTcpSocket and TurnAsyncTlsSocket. */
export class TurnAsyncSocket {
  /** Unlike any other socket's of this process. */
  readonly id: number = ++lastId
  readonly #handler: TurnAsyncSocketHandler
  readonly #session: TurnSession
  #closed = false

  /** @internal */
  constructor(
    handler: TurnAsyncSocketHandler,
    network: TurnNetwork,
    defaultPort: number,
    options: TurnSessionOptions,
  ) {
    this.#handler = handler
    const { id } = this
    this.#session = new TurnSession(network, defaultPort, options, {
      onAllocated: ({ reflexive, relay, lifetime, bandwidth, reservationToken }) =>
        handler.onAllocationSuccess?.(id, reflexive, relay, lifetime, bandwidth, reservationToken),
      onAllocationFailure: failure => handler.onAllocationFailure?.(id, failure),
      onRefreshed: lifetime => handler.onRefreshSuccess?.(id, lifetime),
      onRefreshFailure: failure => handler.onRefreshFailure?.(id, failure),
      onAllocationLost: failure => handler.onAllocationLost?.(id, failure),
      onReleased: () => handler.onRefreshSuccess?.(id, 0),
      onChannelBound: (number, { address, port }) => {
        handler.onChannelBindSuccess?.(id, number)
        if (!this.#closed) handler.onSetActiveDestinationSuccess?.(id, address, port)
      },
      onChannelFailure: (_, failure) => {
        handler.onChannelBindFailure?.(id, failure)
        if (!this.#closed) handler.onSetActiveDestinationFailure?.(id, failure)
      },
      onPermissionFailure: (_, failure) => handler.onSendFailure?.(id, failure),
      onData: (data, address, port) => handler.onReceiveSuccess?.(id, address, port, data),
      onIcmp: (icmp, { address, port }) => handler.onIcmp?.(id, icmp, address, port),
      onConnectionAttempt: ({ address, port }, connectionId) =>
        handler.onConnectionAttempt?.(id, address, port, connectionId),
      onServerChanged: ({ address, port }) => handler.onAlternateServer?.(id, address, port),
      onDisconnected: error => {
        handler.onDisconnected?.(id, error)
        if (!this.#closed) handler.onReceiveFailure?.(id, error)
      },
    })
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

  setUsernameAndPassword(username: string, password: string, term: 'long' | 'short' = 'long'): void {
    this.#session.credentials.set({ username, password }, term)
  }

  connect(): void {
    this.#session.connect().then(
      ({ address, port }) => {
        if (!this.#closed) this.#handler.onConnectSuccess?.(this.id, address, port)
      },
      (error: Error) => {
        if (!this.#closed) this.#handler.onConnectFailure?.(this.id, error)
      },
    )
  }

  requestSharedSecret(): void {
    const { id } = this
    this.#session.client.requestSharedSecret({
      onSuccess: ({ username, password }) => this.#handler.onSharedSecretSuccess?.(id, username, password),
      onFailure: failure => this.#handler.onSharedSecretFailure?.(id, failure),
    })
  }

  bindRequest(): void {
    const { client } = this.#session
    client.bind({
      onSuccess: reflexive => this.#handler.onBindSuccess?.(this.id, reflexive, client.server),
      onFailure: failure => this.#handler.onBindFailure?.(this.id, failure, client.server),
    })
  }

  /** A UsageError where there is an allocation already, before `connect`, and for what cannot be asked for. */
  createAllocation(request: AllocationRequest = {}): void {
    this.#session.allocate(request)
  }

  /** Asks for another lifetime in seconds, or for as long as before. */
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
      this.#handler.onClearActiveDestinationSuccess?.(this.id)
    } catch (error) {
      this.#handler.onClearActiveDestinationFailure?.(this.id, asError(error))
    }
  }

  /** Sends to the active destination. */
  send(data: Uint8Array): void {
    this.#sent(() => this.#session.client.send(data))
  }

  sendTo(address: string, port: number, data: Uint8Array): void {
    this.#sent(() => this.#session.client.sendTo(data, address, port))
  }

  /** Connects to a peer through a TCP allocation (RFC 6062 §4.3). */
  connectPeer(address: string, port: number): void {
    this.#session.connectPeer({ address, port }, this.#peerAnswer())
  }

  /** Takes a connection of `onConnectionAttempt`; the server gives up after 30 seconds. */
  acceptConnection(address: string, port: number, connectionId: number): void {
    this.#session.bindConnection({ address, port }, connectionId, this.#peerAnswer())
  }

  /** Closes; nothing is called from here on. */
  close(): Promise<void> {
    this.#closed = true
    return this.#session.close()
  }

  #peerAnswer(): { onSuccess(connection: TurnPeerConnection): void; onFailure(failure: TurnFailure): void } {
    return {
      onSuccess: connection => this.#handler.onPeerConnectionSuccess?.(this.id, connection),
      onFailure: failure => this.#handler.onPeerConnectionFailure?.(this.id, failure),
    }
  }

  #sent(send: () => void): void {
    try {
      const { counters } = this.#session.client
      const before = counters.unsent
      send()
      if (counters.unsent > before) throw notSent()
    } catch (error) {
      this.#handler.onSendFailure?.(this.id, asError(error))
      return
    }
    this.#handler.onSendSuccess?.(this.id)
  }
}

/** Over UDP. */
export class TurnAsyncUdpSocket extends TurnAsyncSocket {
  constructor(handler: TurnAsyncSocketHandler, options: TurnSessionOptions & { local?: LocalBinding }) {
    super(handler, udpNetwork(options.local), 3478, options)
  }
}

/** Over TCP. */
export class TurnAsyncTcpSocket extends TurnAsyncSocket {
  constructor(handler: TurnAsyncSocketHandler, options: TurnSessionOptions & { local?: LocalBinding }) {
    super(handler, tcpNetwork(options.local), 3478, options)
  }
}

/** Over TLS; the server's certificate is checked unless `tls` says otherwise. */
export class TurnAsyncTlsSocket extends TurnAsyncSocket {
  constructor(
    handler: TurnAsyncSocketHandler,
    options: TurnSessionOptions & { local?: LocalBinding; tls?: TlsOptions },
  ) {
    super(handler, tlsNetwork(options.tls, options.local), 5349, options)
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
