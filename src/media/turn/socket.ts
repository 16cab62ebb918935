import { EnvironmentError } from '../../util/errors.ts'
import { Inbox, type Received, type ReceiveOptions } from '../../util/inbox.ts'
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
import type { Allocation, AllocationRequest } from './request.ts'
import { TurnSession, type TurnSessionOptions } from './session.ts'

export interface TurnSocketOptions extends TurnSessionOptions {
  /** Datagrams that may wait for `receive`; the oldest are dropped past it. Default 256. */
  readonly receiveQueue?: number
  /** Told when the server holds the allocation no more, without our asking. */
  readonly onAllocationLost?: (error: Error) => void
}

interface Waiting<T> {
  resolve(value: T): void
  reject(error: Error): void
}

const QUEUE = 256

/** A TURN client to await; see TurnUdpSocket, TurnTcpSocket and TurnTlsSocket. */
export class TurnSocket {
  readonly #session: TurnSession
  readonly #inbox: Inbox
  readonly #pending = new Set<Waiting<never>>()
  #allocating: Waiting<Allocation> | undefined
  #refreshing: Waiting<number> | undefined
  #releasing: Waiting<void> | undefined
  #binding: Waiting<number> | undefined
  #attempts: { peer: TransportAddress; connectionId: number }[] = []
  #accepting: Waiting<TurnPeerConnection>[] = []

