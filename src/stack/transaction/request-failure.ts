import { EnvironmentError, ResipError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'
import type { Target } from '../transport/selector.ts'
import type { ClientFailure } from './client-machine.ts'

/** One target that was tried, and how that went. */
export interface Attempt {
  readonly target: Target
  readonly outcome: ClientFailure | 'no answer in time' | 'no transport' | number
  /** What its connection failed of, where that is known: ECONNREFUSED, or what a TLS peer could not prove. */
  readonly cause?: unknown
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

/** A failure whose message lists what was tried. */
export function requestFailure(
  status: 408 | 487 | 503,
  what: string,
  attempts: readonly Attempt[],
  cause?: unknown,
): RequestFailure {
  const tried = attempts.map(
    ({ target, outcome, cause }) =>
      `${target.protocol.toLowerCase()} ${target.address}:${target.port} ${outcome}${codeOf(cause)}`,
  )
  const message = `${what}${tried.length > 0 ? `; tried ${tried.join(', ')}` : ''}`
  return new RequestFailure(status, message, [...attempts], cause)
}

/** What to tell where no target is left, by how the last one ended (RFC 3261 §8.1.3.1). */
export function endOf(outcome: Attempt['outcome'] | undefined): { status: 408 | 503; what: string } {
  if (outcome === 'timeout' || outcome === 'no answer in time') return { status: 408, what: 'no answer came' }
  const what = outcome === undefined ? 'there is no target' : `the last try ended with ${outcome}`
  return { status: 503, what }
}

function codeOf(cause: unknown): string {
  return cause instanceof ResipError ? ` (${printable(cause.code, 40)})` : ''
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
