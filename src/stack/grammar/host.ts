import { canonicalAddress, familyOf, sameAddress, unbracketed, unmapped } from '../../util/address.ts'
import { consistsOf, HOST, sameIgnoringCase } from './chars.ts'

/** Whether text without brackets is a host name or an address (RFC 3261 §25.1, `host`; RFC 5954 §4.1). */
export function isHost(text: string): boolean {
  return consistsOf(HOST, text) || isIpv6(text)
}

/** Whether text without brackets is an IPv6 address, which in SIP has no zone. */
export function isIpv6(text: string): boolean {
  return text.includes(':') && !text.includes('%') && familyOf(text) === 6
}

/** A host as it stands in a parameter, an IPv6 address with or without brackets; `undefined` where it is none. */
export function hostOf(text: string): string | undefined {
  const host = unbracketed(text)
  return (host === text ? isHost(host) : isIpv6(host)) ? host : undefined
}

/** Whether two hosts are the same: names without regard to case, IPv6 addresses by value (RFC 5954 §4.2). */
export function sameHost(one: string, other: string): boolean {
  if (sameIgnoringCase(one, other)) return true
  return one.includes(':') && other.includes(':') && sameAddress(one, other)
}

/** Whether a name is nobody's by definition (RFC 6761 §6.4): who writes it can be reached by its own flow alone. */
export function isNobodys(host: string): boolean {
  return /(?:^|\.)invalid\.?$/i.test(host)
}

/**
 * A host in the one form that all spellings of one place share: a name in lower case and without the dot of the root, an IPv6 address
 * by its value (RFC 5954 §4.2) and without brackets, a v4-mapped one as the IPv4 address it stands for.
 */
export function canonicalHost(host: string): string {
  const name = unbracketed(host)
  if (name.includes(':')) return unmapped(canonicalAddress(name) ?? name.toLowerCase())
  return (name.length > 1 && name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase()
}