  /** @internal */
  constructor(network: TurnNetwork, defaultPort: number, options: TurnSocketOptions) {
    this.#session = new TurnSession(network, defaultPort, options, {
      onAllocated: allocation => this.#allocating?.resolve(allocation),
      onAllocationFailure: failure => this.#allocating?.reject(failure),
      onRefreshed: lifetime => this.#refreshing?.resolve(lifetime),
      onRefreshFailure: failure => this.#refreshing?.reject(failure),
      onAllocationLost: failure => {
        this.#refreshing?.reject(failure)
        this.#binding?.reject(failure)
        options.onAllocationLost?.(failure)
      },
      onReleased: () => this.#releasing?.resolve(),
      onChannelBound: number => this.#binding?.resolve(number),
      onChannelFailure: (_, failure) => this.#binding?.reject(failure),
      // what waited for the permission is dropped; the next sendTo asks again
      onPermissionFailure() {},
      onData: (data, address, port) => this.#inbox.push(data, address, port),
      onIcmp() {},
      onConnectionAttempt: (peer, connectionId) => this.#attempted(peer, connectionId),
      onServerChanged() {},
      onDisconnected() {},
    })
    this.#inbox = new Inbox(this.#session.timers, options.receiveQueue ?? QUEUE)
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
  /** Datagrams dropped because nobody received them in time. */
  get dropped(): number {
    return this.#inbox.dropped
  }

  setUsernameAndPassword(username: string, password: string, term: 'long' | 'short' = 'long'): void {
    this.#session.credentials.set({ username, password }, term)
  }

  /** Resolves with the server's address. Rejects with an EnvironmentError (ENOTFOUND, ECONNREFUSED …). */
  connect(): Promise<TransportAddress> {
    return this.#session.connect()
  }

  /** A temporary user name and password, of RFC 3489's servers over TLS. */
  requestSharedSecret(): Promise<{ username: string; password: string }> {
    return this.#answered((waiting: Waiting<{ username: string; password: string }>) =>
      this.#session.client.requestSharedSecret({ onSuccess: waiting.resolve, onFailure: waiting.reject }),
    )
  }

  /** Our address as the server sees it. */
  bindRequest(): Promise<TransportAddress> {
    return this.#answered((waiting: Waiting<TransportAddress>) =>
      this.#session.client.bind({ onSuccess: waiting.resolve, onFailure: waiting.reject }),
    )
  }

  /**
   * Rejects with a StunErrorResponse (`status`, `reason`; `turnRefusal` names its meaning) where the server refuses,
   * with an EnvironmentError where it does not answer, with a UsageError for what cannot be asked for.
   */
  createAllocation(request: AllocationRequest = {}): Promise<Allocation> {
    return this.#answered((waiting: Waiting<Allocation>) => {
      this.#session.allocate(request)
      this.#allocating = waiting
    })
  }

  /** Asks for another lifetime in seconds, or for as long as before; resolves with what was granted. */
  refreshAllocation(lifetime?: number): Promise<number> {
    return this.#answered((waiting: Waiting<number>) => {
      this.#session.client.refresh(lifetime)
      this.#refreshing = waiting
    })
  }

  /** Ends the allocation on the server. */
  destroyAllocation(): Promise<void> {
    return this.#answered((waiting: Waiting<void>) => {
      this.#session.client.release()
      this.#releasing = waiting
    })
  }

  /** Binds a channel and sends there from now on; resolves with the channel's number. */
  setActiveDestination(address: string, port: number): Promise<number> {
    return this.#answered((waiting: Waiting<number>) => {
      this.#binding?.reject(new EnvironmentError('ERR_TURN_REPLACED', 'another active destination was set'))
      this.#binding = waiting
      this.#session.client.setActiveDestination({ address, port })
    })
  }

  clearActiveDestination(): void {
    this.#session.client.clearActiveDestination()
  }

  /** Lets a peer's address through before anything is sent there. */
  permit(address: string): void {
    this.#session.client.permit(address)
  }

  /** Sends to the active destination; dropped where there is none, or too much waits for its channel. */
  send(data: Uint8Array): void {
    this.#session.client.send(data)
  }

  sendTo(address: string, port: number, data: Uint8Array): void {
    this.#session.client.sendTo(data, address, port)
  }

  /** The oldest datagram that waits, or the next. Rejects with ERR_TIMEOUT, or ERR_CLOSED. */
  receive(options?: ReceiveOptions): Promise<Received> {
    return this.#inbox.receive(undefined, options)
  }

  /** As `receive`, of one peer; datagrams of others go on waiting. */
  receiveFrom(address: string, port: number, options?: ReceiveOptions): Promise<Received> {
    return this.#inbox.receive({ address, port }, options)
  }

  /** Connects to a peer through a TCP allocation (RFC 6062 §4.3). */
  connectPeer(address: string, port: number): Promise<TurnPeerConnection> {
    return this.#answered((waiting: Waiting<TurnPeerConnection>) =>
      this.#session.connectPeer({ address, port }, { onSuccess: waiting.resolve, onFailure: waiting.reject }),
    )
  }

  /** The next connection that a permitted peer makes to a TCP allocation (RFC 6062 §4.4). */
  acceptConnection(): Promise<TurnPeerConnection> {
    return this.#answered((waiting: Waiting<TurnPeerConnection>) => {
      const attempt = this.#attempts.shift()
      if (attempt === undefined) this.#accepting.push(waiting)
      else this.#accept(attempt, waiting)
    })
  }

  /** Closes; what is awaited rejects with ERR_CLOSED. The server keeps an allocation until it expires. */
  async close(): Promise<void> {
    const closing = this.#session.close()
    this.#inbox.close()
    const error = new EnvironmentError('ERR_CLOSED', 'the TURN socket was closed')
    for (const waiting of this.#pending) waiting.reject(error)
    this.#accepting = []
    this.#attempts = []
    await closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #attempted(peer: TransportAddress, connectionId: number): void {
    const waiting = this.#accepting.shift()
    if (waiting !== undefined) this.#accept({ peer, connectionId }, waiting)
    else if (this.#attempts.length < QUEUE) this.#attempts.push({ peer, connectionId })
  }

  #accept(
    { peer, connectionId }: { peer: TransportAddress; connectionId: number },
    waiting: Waiting<TurnPeerConnection>,
  ): void {
    const answer = { onSuccess: waiting.resolve, onFailure: waiting.reject }
    this.#session.bindConnection(peer, connectionId, answer)
  }

  #answered<T>(ask: (waiting: Waiting<T>) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waiting: Waiting<T> = {
        resolve: value => {
          this.#pending.delete(waiting)
          resolve(value)
        },
        reject: error => {
          this.#pending.delete(waiting)
          reject(error)
        },
      }
      this.#pending.add(waiting)
      try {
        ask(waiting)
      } catch (error) {
        this.#pending.delete(waiting)
        throw error
      }
    })
  }
}

/** Over UDP. */
export class TurnUdpSocket extends TurnSocket {
  constructor(options: TurnSocketOptions & { local?: LocalBinding }) {
    super(udpNetwork(options.local), 3478, options)
  }
}

/** Over TCP. */
export class TurnTcpSocket extends TurnSocket {
  constructor(options: TurnSocketOptions & { local?: LocalBinding }) {
    super(tcpNetwork(options.local), 3478, options)
  }
}

/** Over TLS; the server's certificate is checked unless `tls` says otherwise. */
export class TurnTlsSocket extends TurnSocket {
  constructor(options: TurnSocketOptions & { local?: LocalBinding; tls?: TlsOptions }) {
    super(tlsNetwork(options.tls, options.local), 5349, options)
  }
}
