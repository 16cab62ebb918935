import { DnsResolver } from './dns-resolver.ts'
import type { Resolver } from './resolver.ts'

let shared: DnsResolver | undefined

/** The resolver of all that are given none: the system's name servers and hosts file, with one cache. It is never closed. */
export function sharedResolver(): Resolver {
  shared ??= new DnsResolver()
  return shared
}
