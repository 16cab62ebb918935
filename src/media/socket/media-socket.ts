import type { DatagramReceiver } from '../../net/udp.ts'
import { type Remote, sameRemote } from '../../util/address.ts'
import type { EnvironmentError } from '../../util/errors.ts'
import type { Base } from './base.ts'
import { type PacketKind, packetKind } from './packet-kind.ts'
import type { Remotes } from './remotes.ts'

/** What is bound below: a UDP socket, or a test's in memory. */
export interface BoundSocket {
  readonly local: Remote
  /** What the system granted, in bytes; 0 or absent where there is no such thing. */
  readonly receiveBufferSize?: number
  /** Never throws; what fails is told to the receiver. */
  send(bytes: Uint8Array, port: number, address: string): void
  close(): Promise<void>
}

/** How a port is bound. Rejects with an EnvironmentError: EADDRINUSE where another has it. */
export type BindSocket = (address: string, port: number, receiver: DatagramReceiver) => Promise<BoundSocket>

/** Who gets what comes to a bound port and is not of one of its servers. */
export interface MediaSocketUser {
  /** The senders that have an object of their own. */
  readonly remotes: Remotes
  /** `bytes` belongs to the user, who may write in it. */
  onPacket(kind: PacketKind, bytes: Buffer, from: Remote, base: Base): void
  /** The system refused to send to `to`, or the socket failed as a whole. */
  onSendError(error: EnvironmentError, to: Remote | undefined): void
}

/** A client of a STUN or TURN server that shares the port with the media. */
export interface ServerClient {
  /** Where the server is. */
  readonly server: Remote
  /**
   * True where this was for the client: what it awaits, and nothing else, for another client may ask the same server. Of
   * what is left responses are dropped, and the rest goes to the socket's user.
   */
  receive(kind: PacketKind, bytes: Buffer): boolean
  onSendError(error: EnvironmentError): void
}

/** A port serves one server of each kind, and a second family's. */
const MOST_CLIENTS = 8
/** Nobody sees it: a socket is handed out when it is bound. */
const UNBOUND: Remote = { address: '0.0.0.0', port: 0 }

/**
 * A bound port that STUN, TURN and media share, and a host base (RFC 8445 §4). What comes from a server's address is first
 * shown to that server's client, then all goes to the user.
 */
export class MediaSocket implements Base, DatagramReceiver {
  readonly type = 'host'
  /** Datagrams that came before the port had a user. */
  unclaimed = 0
  /** Responses of a server that none of its clients awaits any more, or ever did; dropped. */
  unexpected = 0
  /** Who gets the packets; `undefined` drops and counts them. */
  user: MediaSocketUser | undefined
  readonly #onClosed: (() => void) | undefined
  #bound: BoundSocket | undefined
  #clients: readonly ServerClient[] = []
  #closing: Promise<void> | undefined

  /** `onClosed` is called once the port is free again. */
  static async bind(
    bind: BindSocket,
    address: string,
    port: number,
    onClosed?: () => void,
  ): Promise<MediaSocket> {
    const socket = new MediaSocket(onClosed)
    socket.#bound = await bind(address, port, socket)
    return socket
  }

  private constructor(onClosed: (() => void) | undefined) {
    this.#onClosed = onClosed
  }

  get local(): Remote {
    return this.#bound?.local ?? UNBOUND
  }

  /** What the system granted, in bytes, as it tells it (Linux: twice what was asked); 0 where it does not. */
  get receiveBufferSize(): number {
    return this.#closing === undefined ? (this.#bound?.receiveBufferSize ?? 0) : 0
  }

  send(bytes: Uint8Array, to: Remote): boolean {
    if (this.#bound === undefined || this.#closing !== undefined) return false
    this.#bound.send(bytes, to.port, to.address)
    return true
  }

  /** From now on `client` sees first what its server sends. False where the port serves too many already, or is closed. */
  serve(client: ServerClient): boolean {
    if (this.#clients.includes(client)) return true
    if (this.#clients.length >= MOST_CLIENTS || this.#closing !== undefined) return false
    this.#clients = [...this.#clients, client]
    return true
  }

  dismiss(client: ServerClient): void {
    this.#clients = this.#clients.filter(other => other !== client)
  }

  /** Resolves when the port is free, however often it is called. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** @internal */
  onDatagram(bytes: Buffer, address: string, port: number): void {
    if (this.#closing !== undefined) return
    const kind = packetKind(bytes)
    let served = false
    for (const client of this.#clients) {
      const { server } = client
      if (server.port !== port || server.address !== address) continue
      if (client.receive(kind, bytes)) return
      served = true
    }
    if (served && kind === 'stun' && isResponse(bytes)) {
      this.unexpected++
      return
    }
    const { user } = this
    if (user === undefined) this.unclaimed++
    else user.onPacket(kind, bytes, user.remotes.find(address, port), this)
  }

  /** @internal */
  onSocketError(error: EnvironmentError, to?: Remote): void {
    if (this.#closing !== undefined) return
    for (const client of this.#clients) {
      if (to === undefined || sameRemote(client.server, to)) client.onSendError(error)
    }
    this.user?.onSendError(error, to)
  }

  async #close(): Promise<void> {
    this.user = undefined
    this.#clients = []
    try {
      await this.#bound?.close()
    } finally {
      this.#onClosed?.()
    }
  }
}

/** The upper bit of a STUN message's class: success and error have it (RFC 8489 §5). */
function isResponse(bytes: Buffer): boolean {
  return ((bytes[0] ?? 0) & 1) === 1
}
