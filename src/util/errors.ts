/**
 * Errors come in three families (docs/architecture.md): the caller's, the peer's and the environment's. Each says
 * what happened and, where there is one, what to do; `code` is stable and meant for programs.
 */
export abstract class ResipError extends Error {
  /** Stable and for programs: `ERR_PARSE`, `EADDRINUSE` … */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.name = new.target.name
  }
}

/** The caller asked for what cannot be: thrown at once, at the call. */
export class UsageError extends ResipError {}

/**
 * The peer sent what it must not. Made without a stack trace, for what a peer sends must cost little; `status` is the
 * answer that the RFC suggests, where it has one.
 */
export class PeerError extends ResipError {
  readonly status: number | undefined

  constructor(code: string, message: string, status?: number) {
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(code, message)
    Error.stackTraceLimit = limit
    this.status = status
  }
}

/** The network or the system failed: a port in use, a connection refused, a name that no server knows. */
export class EnvironmentError extends ResipError {}
