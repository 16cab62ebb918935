import { canonicalAddress } from '../../util/address.ts'
import { EnvironmentError, PeerError, UsageError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'
import { StunErrorResponse, type StunFailure } from '../stun/failure.ts'

/** What a server's refusal means for a TURN client (RFC 8656 §19, RFC 6062 §6.3). */
export type TurnRefusal =
  | 'try-alternate'
  | 'unauthenticated'
  | 'forbidden'
  | 'allocation-mismatch'
  | 'stale-nonce'
  | 'address-family-not-supported'
  | 'wrong-credentials'
  | 'unsupported-transport'
  | 'peer-address-family-mismatch'
  | 'connection-exists'
  | 'connection-failed'
  | 'allocation-quota-reached'
  | 'insufficient-capacity'

const refusals: ReadonlyMap<number, TurnRefusal> = new Map([
  [300, 'try-alternate'],
  [401, 'unauthenticated'],
  [403, 'forbidden'],
  [437, 'allocation-mismatch'],
  [438, 'stale-nonce'],
  [440, 'address-family-not-supported'],
  [441, 'wrong-credentials'],
  [442, 'unsupported-transport'],
  [443, 'peer-address-family-mismatch'],
  [446, 'connection-exists'],
  [447, 'connection-failed'],
  [486, 'allocation-quota-reached'],
  [508, 'insufficient-capacity'],
])

/** The meaning of a refusal; `undefined` for other codes, and where the server did not answer at all. */
export function turnRefusal(failure: StunFailure): TurnRefusal | undefined {
  return failure instanceof StunErrorResponse ? refusals.get(failure.status ?? 0) : undefined
}

/** @internal the server answers as if it never knew the allocation */
export function isMismatch(failure: StunFailure): boolean {
  return turnRefusal(failure) === 'allocation-mismatch'
}

/** @internal */
export function unusableAllocation(): PeerError {
  return new PeerError(
    'ERR_TURN_RESPONSE',
    'the TURN server granted an allocation for no time, or without a relayed address of the family that was asked for; it was given back',
  )
}

/** @internal */
export function expired(): EnvironmentError {
  return new EnvironmentError(
    'ERR_TURN_EXPIRED',
    'the TURN allocation has expired unrefreshed: the server did not answer in time; allocate again',
  )
}

/** @internal */
export function gone(cause: unknown): EnvironmentError {
  return new EnvironmentError(
    'ERR_TURN_CONNECTION',
    'the connection to the TURN server is gone, and its allocation with it: connect and allocate again',
    { cause },
  )
}

/** @internal */
export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535
}

/** @internal the canonical text of a peer's address; a UsageError where it is not numeric or `port` is no port */
export function checkedPeer(address: string, port: number): string {
  const canonical = canonicalAddress(address)
  if (canonical !== undefined && isPort(port)) return canonical
  throw new UsageError(
    'ERR_ADDRESS',
    `'${printable(address)}' port ${port} is no numeric address and port of a peer: resolve names first`,
  )
}
