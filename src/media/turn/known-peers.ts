import { octet, uint32 } from '../../stun/octets.ts'
import { addressBytes } from '../../util/address.ts'

interface Known {
  readonly address: string
  /** 16 octets. */
  readonly octets: Uint8Array
}

const COOKIE = 0x2112a442
const IPV4 = 1
const IPV6 = 2

/**
 * @internal The addresses that were let through, found by the octets of an XOR-PEER-ADDRESS: nothing is made for a
 * packet, and a stranger's address never becomes text.
 */
export class KnownPeers {
  readonly #octets = new Map<string, Uint8Array>()
  readonly #ipv4 = new Map<number, string>()
  readonly #ipv6 = new Map<number, Known[]>()

  has(address: string): boolean {
    return this.#octets.has(address)
  }

  /** The 4 or 16 octets of one that is known. */
  octets(address: string): Uint8Array | undefined {
    return this.#octets.get(address)
  }

  /** `address`: canonical. */
  add(address: string): void {
    const octets = addressBytes(address)
    if (octets === undefined || this.#octets.has(address)) return
    this.#octets.set(address, octets)
    if (octets.length === 4) {
      this.#ipv4.set(uint32(octets, 0), address)
      return
    }
    const hash = folded(octets, 0)
    const alike = this.#ipv6.get(hash)
    if (alike === undefined) this.#ipv6.set(hash, [{ address, octets }])
    else alike.push({ address, octets })
  }

  delete(address: string): void {
    const octets = addressBytes(address)
    if (octets === undefined || !this.#octets.delete(address)) return
    if (octets.length === 4) {
      this.#ipv4.delete(uint32(octets, 0))
      return
    }
    const hash = folded(octets, 0)
    const others = (this.#ipv6.get(hash) ?? []).filter(known => known.address !== address)
    if (others.length === 0) this.#ipv6.delete(hash)
    else this.#ipv6.set(hash, others)
  }

  clear(): void {
    this.#octets.clear()
    this.#ipv4.clear()
    this.#ipv6.clear()
  }

  /**
   * The address in the XOR-PEER-ADDRESS of `message` whose value has `length` octets from `offset` (RFC 8489 §14.2);
   * `undefined` for a stranger's, and for what is no address.
   */
  find(message: Uint8Array, offset: number, length: number): string | undefined {
    if (!isAddress(message, offset, length)) return undefined
    if (length === 8) return this.#ipv4.get((uint32(message, offset + 4) ^ COOKIE) >>> 0)
    // both are XORed word by word, so that the masks come out of the fold at once
    const alike = this.#ipv6.get((folded(message, offset + 4) ^ folded(message, 4)) >>> 0)
    return alike?.find(({ octets }) => isMasked(octets, message, offset + 4))?.address
  }
}

/** @internal whether an XOR-PEER-ADDRESS of this length can be one */
export function isAddress(message: Uint8Array, offset: number, length: number): boolean {
  const family = octet(message, offset + 1)
  return (family === IPV4 && length === 8) || (family === IPV6 && length === 20)
}

/** The four words of 16 octets, XORed. */
function folded(bytes: Uint8Array, at: number): number {
  return (uint32(bytes, at) ^ uint32(bytes, at + 4) ^ uint32(bytes, at + 8) ^ uint32(bytes, at + 12)) >>> 0
}

function isMasked(address: Uint8Array, message: Uint8Array, at: number): boolean {
  for (let i = 0; i < 16; i++)
    if ((octet(address, i) ^ octet(message, 4 + i)) !== octet(message, at + i)) return false
  return true
}
