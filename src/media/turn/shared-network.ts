import { headerLength } from '../../stun/header.ts'
import { isIPv6, type TransportAddress } from '../../stun/ip.ts'
import { transactionKey } from '../../stun/message.ts'
import { octet } from '../../stun/octets.ts'
import { EnvironmentError } from '../../util/errors.ts'
import type { MediaSocket, ServerClient } from '../socket/media-socket.ts'
import type { PacketKind } from '../socket/packet-kind.ts'
import { isHardError } from '../stun/hard-errors.ts'
import type { CarrierUser, TurnCarrier, TurnNetwork } from './network.ts'

/** Requests whose responses are still known as ours; ten are under way at a time, and late ones come twice. */
const MOST_ASKED = 64

/**
 * A server reached from a port that media and a STUN client use too, as ICE has it (RFC 8445 §5.1.1.2): of what comes from
 * the server's address, channel data, indications and the responses to our requests are the TURN client's, and nothing else.
 * The socket is its owner's to close. It is not connected to the server, so that the system tells fewer ICMP errors.
 */
export function sharedNetwork(socket: MediaSocket): TurnNetwork {
  return {
    reliable: false,
    family: isIPv6(socket.local.address) ? 'IPv6' : 'IPv4',
    picksPorts: false,
    open: async (server, _, user) => {
      const carrier = new SharedCarrier(socket, server, user)
      if (socket.serve(carrier)) return carrier
      throw new EnvironmentError(
        'ERR_TURN_SHARED',
        `port ${socket.local.port} is closed, or serves as many STUN and TURN clients as it can: use another`,
      )
    },
  }
}

class SharedCarrier implements TurnCarrier, ServerClient {
  readonly reliable = false
  readonly server: TransportAddress
  readonly #socket: MediaSocket
  readonly #user: CarrierUser
  /** Transaction ids of our requests, the oldest first. */
  readonly #asked = new Set<string>()

  constructor(socket: MediaSocket, server: TransportAddress, user: CarrierUser) {
    this.#socket = socket
    this.server = server
    this.#user = user
  }

  get local(): TransportAddress {
    return this.#socket.local
  }

  get receiveBufferSize(): number {
    return this.#socket.receiveBufferSize
  }

  send(bytes: Uint8Array, to: TransportAddress): void {
    if (isOfClass(bytes, REQUEST)) this.#note(transactionKey(bytes, 4))
    this.#socket.send(bytes, to)
  }

  async close(): Promise<void> {
    this.#socket.dismiss(this)
  }

  receive(kind: PacketKind, bytes: Buffer): boolean {
    if (kind !== 'channel' && !(kind === 'stun' && this.#isOurs(bytes))) return false
    this.#user.onMessage(bytes, this.server.address, this.server.port)
    return true
  }

  onSendError(error: EnvironmentError): void {
    if (isHardError(error)) this.#user.onUnreachable(error)
  }

  #isOurs(bytes: Buffer): boolean {
    if (bytes.length < headerLength || isOfClass(bytes, REQUEST)) return false
    return isOfClass(bytes, INDICATION) || this.#asked.has(transactionKey(bytes, 4))
  }

  #note(key: string): void {
    this.#asked.delete(key)
    this.#asked.add(key)
    for (const oldest of this.#asked) {
      if (this.#asked.size <= MOST_ASKED) break
      this.#asked.delete(oldest)
    }
  }
}

/** The two bits of the class, where they stand in the first two octets (RFC 8489 §5). */
const CLASS = 0x0110
const REQUEST = 0x0000
const INDICATION = 0x0010

function isOfClass(bytes: Uint8Array, stunClass: number): boolean {
  const first = octet(bytes, 0)
  return first < 0x40 && (((first << 8) | octet(bytes, 1)) & CLASS) === stunClass
}
