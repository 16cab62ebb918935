import { hostPort, type Remote } from '../util/address.ts'

/** A transport address (RFC 8489 §4): numeric and canonical, never a name; one with a colon is IPv6. */
export type TransportAddress = Remote

export function isIPv6(address: string): boolean {
  return address.includes(':')
}

/** `192.0.2.1:3478` or `[2001:db8::1]:3478`, for keys and logs. */
export function addressText(at: TransportAddress): string {
  return hostPort(at.address, at.port)
}
