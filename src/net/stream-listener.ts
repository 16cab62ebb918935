import type { Socket } from 'node:net'
import type { TransportAddress } from '../util/address.ts'
import type { Accept, AcceptFailed, Acceptor } from './acceptor.ts'
import { SocketConnection, transportAddress } from './socket-connection.ts'
import type { ListenerReceiver } from './stream.ts'

/** Begins to accept, over TCP or TLS. */
export type StartAccepting = (accept: Accept, onError: AcceptFailed) => Promise<Acceptor>

/** A listener whose connections go to one receiver, be they plain or TLS. */
export class StreamListener {
  readonly #acceptor: Acceptor
  readonly #sockets: Set<Socket>
  #closing: Promise<void> | undefined

  /** Rejects as the acceptor does. */
  static async listen(
    protocol: string,
    start: StartAccepting,
    maxBufferedBytes: number,
    receiver: ListenerReceiver,
  ): Promise<StreamListener> {
    const sockets = new Set<Socket>()
    const forget = function (this: Socket): void {
      sockets.delete(this)
    }
    const accept = (socket: Socket): void => {
      const remote = transportAddress(socket.remoteAddress, socket.remotePort)
      if (remote === undefined || listener?.isClosing) {
        // gone before it could be looked at
        socket.on('error', () => {})
        socket.destroy()
        return
      }
      sockets.add(socket)
      socket.on('close', forget)
      new SocketConnection(socket, receiver, { protocol, accepted: true, remote, maxBufferedBytes }).opened()
    }
    let listener: StreamListener | undefined
    listener = new StreamListener(await start(accept, error => receiver.onListenerError(error)), sockets)
    return listener
  }

  private constructor(acceptor: Acceptor, sockets: Set<Socket>) {
    this.#acceptor = acceptor
    this.#sockets = sockets
  }

  get local(): TransportAddress {
    return this.#acceptor.local
  }

  /** Connections closed unheard because too many were open, or too many hand-shakes under way. */
  get refused(): number {
    return this.#acceptor.refused
  }

  /** Hand-shakes under way. */
  get handshakes(): number {
    return this.#acceptor.handshakes
  }

  /** Accepted connections that are open. */
  get connections(): number {
    return this.#sockets.size
  }

  get isClosing(): boolean {
    return this.#closing !== undefined
  }

  /**
   * Stops listening and destroys the connections it accepted; each of them is told by `onClosed` before the promise
   * resolves, and nothing is after. May be called again.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const ends = [...this.#sockets].map(
      socket => new Promise<unknown>(resolve => socket.once('close', resolve)),
    )
    ends.push(this.#acceptor.close())
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(ends)
  }
}
