import { systemClock } from '../../net/clock.ts'
import { Inbound } from './inbound.ts'
import { nodeCrypto } from './io/node-cipher.ts'
import { type InboundSrtp, KeyMaterial, type OutboundSrtp, type SrtpKeys, type SrtpOptions } from './keys.ts'
import { Outbound } from './outbound.ts'
import type { SrtpSuite } from './suites.ts'

/**
 * The sending end of SRTP (RFC 3711). Throws a UsageError for a suite, key or option that cannot be. One context for all that is
 * sent under a key: two would send the same key stream twice.
 */
export function createOutboundSrtp(
  suite: SrtpSuite,
  keys: SrtpKeys,
  options: SrtpOptions = {},
): OutboundSrtp {
  return new Outbound(suite, keys, options, nodeCrypto)
}

/** The receiving end. Throws as `createOutboundSrtp` does. */
export function createInboundSrtp(suite: SrtpSuite, keys: SrtpKeys, options: SrtpOptions = {}): InboundSrtp {
  return new Inbound(suite, keys, options, nodeCrypto, options.now ?? (() => systemClock.now()))
}

/** @internal Keys that can be compared: the same again change nothing. Throws as `createOutboundSrtp` does. */
export function keyMaterial(suite: SrtpSuite, keys: SrtpKeys): KeyMaterial {
  return new KeyMaterial(suite, keys, nodeCrypto)
}
