import { addressText, isIPv6, type TransportAddress } from '../../stun/ip.ts'
import { sameRemote } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import { StunErrorResponse, type StunFailure } from '../stun/failure.ts'
import { NoServerAddress } from '../stun/server-lookup.ts'
import { turnRefusal } from './failure.ts'
import { locateTurnServer } from './locate-server.ts'
import type { TurnNetwork } from './network.ts'
import type { TurnSessionOptions } from './session-options.ts'

/** 300s in a row that are followed. */
const MOST_REDIRECTIONS = 4
/** Addresses of ours that are tried where the server calls each in use (437; RFC 8656 §7.4). */
const MOST_LOCAL_ADDRESSES = 3

/** @internal Whom to ask next where one server, or one address of ours, will not do (RFC 8656 §7.4, RFC 8489 §10). */
export class ServerChoice {
  readonly #network: TurnNetwork
  readonly #options: TurnSessionOptions
  /** The servers that were asked for the allocation: none is asked twice because of a 300 (RFC 8489 §10). */
  readonly #asked = new Set<string>()
  /** The server's addresses that are left to try. */
  #others: TransportAddress[] = []
  #redirections = 0
  #localAddresses = 1

  constructor(network: TurnNetwork, options: TurnSessionOptions) {
    this.#network = network
    this.#options = options
  }

  /** Another allocation is asked for, of `server` first. */
  begin(server: TransportAddress): void {
    this.#redirections = 0
    this.#localAddresses = 1
    this.#asked.clear()
    this.asked(server)
  }

  asked(server: TransportAddress): void {
    this.#asked.add(addressText(server))
  }

  /** The next of the server's addresses, once. */
  next(): TransportAddress | undefined {
    return this.#others.shift()
  }

  /** The server's addresses, as far as we can reach their family from where we are bound. */
  async locate(): Promise<void> {
    const { host, port, resolver, random } = this.#options
    const { family, reliable, transport = reliable ? 'tcp' : 'udp' } = this.#network
    const families = family && ([family === 'IPv6' ? 6 : 4] as const)
    const server = { scheme: 'turn', secure: transport === 'tls', host, port, transport: undefined } as const
    try {
      const found = await locateTurnServer(server, { resolver, random, families, transports: [transport] })
      const first = this.#options.firstServer?.()
      const servers = found.map(({ address, port: its }) => ({ address, port: its }))
      this.#others = servers.toSorted((a, b) => Number(isSame(b, first)) - Number(isSame(a, first)))
    } catch (error) {
      if (family === undefined || !(error instanceof NoServerAddress)) throw error
      throw new EnvironmentError(
        'ERR_TURN_FAMILY',
        `the TURN server has no ${family} address, and the local address is one: bind to another, or to none`,
        { cause: error },
      )
    }
  }

  /** The server of the same family that a 300 names, unless it was asked already. */
  alternate(failure: StunFailure, server: TransportAddress | undefined): TransportAddress | undefined {
    if (!(failure instanceof StunErrorResponse) || failure.status !== 300) return undefined
    const { alternateServer: policy = 'any' } = this.#options
    if (policy === 'never' || (policy === 'authenticated' && !failure.authenticated)) return undefined
    if (server === undefined || this.#redirections >= MOST_REDIRECTIONS) return undefined
    const next = failure.alternateServers.find(
      other => isIPv6(other.address) === isIPv6(server.address) && !this.#asked.has(addressText(other)),
    )
    if (next !== undefined) this.#redirections++
    return next
  }

  /** Over UDP, where the server is silent or cannot be reached: the next of its addresses. */
  nextAddress(failure: StunFailure): TransportAddress | undefined {
    return failure instanceof EnvironmentError && !this.#network.reliable ? this.#others.shift() : undefined
  }

  /** A 437: our address is in use there, and another of ours may not be. */
  sameServer(failure: StunFailure, server: TransportAddress | undefined): TransportAddress | undefined {
    if (turnRefusal(failure) !== 'allocation-mismatch' || !this.#network.picksPorts) return undefined
    if (this.#localAddresses >= MOST_LOCAL_ADDRESSES) return undefined
    this.#localAddresses++
    return server
  }
}

function isSame(server: TransportAddress, other: TransportAddress | undefined): boolean {
  return other !== undefined && sameRemote(server, other)
}
