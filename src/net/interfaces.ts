import { createSocket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import {
  type AddressFamily,
  addressBytes,
  canonicalAddress,
  familyOf,
  isLoopback,
  isWildcard,
} from '../util/address.ts'
import type { Clock } from '../util/clock.ts'
import { EnvironmentError } from '../util/errors.ts'
import { printable } from '../util/log.ts'
import { checkedFamily, environmentError, errorCode } from './failure.ts'

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

/**
 * The addresses of this host as they are now, in the system's order.
 * @throws EnvironmentError where the system does not tell: EMFILE, when no descriptor is left
 */
export function interfaceAddresses(): InterfaceAddress[] {
  const found: InterfaceAddress[] = []
  for (const [name, addresses] of Object.entries(systemInterfaces())) {
    for (const entry of addresses ?? []) {
      const address = canonicalAddress(entry.address)
      const family = familyOf(entry.address)
      if (address === undefined || family === undefined) continue
      const scope = entry.family === 'IPv6' ? entry.scopeid : 0
      // Linux names an address by its label, which an alias has: `eth0:1`
      found.push({ name: name.replace(/:.*$/, ''), address, family, internal: entry.internal, scope })
    }
  }
  return found
}

function systemInterfaces(): ReturnType<typeof networkInterfaces> {
  try {
    return networkInterfaces()
  } catch (error) {
    const code = systemCode(error)
    const advice = code === 'EMFILE' ? 'too many files and sockets are open; raise the limit (ulimit -n)' : ''
    const reason = advice || (error instanceof Error ? error.message : String(error))
    throw new EnvironmentError(code, `the addresses of this host cannot be read: ${reason}`, { cause: error })
  }
}

/** `os` has the code in `info` of a SystemError, whose own `code` says no more than that it is one. */
function systemCode(error: unknown): string {
  const info = error instanceof Error && 'info' in error ? error.info : undefined
  const code = typeof info === 'object' && info !== null && 'code' in info ? info.code : undefined
  return typeof code === 'string' ? code : errorCode(error)
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
/** Sockets open at a time to ask with; each asks for a turn of the event loop or two. */
const MAX_ASKING = 64

interface Remembered {
  readonly address: string
  readonly until: number
}

/** Tells the local address towards a remote one, both numeric. */
export type AskRoute = (remote: string) => Promise<string>

/**
 * Which local address the system would send from; asked of the routing table and remembered for some seconds, for the
 * whole network of a remote address: its /24, or its /64 (a route to less than that may be told wrongly).
 */
export class LocalAddresses {
  readonly #clock: Clock
  readonly #ask: AskRoute
  readonly #known = new Map<string, Remembered>()
  readonly #asking = new Map<string, Promise<string>>()

  constructor(clock: Clock, ask: AskRoute = routeTo) {
    this.#clock = clock
    this.#ask = ask
  }

  /**
   * The local address that the system would use towards `remote`, a numeric address: at once where its network was
   * asked for in the last five seconds. Those who ask for one network at a time share the answer. Rejects with an
   * EnvironmentError (ENETUNREACH … where there is no way there, ERR_ROUTES where too many ask at a time), with a
   * UsageError where `remote` is not numeric.
   */
  towards(remote: string): string | Promise<string> {
    const network = networkOf(remote)
    const known = this.#known.get(network)
    if (known !== undefined && known.until > this.#clock.now()) return known.address
    return this.#asking.get(network) ?? this.#askFor(network, remote)
  }

  /** Forgets all, as after a change of the network. */
  clear(): void {
    this.#known.clear()
  }

  #askFor(network: string, remote: string): Promise<string> {
    if (this.#asking.size >= MAX_ASKING) {
      const what = `${MAX_ASKING} routes are being asked for; the one to ${printable(remote)} was not`
      return Promise.reject(new EnvironmentError('ERR_ROUTES', what))
    }
    const asking = this.#ask(remote).then(
      address => {
        this.#asking.delete(network)
        this.#remember(network, address)
        return address
      },
      error => {
        this.#asking.delete(network)
        throw error
      },
    )
    this.#asking.set(network, asking)
    return asking
  }

  #remember(network: string, address: string): void {
    this.#known.delete(network)
    // insertion order is age: the oldest goes first
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < MAX_REMEMBERED) break
      this.#known.delete(oldest)
    }
    this.#known.set(network, { address, until: this.#clock.now() + LIFETIME })
  }
}

/** What one route is taken to lead to; loopback addresses, whose routes may differ each, stand for themselves. */
function networkOf(remote: string): string {
  if (isLoopback(remote)) return remote
  const bytes = addressBytes(remote)
  if (bytes === undefined) return remote
  const zone = remote.indexOf('%')
  return `${bytes.subarray(0, bytes.length === 4 ? 3 : 8).join('.')}${zone < 0 ? '' : remote.slice(zone)}`
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
