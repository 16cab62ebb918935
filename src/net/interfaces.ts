import { createSocket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import { type AddressFamily, canonicalAddress, familyOf, isWildcard } from '../util/address.ts'
import type { Clock } from '../util/clock.ts'
import { checkedFamily, environmentError } from './failure.ts'

export interface InterfaceAddress {
  /** The interface: `eth0`. */
  readonly name: string
  /** Canonical, without a zone. */
  readonly address: string
  readonly family: AddressFamily
  /** Of the loopback interface. */
  readonly internal: boolean
  /** The zone of an IPv6 link-local address, 0 for all others. */
  readonly scope: number
}

/** The addresses of this host as they are now, in the system's order. */
export function interfaceAddresses(): InterfaceAddress[] {
  const found: InterfaceAddress[] = []
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const entry of addresses ?? []) {
      const address = canonicalAddress(entry.address)
      const family = familyOf(entry.address)
      if (address === undefined || family === undefined) continue
      const scope = entry.family === 'IPv6' ? entry.scopeid : 0
      found.push({ name, address, family, internal: entry.internal, scope })
    }
  }
  return found
}

/**
 * What to tell others of a socket bound to `wildcard`: the first address of its family that is neither loopback nor link-local
 * (RFC 4291 §2.5.6), else loopback, where nobody else can reach this host anyway.
 */
export function hostAddress(wildcard: string): string {
  const family = familyOf(wildcard)
  let own: InterfaceAddress[] = []
  try {
    own = interfaceAddresses()
  } catch {
    // no descriptor is left to ask with
  }
  const reachable = own.find(entry => entry.family === family && !entry.internal && entry.scope === 0)
  return reachable?.address ?? (family === 6 ? '::1' : '127.0.0.1')
}

const LIFETIME = 5000
const MAX_REMEMBERED = 1024

interface Remembered {
  readonly address: string
  readonly until: number
}

/** Which local address the system would send from; asked of the routing table and remembered for some seconds. */
export class LocalAddresses {
  readonly #clock: Clock
  readonly #known = new Map<string, Remembered>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * The local address that the system would use towards `remote`, a numeric address: at once where it was asked in
   * the last five seconds. Rejects with an EnvironmentError (ENETUNREACH …) where there is no way there, with a
   * UsageError where `remote` is not numeric.
   */
  towards(remote: string): string | Promise<string> {
    const known = this.#known.get(remote)
    return known && known.until > this.#clock.now() ? known.address : this.#ask(remote)
  }

  /** Forgets all, as after a change of the network. */
  clear(): void {
    this.#known.clear()
  }

  async #ask(remote: string): Promise<string> {
    const address = await routeTo(remote)
    this.#known.delete(remote)
    // insertion order is age: the oldest goes first
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < MAX_REMEMBERED) break
      this.#known.delete(oldest)
    }
    this.#known.set(remote, { address, until: this.#clock.now() + LIFETIME })
    return address
  }
}

/** Connecting a UDP socket sends nothing, but makes the system choose the route and with it the local address. */
async function routeTo(remote: string): Promise<string> {
  const family = checkedFamily('udp', remote, 0)
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6')
  try {
    await new Promise<void>((resolve, reject) => {
      const settle = (error?: Error): void => {
        if (error) reject(environmentError(error, { protocol: 'udp', address: remote, port: DISCARD }))
        else resolve()
      }
      socket.once('error', settle)
      socket.connect(DISCARD, remote, settle)
    })
    const { address } = socket.address()
    if (isWildcard(address)) {
      const cause = Object.assign(new Error('no route'), { code: 'ENETUNREACH' })
      throw environmentError(cause, { protocol: 'udp', address: remote, port: DISCARD })
    }
    return canonicalAddress(address) ?? address
  } finally {
    socket.close()
  }
}

/** RFC 863; nothing is sent to it. */
const DISCARD = 9
