import type { StreamConnection, StreamReceiver } from '../../net/stream.ts'
import { valued } from '../../stun/attribute.ts'
import { ConnectionId } from '../../stun/attributes/turn.ts'
import { headerLength, method } from '../../stun/header.ts'
import type { TransportAddress } from '../../stun/ip.ts'
import { uint16 } from '../../stun/octets.ts'
import { EnvironmentError } from '../../util/errors.ts'
import { type Failed, guarded } from '../../util/guard.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import { StunClient } from '../stun/client.ts'
import type { StunFailure } from '../stun/failure.ts'
import type { TurnCredentials } from './credentials.ts'

/** Who gets what a peer sends over its connection; told nothing after `close`. */
export interface PeerConnectionUser {
  /** The next octets of the stream. */
  onBytes(bytes: Buffer): void
  /** The peer, the relay or the network ended it. */
  onClosed(error: EnvironmentError | undefined): void
}

export interface PeerConnectionSetup {
  readonly connectionId: number
  readonly peer: TransportAddress
  readonly server: TransportAddress
  readonly credentials: TurnCredentials
  readonly timers: Timers
  readonly random: RandomSource
  /** Hears what callbacks throw. */
  readonly failed: Failed
  readonly open: (receiver: StreamReceiver) => StreamConnection
  readonly onReady: (connection: TurnPeerConnection) => void
  readonly onFailure: (failure: StunFailure) => void
  /** Once and last, however it ended. */
  readonly onEnd: (connection: TurnPeerConnection) => void
}

/** Octets that may wait for `listen`; a peer that sends more before is left. */
const MOST_EARLY = 1024 * 1024
/** What a chunk costs beside its octets: a peer may send them one by one. */
const CHUNK_COST = 256
/** Larger than any answer to ConnectionBind. */
const LARGEST_ANSWER = 4096

/**
 * A connection to a peer through the relay (RFC 6062 §4.3, §4.4): a connection of its own to the server, bound to the
 * peer's by ConnectionBind; behind the answer it is the peer's stream.
 */
export class TurnPeerConnection implements StreamReceiver {
  readonly peer: TransportAddress
  readonly #setup: PeerConnectionSetup
  readonly #connection: StreamConnection
  readonly #binding: StunClient
  #answer: Buffer = Buffer.alloc(0)
  #state: 'binding' | 'open' | 'closed' = 'binding'
  #user: PeerConnectionUser | undefined
  #early: Buffer[] = []
  #earlySize = 0
  #ended: { error: EnvironmentError | undefined } | undefined

  constructor(setup: PeerConnectionSetup) {
    this.#setup = setup
    this.peer = setup.peer
    this.#binding = new StunClient({
      transport: { reliable: true, send: bytes => this.#connection.write(bytes) },
      server: setup.server,
      timers: setup.timers,
      random: setup.random,
      authentication: setup.credentials,
      onCallbackError: setup.failed,
    })
    this.#connection = setup.open(this)
  }

  /** From now on `user` gets what the peer sends, and first what it sent before. */
  listen(user: PeerConnectionUser): void {
    this.#user = user
    for (const bytes of this.#early.splice(0)) this.#deliver(bytes)
    if (this.#ended !== undefined) this.#tellClosed(this.#ended.error)
  }

  /** Sends octets to the peer. Never throws; after the end it does nothing. */
  write(bytes: Uint8Array): void {
    if (this.#state === 'open') this.#connection.write(bytes)
  }

  /** Sends what was written, then closes. */
  close(): void {
    this.#user = undefined
    this.#early = []
    this.#ended = undefined
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#binding.close()
    this.#connection.end()
    this.#setup.onEnd(this)
  }

  /** @internal */
  onConnected(): void {
    const { connectionId, onFailure, onReady } = this.#setup
    this.#binding.request(
      { method: method.ConnectionBind, attributes: [valued(ConnectionId, connectionId)] },
      {
        onSuccess: () => {
          this.#state = 'open'
          guarded(this.#setup.failed, undefined, onReady, this)
        },
        onFailure: failure => {
          this.close()
          guarded(this.#setup.failed, undefined, onFailure, failure)
        },
      },
    )
  }

  /** @internal */
  onBytes(_: StreamConnection, bytes: Buffer): void {
    if (this.#state === 'open') this.#deliver(bytes)
    else if (this.#state === 'binding') this.#takeAnswer(bytes)
  }

  /** @internal */
  onClosed(_: StreamConnection, error: EnvironmentError | undefined): void {
    const before = this.#state
    this.#state = 'closed'
    this.#binding.close()
    if (before !== 'closed') this.#setup.onEnd(this)
    if (before === 'binding') {
      const { failed, onFailure } = this.#setup
      const reason = error ?? new EnvironmentError('ECONNRESET', 'the TURN server closed the connection')
      guarded(failed, undefined, onFailure, reason)
    } else if (before === 'open') {
      this.#ended = { error }
      this.#tellClosed(error)
    }
  }

  #tellClosed(error: EnvironmentError | undefined): void {
    const user = this.#user
    if (user !== undefined) guarded(this.#setup.failed, user, user.onClosed, error)
  }

  /** Cuts STUN messages off one by one: what follows the last is the peer's and need not be STUN. */
  #takeAnswer(bytes: Buffer): void {
    this.#answer = this.#answer.length === 0 ? bytes : Buffer.concat([this.#answer, bytes])
    while (this.#state === 'binding' && this.#answer.length >= headerLength) {
      const size = headerLength + uint16(this.#answer, 2)
      if (size > LARGEST_ANSWER) {
        this.#connection.destroy(
          new EnvironmentError(
            'ERR_TURN_STREAM',
            'the TURN server answered ConnectionBind with what is no STUN',
          ),
        )
        return
      }
      if (this.#answer.length < size) return
      const message = this.#answer.subarray(0, size)
      this.#answer = this.#answer.subarray(size)
      this.#binding.receive(message, this.#setup.server)
    }
    if (this.#state === 'binding') return
    const first = this.#answer
    this.#answer = Buffer.alloc(0)
    if (this.#state === 'open' && first.length > 0) this.#deliver(first)
  }

  #deliver(bytes: Buffer): void {
    const user = this.#user
    if (user !== undefined) {
      guarded(this.#setup.failed, user, user.onBytes, bytes)
      return
    }
    if (this.#state === 'closed' && this.#ended === undefined) return
    if (this.#earlySize > MOST_EARLY) return
    this.#early.push(bytes)
    this.#earlySize += bytes.length + CHUNK_COST
    if (this.#earlySize > MOST_EARLY) {
      this.#connection.destroy(
        new EnvironmentError(
          'ERR_TURN_UNHEARD',
          `nobody listens to what a peer sends, ${this.#early.length} chunks by now: call listen`,
        ),
      )
    }
  }
}
