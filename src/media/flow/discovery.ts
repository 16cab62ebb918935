import { mappedAddressOf } from '../../stun/attributes/address.ts'
import { method } from '../../stun/header.ts'
import { nodeHash } from '../../stun/io/node-hash.ts'
import type { Remote } from '../../util/address.ts'
import type { EnvironmentError } from '../../util/errors.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timer, Timers } from '../../util/timers.ts'
import type { MediaSocket, ServerClient } from '../socket/media-socket.ts'
import type { PacketKind } from '../socket/packet-kind.ts'
import { StunClient } from '../stun/client.ts'
import { type StunFailure, unusable } from '../stun/failure.ts'
import { isHardError } from '../stun/hard-errors.ts'
import { LongTermAuthentication } from '../stun/long-term.ts'
import type { StunTiming } from '../stun/transaction.ts'

/** How a path asks a STUN server for its reflexive address. */
export interface DiscoverySettings {
  /** Looks the server up: all its addresses of the socket's family, at least one. */
  readonly locate: () => Promise<readonly Remote[]>
  readonly credentials: { readonly username: string; readonly password: string } | undefined
  readonly timers: Timers
  readonly random: RandomSource
  readonly timing: Partial<StunTiming> | undefined
  /** Milliseconds between Binding requests that keep the NAT's mapping and notice a new one. */
  readonly keepAlive: number
}

/** @internal */
export interface DiscoveryUser {
  onReflexive(reflexive: Remote): void
  onDiscoveryFailure(failure: StunFailure): void
}

/**
 * Asks a STUN server from a media socket which address peers see (RFC 8489 §2), and goes on asking. Each of the
 * server's addresses is tried before it fails (§8).
 */
export class Discovery implements ServerClient {
  server: Remote
  reflexive: Remote | undefined
  readonly #settings: DiscoverySettings
  readonly #socket: MediaSocket
  readonly #user: DiscoveryUser
  readonly #servers: readonly Remote[]
  #next = 1
  #client: StunClient
  #keepAlive: Timer | undefined

  static async start(
    socket: MediaSocket,
    settings: DiscoverySettings,
    user: DiscoveryUser,
  ): Promise<Discovery> {
    const servers = await settings.locate()
    const [first] = servers
    if (first === undefined) throw new RangeError('a look-up answered nothing')
    return new Discovery(socket, settings, user, servers, first)
  }

  private constructor(
    socket: MediaSocket,
    settings: DiscoverySettings,
    user: DiscoveryUser,
    servers: readonly Remote[],
    first: Remote,
  ) {
    this.#socket = socket
    this.#settings = settings
    this.#user = user
    this.#servers = servers
    this.server = first
    this.#client = this.#clientOf(first)
    socket.serve(this)
  }

  ask(): void {
    this.#request(
      reflexive => this.#learned(reflexive),
      failure => this.#tryNext(failure),
    )
  }

  close(): void {
    this.#settings.timers.stop(this.#keepAlive)
    this.#socket.dismiss(this)
    this.#client.close()
  }

  receive(kind: PacketKind, bytes: Buffer): boolean {
    return kind === 'stun' && this.#client.awaits(bytes) && this.#client.receive(bytes, this.server)
  }

  /** No answer will come from where nothing can be sent to (RFC 8489 §6.2.1); what passes is sent again. */
  onSendError(error: EnvironmentError): void {
    if (isHardError(error)) this.#client.transportFailed(error)
  }

  #learned(reflexive: Remote): void {
    this.reflexive = reflexive
    this.#scheduleKeepAlive()
    this.#user.onReflexive(reflexive)
  }

  #tryNext(failure: StunFailure): void {
    const next = this.#servers[this.#next++]
    if (next === undefined) {
      this.#user.onDiscoveryFailure(failure)
      return
    }
    this.#client.close()
    this.server = next
    this.#client = this.#clientOf(next)
    this.ask()
  }

  #clientOf(server: Remote): StunClient {
    const { timers, random, timing, credentials } = this.#settings
    return new StunClient({
      transport: {
        reliable: false,
        send: (bytes, to) => {
          this.#socket.send(bytes, to)
        },
      },
      server,
      timers,
      random,
      ...(timing && { timing }),
      ...(credentials && { authentication: new LongTermAuthentication(credentials, nodeHash) }),
    })
  }

  #request(onSuccess: (reflexive: Remote) => void, onFailure: (failure: StunFailure) => void): void {
    this.#client.request(
      { method: method.Binding },
      {
        onSuccess: (response, source) => {
          const reflexive = mappedAddressOf(response)
          if (reflexive !== undefined) onSuccess(reflexive)
          else onFailure(unusable(source, 'tells no mapped address'))
        },
        onFailure,
      },
    )
  }

  #scheduleKeepAlive(): void {
    const { timers, keepAlive } = this.#settings
    if (keepAlive === 0) return
    this.#keepAlive = timers.after(keepAlive, () => {
      this.#request(
        reflexive => this.#learned(reflexive),
        // a server that is silent for a while takes nothing from the mapping that stands
        () => this.#scheduleKeepAlive(),
      )
    })
  }
}
