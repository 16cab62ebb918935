/** Told of what a callback threw or rejected with. */
export type Failed = (error: unknown) => void

/**
 * The one door from our code into an application's: `guarded(failed, user, user.onFinal, response)`. What the callback
 * throws, and what the promise it may answer rejects with, ends at `failed`; nothing comes back to the caller, whose own
 * work goes on. A callback that is left out does nothing.
 */
export function guarded<T, A extends unknown[]>(
  failed: Failed,
  self: T,
  callback: ((this: T, ...args: A) => unknown) | undefined,
  ...args: A
): void {
  if (callback === undefined) return
  try {
    const result = callback.apply(self, args)
    if (isThenable(result)) result.then(undefined, (error: unknown) => report(failed, error))
  } catch (error) {
    report(failed, error)
  }
}

/** `failed` often ends in the application's log, which may throw as well: then there is nobody left to tell. */
function report(failed: Failed, error: unknown): void {
  try {
    failed(error)
  } catch {}
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
