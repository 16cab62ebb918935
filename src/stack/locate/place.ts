import type { Protocol } from '../message/flow.ts'
import type { LocatedTarget, LocateStep } from './located.ts'
import { serviceOf } from './services.ts'

/** What is to be found: a URI's TARGET and what it says of the way (RFC 3263 §4). */
export interface Sought {
  /** Lower-case name, or an address without brackets. */
  readonly target: string
  readonly port: number | undefined
  /** The transport that is asked for, where one is. */
  readonly protocol: Protocol | undefined
  readonly secure: boolean
  /** The name that a TLS peer must prove: the domain asked for, wherever records led (RFC 5922 §4). */
  readonly domain: string | undefined
  readonly why: readonly LocateStep[]
}

/** A name whose addresses are targets. */
export interface Place {
  readonly host: string
  readonly port: number
  readonly protocol: Protocol
  /** Of its SRV record, where there is one. */
  readonly weight?: number
  readonly why: readonly LocateStep[]
}

/** Targets of one request, and names that are looked up for it; what a name server tells beyond is not looked at. */
export const MAX_TARGETS = 64
/** Over TLS the name that was asked for is what the peer must prove, whatever addresses it led to. */
export function targetAt(
  { domain }: Sought,
  protocol: Protocol,
  address: string,
  port: number,
  why: readonly LocateStep[],
  host?: string,
  share?: number,
): LocatedTarget {
  const serverName = serviceOf(protocol).isSecure ? domain : undefined
  return { protocol, address, port, serverName, host, share, why }
}

/** The addresses of a member divide its weight; one without weight has a very small chance beside others (RFC 2782). */
export function shareOf(weight: number, addresses: number): number {
  return Math.max(weight, WEIGHTLESS) / addresses
}

const WEIGHTLESS = 0.01

/** Up to {@link MAX_TARGETS}, each place once: two names may lead to one server. */
export function distinct(targets: readonly LocatedTarget[]): readonly LocatedTarget[] {
  if (targets.length < 2) return targets
  const seen = new Set<string>()
  const kept: LocatedTarget[] = []
  for (const target of targets) {
    const key = `${target.protocol} ${target.port} ${target.address}`
    if (seen.has(key)) continue
    seen.add(key)
    kept.push(target)
    if (kept.length === MAX_TARGETS) break
  }
  return kept
}
