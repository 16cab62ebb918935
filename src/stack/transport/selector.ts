import { type AddressFamily, familyOf, isLoopback } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import type { Protocol } from '../message/flow.ts'
import type { Transport } from './transport.ts'

/** One place a request can be sent to: what RFC 3263 ends with. */
export interface Target {
  readonly protocol: Protocol
  /** Numeric, without brackets. */
  readonly address: string
  readonly port: number
  /** Name that the peer must prove over TLS (RFC 5922). */
  readonly serverName?: string | undefined
  /** The name whose address it is: of several addresses of one, the first that a connection is made to serves (RFC 8305). */
  readonly host?: string | undefined
}

/** Tells which local address the system would use towards a remote one. */
export type SourceAddress = (remote: string) => string | Promise<string>

/** A transport with what its address says, read once. */
interface Candidate {
  readonly transport: Transport
  readonly address: string
  readonly family: AddressFamily
  readonly isLoopback: boolean
}

/**
 * Chooses the transport for a target on a multi-homed host: of the protocol's transports of the target's family the
 * only one, or the one bound to the address that the system's routes lead out of.
 */
export class TransportSelector {
  readonly #source: SourceAddress
  #candidates: readonly Candidate[] = []

  constructor(source: SourceAddress) {
    this.#source = source
  }

  /** Takes over the transports to choose from. */
  follow(transports: Iterable<Transport>): void {
    this.#candidates = Array.from(transports, transport => {
      const { address, family } = transport.local
      return { transport, address, family, isLoopback: isLoopback(address) }
    })
  }

  /** @throws EnvironmentError where no transport fits */
  select(target: Target): Transport | Promise<Transport> {
    const family = familyOf(target.address)
    const loopback = isLoopback(target.address)
    // a loopback address is reached from a loopback address, and other ones from others, where there are such
    const only = this.#only(target, family, loopback) ?? this.#only(target, family, !loopback)
    if (only === undefined) throw noTransport(target)
    if (only !== 'several') return only
    const among = this.#fitting(target, family, loopback)
    const fitting = among.length > 0 ? among : this.#fitting(target, family, !loopback)
    const address = this.#source(target.address)
    return typeof address === 'string'
      ? boundTo(fitting, address)
      : address.then(known => boundTo(fitting, known))
  }

  /** A TCP transport for what is too large for a UDP one: of the same family, at the same address if there is one. */
  tcpBeside({ local }: Transport): Transport | undefined {
    let beside: Transport | undefined
    for (const { transport, address, family } of this.#candidates) {
      if (transport.protocol !== 'TCP' || family !== local.family) continue
      if (address === local.address) return transport
      beside ??= transport
    }
    return beside
  }

  /** The one transport that fits, without making anything of the others: nearly always there is one. */
  #only(target: Target, family: number | undefined, loopback: boolean): Transport | 'several' | undefined {
    let only: Transport | undefined
    for (const candidate of this.#candidates) {
      if (!fits(candidate, target, family, loopback)) continue
      if (only !== undefined) return 'several'
      only = candidate.transport
    }
    return only
  }

  #fitting(target: Target, family: number | undefined, loopback: boolean): Candidate[] {
    return this.#candidates.filter(candidate => fits(candidate, target, family, loopback))
  }
}

function fits(
  { transport, family, isLoopback }: Candidate,
  target: Target,
  wanted: number | undefined,
  loopback: boolean,
): boolean {
  return transport.protocol === target.protocol && family === wanted && isLoopback === loopback
}

function boundTo(fitting: readonly Candidate[], address: string): Transport {
  const bound = fitting.find(candidate => candidate.address === address) ?? fitting[0]
  return (bound as Candidate).transport
}

function noTransport(target: Target): EnvironmentError {
  const family = familyOf(target.address) === 6 ? 'IPv6' : 'IPv4'
  const where = `${target.protocol.toLowerCase()} ${target.address}:${target.port}`
  return new EnvironmentError(
    'ERR_SIP_NO_TRANSPORT',
    `no way to ${where}: add a ${target.protocol} transport over ${family}, as with listen('${target.protocol.toLowerCase()}:…')`,
  )
}
