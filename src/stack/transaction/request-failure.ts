import { EnvironmentError } from '../../util/errors.ts'
import type { Target } from '../transport/selector.ts'
import type { ClientFailure } from './client-machine.ts'

/** One target that was tried, and how that went. */
export interface Attempt {
  readonly target: Target
  readonly outcome: ClientFailure | 'no answer in time' | 'no transport' | number
}

/** A request that got no final response; `attempts` lists every target that was tried. */
export class RequestFailure extends EnvironmentError {
  /** The response that a UAC is to act as if it had got: 408, 487 or 503 (RFC 3261 §8.1.3.1). */
  readonly status: 408 | 487 | 503
  readonly attempts: readonly Attempt[]

  constructor(status: 408 | 487 | 503, message: string, attempts: readonly Attempt[], cause?: unknown) {
    super('ERR_SIP_REQUEST', message, cause === undefined ? undefined : { cause })
    this.status = status
    this.attempts = attempts
  }
}
