import type { TransportAddress } from '../../stun/ip.ts'
import { EnvironmentError } from '../../util/errors.ts'
import { guarded } from '../../util/guard.ts'
import { Inbox, type Received, type ReceiveOptions } from '../../util/inbox.ts'
import type { StunFailure } from '../stun/failure.ts'
import {
  type LocalBinding,
  type TlsOptions,
  type TurnNetwork,
  tcpNetwork,
  tlsNetwork,
  udpNetwork,
} from './network.ts'
import type { TurnPeerConnection } from './peer-connection.ts'
import { Pending } from './pending.ts'
import type { Allocation, AllocationRequest } from './request.ts'
import { TurnSession, type TurnSessionOptions } from './session.ts'
import { type Waiting, withinLine } from './waiting.ts'

export interface TurnSocketOptions extends TurnSessionOptions {
  /** Datagrams that may wait for `receive`; the oldest are dropped past it. Default 256. */
  readonly receiveQueue?: number
  /** Told when the server holds the allocation no more, without our asking. */
  readonly onAllocationLost?: (error: Error) => void
  /** Told when what waited for a permission or a channel was dropped, for the server refuses it (403, 443 …). */
  readonly onSendFailure?: (error: Error, address: string) => void
}

const QUEUE = 256

/** A TURN client to await; see TurnUdpSocket, TurnTcpSocket and TurnTlsSocket. */
export class TurnSocket {
  readonly #session: TurnSession
  readonly #inbox: Inbox
  readonly #pending = new Pending()
  #allocating: Waiting<Allocation> | undefined
  #refreshing: Waiting<number>[] = []
  #releasing: Waiting<void>[] = []
  #binding: Waiting<number> | undefined
  #attempts: { peer: TransportAddress; connectionId: number }[] = []
  #accepting: Waiting<TurnPeerConnection>[] = []

