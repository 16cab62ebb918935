import type { Uri } from '../grammar/uri.ts'
import type { Via } from '../headers/via.ts'
import type { Target } from '../transport/selector.ts'

/** What became of a target, as far as those who choose the next one should know. */
export type TargetOutcome = 'ok' | 'timeout' | 'transport error' | 'unavailable'

/** How a URI's targets are to be found. */
export interface LocateOptions {
  /** Whether each look-up must give the same order, as for a stateless proxy (RFC 3263 §4.4). */
  readonly stateless: boolean
}

/** Finds where messages go (RFC 3263): at once where nothing must be asked, else by a promise. */
export interface Locate {
  /**
   * The places that a request for a URI can be sent to, in the order to try them.
   * Throws, or rejects with, an EnvironmentError where there are none, a PeerError with its status where the URI can
   * lead nowhere.
   */
  locate(uri: Uri, options: LocateOptions): readonly Target[] | Promise<readonly Target[]>
  /** The places that a response can be sent to whose way back is gone (RFC 3263 §5). */
  locateResponse(via: Via): readonly Target[] | Promise<readonly Target[]>
  /** Told what became of a target that it gave; `retryAfter` in seconds where the target named it. */
  report(target: Target, outcome: TargetOutcome, retryAfter?: number): void
  /** Whether a target may be preferred for having served before; true unless it failed a short while ago. */
  isAvailable?(target: Target): boolean
}
