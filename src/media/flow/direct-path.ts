import { isWildcard, type Remote, sameRemote } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import type { Base } from '../socket/base.ts'
import type { MediaSocket, MediaSocketUser } from '../socket/media-socket.ts'
import type { PacketKind } from '../socket/packet-kind.ts'
import { Remotes } from '../socket/remotes.ts'
import type { StunFailure } from '../stun/failure.ts'
import { Discovery, type DiscoverySettings, type DiscoveryUser } from './discovery.ts'
import type { FlowPath, PathUser } from './path.ts'

/** What a direct path takes from its stream. */
export interface DirectPathSettings {
  /** Opens the socket of the component; its sibling's is opened with it. */
  readonly openSocket: () => Promise<MediaSocket>
  /** The host's own address that peers are told for a wildcard. */
  readonly hostAddress: (wildcard: string) => string
  readonly discovery: DiscoverySettings | undefined
}

/** Straight from our socket to the peer's, with or without a STUN server that tells what peers see. */
export class DirectPath implements FlowPath, MediaSocketUser, DiscoveryUser {
  readonly entry: 'connect' | 'connect server'
  readonly next: 'opened' | 'bind'
  readonly relay: undefined
  readonly reservationToken: undefined
  readonly remotes: Remotes = new Remotes()
  readonly #settings: DirectPathSettings
  #socket: MediaSocket | undefined
  #discovery: Discovery | undefined
  /** What `session` tells. */
  #told: Remote | undefined
  #user: PathUser | undefined
  #opening: Promise<MediaSocket> | undefined
  #closing: Promise<void> | undefined

  constructor(settings: DirectPathSettings) {
    this.#settings = settings
    const direct = settings.discovery === undefined
    this.entry = direct ? 'connect' : 'connect server'
    this.next = direct ? 'opened' : 'bind'
  }

  get local(): Remote | undefined {
    return this.#socket?.local
  }

  get reflexive(): Remote | undefined {
    return this.#discovery?.reflexive
  }

  get session(): Remote | undefined {
    return this.#told
  }

  get receiveBufferSize(): number {
    return this.#socket?.receiveBufferSize ?? 0
  }

  async open(user: PathUser): Promise<void> {
    this.#user = user
    const closing = this.#closing
    this.#closing = undefined
    const opening = this.#openSocket(closing)
    this.#opening = opening
    const socket = await opening
    const { discovery } = this.#settings
    if (discovery === undefined) return
    const found = await Discovery.start(socket, discovery, this)
    if (this.#socket === socket) this.#discovery = found
    else {
      found.close()
      throw closedWhileOpening()
    }
  }

  establish(): void {
    this.#discovery?.ask()
  }

  send(bytes: Uint8Array, to: Remote): boolean {
    return this.#socket?.send(bytes, to) ?? false
  }

  // there is nothing to prepare without a relay
  activate(): void {}
  deactivate(): void {}

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** @internal */
  onPacket(kind: PacketKind, bytes: Buffer, from: Remote, base: Base): void {
    this.#user?.onPacket(kind, bytes, from, base)
  }

  /** @internal */
  onSendError(error: EnvironmentError, to: Remote | undefined): void {
    this.#user?.onSendError(error, to)
  }

  /** @internal */
  onReflexive(reflexive: Remote): void {
    const before = this.#told
    this.#told = reflexive
    if (before === undefined) this.#user?.onEstablished()
    else if (!sameRemote(before, reflexive)) this.#user?.onChanged()
  }

  /** @internal */
  onDiscoveryFailure(failure: StunFailure): void {
    this.#user?.onFailure(failure)
  }

  async #openSocket(closing: Promise<void> | undefined): Promise<MediaSocket> {
    await closing
    const { openSocket, hostAddress, discovery } = this.#settings
    const socket = await openSocket()
    if (this.#closing !== undefined) {
      await socket.close()
      throw closedWhileOpening()
    }
    socket.user = this
    this.#socket = socket
    const { address, port } = socket.local
    if (discovery === undefined) {
      this.#told = isWildcard(address) ? { address: hostAddress(address), port } : socket.local
    }
    return socket
  }

  async #close(): Promise<void> {
    const opening = this.#opening
    this.#discovery?.close()
    this.#discovery = undefined
    this.#told = undefined
    const socket = this.#socket
    this.#socket = undefined
    if (socket !== undefined) await socket.close()
    // whoever closes waits until the port is free; what became of the opening is told to whoever opened
    else await opening?.catch(() => {})
  }
}

function closedWhileOpening(): EnvironmentError {
  return new EnvironmentError('ERR_CLOSED', 'the flow was closed while its socket was being opened')
}
