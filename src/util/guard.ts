import { UsageError } from './errors.ts'

/** Told of what a callback threw or rejected with. */
export type Failed = (error: unknown) => void

/** The same as an object, where a function for each call would be one closure too many. */
export interface HandlerErrors {
  onHandlerError(error: unknown): void
}

/**
 * The one door from our code into an application's: `guarded(failed, user, user.onFinal, response)`. What the callback
 * throws, and what the promise it may answer rejects with, ends at `failed`; nothing comes back to the caller, whose own
 * work goes on. A callback that is left out does nothing.
 */
export function guarded<T, A extends unknown[]>(
  failed: Failed | HandlerErrors,
  self: T,
  callback: ((this: T, ...args: A) => unknown) | undefined,
  ...args: A
): void {
  if (callback === undefined) return
  try {
    const pending = thenable(callback.apply(self, args))
    pending?.then(undefined, (error: unknown) => report(failed, error))
  } catch (error) {
    report(failed, error)
  }
}

/**
 * As `guarded`, for a question that is answered at once: what the callback answers, and `undefined` where it throws or
 * answers a promise.
 */
export function answered<A extends unknown[], R>(
  failed: Failed,
  callback: (...args: A) => R,
  ...args: A
): R | undefined {
  try {
    const answer = callback(...args)
    const pending = thenable(answer)
    if (pending === undefined) return answer
    pending.then(undefined, failed)
  } catch (error) {
    report(failed, error)
  }
  return undefined
}

/** `failed` often ends in the application's log, which may throw as well: then there is nobody left to tell. */
function report(failed: Failed | HandlerErrors, error: unknown): void {
  try {
    if (typeof failed === 'function') failed(error)
    else failed.onHandlerError(error)
  } catch {}
}

/**
 * What a callback answered whose answer is needed at once. A promise is none: what it rejects with ends at `failed`.
 * @throws UsageError that names the callback, where it answered a promise
 */
export function prompt<T>(failed: Failed, name: string, answer: T): T {
  const pending = thenable(answer)
  if (pending === undefined) return answer
  pending.then(undefined, (error: unknown) => report(failed, error))
  throw new UsageError('ERR_SIP_CALLBACK', `${name} answers at once; it may not return a promise`)
}

/** What a callback answered, where it can be awaited. */
export function thenable(value: unknown): PromiseLike<unknown> | undefined {
  return isThenable(value) ? value : undefined
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
