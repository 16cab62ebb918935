import { errorCode } from '../../net/failure.ts'
import { UdpSocket } from '../../net/udp.ts'
import { EnvironmentError, UsageError } from '../../util/errors.ts'
import { type RandomSource, Tokens } from '../../util/random.ts'
import { type BindSocket, MediaSocket } from './media-socket.ts'

/** Inclusive; RTP takes even ports of it, RTCP the odd ones above them. */
export interface PortRange {
  readonly min: number
  readonly max: number
}

/** Where a stream is to be bound. */
export interface PortBinding {
  /** Numeric. */
  readonly address: string
  /** The RTP port; 0 takes one of the range, or one that the system chooses. */
  readonly port: number
}

export interface PortPoolOptions {
  /** Without one the system chooses. */
  readonly range?: PortRange | undefined
  readonly random: RandomSource
  /** Milliseconds on any monotonic scale. */
  readonly now: () => number
  /** Bytes asked of the system for each socket; see `mediaReceiveBuffer`. */
  readonly receiveBufferSize?: number | undefined
  /** How a socket is bound; a UDP socket by default. */
  readonly bind?: BindSocket | undefined
}

/**
 * Three seconds of two-way audio at 50 packets a second, as Linux counts them (768 octets for a small datagram): what a
 * stalled process may miss, and not the megabytes that a SIP port is given.
 */
export const mediaReceiveBuffer: number = 128 * 1024

/** How long a port rests after use, so that a packet of the old call reaches no new one. */
export const PORT_REST = 10_000
/** How often the system is asked for a port that fits. */
const TRIES = 64
/** Ports of the system's that are remembered as resting. */
const MOST_RESTING = 4096

/** Bound ports for media, each an even one and the next where two are asked (RFC 3550 §11). */
export class PortPool {
  readonly #bind: BindSocket
  readonly #random: Tokens
  readonly #now: () => number
  readonly #range: PortRange | undefined
  /** RTP ports of the range that nobody uses, in no order. */
  readonly #free: number[] = []
  /** Even ports given back, with the time, the longest rested first. */
  readonly #resting = new Map<number, number>()

  /** Throws a UsageError for a range without a pair of ports. */
  constructor({ range, random, now, bind, receiveBufferSize = mediaReceiveBuffer }: PortPoolOptions) {
    if (range !== undefined && !(range.min >= 1 && range.max <= 65_535 && evenFrom(range.min) < range.max)) {
      throw new UsageError(
        'ERR_PORT_RANGE',
        `ports ${range.min} to ${range.max} hold no even port with an odd one above`,
      )
    }
    this.#range = range
    this.#random = new Tokens(random)
    this.#now = now
    this.#bind =
      bind ?? ((address, port, receiver) => UdpSocket.bind({ address, port, receiveBufferSize }, receiver))
    if (range === undefined) return
    for (let port = evenFrom(range.min); port < range.max; port += 2) this.#free.push(port)
  }

  /** Ports that rest after use. */
  get resting(): number {
    return this.#resting.size
  }

  /**
   * Binds one socket, or two of which the first has an even port and the second the next. Rejects with an
   * EnvironmentError: EADDRINUSE where no port is free.
   */
  async open(binding: PortBinding, count: 1 | 2): Promise<MediaSocket[]> {
    const { address, port } = binding
    if (port !== 0) return this.#all(address, port, count, undefined)
    const range = this.#range
    const sockets = range === undefined ? this.#systemPorts(address, count) : this.#ranged(address, count)
    const found = await sockets
    if (found !== undefined) return found
    const where = range === undefined ? 'of the system' : `from ${range.min} to ${range.max}`
    throw new EnvironmentError(
      'EADDRINUSE',
      `no RTP port ${where} is free on ${address}: widen the range, or close streams`,
    )
  }

  /** Ports at random; one that another program has rests as if it had been ours. */
  async #ranged(address: string, count: 1 | 2): Promise<MediaSocket[] | undefined> {
    for (let left = this.#free.length + this.#resting.size; left > 0; left--) {
      const port = this.#take()
      if (port === undefined) return undefined
      try {
        return await this.#all(address, port, count, () => this.#rest(port))
      } catch (error) {
        this.#rest(port)
        if (errorCode(error) !== 'EADDRINUSE') throw error
      }
    }
    return undefined
  }

  /** One that is free; where none is, the one that has rested longest. */
  #take(): number | undefined {
    const free = this.#free
    const rested = this.#now() - PORT_REST
    for (const [port, since] of this.#resting) {
      if (since > rested && free.length > 0) break
      this.#resting.delete(port)
      free.push(port)
      if (since > rested) break
    }
    const at = this.#random.below(free.length)
    const port = free[at]
    const last = free.pop()
    if (port !== last && last !== undefined) free[at] = last
    return port
  }

  /** The system knows no pairs, and lets no port rest: one that does not fit is given back, and it is asked again. */
  async #systemPorts(address: string, count: 1 | 2): Promise<MediaSocket[] | undefined> {
    for (let tries = TRIES; tries > 0; tries--) {
      const sockets = await this.#systemPort(address, count, tries > 1)
      if (sockets !== undefined) return sockets
    }
    return undefined
  }

  async #systemPort(address: string, count: 1 | 2, onlyRested: boolean): Promise<MediaSocket[] | undefined> {
    let used = false
    const socket: MediaSocket = await MediaSocket.bind(this.#bind, address, 0, () => {
      if (used) this.#rest(evenBelow(socket.local.port))
    })
    const { port } = socket.local
    try {
      if (onlyRested && this.#rests(evenBelow(port))) return undefined
      const even = port % 2 === 0
      const sibling =
        count === 2 ? await MediaSocket.bind(this.#bind, address, even ? port + 1 : port - 1) : undefined
      used = true
      if (sibling === undefined) return [socket]
      return even ? [socket, sibling] : [sibling, socket]
    } catch (error) {
      if (errorCode(error) !== 'EADDRINUSE') throw error
      return undefined
    } finally {
      if (!used) await socket.close()
    }
  }

  async #all(
    address: string,
    port: number,
    count: 1 | 2,
    onFree: (() => void) | undefined,
  ): Promise<MediaSocket[]> {
    let open = count as number
    let complete = false
    const onClosed = (): void => {
      if (--open === 0 && complete) onFree?.()
    }
    const first = await MediaSocket.bind(this.#bind, address, port, onClosed)
    try {
      const sockets =
        count === 1 ? [first] : [first, await MediaSocket.bind(this.#bind, address, port + 1, onClosed)]
      complete = true
      return sockets
    } catch (error) {
      await first.close()
      throw error
    }
  }

  #rests(port: number): boolean {
    return (this.#resting.get(port) ?? Number.NEGATIVE_INFINITY) > this.#now() - PORT_REST
  }

  #rest(port: number): void {
    this.#resting.delete(port)
    this.#resting.set(port, this.#now())
    if (this.#range !== undefined || this.#resting.size <= MOST_RESTING) return
    for (const oldest of this.#resting.keys()) {
      this.#resting.delete(oldest)
      return
    }
  }
}

/** A pair is known by its even port. */
function evenBelow(port: number): number {
  return port - (port % 2)
}

function evenFrom(port: number): number {
  return port + (port % 2)
}