  /** @internal */
  constructor(network: TurnNetwork, options: TurnSocketOptions) {
    this.#session = new TurnSession(network, options, {
      onAllocated: allocation => this.#allocating?.resolve(allocation),
      onAllocationFailure: failure => this.#allocating?.reject(failure),
      onRefreshed: lifetime => {
        for (const waiting of this.#refreshing.splice(0)) waiting.resolve(lifetime)
      },
      onRefreshFailure: failure => {
        for (const waiting of this.#refreshing.splice(0)) waiting.reject(failure)
      },
      onAllocationLost: failure => {
        this.#abandon(failure)
        guarded(this.#session.errors.failed, options, options.onAllocationLost, failure)
      },
      onReleased: () => {
        for (const waiting of this.#releasing.splice(0)) waiting.resolve()
        this.#abandon(new EnvironmentError('ERR_TURN_RELEASED', 'the TURN allocation was given back'))
      },
      onChannelBound: number => this.#binding?.resolve(number),
      onChannelFailure: ({ address }, failure, unsent) => {
        this.#binding?.reject(failure)
        if (unsent > 0) this.#tellUnsent(options, failure, address)
      },
      // the next sendTo asks again
      onPermissionFailure: (address, failure) => this.#tellUnsent(options, failure, address),
      onData: (data, address, port) => this.#inbox.push(data, address, port),
      onIcmp() {},
      onConnectionAttempt: (peer, connectionId) => this.#attempted(peer, connectionId),
      onServerChanged() {},
      onDisconnected: error => {
        this.#inbox.interrupt(error)
        for (const waiting of this.#accepting.splice(0)) waiting.reject(error)
        this.#attempts = []
      },
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
  /** What callbacks have thrown or rejected with so far. */
  get callbackErrors(): number {
    return this.#session.errors.count
  }

  setUsernameAndPassword(username: string, password: string, term: 'long' | 'short' = 'long'): void {
    this.#session.credentials.set({ username, password }, term)
  }

  /** Resolves with the server's address. Rejects with an EnvironmentError (ENOTFOUND, ECONNREFUSED …). */
  connect(): Promise<TransportAddress> {
    return this.#pending.answered((waiting: Waiting<TransportAddress>) => {
      this.#session.connect().then(server => {
        this.#inbox.resume()
        waiting.resolve(server)
      }, waiting.reject)
    })
  }

  /** A temporary user name and password, of RFC 3489's servers over TLS. */
  requestSharedSecret(): Promise<{ username: string; password: string }> {
    return this.#pending.answered((waiting: Waiting<{ username: string; password: string }>) =>
      this.#session.client.requestSharedSecret({ onSuccess: waiting.resolve, onFailure: waiting.reject }),
    )
  }

  /** Our address as the server sees it. */
  bindRequest(): Promise<TransportAddress> {
    return this.#pending.answered((waiting: Waiting<TransportAddress>) =>
      this.#session.bind({
        onSuccess: ({ reflexive }) => waiting.resolve(reflexive),
        onFailure: waiting.reject,
      }),
    )
  }

  /**
   * Rejects with a StunErrorResponse (`status`, `reason`; `turnRefusal` names its meaning) where the server refuses,
   * with an EnvironmentError where it does not answer, with a UsageError for what cannot be asked for.
   */
  createAllocation(request: AllocationRequest = {}): Promise<Allocation> {
    return this.#pending.answered((waiting: Waiting<Allocation>) => {
      const before = this.#allocating
      // the answer may come within the call
      this.#allocating = waiting
      try {
        this.#session.allocate(request)
      } catch (error) {
        this.#allocating = before
        throw error
      }
    })
  }

  /**
   * Asks for another lifetime in seconds, or for as long as before; resolves with what was granted, as all that wait
   * for one do. 0 is `destroyAllocation`.
   */
  refreshAllocation(lifetime?: number): Promise<number> {
    if (lifetime === 0) return this.destroyAllocation().then(() => 0)
    return this.#pending.answered((waiting: Waiting<number>) =>
      withinLine(this.#refreshing, waiting, () => this.#session.client.refresh(lifetime)),
    )
  }

  /** Ends the allocation on the server; the request for it leaves before a `close` that follows. */
  destroyAllocation(): Promise<void> {
    return this.#pending.answered((waiting: Waiting<void>) =>
      withinLine(this.#releasing, waiting, () => this.#session.client.release()),
    )
  }

  /** Binds a channel and sends there from now on; resolves with the channel's number. */
  setActiveDestination(address: string, port: number): Promise<number> {
    return this.#pending.answered((waiting: Waiting<number>) => {
      const before = this.#binding
      this.#binding = waiting
      try {
        this.#session.client.setActiveDestination({ address, port })
      } catch (error) {
        this.#binding = before
        throw error
      }
      before?.reject(replaced())
    })
  }

  clearActiveDestination(): void {
    this.#session.client.clearActiveDestination()
    this.#binding?.reject(replaced())
  }

  /** Lets a peer's address through before anything is sent there. */
  permit(address: string): void {
    this.#session.client.permit(address)
  }

  /**
   * Sends to the active destination. False where it was dropped: there is none, or too much waits for its channel
   * already. What is refused later is told to `onSendFailure`.
   */
  send(data: Uint8Array): boolean {
    return this.#session.client.send(data)
  }

  /** As `send`, to any peer; without an allocation it is dropped. */
  sendTo(address: string, port: number, data: Uint8Array): boolean {
    return this.#session.client.sendTo(data, address, port)
  }

  /**
   * The oldest datagram that waits, or the next. Rejects with ERR_TIMEOUT, ERR_CLOSED, or why the connection to the
   * server was lost; it can be called again once the socket is connected again.
   */
  receive(options?: ReceiveOptions): Promise<Received<Buffer>> {
    return this.#inbox.receive(undefined, options)
  }

  /** As `receive`, of one peer; datagrams of others go on waiting. */
  receiveFrom(address: string, port: number, options?: ReceiveOptions): Promise<Received<Buffer>> {
    return this.#inbox.receive({ address, port }, options)
  }

  /** Connects to a peer through a TCP allocation (RFC 6062 §4.3). */
  connectPeer(address: string, port: number): Promise<TurnPeerConnection> {
    return this.#pending.answered((waiting: Waiting<TurnPeerConnection>) =>
      this.#session.connectPeer({ address, port }, { onSuccess: waiting.resolve, onFailure: waiting.reject }),
    )
  }

  /** The next connection that a permitted peer makes to a TCP allocation (RFC 6062 §4.4). */
  acceptConnection(): Promise<TurnPeerConnection> {
    return this.#pending.answered((waiting: Waiting<TurnPeerConnection>) => {
      const attempt = this.#attempts.shift()
      if (attempt === undefined) this.#accepting.push(waiting)
      else this.#accept(attempt, waiting)
    })
  }

  /** Closes; what is awaited rejects with ERR_CLOSED. The server keeps an allocation until it expires. */
  async close(): Promise<void> {
    const closing = this.#session.close()
    this.#inbox.close()
    this.#pending.rejectAll(new EnvironmentError('ERR_CLOSED', 'the TURN socket was closed'))
    this.#accepting = []
    this.#attempts = []
    await closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** What was asked of an allocation that is gone comes to nothing. */
  #abandon(error: Error): void {
    for (const waiting of this.#refreshing.splice(0)) waiting.reject(error)
    for (const waiting of this.#releasing.splice(0)) waiting.reject(error)
    for (const waiting of this.#accepting.splice(0)) waiting.reject(error)
    this.#binding?.reject(error)
    this.#attempts = []
  }

  #tellUnsent(options: TurnSocketOptions, failure: StunFailure, address: string): void {
    guarded(this.#session.errors.failed, options, options.onSendFailure, failure, address)
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
    this.#session.acceptPeer(peer, connectionId, { onSuccess: waiting.resolve, onFailure: waiting.reject })
  }
}

function replaced(): EnvironmentError {
  return new EnvironmentError('ERR_TURN_REPLACED', 'another active destination was set, or none')
}

/** Over UDP. */
export class TurnUdpSocket extends TurnSocket {
  constructor(options: TurnSocketOptions & { local?: LocalBinding }) {
    super(udpNetwork(options.local), options)
  }
}

/** Over TCP. */
export class TurnTcpSocket extends TurnSocket {
  constructor(options: TurnSocketOptions & { local?: LocalBinding }) {
    super(tcpNetwork(options.local), options)
  }
}

/** Over TLS; the server's certificate is checked unless `tls` says otherwise. */
export class TurnTlsSocket extends TurnSocket {
  constructor(options: TurnSocketOptions & { local?: LocalBinding; tls?: TlsOptions }) {
    super(tlsNetwork(options.tls, options.local), options)
  }
}
