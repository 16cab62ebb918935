import { type HostAddress, resolveHost } from '../../../net/resolve.ts'
import { type DatagramReceiver, UdpSocket } from '../../../net/udp.ts'
import { unbracketed } from '../../../util/address.ts'
import { EnvironmentError } from '../../../util/errors.ts'
import type { Carrier, CarrierReceiver } from './carrier.ts'
import { UnderWay } from './under-way.ts'

export interface UdpCarrierOptions {
  /** A name or a numeric address; a name is looked up with the first message, and again when no address is left. */
  readonly host: string
  readonly port: number
  /** The system's when absent. */
  readonly resolve?: (host: string) => Promise<readonly HostAddress[]>
}

/** What the largest UDP datagram over IPv4 holds. */
const LONGEST_DATAGRAM = 65_507
/** Failures that pass by themselves: the next retransmission may well leave. */
const PASSING = new Set(['ENOBUFS', 'EAGAIN', 'EPERM'])
/** Addresses of one name that are tried. */
const MAX_ADDRESSES = 8

/**
 * NG over UDP: a datagram a message. Of the addresses of a name the one is used that answered last. While none has, a
 * message that is sent again goes to the next one; an address that refuses (an ICMP error) gives way at once.
 */
export class UdpCarrier implements Carrier {
  readonly reliable: boolean = false
  readonly longestMessage: number = LONGEST_DATAGRAM
  readonly #options: UdpCarrierOptions
  readonly #receiver: CarrierReceiver
  readonly #underWay = new UnderWay()
  /** Those that have not refused since the look-up; the first is the one in use. */
  #ways: Way[] = []
  #opening: Promise<void> | undefined
  #closed = false

  constructor(options: UdpCarrierOptions, receiver: CarrierReceiver) {
    this.#options = options
    this.#receiver = receiver
  }

  send(message: Buffer, cookie: string): void {
    const again = this.#underWay.has(cookie)
    this.#underWay.add(cookie, message)
    const [way] = this.#ways
    if (way === undefined) {
      this.#opening ??= this.#open()
      return
    }
    if (again && !way.proven) this.#ways.push(...this.#ways.splice(0, 1))
    this.#ways[0]?.socket.send(message, this.#options.port, this.#ways[0].address)
  }

  /** No reply came: the way that answered others may not any more. */
  forget(cookie: string): void {
    const [way] = this.#ways
    if (this.#underWay.delete(cookie) && way !== undefined) way.proven = false
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#underWay.clear()
    await this.#opening
    await Promise.all(this.#ways.splice(0).map(way => way.socket.close()))
  }

  #onReply(way: Way, bytes: Buffer): void {
    if (this.#closed) return
    way.proven = true
    const place = this.#ways.indexOf(way)
    if (place > 0) this.#ways.unshift(...this.#ways.splice(place, 1))
    this.#underWay.answered(bytes)
    this.#receiver.onMessage(bytes)
  }

  #onFailure(way: Way, error: EnvironmentError): void {
    if (this.#closed || PASSING.has(error.code)) return
    const place = this.#ways.indexOf(way)
    if (place < 0) return
    this.#ways.splice(place, 1)
    void way.socket.close()
    if (place === 0) this.#sendAll(error)
  }

  /** What is under way goes to the first of the ways that are left, or is lost. */
  #sendAll(error: EnvironmentError): void {
    const [way] = this.#ways
    if (way === undefined) {
      this.#lose(error)
      return
    }
    for (const message of this.#underWay.messages()) way.socket.send(message, this.#options.port, way.address)
  }

  async #open(): Promise<void> {
    let failure: unknown
    try {
      const resolve = this.#options.resolve ?? resolveHost
      const found = await resolve(unbracketed(this.#options.host))
      for (const { address } of found.slice(0, MAX_ADDRESSES)) {
        if (this.#closed) break
        try {
          this.#ways.push(await this.#bind(address))
        } catch (error) {
          // this host may have no IPv6, or no route to one of the addresses
          failure = error
        }
      }
    } catch (error) {
      failure = error
    }
    this.#opening = undefined
    if (!this.#closed) this.#sendAll(asEnvironmentError(failure))
  }

  async #bind(address: string): Promise<Way> {
    const any = address.includes(':') ? '::' : '0.0.0.0'
    const remote = { address, port: this.#options.port }
    const receiver = new WayReceiver({
      onReply: (way, bytes) => this.#onReply(way, bytes),
      onFailure: (way, error) => this.#onFailure(way, error),
    })
    const way = {
      address,
      socket: await UdpSocket.bind({ address: any, port: 0, remote }, receiver),
      proven: false,
    }
    receiver.way = way
    return way
  }

  #lose(error: EnvironmentError): void {
    this.#underWay.clear()
    this.#receiver.onCarrierFailure(error)
  }
}

/** A socket that is connected to one address of the engine. */
interface Way {
  readonly address: string
  readonly socket: UdpSocket
  /** The engine answered over it. */
  proven: boolean
}

interface WayUser {
  onReply(way: Way, bytes: Buffer): void
  onFailure(way: Way, error: EnvironmentError): void
}

/** Knows to which way its socket belongs, once there is one. */
class WayReceiver implements DatagramReceiver {
  way: Way | undefined
  readonly #user: WayUser

  constructor(user: WayUser) {
    this.#user = user
  }

  onDatagram(bytes: Buffer): void {
    if (this.way !== undefined) this.#user.onReply(this.way, bytes)
  }

  onSocketError(error: EnvironmentError): void {
    if (this.way !== undefined) this.#user.onFailure(this.way, error)
  }
}

function asEnvironmentError(error: unknown): EnvironmentError {
  if (error instanceof EnvironmentError) return error
  return new EnvironmentError('ERR_RTPENGINE_SOCKET', 'no socket could be made', { cause: error })
}
