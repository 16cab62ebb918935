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

/** An error as plain data, which can be cloned into another thread or written as JSON. */
export interface PlainError {
  readonly family: 'usage' | 'peer' | 'environment' | 'other'
  readonly name: string
  readonly code: string
  readonly message: string
  readonly stack?: string
  readonly status?: number
  readonly cause?: PlainError
  /** Its other own properties, as far as they are texts, numbers or truth values: `header`, `offset`, `reason` … */
  readonly details: { readonly [name: string]: string | number | boolean }
}

/** Causes of causes that are kept; a chain may be a circle. */
const MOST_CAUSES = 8
const FIXED: ReadonlySet<string> = new Set(['name', 'code', 'message', 'stack', 'status', 'cause'])

/** An error for another thread; what cannot be cloned, such as a message that it carries, is left behind. */
export function toPlain(error: unknown, causes: number = MOST_CAUSES): PlainError {
  if (!(error instanceof Error)) {
    return { family: 'other', name: 'Error', code: '', message: String(error), details: {} }
  }
  const { name, message, stack, cause } = error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const status = error instanceof PeerError ? error.status : undefined
  return {
    family: familyOf(error),
    name,
    code,
    message,
    details: detailsOf(error),
    ...(stack !== undefined && { stack }),
    ...(status !== undefined && { status }),
    ...(cause !== undefined && causes > 0 && { cause: toPlain(cause, causes - 1) }),
  }
}

/**
 * The error again, of its family: `instanceof PeerError` tells what it did, a subclass is told by `name` and `code`. One
 * that was none of ours comes back as an Error.
 */
export function fromPlain(plain: PlainError): Error {
  const cause = plain.cause && fromPlain(plain.cause)
  const error = ofFamily(plain, cause && { cause })
  error.name = plain.name
  error.stack = plain.stack ?? `${plain.name}: ${plain.message}`
  for (const [name, value] of Object.entries(plain.details)) {
    if (!(name in error)) Object.defineProperty(error, name, { value, enumerable: true })
  }
  return error
}

function familyOf(error: Error): PlainError['family'] {
  if (error instanceof UsageError) return 'usage'
  if (error instanceof PeerError) return 'peer'
  return error instanceof EnvironmentError ? 'environment' : 'other'
}

function detailsOf(error: Error): PlainError['details'] {
  const details: Record<string, string | number | boolean> = {}
  for (const [name, value] of Object.entries(error)) {
    if (FIXED.has(name)) continue
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      details[name] = value
    }
  }
  return details
}

function ofFamily({ family, code, message, status }: PlainError, options: ErrorOptions | undefined): Error {
  if (family === 'usage') return new UsageError(code, message, options)
  if (family === 'environment') return new EnvironmentError(code, message, options)
  const error = family === 'peer' ? new PeerError(code, message, status) : new Error(message)
  if (options !== undefined)
    Object.defineProperty(error, 'cause', { value: options.cause, configurable: true })
  if (family === 'other' && code !== '')
    Object.defineProperty(error, 'code', { value: code, enumerable: true })
  return error
}
