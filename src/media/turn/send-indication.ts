import { XorPeerAddress } from '../../stun/attributes/address.ts'
import { Data, DontFragment } from '../../stun/attributes/turn.ts'
import { headerLength, magicCookie, messageType, method } from '../../stun/header.ts'
import { octet } from '../../stun/octets.ts'
import type { RandomSource } from '../../util/random.ts'

const SEND_INDICATION = messageType(method.Send, 'indication')
const ID = 12
const POOL = 64 * ID
const LARGEST = 0xffff

/**
 * @internal Send indications (RFC 8656 §11.1), one for each packet to a peer without a channel: written at once into
 * the octets that leave, without the lists of a message in the making.
 */
export class SendIndications {
  readonly #random: RandomSource
  readonly #pool = new Uint8Array(POOL)
  #next = POOL

  constructor(random: RandomSource) {
    this.#random = random
  }

  /** `address`: 4 or 16 octets. `undefined` where the data is too large for a message. */
  write(data: Uint8Array, address: Uint8Array, port: number, dontFragment: boolean): Buffer | undefined {
    const peer = 4 + address.length
    const padded = (data.length + 3) & ~3
    const size = headerLength + 4 + peer + 4 + padded + (dontFragment ? 4 : 0)
    if (size - headerLength > LARGEST) return undefined
    const bytes = Buffer.allocUnsafe(size)
    word(bytes, 0, (SEND_INDICATION << 16) | (size - headerLength))
    word(bytes, 4, magicCookie)
    this.#drawId(bytes)
    let at = headerLength
    word(bytes, at, (XorPeerAddress.type << 16) | peer)
    word(bytes, at + 4, ((address.length === 4 ? 1 : 2) << 16) | (port ^ (magicCookie >>> 16)))
    // the cookie and, for IPv6, the transaction id behind it
    for (let i = 0; i < address.length; i++) bytes[at + 8 + i] = octet(address, i) ^ octet(bytes, 4 + i)
    at += 4 + peer
    word(bytes, at, (Data.type << 16) | data.length)
    bytes.set(data, at + 4)
    at += 4 + data.length
    for (const end = at + padded - data.length; at < end; at++) bytes[at] = 0
    if (dontFragment) word(bytes, at, DontFragment.type << 16)
    return bytes
  }

  /** Random octets, drawn for many at a time. */
  #drawId(bytes: Uint8Array): void {
    if (this.#next === POOL) {
      this.#random.fill(this.#pool)
      this.#next = 0
    }
    for (let i = 0; i < ID; i++) bytes[8 + i] = octet(this.#pool, this.#next + i)
    this.#next += ID
  }
}

function word(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
