import type { InterfaceAddress } from '../../net/interfaces.ts'
import {
  type AddressFamily,
  familyOf,
  hostPort,
  isLinkLocal,
  isLoopback,
  unmapped,
  zoneOf,
} from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'
import type { Protocol } from '../message/flow.ts'
import type { Transport } from './transport.ts'

/** One place a request can be sent to: what RFC 3263 ends with. */
export interface Target {
  readonly protocol: Protocol
  /** Numeric, without brackets; a link-local one may have its zone: `fe80::2%eth0`. */
  readonly address: string
  readonly port: number
  /** Name that the peer must prove over TLS (RFC 5922). */
  readonly serverName?: string | undefined
  /** The name whose address it is: of several addresses of one, the first that a connection is made to serves (RFC 8305). */
  readonly host?: string | undefined
  /** What part a stateless proxy sends it of what goes to it or to others beside it, in proportion; 1 unless given. */
  readonly share?: number | undefined
}

/** Tells which local address the system would use towards a remote one. */
export interface Routes {
  towards(remote: string): string | Promise<string>
  /** What was known may hold no longer: addresses have come or gone. */
  clear(): void
}

/** Tells the host's addresses as they are now. */
export type Interfaces = () => readonly InterfaceAddress[]

/** A transport with what its address says, read once. */
interface Candidate {
  readonly transport: Transport
  readonly protocol: Protocol
  readonly address: string
  readonly family: AddressFamily
  readonly isLoopback: boolean
  /** With its percent sign; `''` unless it is bound to a link-local address. */
  readonly zone: string
}

/** What a target's address says. */
interface Wanted {
  readonly protocol: Protocol
  readonly family: AddressFamily | undefined
  readonly isLoopback: boolean
  readonly isLinkLocal: boolean
  readonly zone: string
}

/**
 * Chooses the transport for a target on a multi-homed host: of the protocol's transports of the target's family the
 * only one, or the one bound to the address that the system's routes lead out of. Link-local targets are reached from
 * their own link (RFC 4007 §6), loopback ones from loopback, and others from others, where there are such.
 */
export class TransportSelector {
  readonly #routes: Routes
  readonly #interfaces: Interfaces
  #candidates: readonly Candidate[] = []
  /** Names of interfaces by address; read when one is asked for. */
  #names: ReadonlyMap<string, string> | undefined

  constructor(routes: Routes, interfaces: Interfaces) {
    this.#routes = routes
    this.#interfaces = interfaces
  }

  /** Takes over the transports to choose from. */
  follow(transports: Iterable<Transport>): void {
    this.#candidates = Array.from(transports, candidateOf)
    this.#names = undefined
    this.#routes.clear()
  }

  /**
   * The transport for a target; `forced` leaves those of one key, or of one interface, to choose from.
   * @throws EnvironmentError where none fits, and where a link-local address may be of several links
   */
  select(target: Target, forced?: string): Transport | Promise<Transport> {
    const wanted = wantedBy(target)
    const among = forced === undefined ? this.#candidates : this.#forcedBy(forced)
    let best: Candidate | undefined
    let rank = 1
    // nearly always there is one, and nothing is made of the others
    let isOne = true
    for (const candidate of among) {
      const its = rankOf(candidate, wanted)
      if (its < rank) continue
      if (best === undefined || its > rank) {
        best = candidate
        rank = its
        isOne = true
      } else if (candidate.address !== best.address) isOne = false
    }
    if (best === undefined) throw noTransport(target, wanted, forced)
    if (isOne) return best.transport
    const fitting = among.filter(candidate => rankOf(candidate, wanted) === rank)
    const { zone: link } = best
    if (wanted.isLinkLocal && wanted.zone === '' && fitting.some(({ zone }) => zone !== link))
      throw manyLinks(target, fitting)
    const source = this.#routes.towards(unmapped(target.address))
    return typeof source === 'string'
      ? boundTo(fitting, source)
      : source.then(known => boundTo(fitting, known))
  }

  /** Whether {@link select} would find one. */
  reaches(target: Target, forced?: string): boolean {
    const among = forced === undefined ? this.#candidates : this.#forcedBy(forced)
    const wanted = wantedBy(target)
    return among.some(candidate => rankOf(candidate, wanted) > 0)
  }

  /** Whether the transport of a key is among those that `forced` leaves. */
  isOf(key: string, forced: string): boolean {
    return this.#forcedBy(forced).some(({ transport }) => transport.key === key)
  }

