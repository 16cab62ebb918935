import { systemRandom } from '../../net/random.ts'
import type { TransportAddress } from '../../stun/ip.ts'
import { UsageError } from '../../util/errors.ts'
import type { Failed } from '../../util/guard.ts'
import type { Timers } from '../../util/timers.ts'
import type { Answer } from './client-options.ts'
import type { TurnCredentials } from './credentials.ts'
import type { TurnNetwork } from './network.ts'
import { TurnPeerConnection } from './peer-connection.ts'
import type { TurnSessionOptions } from './session-options.ts'

/** @internal The connections to peers of one TURN session (RFC 6062 §4.3, §4.4). */
export class PeerConnections {
  readonly #network: TurnNetwork
  readonly #credentials: TurnCredentials
  readonly #timers: Timers
  readonly #options: TurnSessionOptions
  readonly #failed: Failed
  readonly #connections = new Set<TurnPeerConnection>()
  #closed = false

  constructor(
    network: TurnNetwork,
    credentials: TurnCredentials,
    timers: Timers,
    options: TurnSessionOptions,
    failed: Failed,
  ) {
    this.#network = network
    this.#credentials = credentials
    this.#timers = timers
    this.#options = options
    this.#failed = failed
  }

  /** Opens the data connection that `connectionId` stands for; a UsageError over UDP. */
  open(
    peer: TransportAddress,
    connectionId: number,
    server: TransportAddress,
    domain: string,
    answer: Answer<TurnPeerConnection>,
  ): void {
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
      credentials: this.#credentials,
      timers: this.#timers,
      random: this.#options.random ?? systemRandom,
      failed: this.#failed,
      open: receiver => stream(server, domain, receiver),
      onReady: ready => {
        if (!this.#closed) answer.onSuccess(ready)
      },
      onFailure: failure => {
        if (!this.#closed) answer.onFailure(failure)
      },
      onEnd: ended => this.#connections.delete(ended),
    })
    this.#connections.add(connection)
  }

  close(): void {
    this.#closed = true
    for (const connection of this.#connections) connection.close()
    this.#connections.clear()
  }
}
