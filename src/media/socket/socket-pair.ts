import type { MediaSocket } from './media-socket.ts'
import type { PortBinding, PortPool } from './port-pool.ts'

/** The sockets of a stream, bound together when the first of its components asks. */
export class SocketPair {
  readonly #pool: PortPool
  readonly #binding: PortBinding
  readonly #count: 1 | 2
  readonly #taken = new Set<0 | 1>()
  #sockets: Promise<MediaSocket[]> | undefined

  constructor(pool: PortPool, binding: PortBinding, count: 1 | 2) {
    this.#pool = pool
    this.#binding = binding
    this.#count = count
  }

  /** The socket of a component, which closes it; one that asks again gets its old port anew. */
  async open(component: 0 | 1): Promise<MediaSocket> {
    this.#sockets ??= this.#pool.open(this.#binding, this.#count)
    const socket = (await this.#sockets)[component]
    if (socket === undefined) throw new RangeError(`this stream has no component ${component}`)
    if (!this.#taken.has(component)) {
      this.#taken.add(component)
      return socket
    }
    const { address } = this.#binding
    const [anew] = await this.#pool.open({ address, port: socket.local.port }, 1)
    return anew ?? socket
  }
}