  /** @throws EnvironmentError where there is no transport of that key or interface */
  check(forced: string): void {
    if (this.#forcedBy(forced).length === 0) throw goneTransport(forced, this.#candidates)
  }

  /**
   * A TCP transport for what is too large for a UDP one: of the same family and link, at the same address if there is
   * one, else on the same interface.
   */
  tcpBeside(narrow: Transport, forced?: string): Transport | undefined {
    const here = candidateOf(narrow)
    const among = forced === undefined ? this.#candidates : this.#forcedBy(forced)
    const beside = among.filter(
      ({ transport, family, zone }) =>
        transport.protocol === 'TCP' && family === here.family && zone === here.zone,
    )
    const found =
      beside.find(({ address }) => address === here.address) ??
      (beside.length > 1
        ? beside.find(other => this.#interfaceOf(other) === this.#interfaceOf(here))
        : undefined) ??
      beside.find(other => other.isLoopback === here.isLoopback) ??
      beside[0]
    return found?.transport
  }

  #forcedBy(forced: string): readonly Candidate[] {
    const named = this.#candidates.filter(({ transport }) => transport.key === forced)
    return named.length > 0
      ? named
      : this.#candidates.filter(candidate => this.#interfaceOf(candidate) === forced)
  }

  /** The interface that has a candidate's address; a zone is the name of one. */
  #interfaceOf({ address, zone }: Candidate): string | undefined {
    if (zone !== '') return zone.slice(1)
    this.#names ??= new Map(this.#interfaces().map(({ address, name }) => [address, name]))
    return this.#names.get(address)
  }
}

function candidateOf(transport: Transport): Candidate {
  const { address, family } = transport.local
  const zone = isLinkLocal(address) ? zoneOf(address) : ''
  return { transport, protocol: transport.protocol, address, family, isLoopback: isLoopback(address), zone }
}

function wantedBy({ protocol, address }: Target): Wanted {
  if (!address.includes(':')) {
    const isLoop = isLoopback(address)
    return { protocol, family: familyOf(address), isLoopback: isLoop, isLinkLocal: false, zone: '' }
  }
  const plain = unmapped(address)
  const isLink = isLinkLocal(plain)
  const zone = isLink ? zoneOf(plain) : ''
  return { protocol, family: familyOf(plain), isLoopback: isLoopback(plain), isLinkLocal: isLink, zone }
}

/** How well a transport fits, 0 where it does not: those that fit best are chosen from. */
function rankOf(candidate: Candidate, wanted: Wanted): 0 | 1 | 2 {
  const { zone } = candidate
  if (candidate.protocol !== wanted.protocol || candidate.family !== wanted.family) return 0
  if (!wanted.isLinkLocal) return zone !== '' ? 0 : candidate.isLoopback === wanted.isLoopback ? 2 : 1
  if (zone !== '') return wanted.zone === '' || zone === wanted.zone ? 2 : 0
  // the system sends to a neighbour from another address of ours too, where it is told the link
  return wanted.zone !== '' && !candidate.isLoopback ? 1 : 0
}

function boundTo(fitting: readonly Candidate[], address: string): Transport {
  const bound = fitting.find(candidate => candidate.address === address) ?? fitting[0]
  return (bound as Candidate).transport
}

function noTransport(target: Target, wanted: Wanted, forced: string | undefined): EnvironmentError {
  const family = wanted.family === 6 ? 'IPv6' : 'IPv4'
  const protocol = target.protocol.toLowerCase()
  const where = `${protocol} ${hostPort(printable(target.address), target.port)}`
  let advice = `add a ${target.protocol} transport over ${family}, as with listen('${protocol}:…')`
  if (forced !== undefined) advice = `${printable(forced)} was asked for, which does not lead there`
  else if (wanted.isLinkLocal) {
    const zone = wanted.zone === '' ? '%eth0' : wanted.zone
    advice = `a link-local address is reached from its own link: listen on this host's there, as in ${protocol}:[fe80::1${zone}], or name the zone in the target`
  }
  return new EnvironmentError('ERR_SIP_NO_TRANSPORT', `no way to ${where}: ${advice}`)
}

function manyLinks({ address }: Target, fitting: readonly Candidate[]): EnvironmentError {
  const zones = [...new Set(fitting.map(({ zone }) => zone.slice(1)))].join(', ')
  return new EnvironmentError(
    'ERR_SIP_NO_TRANSPORT',
    `${address} may be on any of the links ${zones}: give the target its zone, or the request its transport`,
  )
}

function goneTransport(forced: string, candidates: readonly Candidate[]): EnvironmentError {
  const keys = candidates.map(({ transport }) => transport.key).join(', ') || 'none'
  return new EnvironmentError(
    'ERR_SIP_NO_TRANSPORT',
    `there is no transport ${printable(forced)}, nor one on an interface of that name; there are: ${keys}`,
  )
}
