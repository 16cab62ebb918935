import type { Resolver } from '../../net/resolver/resolver.ts'
import type { Remote } from '../../util/address.ts'
import type { EnvironmentError } from '../../util/errors.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import type { CallbackErrorOptions } from '../callback-errors.ts'
import type { StunTiming } from '../stun/transaction.ts'
import type { TurnClientUser } from './client-options.ts'

export interface TurnSessionOptions extends CallbackErrorOptions {
  /** A name or a numeric address. */
  readonly host: string
  /** By default what DNS says (RFC 5928), and at last 3478, or 5349 over TLS. */
  readonly port?: number
  readonly username?: string
  readonly password?: string
  /** `short` for credentials of a shared secret (RFC 3489). Default `long`. */
  readonly credentials?: 'long' | 'short'
  readonly software?: string
  readonly timing?: Partial<StunTiming>
  readonly unsignedErrors?: 'accept' | 'discard'
  /**
   * Which 300s to Allocate are followed, to another socket or connection: `any`, the default, as coturn wants it, but
   * an unsigned one to a bare request only; `authenticated`, as RFC 8489 §14.8 demands; `never`.
   */
  readonly alternateServer?: 'any' | 'authenticated' | 'never'
  readonly maxPermissions?: number
  /** See TurnClientOptions. */
  readonly keepAlive?: number
  readonly timers?: Timers
  readonly random?: RandomSource
  /** Finds the server; by default the one that all share. */
  readonly resolver?: Resolver
  /** @internal Of the server's addresses the one to ask first: a reservation holds where it was made (RFC 8656 §7.2). */
  readonly firstServer?: () => Remote | undefined
}

/** What a session tells; nothing after `close`. */
export interface TurnSessionUser extends TurnClientUser {
  /** The connection to the server is gone; never over UDP. */
  onDisconnected(error: EnvironmentError): void
}
