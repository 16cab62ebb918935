import type { TransportAddress } from '../../stun/ip.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import type { CallbackErrorOptions } from '../callback-errors.ts'
import type { StunAuthentication } from './authentication.ts'
import type { StunCounters } from './counters.ts'
import type { RoundTrips } from './round-trip.ts'
import type { StunTiming } from './transaction.ts'

/** What carries a client's messages. */
export interface StunTransport {
  /** TCP and TLS: requests are sent once. */
  readonly reliable: boolean
  /**
   * Sends one message. May throw; a failure that shows later is told with `StunClient.transportFailed`. A reliable
   * transport has one peer and may pass over `to`.
   */
  send(message: Uint8Array, to: TransportAddress): void
}

export interface StunClientOptions extends CallbackErrorOptions {
  readonly transport: StunTransport
  readonly server: TransportAddress
  readonly timers: Timers
  readonly random: RandomSource
  /** Short-term or long-term credentials; none by default. */
  readonly authentication?: StunAuthentication
  /** SOFTWARE of requests; left out by default. */
  readonly software?: string
  /** Adds FINGERPRINT, and drops responses without a good one (RFC 8489 §7). */
  readonly fingerprint?: boolean
  readonly timing?: Partial<StunTiming>
  /** Shared by clients of the same servers; each client has its own by default. */
  readonly roundTrips?: RoundTrips
  /**
   * Which 300s to an Allocate request are followed (RFC 8489 §10, RFC 8656 §7.4): `any`, as RFC 5389 has it, but an
   * unsigned one only where the request was bare too; `authenticated`, signed ones only, as RFC 8489 §14.8 demands;
   * `never`. One to any other request is a refusal like others. Over a reliable transport none is: a new connection is the application's to open, and the
   * failure names the server.
   */
  readonly alternateServer?: 'any' | 'authenticated' | 'never'
  /** Told when requests go to another server from now on. */
  readonly onAlternateServer?: (server: TransportAddress) => void
  /**
   * Requests under way to the server at the same time; more wait their turn. 10 by default over UDP (RFC 8489 §6.2),
   * without bound over a reliable transport.
   */
  readonly outstanding?: number
  /** Requests under way and waiting; one more fails at once. 1,000 by default. */
  readonly limit?: number
  readonly counters?: StunCounters
}
