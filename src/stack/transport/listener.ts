import { EnvironmentError } from '../../util/errors.ts'
import type { TransportLayer } from './layer.ts'
import type { ListenPoint } from './listen-point.ts'
import type { Transport } from './transport.ts'

/** What a listener needs of the stack. */
export interface ListenerContext {
  readonly transports: TransportLayer
  /** A transport for the point at one of its addresses, not open yet. */
  make(point: ListenPoint, address: string, port: number): Transport
  /** Told of each address that cannot be opened while nobody waits; `isNews` where it failed otherwise before, or not at all. */
  onFailure(error: unknown, isNews: boolean): void
}

/** Times that a port is looked for which is free on all addresses of a point whose port the system chooses. */
const MOST_TRIES = 8

/** One listen point, and the transports that are open for it: one for each address it stands for. */
export class Listener {
  readonly point: ListenPoint
  readonly #context: ListenerContext
  readonly #open = new Map<string, Transport>()
  /** Addresses whose transport was closed by its key, which are not opened again. */
  readonly #left = new Set<string>()
  /** What was told of addresses that cannot be opened. */
  readonly #told = new Map<string, string>()
  /** The port to ask for: where the system chooses, that of the address which was opened first. */
  #port: number
  /** No port was free on all addresses, so that each has one of its own. */
  #isApart = false
  #closed = false

  constructor(point: ListenPoint, context: ListenerContext) {
    this.point = point
    this.#context = context
    this.#port = point.port
  }

  get isOpen(): boolean {
    return this.#open.size > 0
  }

  /** Opens a transport at each of the addresses; where that fails none is left open. Rejects as `Transport.open` does. */
  async open(addresses: readonly string[]): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        for (const address of addresses) await this.#add(address)
        return
      } catch (error) {
        await this.#closeAll()
        if (!this.#isEphemeral || this.#isApart || !isInUse(error)) throw error
        this.#port = 0
        this.#isApart = tries === MOST_TRIES
      }
    }
  }

  /** Closes what has gone and opens what has come; an address that cannot be opened is tried again next time. */
  async follow(addresses: readonly string[]): Promise<void> {
    for (const [address, transport] of [...this.#open]) {
      if (addresses.includes(address)) continue
      this.#open.delete(address)
      await this.#context.transports.remove(transport)
    }
    for (const address of this.#told.keys()) if (!addresses.includes(address)) this.#told.delete(address)
    for (const address of addresses) {
      if (this.#closed) return
      if (!this.#open.has(address) && !this.#left.has(address)) await this.#come(address)
    }
  }

  /** Closes the transport of a key for good; answers whether it is one of this listener's. */
  async leave(key: string): Promise<boolean> {
    for (const [address, transport] of this.#open) {
      if (transport.key !== key) continue
      this.#open.delete(address)
      this.#left.add(address)
      await this.#context.transports.remove(transport)
      return true
    }
    return false
  }

  has(key: string): boolean {
    for (const transport of this.#open.values()) if (transport.key === key) return true
    return false
  }

  /** Opens nothing any more. */
  stop(): void {
    this.#closed = true
  }

  async close(): Promise<void> {
    this.stop()
    await this.#closeAll()
  }

  get #isEphemeral(): boolean {
    return this.point.port === 0
  }

  async #come(address: string): Promise<void> {
    try {
      await this.#add(address).catch(error => {
        if (!this.#isEphemeral || !isInUse(error)) throw error
        return this.#add(address, 0)
      })
      this.#told.delete(address)
    } catch (error) {
      const text = String(error)
      const isNews = this.#told.get(address) !== text
      this.#told.set(address, text)
      if (!this.#closed) this.#context.onFailure(error, isNews)
    }
  }

  async #add(address: string, port: number = this.#port): Promise<void> {
    const { transports, make } = this.#context
    const transport = make(this.point, address, port)
    await transports.add(transport)
    if (this.#closed) {
      await transports.remove(transport)
      return
    }
    this.#open.set(address, transport)
    if (!this.#isApart && this.#port === 0) this.#port = transport.local.port
  }

  /** All at once, so that whoever waits on one of them hears of it now. */
  async #closeAll(): Promise<void> {
    const transports = [...this.#open.values()]
    this.#open.clear()
    await Promise.all(transports.map(transport => this.#context.transports.remove(transport)))
  }
}

function isInUse(error: unknown): boolean {
  return error instanceof EnvironmentError && error.code === 'EADDRINUSE'
}
