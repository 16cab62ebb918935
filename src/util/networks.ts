import { addressBytes, unmapped, withoutZone } from './address.ts'
import { UsageError } from './errors.ts'
import { printable } from './log.ts'

interface Network {
  readonly bytes: Uint8Array
  /** Bits of the prefix. */
  readonly length: number
}

/**
 * Addresses that are nobody's but of the network they are used in: RFC 1918 §3, RFC 4193 §3.1, loopback and link-local
 * ones of both families.
 */
const PRIVATE = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '127.0.0.0/8',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
  '::1/128',
]

/** A set of networks: `new Networks(['10.0.0.0/8', 'fd00::/8'])`, or `'private'` for what is private by its number. */
export class Networks {
  readonly #networks: readonly Network[]

  /** @throws UsageError for what is no network */
  constructor(texts: readonly string[]) {
    this.#networks = texts.flatMap(text => (text === 'private' ? PRIVATE : [text])).map(network)
  }

  /** Whether a numeric address, an IPv4 one in either form, belongs to one of them; its zone does not matter. */
  has(address: string): boolean {
    const bytes = addressBytes(unmapped(withoutZone(address)))
    return bytes !== undefined && this.#networks.some(network => contains(network, bytes))
  }
}

function network(text: string): Network {
  const [, address = '', digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const bytes = address.includes('%') ? undefined : addressBytes(address)
  const most = 8 * (bytes?.length ?? 0)
  const length = digits === undefined ? most : Number(digits)
  if (bytes === undefined || length > most) {
    throw new UsageError(
      'ERR_NETWORK',
      `"${printable(text)}" is no network; 10.0.0.0/8, fd00::/8, an address, or private is expected`,
    )
  }
  return { bytes, length }
}

function contains({ bytes, length }: Network, address: Uint8Array): boolean {
  if (address.length !== bytes.length) return false
  for (let at = 0, left = length; left > 0; at++, left -= 8) {
    const mask = left >= 8 ? 0xff : 0xff << (8 - left)
    if ((((bytes[at] ?? 0) ^ (address[at] ?? 0)) & mask & 0xff) !== 0) return false
  }
  return true
}
