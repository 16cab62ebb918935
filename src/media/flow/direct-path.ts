import type { DatagramReceiver } from '../../net/udp.ts'
import { sameRemote } from '../../util/address.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timer, Timers } from '../../util/timers.ts'
import { mappedAddressOf } from '../stun/attributes/address.ts'
import { StunClient } from '../stun/client.ts'
import { type StunFailure, unusable } from '../stun/failure.ts'
import { method } from '../stun/header.ts'
import { nodeHash } from '../stun/io/node-hash.ts'
import type { TransportAddress } from '../stun/ip.ts'
import { LongTermAuthentication } from '../stun/long-term.ts'
import type { StunTiming } from '../stun/transaction.ts'
import { packetKind } from './demux.ts'
import type { FlowPath, PathUser } from './path.ts'
import type { MediaSocket } from './ports.ts'

/** How a path asks a STUN server for its reflexive address. */
export interface DiscoverySettings {
  /** Looks the server up. */
  readonly locate: () => Promise<TransportAddress>
  readonly credentials: { readonly username: string; readonly password: string } | undefined
  readonly timers: Timers
  readonly random: RandomSource
  readonly timing: Partial<StunTiming> | undefined
  /** Milliseconds between Binding requests that keep the NAT's mapping and notice a new one. */
  readonly keepAlive: number
}

/** Opens the socket of a path; its siblings' are opened with it. */
export type OpenSocket = (receiver: DatagramReceiver) => Promise<MediaSocket>

/** Straight from our socket to the peer's, with or without a STUN server that tells what peers see. */
export class DirectPath implements FlowPath, DatagramReceiver {
  readonly entry: 'connect' | 'connect server'
  readonly next: 'opened' | 'bind'
  readonly relay: undefined
  readonly reservationToken: undefined
  reflexive: TransportAddress | undefined
  readonly #openSocket: OpenSocket
  readonly #discovery: DiscoverySettings | undefined
  #socket: MediaSocket | undefined
  #user: PathUser | undefined
  #client: StunClient | undefined
  #keepAlive: Timer | undefined
  #closed = false

  constructor(openSocket: OpenSocket, discovery?: DiscoverySettings) {
    this.#openSocket = openSocket
    this.#discovery = discovery
    this.entry = discovery === undefined ? 'connect' : 'connect server'
    this.next = discovery === undefined ? 'opened' : 'bind'
  }

  get local(): TransportAddress | undefined {
    return this.#socket?.local
  }

  get session(): TransportAddress | undefined {
    return this.#discovery === undefined ? this.local : this.reflexive
  }

  async open(user: PathUser): Promise<void> {
    this.#user = user
    this.#closed = false
    const socket = await this.#openSocket(this)
    if (this.#closed) {
      await socket.close()
      return
    }
    this.#socket = socket
    const discovery = this.#discovery
    if (discovery === undefined) return
    const server = await discovery.locate()
    const { timers, random, timing, credentials } = discovery
    this.#client = new StunClient({
      transport: { reliable: false, send: (bytes, to) => socket.send(bytes, to.port, to.address) },
      server,
      timers,
      random,
      ...(timing && { timing }),
      ...(credentials && { authentication: new LongTermAuthentication(credentials, nodeHash) }),
    })
  }

  establish(): void {
    this.#ask(
      reflexive => {
        this.reflexive = reflexive
        this.#scheduleKeepAlive()
        this.#user?.onEstablished()
      },
      failure => this.#user?.onFailure(failure),
    )
  }

  send(data: Uint8Array, address: string, port: number): void {
    this.#socket?.send(data, port, address)
  }

  // there is nothing to prepare without a relay
  activate(): void {}
  deactivate(): void {}

  async close(): Promise<void> {
    this.#closed = true
    this.#discovery?.timers.stop(this.#keepAlive)
    this.#client?.close()
    const socket = this.#socket
    this.#socket = undefined
    await socket?.close()
  }

  /** @internal */
  onDatagram(bytes: Buffer, address: string, port: number): void {
    const kind = packetKind(bytes)
    const client = this.#client
    if (kind === 'stun' && client !== undefined && isFrom(client.server, address, port)) {
      if (client.receive(bytes, client.server)) return
    }
    this.#user?.onPacket(kind, bytes, address, port)
  }

  /** @internal what fails on the way is the network's loss */
  onSocketError(): void {}

  #ask(onSuccess: (reflexive: TransportAddress) => void, onFailure: (failure: StunFailure) => void): void {
    this.#client?.request(
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
    const discovery = this.#discovery
    if (discovery === undefined || discovery.keepAlive === 0) return
    this.#keepAlive = discovery.timers.after(discovery.keepAlive, () => {
      this.#ask(
        reflexive => {
          this.#scheduleKeepAlive()
          if (this.reflexive !== undefined && sameRemote(reflexive, this.reflexive)) return
          this.reflexive = reflexive
          this.#user?.onChanged()
        },
        // a server that is silent for a while takes nothing from the mapping that stands
        () => this.#scheduleKeepAlive(),
      )
    })
  }
}

function isFrom(server: TransportAddress, address: string, port: number): boolean {
  return server.port === port && server.address === address
}
